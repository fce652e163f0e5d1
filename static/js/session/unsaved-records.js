/**
 * What the server does not have yet, one record for each annotation. The records lie in the journal, so that a page that
 * was closed or crashed leaves them to the next one.
 */

/** @import {Annotation} from "../core/types.d.ts" */
/** @import {Journal} from "./journal.js" */

/** What the server has of an annotation, as far as we know. @typedef {{version: number, isDeleted: boolean, content: string}} Known */

/**
 * What an annotation should be.
 *
 * @typedef {object} Unsaved
 * @property {string} id
 * @property {number} imageId
 * @property {Annotation | null} desired null: deleted
 * @property {Known | null} known
 * @property {boolean} isSent the server may have it although it never said so
 * @property {readonly string[]} [after] ids of others of the same act, which the server has to have first
 * @property {Annotation | null} [before] with `after`: what it was before the act, and is again if that is given up
 * @property {boolean} [mayBeDeleted] the server may have it as deleted by this person: then it is wanted back
 */

export class UnsavedRecords {
    #journal;

    /** @param {Journal} journal */
    constructor(journal) {
        this.#journal = journal;
    }

    get count() {
        return this.#journal.all("unsaved").length;
    }

    /** In the order they came. */
    get all() {
        return /** @type {Unsaved[]} */ (this.#journal.all("unsaved"));
    }

    /** Whether all of them lie on this computer. */
    get keeping() {
        return this.#journal.isWorking ? this.#journal.keeping("unsaved") : "failed";
    }

    /** @param {string} id */
    get(id) {
        return /** @type {Unsaved | null} */ (this.#journal.get("unsaved", id));
    }

    /** @param {Unsaved} record */
    keep(record) {
        void this.#journal.put("unsaved", record.id, record);
    }

    /** @param {string} id */
    forget(id) {
        this.#journal.remove("unsaved", id);
    }

    /** Keeps once more what could not be kept. */
    retry() {
        this.#journal.retry();
    }
}
