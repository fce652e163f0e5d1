/** Which saved masks are shown. */

export class Visibility {
    /** @type {Set<string>} */
    #hiddenIds = new Set();
    #areAllHidden = false;
    #onChange;

    /** @param {() => void} onChange */
    constructor(onChange) {
        this.#onChange = onChange;
    }

    get areAllHidden() {
        return this.#areAllHidden;
    }

    /** @param {string} id */
    isHidden(id) {
        return this.#areAllHidden || this.#hiddenIds.has(id);
    }

    /** @param {string} id */
    toggle(id) {
        if (!this.#hiddenIds.delete(id)) this.#hiddenIds.add(id);
        this.#onChange();
    }

    toggleAll() {
        this.#areAllHidden = !this.#areAllHidden;
        this.#onChange();
    }

    /** Another image: none of its masks was hidden by itself. */
    open() {
        this.#hiddenIds.clear();
    }
}
