/** What can be done with the selected objects, below the list of objects. Its buttons are the table's. */

import {find} from "../elements.js";

export class SelectedBar {
    #root;
    #text;
    #several;

    /** @param {HTMLElement} root */
    constructor(root) {
        this.#root = root;
        this.#text = find("[data-selected-text]", HTMLElement, root);
        this.#several = find("[data-place=several]", HTMLElement, root);
    }

    /** @param {number} count of the selected objects */
    render(count) {
        this.#root.hidden = count === 0;
        this.#several.hidden = count < 2;
        const text = count === 0 ? "" : `${count} selected`;
        if (this.#text.textContent !== text) this.#text.textContent = text;
    }
}
