/** Ticked items of a list, with a bar that says how many and what can be done with them. */

import {find} from "../elements.js";

export class Selection {
    #list;
    #bar;
    /** @type {HTMLInputElement | null} */
    #lastTicked = null;

    /**
     * @param {HTMLElement} list its items have a checkbox [data-select]
     * @param {HTMLElement} bar
     */
    constructor(list, bar) {
        this.#list = list;
        this.#bar = bar;
        list.addEventListener("change", () => this.show());
        list.addEventListener("click", (event) => this.#extend(event));
        find("[data-select-none]", HTMLButtonElement, bar).addEventListener("click", () => this.clear());
        find("[data-select-all]", HTMLButtonElement, bar).addEventListener("click", () =>
            this.#tick(this.#boxes, true),
        );
        addEventListener("keydown", (event) => {
            if (event.key === "Escape" && this.items.length && !document.querySelector("dialog[open]"))
                this.clear();
        });
        this.show(); // the browser may have kept ticks over a reload
    }

    get items() {
        return this.#boxes
            .filter((box) => box.checked)
            .map((box) => /** @type {HTMLElement} */ (box.closest("li")));
    }

    clear() {
        this.#tick(this.#boxes, false);
    }

    show() {
        const count = this.items.length;
        this.#bar.hidden = count === 0;
        this.#list.classList.toggle("is-selecting", count > 0);
        find("[data-selection-count]", HTMLElement, this.#bar).textContent = `${count} selected`;
    }

    get #boxes() {
        return /** @type {HTMLInputElement[]} */ ([...this.#list.querySelectorAll("input[data-select]")]);
    }

    /** @param {MouseEvent} event with Shift: everything from the last ticked one on */
    #extend(event) {
        const box = event.target;
        if (!(box instanceof HTMLInputElement) || !("select" in box.dataset)) return;
        if (event.shiftKey && this.#lastTicked?.isConnected) {
            const boxes = this.#boxes;
            const [from, to] = [boxes.indexOf(this.#lastTicked), boxes.indexOf(box)].sort((a, b) => a - b);
            this.#tick(boxes.slice(from, to + 1), box.checked);
        }
        this.#lastTicked = box;
    }

    /**
     * @param {HTMLInputElement[]} boxes
     * @param {boolean} isTicked
     */
    #tick(boxes, isTicked) {
        for (const box of boxes) box.checked = isTicked;
        this.show();
    }
}
