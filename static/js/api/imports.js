/** Datasets that come into a project. */

/** @import {Http} from "./http.js" */

/**
 * Has a dataset looked through, whose file was sent in parts.
 *
 * @param {Http} http
 * @param {number} projectId
 * @param {string} uploadId
 */
export async function beginImport(http, projectId, uploadId) {
    await http.json(`/api/projects/${projectId}/imports/`, {method: "POST", body: {upload: uploadId}});
}

/**
 * Has a dataset looked through that lies on the server; for admins.
 *
 * @param {Http} http
 * @param {number} projectId
 * @param {string} path
 */
export async function beginImportOfPath(http, projectId, path) {
    await http.json(`/api/projects/${projectId}/imports/`, {method: "POST", body: {path}});
}

/**
 * @param {Http} http
 * @param {number} importId
 * @param {Record<string, unknown>} changes `mapping` of some categories, or options
 */
export async function changeImport(http, importId, changes) {
    await http.json(`/api/imports/${importId}/`, {method: "PATCH", body: changes});
}

/**
 * @param {Http} http
 * @param {number} importId
 */
export async function startImport(http, importId) {
    await http.json(`/api/imports/${importId}/start/`, {method: "POST"});
}

/**
 * Cancels an import that waits or runs, deletes one that is over.
 *
 * @param {Http} http
 * @param {number} importId
 */
export async function removeImport(http, importId) {
    await http.json(`/api/imports/${importId}/`, {method: "DELETE"});
}
