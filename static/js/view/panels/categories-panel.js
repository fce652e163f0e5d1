/** The categories, each with the key that picks it. */

import {button, element, find} from "../elements.js";
import {CategoryFinder} from "./category-finder.js";

/** @import {Category} from "../../core/types.d.ts" */

const DIGITS = 10;

export class CategoriesPanel {
    #list;
    #empty;
    #count;
    #onPick;
    #keyOf;
    #finder;
    #drawnKeys = "";
    /** @type {readonly Category[]} */
    #categories = [];

    /**
     * @param {HTMLElement} root
     * @param {(index: number) => void} onPick
     * @param {() => readonly number[]} recent ids of the categories that were used last
     * @param {(id: number) => string} keyOf the person's own key of a category; empty: none
     */
    constructor(root, onPick, recent, keyOf) {
        this.#list = find("[data-categories]", HTMLElement, root);
        this.#empty = find("[data-no-categories]", HTMLElement, root);
        this.#count = find("[data-category-count]", HTMLElement, root);
        this.#onPick = onPick;
        this.#keyOf = keyOf;
        this.#finder = new CategoryFinder(root, onPick, recent);
    }

    /** Begins to find one by its name. */
    find() {
        this.#finder.focus();
    }

    /**
     * @param {readonly Category[]} categories
     * @param {number | null} activeId
     */
    render(categories, activeId) {
        const keys = categories.map(({id}) => this.#keyOf(id)).join(" ");
        if (categories !== this.#categories || keys !== this.#drawnKeys) {
            this.#categories = categories;
            this.#drawnKeys = keys;
            this.#list.replaceChildren(...categories.map((category, index) => this.#row(category, index)));
            this.#empty.hidden = categories.length > 0;
            this.#count.textContent = categories.length > DIGITS ? String(categories.length) : "";
            this.#list.parentElement?.toggleAttribute("data-many", categories.length > DIGITS);
        }
        for (const [index, row] of [...this.#list.children].entries()) {
            row.firstElementChild?.setAttribute("aria-pressed", String(categories[index].id === activeId));
        }
    }

    /** Draws the eye here: a category has to be picked first. */
    flash() {
        if (this.#list.children.length === 0) {
            document.querySelector("[data-open-new-category]")?.dispatchEvent(new Event("click"));
            return;
        }
        this.#list.animate(
            [{outlineColor: "transparent"}, {outlineColor: "var(--accent)"}, {outlineColor: "transparent"}],
            700,
        );
    }

    /**
     * @param {Category} category
     * @param {number} index
     */
    #row(category, index) {
        const digit = index < DIGITS ? String((index + 1) % DIGITS) : "";
        const key = this.#keyOf(category.id) || digit;
        const swatch = element("span", {class: "swatch"});
        swatch.style.setProperty("--swatch", category.color);
        const title = [
            category.name,
            category.supercategory && `(${category.supercategory})`,
            key && `· key ${key}`,
            key !== digit && digit && `or ${digit}`,
        ];
        return element(
            "li",
            {
                "data-category-id": String(category.id),
                "data-searched": `${category.name} ${category.supercategory}`.toLowerCase(),
            },
            button(
                {class: "bench-category", "aria-pressed": "false", title: title.filter(Boolean).join(" ")},
                () => this.#onPick(index),
                swatch,
                element("span", {class: "bench-name"}, category.name),
                key ? element("kbd", {}, key) : "",
            ),
        );
    }
}
