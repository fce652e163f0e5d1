/**
 * The numbers by which people speak of an image's objects: "look at 7". The server gives them, and no number twice; until
 * it has one, a mask is shown with the next that is free as far as is known here.
 */

export class ObjectNumbers {
    /** @type {Map<string, number>} */
    #given = new Map();
    /** @type {Map<string, number>} */
    #guessed = new Map();
    #highest = 0;

    /** Another image: its objects are counted from 1. */
    open() {
        this.#given.clear();
        this.#guessed.clear();
        this.#highest = 0;
    }

    /**
     * @param {string} id of an annotation of this image
     * @param {number} number the server's
     */
    note(id, number) {
        this.#given.set(id, number);
        this.#highest = Math.max(this.#highest, number);
    }

    /** @param {string} id */
    of(id) {
        const known = this.#given.get(id) ?? this.#guessed.get(id);
        if (known !== undefined) return known;
        this.#guessed.set(id, ++this.#highest);
        return this.#highest;
    }
}
