/**
 * Masks that were begun and not accepted, one for each image. They lie in the browser's storage from the first click on, so
 * that neither another image nor a reload nor a crash takes them away.
 */

import {isEmpty} from "../core/prompt.js";

/** @import {Prompt} from "../core/types.d.ts" */
/** @import {Cost} from "./effort.js" */
/** @import {FinishedMask, KeyStore} from "./ports.d.ts" */

/**
 * @typedef {object} KeptDraft
 * @property {string} id the annotation's that it would become: one that was accepted after all is not restored
 * @property {Prompt} prompt
 * @property {FinishedMask | null} handMade
 * @property {string | null} editedId the saved mask that it is to replace; null: a new object's
 * @property {number | null} categoryId of a new object
 * @property {Cost} cost so far
 */

export class KeptDrafts {
    #storage;
    #prefix;

    /**
     * @param {KeyStore} storage
     * @param {string} username whose drafts these are
     */
    constructor(storage, username) {
        this.#storage = storage;
        this.#prefix = `maskwright.draft.${username}.`;
    }

    /** @param {number} imageId @returns {KeptDraft | null} */
    of(imageId) {
        const text = this.#storage.getItem(this.#prefix + imageId);
        if (text === null) return null;
        const draft = parsed(text);
        if (!draft) this.#storage.removeItem(this.#prefix + imageId);
        return draft;
    }

    /**
     * @param {number} imageId
     * @param {KeptDraft} draft
     */
    keep(imageId, draft) {
        try {
            this.#storage.setItem(this.#prefix + imageId, JSON.stringify(draft));
        } catch {
            // The storage is full or off: the draft lasts as long as the page.
        }
    }

    /** @param {number} imageId */
    forget(imageId) {
        this.#storage.removeItem(this.#prefix + imageId);
    }
}

/** @param {string} text @returns {KeptDraft | null} null: it is damaged, or there is nothing in it */
function parsed(text) {
    try {
        const draft = /** @type {KeptDraft} */ (JSON.parse(text));
        if (typeof draft.id !== "string" || !Array.isArray(draft.prompt.steps)) return null;
        const {timeSpentS, clicks} = draft.cost;
        if (!Number.isFinite(timeSpentS) || !Number.isFinite(clicks)) return null;
        return isEmpty(draft.prompt) && !draft.handMade ? null : draft;
    } catch {
        return null;
    }
}
