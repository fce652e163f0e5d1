/** The deleted masks of an image, each with a way back. */

import {button, closeByClick, element, find} from "../elements.js";
import {ago, sentence} from "../words.js";

/**
 * @typedef {object} TrashRow
 * @property {string} name the category's
 * @property {number} number the object's
 * @property {string} color
 * @property {string | null} by who deleted it
 * @property {string} at when, as ISO 8601
 * @property {() => void} restore
 */

export class TrashDialog {
    #dialog;
    #list;
    #text;

    /** @param {HTMLDialogElement} dialog */
    constructor(dialog) {
        this.#dialog = dialog;
        this.#list = find("[data-trash-list]", HTMLElement, dialog);
        this.#text = find("[data-trash-text]", HTMLElement, dialog);
        closeByClick(dialog);
    }

    /** @param {Promise<readonly TrashRow[]>} coming */
    async show(coming) {
        this.#list.replaceChildren();
        this.#text.textContent = "Looking…";
        this.#dialog.showModal();
        try {
            const rows = await coming;
            this.#list.replaceChildren(...rows.map((row, k) => this.#row(row, k)));
            if (rows.length > 1) this.#list.prepend(this.#restoreAll(rows));
            this.#text.textContent = rows.length > 0 ? "" : "No mask of this image was deleted.";
        } catch (error) {
            this.#text.textContent = sentence(error);
        }
    }

    /** @param {readonly TrashRow[]} rows */
    #restoreAll(rows) {
        const all = button(
            {class: "button tight"},
            () => {
                // Those that were restored one by one meanwhile have left the list.
                rows.forEach((row, k) => this.#list.querySelector(`[data-row="${k}"]`) && row.restore());
                this.#dialog.close();
            },
            "Restore all",
        );
        return element("li", {class: "bench-trash-row"}, element("span", {class: "bench-name"}), all);
    }

    /** @param {TrashRow} row @param {number} k */
    #row({name, number, color, by, at, restore}, k) {
        const swatch = element("span", {class: "swatch"});
        swatch.style.setProperty("--swatch", color);
        const row = element(
            "li",
            {class: "bench-trash-row", "data-row": String(k)},
            swatch,
            element("span", {class: "bench-name"}, name),
            element("span", {class: "number"}, String(number)),
            element("span", {class: "quiet small"}, `deleted ${by ? `by ${by} ` : ""}${ago(at)}`),
            button(
                {class: "button tight"},
                () => {
                    restore();
                    row.remove();
                    if (!this.#list.querySelector("[data-row]")) this.#dialog.close();
                },
                "Restore",
            ),
        );
        return row;
    }
}
