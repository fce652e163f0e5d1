/** The list that the workbench goes through, as annotator/pages/listed.py gives it. */

/** @import {ImageState} from "../core/types.d.ts" */
/** @import {ListedImage} from "../session/ports.d.ts" */
/** @import {Http} from "./http.js" */

/** @typedef {{id: number, name: string, position: number, state: ImageState, flagged: boolean, thumbnail_url: string}} ListedWire */

/**
 * A window of the list.
 *
 * @param {Http} http
 * @param {number} projectId
 * @param {string} list the query that says which list: "?state=done", or nothing
 * @param {{start: number, count: number}} window start counts from 0
 * @returns {Promise<{total: number, images: ListedImage[]}>}
 */
export async function fetchListed(http, projectId, list, {start, count}) {
    return fetchRows(http, projectId, list, {start: String(start), count: String(count)});
}

/**
 * Images of the list at that number, or with the text in their names.
 *
 * @param {Http} http
 * @param {number} projectId
 * @param {string} list
 * @param {string} text
 * @returns {Promise<ListedImage[]>}
 */
export async function findListed(http, projectId, list, text) {
    return (await fetchRows(http, projectId, list, {find: text})).images;
}

/**
 * @param {Http} http
 * @param {number} projectId
 * @param {string} list
 * @param {Record<string, string>} more
 */
async function fetchRows(http, projectId, list, more) {
    const query = new URLSearchParams(list);
    for (const [name, value] of Object.entries(more)) query.set(name, value);
    const {total, images} = await http.json(`/projects/${projectId}/list/?${query}`);
    return {total, images: /** @type {ListedWire[]} */ (images).map(listedFromWire)};
}

/** @param {ListedWire} wire @returns {ListedImage} */
function listedFromWire({id, name, position, state, flagged: isFlagged, thumbnail_url: thumbnailUrl}) {
    return {id, name, position, state, isFlagged, thumbnailUrl};
}
