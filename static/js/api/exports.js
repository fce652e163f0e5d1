/** Exports of a project. */

/** @import {ExportChoices, ExportReport} from "../core/types.d.ts" */
/** @import {Http} from "./http.js" */

/**
 * @param {Http} http
 * @param {number} projectId
 * @param {ExportChoices} choices
 */
export async function startExport(http, projectId, choices) {
    await http.json(`/api/projects/${projectId}/exports/`, {method: "POST", body: bodyOf(choices)});
}

/**
 * What an export would hold and what it would lose. Nothing is made.
 *
 * @param {Http} http
 * @param {number} projectId
 * @param {ExportChoices} choices
 * @param {AbortSignal} signal
 * @returns {Promise<ExportReport>}
 */
export async function measureExport(http, projectId, choices, signal) {
    const url = `/api/projects/${projectId}/exports/preview/`;
    return http.json(url, {method: "POST", body: bodyOf(choices), signal});
}

/**
 * Makes a link with which anybody can download a finished export.
 *
 * @param {Http} http
 * @param {number} exportId
 * @returns {Promise<{url: string, expires_at: string}>}
 */
export async function makeExportLink(http, exportId) {
    return http.json(`/api/exports/${exportId}/link/`, {method: "POST"});
}

/**
 * Cancels an export that waits or runs, deletes one that is over.
 *
 * @param {Http} http
 * @param {number} exportId
 */
export async function removeExport(http, exportId) {
    await http.json(`/api/exports/${exportId}/`, {method: "DELETE"});
}

/** @param {ExportChoices} choices */
function bodyOf({format, version, options, states, selection}) {
    return {
        ...options,
        format,
        ...(version ? {version} : {}),
        ...(states.length ? {states} : {}),
        ...(Object.keys(selection).length ? {selection} : {}),
    };
}
