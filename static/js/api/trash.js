/** A project's trash: deleted images come back, or go for good; deleted masks come back. */

/** @import {WhichTrash} from "../core/types.d.ts" */
/** @import {Http} from "./http.js" */

/**
 * @param {Http} http
 * @param {number} projectId
 * @param {WhichTrash} which
 * @returns {Promise<number>} how many there were
 */
export async function restoreImages(http, projectId, which) {
    return change(http, projectId, "restore", which);
}

/**
 * @param {Http} http
 * @param {number} projectId
 * @param {WhichTrash} which
 * @returns {Promise<number>} how many there were
 */
export async function removeImagesForGood(http, projectId, which) {
    return change(http, projectId, "remove", which);
}

/**
 * @param {Http} http
 * @param {string} annotationId
 */
export async function restoreMask(http, annotationId) {
    await http.json(`/api/annotations/${annotationId}/restore/`, {method: "POST"});
}

/**
 * @param {Http} http
 * @param {number} projectId
 * @param {"restore" | "remove"} what
 * @param {WhichTrash} which
 * @returns {Promise<number>}
 */
async function change(http, projectId, what, which) {
    const filters = {
        ...(which.deletedAt ? {deleted_at: which.deletedAt} : {}),
        ...(which.deletedBefore ? {deleted_before: which.deletedBefore} : {}),
    };
    const body = which.ids ? {ids: which.ids} : {filters};
    const url = `/api/projects/${projectId}/trash/images/${what}/`;
    return (await http.json(url, {method: "POST", body})).count;
}
