/** What can be done with the selected objects, below the list of objects. Its buttons are the table's. */

import {find, findOptional} from "../elements.js";

/** @import {Annotation} from "../../core/types.d.ts" */

const UNCHOSEN = "#808080"; // what the field shows while the objects have no color of their own

export class SelectedBar {
    #root;
    #text;
    #several;
    #color;

    /**
     * @param {HTMLElement} root
     * @param {(color: string) => void} onColor
     */
    constructor(root, onColor) {
        this.#root = root;
        this.#text = find("[data-selected-text]", HTMLElement, root);
        this.#several = find("[data-place=several]", HTMLElement, root);
        this.#color = findOptional("[data-own-color]", HTMLInputElement, root); // viewers have none
        this.#color?.addEventListener("change", () => onColor(this.#color?.value ?? ""));
    }

    /** @param {readonly Annotation[]} selected */
    render(selected) {
        const count = selected.length;
        this.#root.hidden = count === 0;
        this.#several.hidden = count < 2;
        const text = count === 0 ? "" : `${count} selected`;
        if (this.#text.textContent !== text) this.#text.textContent = text;
        const color = selected[0]?.color || UNCHOSEN;
        if (this.#color && this.#color !== document.activeElement) this.#color.value = color;
        this.#color?.parentElement?.toggleAttribute("data-unchosen", !selected[0]?.color);
    }
}
