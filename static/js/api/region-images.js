/** The regions of one image, as the decoder takes them: each has an embedding of its own. */

import {EmbeddingFailed, fetchEmbedding, retryEmbedding} from "./embeddings.js";
import {textOf} from "../core/regions.js";

/** @import {DecoderImage, ImageSize, Region} from "../core/types.d.ts" */
/** @import {Http} from "./http.js" */

const KEPT_AHEAD = 3; // embeddings that came before anybody asked for them, of up to 4 MB

export class RegionImages {
    #http;
    #imageId;
    #size;
    #digest;
    #signal;
    /** @type {Map<string, DecoderImage>} */
    #parts = new Map();
    /** By region, the oldest first. @type {Map<string, ArrayBuffer>} */
    #ahead = new Map();
    #foreseeing = new AbortController();

    /**
     * @param {Http} http
     * @param {{id: number, size: ImageSize}} image
     * @param {string} bundleDigest
     * @param {AbortSignal} signal nobody waits for the image any more
     */
    constructor(http, {id, size}, bundleDigest, signal) {
        this.#http = http;
        this.#imageId = id;
        this.#size = size;
        this.#digest = bundleDigest;
        this.#signal = signal;
    }

    /** @param {Region} region @returns {DecoderImage} */
    partOf(region) {
        const text = textOf(region);
        const known = this.#parts.get(text);
        if (known) return known;
        const part = {
            key: `${this.#imageId}@${text}`,
            size: this.#size,
            region,
            fetchEmbedding: (isAnew = false) => this.#fetch(text, isAnew),
        };
        this.#parts.set(text, part);
        return part;
    }

    /**
     * Asks for a region that may be needed next. Of those that were asked for like this, only the latest is waited for.
     *
     * @param {Region} region
     */
    foresee(region) {
        const text = textOf(region);
        if (this.#parts.has(text) || this.#ahead.has(text)) return;
        this.#foreseeing.abort();
        this.#foreseeing = new AbortController();
        const signal = AbortSignal.any([this.#signal, this.#foreseeing.signal]);
        fetchEmbedding(this.#http, this.#imageId, this.#digest, {signal, region: text, isAhead: true}).then(
            (bytes) => {
                this.#ahead.set(text, bytes);
                for (const oldest of this.#ahead.keys()) {
                    if (this.#ahead.size <= KEPT_AHEAD) break;
                    this.#ahead.delete(oldest);
                }
            },
            () => {}, // what went wrong is said when somebody goes there, if it is still wrong then
        );
    }

    /**
     * @param {string} text of the region
     * @param {boolean} isAnew past all caches
     */
    async #fetch(text, isAnew) {
        const bytes = this.#ahead.get(text);
        this.#ahead.delete(text); // the decoder's worker takes it over
        if (bytes && !isAnew) return bytes;
        const signal = this.#signal;
        const fetch = () =>
            fetchEmbedding(this.#http, this.#imageId, this.#digest, {signal, region: text, isAnew});
        try {
            return await fetch();
        } catch (error) {
            if (!(error instanceof EmbeddingFailed)) throw error;
            // It may have failed a week ago.
            await retryEmbedding(this.#http, this.#imageId, {region: text, bundleDigest: this.#digest});
            return fetch();
        }
    }
}
