/**
 * Masks that were copied, to be pasted on this image or another. They lie in the browser's storage, so that another tab and
 * a page that was loaded anew have them too.
 */

import {checkRle} from "../core/rle.js";

/** @import {Rle} from "../core/types.d.ts" */
/** @import {KeyStore} from "./ports.d.ts" */

/** @typedef {{segmentation: Rle, categoryId: number, categoryName: string}} CopiedMask */
/** Of one project. @typedef {{projectId: number, masks: readonly CopiedMask[]}} Copied */

export class CopiedMasks {
    #storage;
    #key;
    /** Where the storage is full or off: it lasts as long as the page. @type {string | null} */
    #text = null;

    /**
     * @param {KeyStore} storage
     * @param {string} username
     */
    constructor(storage, username) {
        this.#storage = storage;
        this.#key = `maskwright.copied.${username}`;
    }

    /** @param {Copied} copied takes the place of what was copied before */
    keep(copied) {
        const text = JSON.stringify(copied);
        this.#storage.removeItem(this.#key);
        this.#text = null;
        try {
            this.#storage.setItem(this.#key, text);
        } catch {
            this.#text = text;
        }
    }

    /** @returns {Copied | null} null: nothing was copied, or it is damaged */
    get() {
        return parsed(this.#text ?? this.#storage.getItem(this.#key));
    }
}

/** @param {string | null} text @returns {Copied | null} */
function parsed(text) {
    try {
        const copied = /** @type {Copied | null} */ (JSON.parse(text ?? "null"));
        for (const {segmentation} of copied?.masks ?? []) checkRle(segmentation);
        return copied;
    } catch {
        return null;
    }
}
