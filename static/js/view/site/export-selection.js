/** What of a project is exported: the part of the form about masks, categories and parts of the dataset. */

import {find, findAll, findOptional} from "../elements.js";
import {plural} from "../words.js";
import {FieldError} from "./field-errors.js";

/** @import {ExportSelectionBody} from "../../core/types.d.ts" */

const NO_SPLIT = "none";
const WHOLE = 100;
const SHARES = /** @type {const} */ (["train", "val", "test"]);

export class ExportSelection {
    #form;
    #parts;

    /** @param {HTMLFormElement} form */
    constructor(form) {
        this.#form = form;
        this.#parts = findAll("[data-part]", HTMLDetailsElement, form);
        form.addEventListener("input", () => this.#show());
        findOptional("[data-category-choices]", HTMLOListElement, form)?.addEventListener(
            "click",
            (event) => {
                const button =
                    event.target instanceof Element ? event.target.closest("[data-move-up]") : null;
                if (button instanceof HTMLButtonElement) this.#moveUp(button);
            },
        );
        for (const button of findAll("[data-tick]", HTMLButtonElement, form))
            button.addEventListener("click", () => this.#tickAll(button.dataset.tick === "all"));
        this.#show();
    }

    /** Of a version, only the parts can be chosen; it does not know what was uploaded together. @param {boolean} isVersion */
    setVersion(isVersion) {
        for (const part of this.#parts) part.hidden = isVersion && part.dataset.part !== "split";
        const upload = find('option[value="upload"]', HTMLOptionElement, this.#splitBy);
        upload.disabled = isVersion;
        if (isVersion && upload.selected) this.#splitBy.value = NO_SPLIT;
        this.#show();
    }

    /**
     * What is chosen, as the API takes it; what is as it was at first is left out.
     *
     * @returns {ExportSelectionBody}
     * @throws {FieldError} a value that makes no sense
     */
    get value() {
        return {...this.#masks(), ...this.#categories(), ...this.#split()};
    }

    /** @returns {ExportSelectionBody} */
    #masks() {
        if (this.#part("annotations").hidden) return {};
        /** @type {ExportSelectionBody} */
        const chosen = {};
        for (const name of /** @type {const} */ (["authors", "bundles"])) {
            const ticked = this.#ticked(name);
            if (ticked.length) chosen[name] = ticked.map((box) => box.value);
        }
        const from = this.#field("created_from").value;
        const until = this.#field("created_until").value;
        if (from) chosen.created_from = dayBegins(from, 0);
        if (until) chosen.created_until = dayBegins(until, 1);
        const area = this.#number("min_area_px");
        const iou = this.#number("min_predicted_iou");
        if (area !== null) chosen.min_area_px = area;
        if (iou !== null) chosen.min_predicted_iou = iou;
        if (this.#field("only_annotated").checked) chosen.only_annotated = true;
        return chosen;
    }

    /** @returns {ExportSelectionBody} */
    #categories() {
        const part = findOptional('[data-part="categories"]', HTMLDetailsElement, this.#form);
        if (!part || part.hidden) return {};
        /** @type {ExportSelectionBody} */
        const chosen = this.#field("renumber").checked ? {renumber: true} : {};
        if (this.#categoriesAreAsBefore) return chosen;
        return {
            ...chosen,
            categories: this.#tickedCategories.map(({id, name}) => ({id, ...(name ? {name} : {})})),
        };
    }

    /** @returns {ExportSelectionBody} */
    #split() {
        const by = this.#splitBy.value;
        if (by === NO_SPLIT) return {};
        const [train, val, test] = SHARES.map((name) => this.#number(`split.${name}`) ?? 0);
        if (train + val + test !== WHOLE) {
            this.#part("split").open = true;
            throw new FieldError("selection.split.train", "The three shares must make 100 %.");
        }
        return {split: {by, train, val, test, seed: this.#number("split.seed") ?? 0}};
    }

    /** Says on each part's line what is chosen in it, so that none has to be opened to know. */
    #show() {
        const by = this.#splitBy.value;
        for (const help of findAll("[data-split-help]", HTMLElement, this.#form)) {
            help.hidden = help.dataset.splitHelp !== by;
        }
        find("[data-shares]", HTMLElement, this.#form).hidden = by === NO_SPLIT;
        const shares = SHARES.map((name) => this.#field(`split.${name}`).value || "0").join(", ");
        this.#say("split", by === NO_SPLIT ? "none" : `${shares} %`);
        const chosen = Object.keys(this.#masks()).length;
        this.#say("annotations", chosen ? plural(chosen, "condition") : "all");
        if (!findOptional('[data-part="categories"]', HTMLDetailsElement, this.#form)) return;
        const rows = this.#categoryRows.length;
        const ticked = this.#tickedCategories.length;
        if (ticked < rows) this.#say("categories", `${ticked} of ${rows}`);
        else this.#say("categories", this.#categoriesAreAsBefore ? `all ${rows}` : "changed");
    }

    /** @param {boolean} isTicked */
    #tickAll(isTicked) {
        for (const row of this.#categoryRows)
            find("input[type=checkbox]", HTMLInputElement, row).checked = isTicked;
        this.#form.dispatchEvent(new Event("input", {bubbles: true}));
    }

    /** @param {HTMLButtonElement} button */
    #moveUp(button) {
        const row = button.closest("li");
        row?.previousElementSibling?.before(row);
        button.focus();
        this.#form.dispatchEvent(new Event("input", {bubbles: true}));
    }

    get #splitBy() {
        return find('[name="selection.split.by"]', HTMLSelectElement, this.#form);
    }

    get #categoryRows() {
        return findAll("[data-category-choices] > li", HTMLLIElement, this.#form);
    }

    /** name: the new one; "": its own. */
    get #tickedCategories() {
        return this.#categoryRows
            .filter((row) => find("input[type=checkbox]", HTMLInputElement, row).checked)
            .map((row) => {
                const name = find("input[type=text]", HTMLInputElement, row).value.trim();
                return {id: Number(row.dataset.category), name: name === row.dataset.name ? "" : name};
            });
    }

    /** Every category, under its own name, in the order in which the page had them. */
    get #categoriesAreAsBefore() {
        const rows = this.#categoryRows;
        const isMoved = rows.some((row, k) => Number(row.dataset.place) !== k + 1);
        const ticked = this.#tickedCategories;
        return ticked.length === rows.length && !isMoved && ticked.every(({name}) => !name);
    }

    /** @param {string} name */
    #part(name) {
        return find(`[data-part="${name}"]`, HTMLDetailsElement, this.#form);
    }

    /** @param {string} name @param {string} text */
    #say(name, text) {
        find("[data-said]", HTMLElement, this.#part(name)).textContent = text;
    }

    /** @param {string} name */
    #field(name) {
        return find(`[name="selection.${name}"]`, HTMLInputElement, this.#form);
    }

    /** @param {string} name @returns {number | null} null: nothing stands there */
    #number(name) {
        const field = this.#field(name);
        return field.value === "" ? null : Number(field.value);
    }

    /** @param {string} name */
    #ticked(name) {
        return findAll(`[name="selection.${name}"]`, HTMLInputElement, this.#form).filter(
            (box) => box.checked,
        );
    }
}

/** When a day of this computer's calendar begins. @param {string} date YYYY-MM-DD @param {number} daysLater */
function dayBegins(date, daysLater) {
    const [year, month, day] = date.split("-").map(Number);
    return new Date(year, month - 1, day + daysLater).toISOString();
}
