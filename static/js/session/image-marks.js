/** What people say of images on its way to the server: one mark after the other, so that none overtakes the one before it. */

/** @import {ImageMarks} from "../core/types.d.ts" */
/** @import {ImageRow} from "./ports.d.ts" */

/** @param {ImageMarks} image @returns {ImageMarks} */
export function marksOf({state, skipReason, skipNote, isFlagged, flagNote}) {
    return {state, skipReason, skipNote, isFlagged, flagNote};
}

export class MarksToSave {
    #save;
    #sent = Promise.resolve();
    /** Not answered yet, by image. @type {Map<number, Partial<ImageMarks>[]>} */
    #waiting = new Map();

    /** @param {(imageId: number, marks: Partial<ImageMarks>) => Promise<ImageRow>} save */
    constructor(save) {
        this.#save = save;
    }

    /** Whatever was sent has an answer. */
    get settled() {
        return this.#sent;
    }

    /**
     * @param {number} imageId
     * @param {Partial<ImageMarks>} marks
     * @returns {Promise<ImageRow>} the image as it is then; rejects where the server refuses them
     */
    send(imageId, marks) {
        // At once where nothing is on its way: the page may be left in the next moment.
        const answer =
            this.#waiting.size > 0
                ? this.#sent.then(() => this.#save(imageId, marks))
                : this.#save(imageId, marks);
        this.#waiting.set(imageId, [...(this.#waiting.get(imageId) ?? []), marks]);
        this.#sent = answer.then(
            () => this.#forget(imageId, marks),
            () => this.#forget(imageId, marks),
        );
        return answer;
    }

    /** @param {number} imageId whether one of its marks has no answer yet */
    isWaiting(imageId) {
        return this.#waiting.has(imageId);
    }

    /**
     * An image as it will be when the server has everything: what was fetched may be older than a mark on its way.
     *
     * @template {ImageRow} Row
     * @param {Row} image
     * @returns {Row}
     */
    overlay(image) {
        return Object.assign({}, image, ...(this.#waiting.get(image.id) ?? []));
    }

    /**
     * @param {number} imageId
     * @param {Partial<ImageMarks>} marks
     */
    #forget(imageId, marks) {
        const waiting = (this.#waiting.get(imageId) ?? []).filter((other) => other !== marks);
        if (waiting.length > 0) this.#waiting.set(imageId, waiting);
        else this.#waiting.delete(imageId);
    }
}
