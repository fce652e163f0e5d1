/**
 * The list that the workbench goes through, in windows: of thousands of images only those are fetched that somebody looks at.
 * It stays as it was fetched while images are marked, so that nothing jumps; when it no longer fits what the image on
 * screen says of its place, it is fetched anew.
 */

/** @import {ListedImage} from "./ports.d.ts" */

const WINDOW = 60; // rows in one request

export class ListedImages {
    #fetch;
    #onChange;
    /** By index. @type {Map<number, ListedImage>} */
    #rows = new Map();
    /** @type {Map<number, number>} */
    #indexes = new Map();
    /** Windows that are there or on their way. @type {Set<number>} */
    #asked = new Set();
    #generation = 0;
    /** An image that the list does not have, even anew: it no longer fits the filter. @type {number | null} */
    #missed = null;
    #total = 0;

    /**
     * @param {(window: {start: number, count: number}) => Promise<{total: number, images: ListedImage[]}>} fetch
     * @param {() => void} onChange
     */
    constructor(fetch, onChange) {
        this.#fetch = fetch;
        this.#onChange = onChange;
    }

    get total() {
        return this.#total;
    }

    /** @param {number} index from 0 @returns {ListedImage | null} null: not fetched yet */
    at(index) {
        return this.#rows.get(index) ?? null;
    }

    /**
     * Where the image on screen stands.
     *
     * @param {number} imageId
     * @param {{position: number, total: number}} place as its scene says, position from 1
     * @returns {number} index from 0
     */
    place(imageId, {position, total}) {
        const known = this.#indexes.get(imageId);
        if (known !== undefined) return known;
        const index = Math.max(0, position - 1);
        const isOther = this.#rows.has(index) || (this.#rows.size > 0 && total !== this.#total);
        if (!isOther) this.#total = Math.max(this.#total, total);
        else if (this.#missed !== imageId) this.refresh(); // somebody uploaded, deleted or marked images meanwhile
        if (isOther) this.#missed = imageId;
        return index;
    }

    /** Fetches what is missing between two indexes, both included. @param {number} first @param {number} last */
    want(first, last) {
        const to = Math.min(last, this.#total - 1);
        for (let k = Math.floor(Math.max(0, first) / WINDOW); k <= Math.floor(to / WINDOW); k++)
            if (!this.#asked.has(k)) void this.#fetchWindow(k);
    }

    /** @param {number} imageId @param {Partial<ListedImage>} marks */
    mark(imageId, marks) {
        const index = this.#indexes.get(imageId);
        const row = index === undefined ? undefined : this.#rows.get(index);
        if (index === undefined || !row) return;
        const {state = row.state, isFlagged = row.isFlagged} = marks;
        this.#rows.set(index, {...row, state, isFlagged});
    }

    /** What is fetched from now on is of the list as it is now; what is there is shown until then. */
    refresh() {
        this.#generation++;
        this.#asked.clear();
        this.#indexes.clear();
    }

    /** @param {number} k */
    async #fetchWindow(k) {
        const generation = this.#generation;
        this.#asked.add(k);
        let answer;
        try {
            answer = await this.#fetch({start: k * WINDOW, count: WINDOW});
        } catch {
            // The server is away: the place stays empty and is asked for again when it is looked at again.
            if (generation === this.#generation) this.#asked.delete(k);
            return;
        }
        if (generation !== this.#generation) return;
        this.#total = answer.total;
        for (let index = k * WINDOW; index < (k + 1) * WINDOW; index++) this.#rows.delete(index);
        for (const row of answer.images) {
            this.#rows.set(row.position - 1, row);
            this.#indexes.set(row.id, row.position - 1);
        }
        for (const index of this.#rows.keys()) if (index >= this.#total) this.#rows.delete(index);
        this.#onChange();
    }
}
