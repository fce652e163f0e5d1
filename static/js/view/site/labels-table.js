/** The table of categories: edit in place, order by arrows or by dragging, delete. */

import {find, findOptional} from "../elements.js";
import {act, ask, toast} from "./feedback.js";
import {clearFieldErrors} from "./field-errors.js";

const SAVED_SHOWN_MS = 1500;

/**
 * @typedef {object} LabelsServer
 * @property {(categoryId: number, fields: {[name: string]: string | number}) => Promise<void>} update
 * @property {(categoryId: number, moveTo: number | null) => Promise<void>} remove moveTo: the category that its masks get
 * @property {(fields: {[name: string]: string | number}) => Promise<void>} create
 * @property {(error: unknown) => boolean} isInUse masks have the category that was to be removed
 */

export class LabelsTable {
    /** Its rows are the categories'. */
    body = find("[data-labels] tbody", HTMLTableSectionElement);
    #server;
    /** @type {Promise<unknown>} */
    #saving = Promise.resolve();
    /** @type {HTMLTableRowElement[]} */
    #orderBefore = [];

    /** @param {LabelsServer} server */
    constructor(server) {
        this.#server = server;
        this.body.addEventListener("change", (event) => this.#save(event.target));
        // What was typed and not left is saved all the same: the browser goes on sending it.
        addEventListener("pagehide", () => {
            const {activeElement: field} = document;
            if (field instanceof HTMLInputElement && field.value !== field.defaultValue) this.#save(field);
        });
        this.body.addEventListener("keydown", (event) => this.#endEdit(event));
        this.body.addEventListener("click", (event) => {
            const button = event.target instanceof Element ? event.target.closest("button") : null;
            const row = button?.closest("tr");
            if (!button || !row) return;
            if (button.dataset.move) this.#move(button, row, button.dataset.move === "-1");
            else if ("deleteCategory" in button.dataset) this.#delete(button, row);
        });
    }

    /** Shows the categories alone whose name or supercategory has these letters. @param {string} text */
    search(text) {
        const wanted = text.trim().toLocaleLowerCase();
        for (const row of this.#rows) row.hidden = !wordsOf(row).includes(wanted);
        return this.#rows.filter((row) => !row.hidden).length;
    }

    beginDrag() {
        this.#orderBefore = this.#rows;
    }

    /** @param {boolean} isDropped else the rows go back to where they were */
    endDrag(isDropped) {
        if (isDropped) this.reorder();
        else this.#orderBefore.at(-1)?.before(...this.#orderBefore.slice(0, -1));
    }

    /** The rows have another order now: keys and arrows follow, and the server is told. */
    reorder() {
        this.#showOrder();
        // Of two orders that are saved at once, a part of each would be kept.
        this.#saving = this.#saving.then(() => act(this.body, () => this.#saveOrder()));
    }

    get #rows() {
        return /** @type {HTMLTableRowElement[]} */ ([...this.body.querySelectorAll("tr[data-category-id]")]);
    }

    /** @param {EventTarget | null} input */
    #save(input) {
        const row = input instanceof Element ? input.closest("tr") : null;
        if (!(input instanceof HTMLInputElement) || !row) return;
        void act(input, async () => {
            await this.#server.update(idOf(row), {[input.name]: input.value.trim()});
            input.defaultValue = input.value;
            input.classList.add("is-saved");
            setTimeout(() => input.classList.remove("is-saved"), SAVED_SHOWN_MS);
        });
    }

    /** @param {KeyboardEvent} event */
    #endEdit({target: input, key}) {
        if (!(input instanceof HTMLInputElement)) return;
        if (key === "Enter") input.blur(); // which saves a change
        if (key === "Escape") {
            input.value = input.defaultValue;
            clearFieldErrors(input);
            input.blur();
        }
    }

    /**
     * @param {HTMLButtonElement} button
     * @param {HTMLTableRowElement} row
     * @param {boolean} isUp
     */
    #move(button, row, isUp) {
        const shown = this.#rows.filter((each) => !each.hidden);
        const neighbour = shown[shown.indexOf(row) + (isUp ? -1 : 1)];
        if (!neighbour) return;
        if (isUp) neighbour.before(row);
        else neighbour.after(row);
        this.reorder();
        // At the end of the list the button just used is off; the other one keeps the keyboard in the row.
        (button.disabled ? findOptional("[data-move]:enabled", HTMLButtonElement, row) : button)?.focus();
    }

    /**
     * @param {HTMLButtonElement} button
     * @param {HTMLTableRowElement} row
     */
    #delete(button, row) {
        void act(button, async () => {
            const fields = fieldsOf(row);
            try {
                await this.#server.remove(idOf(row), null);
                toast(`Deleted “${fields.name}”.`, "info", {
                    label: "Undo",
                    do: () => this.#bringBack(fields),
                });
            } catch (error) {
                if (!this.#server.isInUse(error) || this.#rows.length < 2) throw error;
                const moveTo = await this.#askWhere(
                    row,
                    String(error instanceof Error ? error.message : error),
                );
                if (moveTo === null) return;
                await this.#server.remove(idOf(row), moveTo);
                toast("Deleted. Its masks have the other category now.");
            }
            row.remove();
            this.#showOrder();
        });
    }

    /** @param {{[name: string]: string | number}} fields of a category that no mask had */
    #bringBack(fields) {
        void act(this.body, async () => {
            await this.#server.create(fields);
            location.reload();
        });
    }

    /**
     * @param {HTMLTableRowElement} row of a category that masks have
     * @param {string} why it cannot just be deleted
     * @returns {Promise<number | null>} the category that they are to get; null: it stays
     */
    async #askWhere(row, why) {
        const dialog = find("#move-masks", HTMLDialogElement);
        const select = find("select", HTMLSelectElement, dialog);
        const others = this.#rows.filter((other) => other !== row);
        select.required = true;
        select.replaceChildren(
            new Option("Choose a category", ""),
            ...others.map(
                (other) =>
                    new Option(find("[name=name]", HTMLInputElement, other).value, String(idOf(other))),
            ),
        );
        find("[data-why]", HTMLElement, dialog).textContent = why;
        return (await ask(dialog)) === "move" ? Number(select.value) : null;
    }

    /** Keys and arrows follow the order. */
    #showOrder() {
        const rows = this.#rows;
        for (const [index, row] of rows.entries()) {
            const key = find("[data-key]", HTMLElement, row);
            key.hidden = index > 9;
            key.textContent = String((index + 1) % 10);
            find("[data-move='-1']", HTMLButtonElement, row).disabled = index === 0;
            find("[data-move='1']", HTMLButtonElement, row).disabled = index === rows.length - 1;
        }
    }

    async #saveOrder() {
        for (const [position, row] of this.#rows.entries()) {
            if (row.dataset.position === String(position)) continue;
            await this.#server.update(idOf(row), {position});
            row.dataset.position = String(position);
        }
        toast("Order saved.");
    }
}

/** What is searched, small letters. @param {HTMLElement} row */
function wordsOf(row) {
    const fields = [...row.querySelectorAll("input[type=text]")].map(
        (input) => /** @type {HTMLInputElement} */ (input).value,
    );
    // Who may not change the categories sees them as text.
    return (fields.length ? fields.join("\n") : (row.textContent ?? "")).toLocaleLowerCase();
}

/** @param {HTMLElement} row */
function idOf(row) {
    return Number(row.dataset.categoryId);
}

/** What a category is, so that it can be made again. @param {HTMLElement} row @returns {{[name: string]: string | number}} */
function fieldsOf(row) {
    const values = [...row.querySelectorAll("input[name]")].map((input) => {
        const {name, defaultValue} = /** @type {HTMLInputElement} */ (input);
        return [name, defaultValue];
    });
    const {cocoId, position} = row.dataset;
    return {...Object.fromEntries(values), coco_id: Number(cocoId), position: Number(position)};
}
