/** The dialog that adds a list of categories, and the field of one name that opens it when a list is pasted there. */

import {isCategoryList, parseCategories} from "../../core/category-list.js";
import {find} from "../elements.js";
import {act} from "./feedback.js";

/** @import {ListedCategory} from "../../core/category-list.js" */

export class CategoryPaste {
    #dialog = find("#paste-categories", HTMLDialogElement);
    #text = find("textarea", HTMLTextAreaElement, this.#dialog);
    #add = find("[type=submit]", HTMLButtonElement, this.#dialog);

    /** @param {(rows: ListedCategory[]) => Promise<void>} add */
    constructor(add) {
        const form = find("form", HTMLFormElement, this.#dialog);
        this.#text.addEventListener("input", () => this.#count());
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            void act(form, () => add(this.#rows));
        });
        this.#count();
    }

    /** @param {HTMLInputElement} field of one name */
    listenTo(field) {
        field.addEventListener("paste", (event) => {
            const text = event.clipboardData?.getData("text") ?? "";
            if (!isCategoryList(text)) return;
            event.preventDefault();
            this.#text.value = text;
            this.#count();
            this.#dialog.showModal();
        });
    }

    get #rows() {
        return parseCategories(this.#text.value);
    }

    #count() {
        const {length} = this.#rows;
        this.#add.disabled = length === 0;
        this.#add.textContent =
            length === 0 ? "Add" : length === 1 ? "Add 1 category" : `Add ${length} categories`;
    }
}
