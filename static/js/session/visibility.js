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

    /** @param {...string} ids hides them; shows them again where all of them are hidden */
    toggle(...ids) {
        const isShowing = ids.every((id) => this.#hiddenIds.has(id));
        for (const id of ids) {
            if (isShowing) this.#hiddenIds.delete(id);
            else this.#hiddenIds.add(id);
        }
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
