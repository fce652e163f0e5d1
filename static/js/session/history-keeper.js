/**
 * Keeps the undo history of the image on screen, and gives it back when the image is opened again, unless its
 * annotations are others now: then somebody else has changed them, and the steps no longer fit.
 */

import {endOf, fits} from "../core/history-end.js";

/** @import {AnnotationDocument} from "../core/annotation-document.js" */
/** @import {History} from "../core/history.js" */
/** @import {HistoryEntry} from "./draft.js" */
/** @import {KeptHistories, KeptHistory} from "./kept-histories.js" */

export class HistoryKeeper {
    #history;
    #histories;
    #imageId = 0;
    /** Whether the earlier steps are there, or known to be none: from then on steps are kept. */
    #isTaken = false;
    /** Under way. @type {Promise<void> | null} */
    #reading = null;
    /** @type {KeptHistory | null} */
    #found = null;

    /**
     * @param {History<HistoryEntry>} history
     * @param {KeptHistories | null} histories null: nothing is kept
     */
    constructor(history, histories) {
        this.#history = history;
        this.#histories = histories;
        history.onChange = (change) => {
            if (this.#isTaken) histories?.note(this.#imageId, change);
        };
    }

    /**
     * Another image: reads what is kept of it.
     *
     * @param {number} imageId
     * @param {boolean} mayAnnotate
     */
    open(imageId, mayAnnotate) {
        this.#imageId = imageId;
        this.#isTaken = false;
        this.#found = null;
        const reading = mayAnnotate ? this.#histories?.of(imageId) : null;
        if (!reading) {
            this.#reading = null;
            return;
        }
        const mine = reading.then((found) => {
            if (this.#reading !== mine) return; // another image was opened
            this.#found = found;
            this.#reading = null;
        });
        this.#reading = mine;
    }

    /** Now, or when what is kept has been read; not at all if another image is opened before. @param {() => void} action */
    whenRead(action) {
        const reading = this.#reading;
        if (!reading) return action();
        const imageId = this.#imageId;
        void reading.then(() => {
            if (this.#imageId === imageId && this.#reading === null) action();
        });
    }

    /**
     * The earlier steps, now that the saved masks are known.
     *
     * @param {AnnotationDocument} document
     * @returns {readonly string[]} annotations that they speak of and that are not there: the server may have them as deleted
     */
    take(document) {
        const found = this.#found;
        this.#found = null;
        if (this.#isTaken) return [];
        this.#isTaken = true;
        const changes = found?.entries.map((entry) => entry.changes) ?? [];
        const isFitting =
            found !== null && fits(changes, found.place, (/** @type {string} */ id) => document.get(id));
        const made = this.#history.entries.length;
        if (isFitting) this.#history.restore(found.entries, found.place, found.first);
        if (made > 0) {
            const {entries, place, first} = this.#history;
            this.#histories?.replace(this.#imageId, {entries: [...entries], place, first});
        } else if (found && !isFitting) this.#histories?.forget(this.#imageId);
        if (!isFitting) return [];
        return [...endOf(changes, found.place)].flatMap(([id, annotation]) => (annotation ? [] : [id]));
    }

    /**
     * @param {number} imageId not the one on screen
     * @param {readonly string[]} ids whose deletion was taken back
     */
    stepBack(imageId, ids) {
        void this.#histories?.stepBack(imageId, ids).catch(() => {}); // its steps are forgotten then
    }

    /** Somebody else has changed annotations: steps that no longer fit them are forgotten. @param {AnnotationDocument} document */
    check(document) {
        const changes = this.#history.entries.map((entry) => entry.changes);
        if (fits(changes, this.#history.place, (id) => document.get(id))) return;
        this.#history.clear();
        this.#histories?.forget(this.#imageId);
    }
}
