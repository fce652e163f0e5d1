/** Keeps the draft of the image on screen, and gives it back when the image is opened again. */

/** @import {AnnotationDocument} from "../core/annotation-document.js" */
/** @import {Draft, Work} from "./draft.js" */
/** @import {Cost} from "./effort.js" */
/** @import {KeptDraft, KeptDrafts} from "./kept-drafts.js" */

export class DraftKeeper {
    #drafts;
    #newId;
    #imageId = 0;
    /** Of an earlier visit. @type {KeptDraft | null} */
    #waiting = null;
    /** @type {string | null} */
    #id = null;
    /** What was noted last. @type {Work | null} */
    #noted = null;

    /**
     * @param {KeptDrafts} drafts
     * @param {() => string} newId a UUID
     */
    constructor(drafts, newId) {
        this.#drafts = drafts;
        this.#newId = newId;
    }

    /** Whether a draft of an earlier visit waits until the saved masks are known: nothing else may be begun before. */
    get isWaiting() {
        return this.#waiting !== null;
    }

    /** What a new object's draft is saved as, so that it can be told later that it was accepted. */
    get id() {
        return this.#id ?? this.#newId();
    }

    /**
     * Another image.
     *
     * @param {number} imageId
     * @param {boolean} mayAnnotate
     */
    open(imageId, mayAnnotate) {
        this.#imageId = imageId;
        this.#waiting = mayAnnotate ? this.#drafts.of(imageId) : null;
        this.#id = null;
        this.#noted = null;
    }

    /**
     * The draft may have changed.
     *
     * @param {Draft} draft
     * @param {() => {categoryId: number | null, cost: Cost}} more of the mask that it will be
     */
    note(draft, more) {
        if (this.#waiting) return;
        const {work} = draft;
        const before = this.#noted;
        const isSame =
            work.prompt === before?.prompt &&
            work.handMade === before.handMade &&
            work.editedId === before.editedId;
        if (isSame) return;
        this.#noted = work;
        if (draft.isWorkedOn && !draft.isEmpty) {
            const {prompt, handMade, editedId} = work;
            this.#id ??= this.#newId();
            this.#drafts.keep(this.#imageId, {id: this.#id, prompt, handMade, editedId, ...more()});
        } else if (this.#id !== null) {
            this.#id = null;
            this.#drafts.forget(this.#imageId);
        }
    }

    /**
     * The draft that waited, now that the saved masks are known.
     *
     * @param {AnnotationDocument} document
     * @returns {KeptDraft | null} null: there is none, or it was accepted after all
     */
    take(document) {
        const kept = this.#waiting;
        this.#waiting = null;
        if (!kept) return null;
        if (document.get(kept.id)) {
            this.#drafts.forget(this.#imageId);
            return null;
        }
        this.#id = kept.id;
        // Somebody deleted the mask that was being edited: what was done becomes a new object's draft.
        return document.get(kept.editedId) ? kept : {...kept, editedId: null};
    }
}
