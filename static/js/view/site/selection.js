/** Ticked items of a list, with a bar that says how many and what can be done with them. */

import {find} from "../elements.js";

/** @typedef {Readonly<Record<string, string>>} Filters */

export class Selection {
    #list;
    #bar;
    /** @type {HTMLInputElement | null} */
    #lastTicked = null;
    /** Beyond those on the page: all that were found; null: those that are ticked. @type {{count: number, filters: Filters} | null} */
    #allFound = null;
    #currentFilters;

    /**
     * @param {HTMLElement} list its items have a checkbox [data-select]
     * @param {HTMLElement} bar
     * @param {() => Filters} currentFilters by which the list was found
     */
    constructor(list, bar, currentFilters) {
        this.#list = list;
        this.#bar = bar;
        this.#currentFilters = currentFilters;
        // Items that come and go take their ticks with them.
        new MutationObserver(() => this.show()).observe(list, {childList: true});
        list.addEventListener("change", () => {
            this.#allFound = null;
            this.show();
        });
        bar.addEventListener("click", ({target}) => {
            const button = target instanceof Element ? target.closest("[data-select-found]") : null;
            if (button instanceof HTMLElement) this.#chooseFound(Number(button.dataset.selectFound));
        });
        list.addEventListener("click", (event) => this.#extend(event));
        find("[data-select-none]", HTMLButtonElement, bar).addEventListener("click", () => this.clear());
        find("[data-select-all]", HTMLButtonElement, bar).addEventListener("click", () =>
            this.#tick(this.#boxes, true),
        );
        addEventListener("keydown", (event) => {
            if (event.key === "Escape" && this.items.length && !document.querySelector("dialog[open]"))
                this.clear();
            const isTyping =
                event.target instanceof Element && event.target.closest("input, select, textarea");
            if ((event.ctrlKey || event.metaKey) && event.key === "a" && !isTyping && this.#boxes.length) {
                event.preventDefault();
                this.#tick(this.#boxes, true);
            }
        });
        this.show(); // the browser may have kept ticks over a reload
    }

    get items() {
        return this.#boxes
            .filter((box) => box.checked)
            .map((box) => /** @type {HTMLElement} */ (box.closest("li")));
    }

    /** All that were found, on whatever page, if they are chosen: by which filters, and how many they were then. */
    get allFound() {
        return this.#allFound;
    }

    get count() {
        return this.#allFound?.count ?? this.items.length;
    }

    clear() {
        this.#allFound = null;
        this.#tick(this.#boxes, false);
    }

    show() {
        const {count} = this;
        this.#bar.hidden = count === 0;
        this.#list.classList.toggle("is-selecting", count > 0);
        find("[data-selection-count]", HTMLElement, this.#bar).textContent = `${count} selected`;
    }

    get #boxes() {
        return /** @type {HTMLInputElement[]} */ ([...this.#list.querySelectorAll("input[data-select]")]);
    }

    /** @param {number} count */
    #chooseFound(count) {
        for (const box of this.#boxes) box.checked = true;
        this.#allFound = {count, filters: this.#currentFilters()};
        this.show();
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
