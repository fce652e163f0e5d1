/** Versions of a project's dataset. */

/** @import {Difference} from "../core/types.d.ts" */
/** @import {Http} from "./http.js" */

/**
 * @param {Http} http
 * @param {number} projectId
 * @param {{name: string, note: string}} given name: empty: the next number
 */
export async function createVersion(http, projectId, given) {
    await http.json(`/api/projects/${projectId}/versions/`, {method: "POST", body: given});
}

/**
 * Gives up a version that is being made, deletes one that is there.
 *
 * @param {Http} http
 * @param {number} versionId
 */
export async function removeVersion(http, versionId) {
    await http.json(`/api/versions/${versionId}/`, {method: "DELETE"});
}

/**
 * What changed from one version to another, or until now.
 *
 * @param {Http} http
 * @param {number} versionId
 * @param {number | null} to null: the project as it is now
 * @returns {Promise<Difference>}
 */
export async function differenceOf(http, versionId, to) {
    return await http.json(`/api/versions/${versionId}/difference/${to === null ? "" : `?to=${to}`}`);
}
