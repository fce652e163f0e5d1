/** A project's images as its gallery needs them: tiles drawn by the server, uploads, deleting. */

/** @import {ImageMarks, WhichImages} from "../core/types.d.ts" */
/** @import {Http} from "./http.js" */

import {marksToWire} from "./images.js";

/**
 * Tiles of these images, as the page itself draws them with its filters and order; those one may not see or that are gone are left out.
 *
 * @param {Http} http
 * @param {number} projectId
 * @param {number[]} imageIds
 * @returns {Promise<string>} HTML: one <li> each
 */
export async function fetchTiles(http, projectId, imageIds) {
    const query = new URLSearchParams(location.search);
    query.set("ids", imageIds.join(","));
    const response = await http.request(`/projects/${projectId}/tiles/?${query}`);
    return response.text();
}

/**
 * @param {Http} http
 * @param {number} projectId
 * @param {WhichImages} which
 * @param {Partial<ImageMarks>} marks
 * @returns {Promise<number>} how many there were
 */
export async function markImages(http, projectId, which, marks) {
    const url = `/api/projects/${projectId}/images/mark/`;
    return (await http.json(url, {method: "POST", body: {...which, ...marksToWire(marks)}})).count;
}

/**
 * Puts images into the trash.
 *
 * @param {Http} http
 * @param {number} projectId
 * @param {WhichImages} which
 * @returns {Promise<{count: number, deletedAt: string}>} how many there were, and the moment that finds them in the trash
 */
export async function deleteImages(http, projectId, which) {
    const url = `/api/projects/${projectId}/images/delete/`;
    const {count, deleted_at: deletedAt} = await http.json(url, {method: "POST", body: which});
    return {count, deletedAt};
}
