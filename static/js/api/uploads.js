/** Uploads: one file a request, so that each has its own progress and its own answer. */

import {csrfHeader} from "./http.js";

/** @import {UploadAnswer} from "../session/ports.d.ts" */

/**
 * @param {number} projectId
 * @param {string} batch names what is uploaded together: those images are ordered by their names
 * @param {File} file
 * @param {{onProgress: (sentBytes: number) => void, onSent: () => void}} events
 * @returns {{answer: Promise<UploadAnswer | null>, abort(): void}} null: it was aborted
 */
export function sendUpload(projectId, batch, file, {onProgress, onSent}) {
    const request = new XMLHttpRequest(); // fetch cannot tell how much of a body is sent
    let isAborted = false;
    request.upload.addEventListener("progress", ({loaded}) => onProgress(loaded));
    request.upload.addEventListener("load", onSent);
    request.addEventListener("abort", () => (isAborted = true));
    /** @type {Promise<UploadAnswer | null>} */
    const answer = new Promise((resolve) =>
        request.addEventListener("loadend", () => resolve(isAborted ? null : answerOf(request))),
    );
    const body = new FormData();
    body.append("files", file);
    body.append("batch", batch);
    request.open("POST", `/api/projects/${projectId}/images/`);
    for (const [name, value] of Object.entries(csrfHeader())) request.setRequestHeader(name, value);
    request.setRequestHeader("Accept", "application/json");
    request.send(body);
    return {answer, abort: () => request.abort()};
}

/**
 * @param {{status: number, responseText: string}} request
 * @returns {UploadAnswer}
 */
export function answerOf({status, responseText}) {
    if (status === 0) {
        // No answer: unreachable, or the file changed on disk while it was read.
        const message = "The server cannot be reached, or the file changed. Retry.";
        return {images: [], refused: [], message};
    }
    /** @type {{results?: {id: number, duplicate?: boolean}[], errors?: {name: string, message: string, image?: number}[], error?: {message: string}}} */
    let body = {};
    try {
        body = JSON.parse(responseText);
    } catch {
        // A proxy's page instead of ours; the status says enough.
    }
    const isTaken = status >= 200 && status < 300;
    return {
        images: (body.results ?? []).map(({id, duplicate = false}) => ({id, isDuplicate: duplicate})),
        refused: (body.errors ?? []).map(({name, message, image}) => ({
            name,
            message,
            ...(image === undefined ? {} : {trashedId: image}),
        })),
        message: isTaken
            ? ""
            : (sentences[status] ?? body.error?.message ?? `The server answered ${status}.`),
        isFinal: FINAL_STATUSES.includes(status),
    };
}

// What is wrong with the file itself: no picture, damaged, too large.
const FINAL_STATUSES = [400, 413, 415, 422];

/** @type {Record<number, string>} where the server's own words would not help */
const sentences = {
    401: "You are signed out. Sign in again in another tab, then retry.",
    502: "The server is restarting. Retry in a moment.",
    504: "The server took too long. Retry with fewer or smaller files.",
};
