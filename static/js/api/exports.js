/** Exports of a project. */

/** @import {ImageState} from "../core/types.d.ts" */
/** @import {Http} from "./http.js" */

/**
 * @param {Http} http
 * @param {number} projectId
 * @param {{
 *     format: string,
 *     version: number | null,
 *     options: Record<string, string | boolean>,
 *     states: ImageState[],
 * }} choices version: null: the project as it is now; options: the format's own; states: only images in these, empty: all
 */
export async function startExport(http, projectId, {format, version, options, states}) {
    const body = {...options, format, ...(version ? {version} : {}), ...(states.length ? {states} : {})};
    await http.json(`/api/projects/${projectId}/exports/`, {method: "POST", body});
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
