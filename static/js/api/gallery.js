/** A project's images as its gallery needs them: tiles drawn by the server, uploads, deleting. */

import {setImageState} from "./images.js";

/** @import {Http} from "./http.js" */

export {setImageState};

/**
 * What the server says of one uploaded file. A zip gives several images.
 *
 * @typedef {object} UploadAnswer
 * @property {{id: number, isDuplicate: boolean}[]} images
 * @property {{name: string, message: string}[]} refused
 * @property {string} message why nothing was taken; empty otherwise
 */

/**
 * Tiles of these images, as the page itself draws them; those one may not see or that are gone are left out.
 *
 * @param {Http} http
 * @param {number} projectId
 * @param {number[]} imageIds
 * @returns {Promise<string>} HTML: one <li> each
 */
export async function fetchTiles(http, projectId, imageIds) {
    const response = await http.request(`/projects/${projectId}/tiles/?ids=${imageIds.join(",")}`);
    return response.text();
}

/**
 * @param {Http} http
 * @param {number} imageId
 */
export async function deleteImage(http, imageId) {
    await http.json(`/api/images/${imageId}/`, {method: "DELETE"});
}

/** @param {number} projectId */
export function uploadUrl(projectId) {
    return `/api/projects/${projectId}/images/`;
}

/**
 * @param {number} status
 * @param {string} text the answer's body
 * @returns {UploadAnswer}
 */
export function uploadAnswer(status, text) {
    /** @type {{results?: {id: number, duplicate?: boolean}[], errors?: {name: string, message: string}[], error?: {message: string}}} */
    let body = {};
    try {
        body = JSON.parse(text);
    } catch {
        // A proxy's page instead of ours; the status says enough.
    }
    const isTaken = status >= 200 && status < 300;
    return {
        images: (body.results ?? []).map(({id, duplicate = false}) => ({id, isDuplicate: duplicate})),
        refused: body.errors ?? [],
        message: isTaken
            ? ""
            : (sentences[status] ?? body.error?.message ?? `The server answered ${status}.`),
    };
}

/** @type {Record<number, string>} where the server's own words would not help */
const sentences = {
    401: "You are signed out. Sign in again in another tab, then retry.",
    502: "The server is restarting. Retry in a moment.",
    504: "The server took too long. Retry with fewer or smaller files.",
};
