/** Which saved masks are shown. */

/** @import {Selection} from "./selection.js" */

export class Visibility {
    /** @type {Set<string>} */
    #hiddenIds = new Set();
    #areAllHidden = false;
    #isSolo = false;
    #selection;
    #onChange;

    /**
     * @param {Pick<Selection, "id" | "has">} selection
     * @param {() => void} onChange
     */
    constructor(selection, onChange) {
        this.#selection = selection;
        this.#onChange = onChange;
    }

    get areAllHidden() {
        return this.#areAllHidden;
    }

    /** Whether only selected masks are shown, while any is selected. */
    get isSolo() {
        return this.#isSolo;
    }

    /** @param {string} id */
    isHidden(id) {
        const isLeftOut = this.#isSolo && this.#selection.id !== null && !this.#selection.has(id);
        return isLeftOut || this.isSwitchedOff(id);
    }

    /** Whether it is hidden whatever is selected. @param {string} id */
    isSwitchedOff(id) {
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

    toggleSolo() {
        this.#isSolo = !this.#isSolo;
        this.#onChange();
    }

    /** Another image: none of its masks was hidden by itself. */
    open() {
        this.#hiddenIds.clear();
        this.#isSolo = false;
    }
}
