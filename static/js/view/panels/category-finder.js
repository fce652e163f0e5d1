/** Finds a category by a part of its name, for projects with more of them than there are digits. */

import {find} from "../elements.js";

export class CategoryFinder {
    #field;
    #list;
    #none;
    #onPick;
    #at = 0;

    /**
     * @param {HTMLElement} root
     * @param {(index: number) => void} onPick
     */
    constructor(root, onPick) {
        this.#field = find("[data-find-category]", HTMLInputElement, root);
        this.#list = find("[data-categories]", HTMLElement, root);
        this.#none = find("[data-no-category-found]", HTMLElement, root);
        this.#onPick = onPick;
        this.#field.addEventListener("input", () => this.#show(0));
        this.#field.addEventListener("keydown", (event) => this.#key(event));
        this.#field.addEventListener("blur", () => this.#end());
        // A row is pressed before the field loses the focus, and stays where it is until then.
        this.#list.addEventListener("pointerdown", (event) => {
            if (document.activeElement === this.#field) event.preventDefault();
        });
        this.#list.addEventListener("click", () => this.#field.blur());
    }

    focus() {
        this.#field.focus();
        this.#show(0);
    }

    get #rows() {
        return /** @type {HTMLElement[]} */ ([...this.#list.children]);
    }

    get #found() {
        return this.#rows.filter(({hidden}) => !hidden);
    }

    /** @param {number} at of the rows found: the one that Enter picks */
    #show(at) {
        const wanted = this.#field.value.trim().toLowerCase();
        for (const row of this.#rows) row.hidden = !(row.dataset.searched ?? "").includes(wanted);
        const found = this.#found;
        this.#at = Math.min(Math.max(at, 0), found.length - 1);
        for (const row of this.#rows) row.toggleAttribute("data-next", row === found[this.#at]);
        found[this.#at]?.scrollIntoView({block: "nearest"});
        this.#none.hidden = found.length > 0 || wanted === "";
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
        if (step) this.#show(this.#at + step);
        else if (event.key === "Enter") {
            const row = this.#found[this.#at];
            if (row) this.#onPick(this.#rows.indexOf(row));
            this.#field.blur();
        } else if (event.key === "Escape") this.#field.blur();
        else return;
        event.preventDefault();
        event.stopPropagation(); // the workbench has other things to do with these keys
    }

    #end() {
        this.#field.value = "";
        for (const row of this.#rows) {
            row.hidden = false;
            row.removeAttribute("data-next");
        }
        this.#none.hidden = true;
    }
}
