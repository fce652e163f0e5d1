/** Undo and redo: a list of what happened and a place in it. */

/**
 * What became of the list. Entries are numbered from the first one that ever was, so that a number always means the same.
 *
 * @template Entry
 * @typedef {object} HistoryChange
 * @property {readonly number[]} gone the numbers of entries that are no longer there
 * @property {readonly [number, Entry] | null} added
 * @property {number} place the number of the next entry to be done again, or to be added
 */

/** @template Entry */
export class History {
    /** @type {(change: HistoryChange<Entry>) => void} */
    onChange = () => {};

    /** @type {Entry[]} */
    #entries = [];
    #place = 0; // entries before it are done, from it on undone
    #first = 0; // the number of the first entry
    #weight = 0;
    #limit;
    #maxWeight;
    #weigh;

    /**
     * @param {object} [bounds] what goes beyond them is forgotten, the oldest first
     * @param {number} [bounds.limit] of entries
     * @param {number} [bounds.maxWeight] of all entries together
     * @param {(entry: Entry) => number} [bounds.weigh]
     */
    constructor({limit = Infinity, maxWeight = Infinity, weigh = () => 0} = {}) {
        this.#limit = limit;
        this.#maxWeight = maxWeight;
        this.#weigh = weigh;
    }

    get canUndo() {
        return this.#place > 0;
    }

    get canRedo() {
        return this.#place < this.#entries.length;
    }

    /** The oldest first, those that were undone at the end. @returns {readonly Entry[]} */
    get entries() {
        return this.#entries;
    }

    /** How many of them are done. */
    get place() {
        return this.#place;
    }

    /** The number of the next one to be added: it changes with every step, and with every one that is undone. */
    get end() {
        return this.#first + this.#place;
    }

    /** The number of the first one. */
    get first() {
        return this.#first;
    }

    /**
     * Something happened; what was undone before can no longer be redone.
     *
     * @param {Entry} entry
     */
    push(entry) {
        const number = this.#first + this.#place;
        const undone = this.#entries.splice(this.#place, Infinity, entry);
        this.#weight += this.#weigh(entry) - this.#weightOf(undone);
        const gone = undone.map((_, k) => number + k).filter((each) => each !== number);
        while (
            this.#entries.length > this.#limit ||
            (this.#weight > this.#maxWeight && this.#entries.length > 1)
        ) {
            this.#weight -= this.#weightOf(this.#entries.splice(0, 1));
            gone.push(this.#first++);
        }
        this.#place = this.#entries.length;
        this.onChange({gone, added: [number, entry], place: this.#first + this.#place});
    }

    /** @returns {Entry | null} what is to be undone now; null: nothing is left */
    undo() {
        if (!this.canUndo) return null;
        this.#place--;
        this.#tellPlace();
        return this.#entries[this.#place];
    }

    /** @returns {Entry | null} what is to be done again now */
    redo() {
        if (!this.canRedo) return null;
        this.#place++;
        this.#tellPlace();
        return this.#entries[this.#place - 1];
    }

    /**
     * What happened before everything that is there: of an earlier visit.
     *
     * @param {readonly Entry[]} entries
     * @param {number} place how many of them are done
     * @param {number} first the number of the first one
     */
    restore(entries, place, first) {
        const made = this.#entries;
        this.#entries = made.length > 0 ? [...entries.slice(0, place), ...made] : [...entries];
        this.#place += place;
        this.#first = first;
        this.#weight = this.#weightOf(this.#entries);
    }

    /** Numbers go on, so that one that was noted before means no step that is made from now on. */
    clear() {
        this.#first = this.end + 1;
        this.#entries = [];
        this.#place = this.#weight = 0;
    }

    #tellPlace() {
        this.onChange({gone: [], added: null, place: this.#first + this.#place});
    }

    /** @param {readonly Entry[]} entries */
    #weightOf(entries) {
        return entries.reduce((sum, entry) => sum + this.#weigh(entry), 0);
    }
}
