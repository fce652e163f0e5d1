/** The saved masks of the image, the newest first. */

import {qualityOf} from "../../core/quality.js";
import {button, element, find, icon} from "../elements.js";

/**
 * @typedef {object} ObjectRow
 * @property {string} id
 * @property {string} name the category's
 * @property {string} color
 * @property {number} number the same for everybody, and never another object's
 * @property {number | null} predictedIou
 * @property {boolean} isSelected
 * @property {boolean} isPrimary of the selected ones
 * @property {boolean} isEdited
 * @property {boolean} isHidden
 * @property {boolean} isSaved
 */

/**
 * @typedef {object} ObjectsEvents
 * @property {(id: string, how: "only" | "also" | "range") => void} onSelect
 * @property {(id: string) => void} onZoom
 * @property {(id: string) => void} onEdit
 * @property {(id: string) => void} onToggle
 * @property {(id: string) => void} onDelete
 * @property {(id: string | null) => void} onHover null: none any more
 */

export class ObjectsPanel {
    #list;
    #count;
    #empty;
    #events;
    #isReadOnly;
    #tips;
    /** @type {Map<string, {row: HTMLElement, state: string}>} */
    #rows = new Map();

    /**
     * @param {HTMLElement} root
     * @param {ObjectsEvents} events
     * @param {{isReadOnly: boolean, tips: {edit: () => string, delete: () => string}}} options
     */
    constructor(root, events, {isReadOnly, tips}) {
        this.#list = find("[data-objects]", HTMLElement, root);
        this.#count = find("[data-object-count]", HTMLElement, root);
        this.#empty = find("[data-no-objects]", HTMLElement, root);
        this.#events = events;
        this.#isReadOnly = isReadOnly;
        this.#tips = tips;
    }

    /** @param {string | null} id its row stands out; null: none does */
    hover(id) {
        for (const [rowId, {row}] of this.#rows) row.classList.toggle("is-hovered", rowId === id);
    }

    /**
     * @param {readonly ObjectRow[]} rows
     * @param {"loading" | "shown" | "missing"} state missing: there may be more, which could not be fetched
     */
    render(rows, state) {
        this.#count.textContent = state === "missing" ? "not loaded" : String(rows.length);
        this.#list.parentElement?.toggleAttribute("data-missing", state === "missing");
        this.#empty.hidden = rows.length > 0 || state !== "shown";
        const ids = new Set(rows.map(({id}) => id));
        for (const [id, {row}] of this.#rows) {
            if (ids.has(id)) continue;
            row.remove();
            this.#rows.delete(id);
        }
        rows.forEach((row, index) => {
            const {isSelected, isPrimary, ...content} = row;
            const state = JSON.stringify(content);
            const shown = this.#rows.get(row.id);
            const node = shown?.row ?? this.#newRow(row.id);
            const wasPrimary = node.classList.contains("is-primary");
            // Rows that did not change stay as they are, with the focus that may be in them.
            if (shown?.state !== state) this.#fill(node, row);
            mark(node, isSelected, isPrimary);
            if (this.#list.children[index] !== node)
                this.#list.insertBefore(node, this.#list.children[index] ?? null);
            this.#rows.set(row.id, {row: node, state});
            if (isPrimary && !wasPrimary) node.scrollIntoView({block: "nearest"});
        });
    }

    /** @param {string} id */
    #newRow(id) {
        const node = element("li", {class: "bench-object", "data-annotation-id": id});
        node.addEventListener("pointerenter", () => this.#events.onHover(id));
        node.addEventListener("pointerleave", () => this.#events.onHover(null));
        return node;
    }

    /**
     * @param {HTMLElement} node
     * @param {ObjectRow} row
     */
    #fill(node, row) {
        const swatch = element("span", {class: "swatch"});
        swatch.style.setProperty("--swatch", row.color);
        const label = `${row.name} ${row.number}`;
        const quality = row.predictedIou === null ? null : qualityOf(row.predictedIou);
        node.classList.toggle("is-edited", row.isEdited);
        node.classList.toggle("is-hidden", row.isHidden);
        const main = button(
            {
                class: "bench-object-main",
                title: `Look at ${label}; double click zooms to it`,
            },
            (event) => this.#events.onSelect(row.id, howOf(event)),
            swatch,
            element(
                "span",
                {class: "bench-name"},
                row.name,
                element("span", {class: "bench-number number"}, ` ${row.number}`),
            ),
            quality === null
                ? ""
                : element(
                      "span",
                      {
                          class: `bench-quality ${quality}`,
                          title: `Predicted IoU ${row.predictedIou?.toFixed(2).replace(/^0/, "")}`,
                      },
                      quality === "good" ? "" : quality, // only what is worth a second look
                  ),
        );
        main.addEventListener("dblclick", () => this.#events.onZoom(row.id));
        node.replaceChildren(
            main,
            element(
                "span",
                {
                    class: row.isSaved ? "bench-tick is-saved" : "bench-tick",
                    title: row.isSaved ? "Saved" : "Not saved yet",
                },
                icon(row.isSaved ? "check" : "loader-circle"),
                element("span", {class: "visually-hidden"}, row.isSaved ? "saved" : "not saved yet"),
            ),
            button(
                {
                    class: "bench-mini",
                    "aria-label": `${row.isHidden ? "Show" : "Hide"} ${label}`,
                    title: row.isHidden ? "Show" : "Hide",
                },
                () => this.#events.onToggle(row.id),
                icon(row.isHidden ? "eye-off" : "eye"),
            ),
            ...(this.#isReadOnly
                ? []
                : [
                      button(
                          {
                              class: "bench-mini",
                              "aria-label": `Edit ${label}`,
                              "aria-pressed": String(row.isEdited),
                              title: this.#tips.edit(),
                          },
                          () => this.#events.onEdit(row.id),
                          icon("pencil"),
                      ),
                      button(
                          {class: "bench-mini", "aria-label": `Delete ${label}`, title: this.#tips.delete()},
                          () => this.#events.onDelete(row.id),
                          icon("trash-2"),
                      ),
                  ]),
        );
    }
}

/**
 * Shows whether a row is selected. That changes for hundreds of rows at once: nothing of them is made anew.
 *
 * @param {HTMLElement} node
 * @param {boolean} isSelected
 * @param {boolean} isPrimary
 */
function mark(node, isSelected, isPrimary) {
    const main = find(".bench-object-main", HTMLElement, node);
    const isPressed = String(isSelected);
    if (main.getAttribute("aria-pressed") !== isPressed) main.setAttribute("aria-pressed", isPressed);
    node.classList.toggle("is-selected", isSelected);
    node.classList.toggle("is-primary", isPrimary);
}

/** As lists of files do it. @param {MouseEvent} event */
function howOf({shiftKey, ctrlKey, metaKey}) {
    if (shiftKey) return "range";
    return ctrlKey || metaKey ? "also" : "only";
}
