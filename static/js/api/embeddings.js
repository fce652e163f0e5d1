/** Image embeddings: waits until the server has made one, saying what it waits for. */

import {NetworkError, pause, troubleOf, withPatience} from "./http.js";

/** @import {Http} from "./http.js" */
/** @import {EmbeddingProgress} from "../session/ports.d.ts" */

// Somebody may be waiting for a small model, which is done in a few tenths of a second.
const POLL_FIRST_MS = 100;
const POLL_GROWTH = 1.25;
const POLL_LONGEST_MS = 2000;

/** The server gave up making it; `retryEmbedding` starts anew. */
export class EmbeddingFailed extends Error {
    /** @param {string} reason */
    constructor(reason) {
        super(reason || "The embedding could not be computed.");
        this.name = "EmbeddingFailed";
    }
}

/**
 * @param {Http} http
 * @param {number} imageId
 * @param {string} bundleDigest
 * @param {object} [options]
 * @param {AbortSignal} [options.signal]
 * @param {(progress: EmbeddingProgress) => void} [options.onProgress]
 * @param {string} [options.region] of the image, as the server writes it; without it, the whole image
 * @param {boolean} [options.isAhead] nobody waits for it
 * @param {boolean} [options.isAnew] past the browser's cache; the server, too, looks whether its file is damaged
 * @returns {Promise<ArrayBuffer>} an embedding file
 * @throws {EmbeddingFailed}
 */
export async function fetchEmbedding(http, imageId, bundleDigest, options = {}) {
    const {signal, onProgress = () => {}, region = "", isAhead = false, isAnew = false} = options;
    /** @type {RequestCache | undefined} */
    const cache = isAnew ? "reload" : undefined;
    const part = region && `&region=${region}${isAhead ? "&ahead=true" : ""}`;
    const url = `${embeddingUrl(imageId)}?digest=${encodeURIComponent(bundleDigest)}${part}`;
    for (
        let waitMs = isAhead ? POLL_LONGEST_MS : POLL_FIRST_MS;
        ;
        waitMs = Math.min(waitMs * POLL_GROWTH, POLL_LONGEST_MS)
    ) {
        const answer = await withPatience(
            async () => {
                const response = await http.request(url, {signal, cache});
                try {
                    return response.status === 202 ? await response.json() : await response.arrayBuffer();
                } catch (error) {
                    if (signal?.aborted) throw error;
                    throw new NetworkError(); // cut off on the way
                }
            },
            {
                signal,
                isWorthWaiting: (error) => troubleOf(error) !== "",
                onWait: () => onProgress({state: "offline", position: null, error: ""}),
            },
        );
        if (answer instanceof ArrayBuffer) {
            onProgress({state: "ready", position: null, error: ""});
            return answer;
        }
        onProgress({state: answer.state, position: answer.position, error: answer.error});
        if (answer.state === "failed") throw new EmbeddingFailed(answer.error);
        await pause(waitMs, signal);
    }
}

/**
 * @param {Http} http
 * @param {number} imageId
 * @param {{region?: string, bundleDigest?: string}} [which] of the whole image, by the project's bundle, where left out
 */
export async function retryEmbedding(http, imageId, {region = "", bundleDigest = ""} = {}) {
    const query = new URLSearchParams({...(region && {region}), ...(bundleDigest && {digest: bundleDigest})});
    await http.json(`${embeddingUrl(imageId)}?${query}`, {method: "POST"});
}

/** @param {number} imageId */
function embeddingUrl(imageId) {
    return `/api/images/${imageId}/embedding/`;
}
