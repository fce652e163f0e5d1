/** Finds a category by a part of its name, for projects with more of them than there are digits. */

import {find} from "../elements.js";

export class CategoryFinder {
    #field;
    #list;
    #none;
    #onPick;
    #recent;
    #at = 0;

    /**
     * @param {HTMLElement} root
     * @param {(index: number) => void} onPick
     * @param {() => readonly number[]} recent ids of the categories that were used last: they stand on top meanwhile
     */
    constructor(root, onPick, recent) {
        this.#field = find("[data-find-category]", HTMLInputElement, root);
        this.#list = find("[data-categories]", HTMLElement, root);
        this.#none = find("[data-no-category-found]", HTMLElement, root);
        this.#onPick = onPick;
        this.#recent = recent;
        this.#field.addEventListener("focus", () => this.#begin());
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
    }

    #begin() {
        const recent = this.#recent();
        for (const row of this.#rows) {
            const rank = recent.indexOf(Number(row.dataset.categoryId));
            row.style.order = rank < 0 ? "" : String(rank - recent.length);
        }
        this.#list.scrollTop = 0;
        this.#show(0);
    }

    get #rows() {
        return /** @type {HTMLElement[]} */ ([...this.#list.children]);
    }

    /** In the order in which they are seen. */
    get #found() {
        return this.#rows
            .filter(({hidden}) => !hidden)
            .sort((a, b) => Number(a.style.order) - Number(b.style.order));
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
            row.style.order = "";
            row.removeAttribute("data-next");
        }
        this.#none.hidden = true;
    }
}
