/**
 * Masks that were begun and not accepted, one for each image. They lie in the journal from the first click on, so that neither
 * another image nor a reload nor a crash takes them away.
 */

import {isEmpty} from "../core/prompt.js";

/** @import {Prompt} from "../core/types.d.ts" */
/** @import {Cost} from "./effort.js" */
/** @import {Journal} from "./journal.js" */
/** @import {FinishedMask} from "./ports.d.ts" */

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
    #journal;

    /** @param {Journal} journal */
    constructor(journal) {
        this.#journal = journal;
    }

    /** @param {number} imageId whether a draft is kept for it */
    has(imageId) {
        return this.#journal.get("draft", imageId) !== null;
    }

    /** @param {number} imageId @returns {KeptDraft | null} */
    of(imageId) {
        const kept = this.#journal.get("draft", imageId);
        if (kept === null) return null;
        const draft = /** @type {KeptDraft} */ (kept);
        if (isWhole(draft)) return draft;
        this.forget(imageId);
        return null;
    }

    /**
     * @param {number} imageId
     * @param {KeptDraft} draft
     */
    keep(imageId, draft) {
        void this.#journal.put("draft", imageId, draft);
    }

    /** @param {number} imageId */
    forget(imageId) {
        this.#journal.remove("draft", imageId);
    }
}

/** @param {KeptDraft} draft false: it is damaged, or there is nothing in it */
function isWhole(draft) {
    try {
        const {timeSpentS, clicks} = draft.cost;
        const isReadable = typeof draft.id === "string" && Array.isArray(draft.prompt.steps);
        if (!isReadable || !Number.isFinite(timeSpentS) || !Number.isFinite(clicks)) return false;
        return !isEmpty(draft.prompt) || Boolean(draft.handMade);
    } catch {
        return false;
    }
}
