/** Undo and redo: a list of what happened and a place in it. */

/** @template Entry */
export class History {
    /** @type {Entry[]} */
    #entries = [];
    #place = 0; // entries before it are done, from it on undone

    get canUndo() {
        return this.#place > 0;
    }

    get canRedo() {
        return this.#place < this.#entries.length;
    }

    /**
     * Something happened; what was undone before can no longer be redone.
     *
     * @param {Entry} entry
     */
    push(entry) {
        this.#entries.splice(this.#place, Infinity, entry);
        this.#place = this.#entries.length;
    }

    /** @returns {Entry | null} what is to be undone now; null: nothing is left */
    undo() {
        return this.canUndo ? this.#entries[--this.#place] : null;
    }

    /** @returns {Entry | null} what is to be done again now */
    redo() {
        return this.canRedo ? this.#entries[this.#place++] : null;
    }

    clear() {
        this.#entries = [];
        this.#place = 0;
    }
}
