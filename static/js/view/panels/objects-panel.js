/** The saved masks of the image. Of hundreds of rows only those in sight have contents. */

import {element, find} from "../elements.js";
import {contentsOf, labelOf, nameField} from "./object-row.js";
import {RowDragging} from "./row-dragging.js";

/** @import {How} from "../../session/several.js" */
/** @import {ObjectRow, ObjectsEvents, RowOptions} from "./object-row.js" */

const AHEAD_PX = 200; // beyond the list's edges, so that scrolling and Tab find rows that are there

/** What the contents of a row are made of. @type {readonly (keyof ObjectRow)[]} */
const CONTENTS = ["annotation", "category", "color", "number", "isEdited", "isHidden", "isSaved"];

/**
 * A row of the list.
 *
 * @typedef {object} Shown
 * @property {HTMLElement} node
 * @property {ObjectRow} row
 * @property {boolean} isFilled
 * @property {HTMLCanvasElement | null} picture as it was drawn; null: it has to be drawn
 */

export class ObjectsPanel {
    #list;
    #count;
    #empty;
    #events;
    #rowEvents;
    #options;
    /** @type {Map<string, Shown>} */
    #rows = new Map();
    /** From the top. @type {readonly string[]} */
    #order = [];
    /** The row whose name is being typed. @type {string | null} */
    #renamedId = null;
    /** Of the selected ones. @type {string | null} */
    #primaryId = null;
    #sight;
    #dragging;

    /**
     * @param {HTMLElement} root
     * @param {ObjectsEvents} events
     * @param {RowOptions} options
     */
    constructor(root, events, options) {
        this.#list = find("[data-objects]", HTMLElement, root);
        this.#count = find("[data-object-count]", HTMLElement, root);
        this.#empty = find("[data-no-objects]", HTMLElement, root);
        this.#events = events;
        this.#rowEvents = {
            ...events,
            onSelect: (/** @type {string} */ id, /** @type {How} */ how) =>
                events.onSelect(id, how, this.#order),
        };
        this.#options = options;
        this.#sight = new IntersectionObserver((entries) => this.#see(entries), {
            root: this.#list,
            rootMargin: `${AHEAD_PX}px 0px`,
        });
        this.#dragging = new RowDragging(this.#list, (id, belowId) => {
            this.#arrange(); // the rows follow what comes of it, which may be nothing
            events.onPlace(id, belowId);
        });
    }

    /** @param {string | null} id its row stands out; null: none does */
    hover(id) {
        for (const [rowId, {node}] of this.#rows) node.classList.toggle("is-hovered", rowId === id);
    }

    /** @param {string | null} id a field for its name opens in its row */
    rename(id) {
        const shown = id === null ? null : this.#rows.get(id);
        if (!shown || id === null || this.#options.isReadOnly || shown.row.annotation.isLocked) return;
        this.#renamedId = id;
        shown.node.scrollIntoView({block: "nearest"});
        const before = document.activeElement;
        const isOfRow = shown.node.contains(before);
        const field = nameField(shown.row, (name) => {
            this.#renamedId = null;
            this.#fill(shown);
            const next = isOfRow ? shown.node.querySelector(".bench-object-main") : before;
            if (next instanceof HTMLElement) next.focus();
            if (name !== null) this.#events.onRename(id, name);
        });
        shown.node.replaceChildren(field);
        field.focus();
        field.select();
    }

    /** @param {boolean} isOn whether rows can be dragged to other places */
    makeMovable(isOn) {
        void this.#dragging.switch(isOn && !this.#options.isReadOnly);
    }

    /** The image has become visible: what the rows show of it is drawn anew. */
    redraw() {
        for (const shown of this.#rows.values()) {
            shown.picture = null;
            if (shown.isFilled) this.#fill(shown);
        }
    }

    /**
     * @param {readonly ObjectRow[]} rows in the order of the list
     * @param {"loading" | "shown" | "missing"} state missing: there may be more, which could not be fetched
     */
    render(rows, state) {
        this.#count.textContent = state === "missing" ? "not loaded" : String(rows.length);
        this.#list.parentElement?.toggleAttribute("data-missing", state === "missing");
        this.#empty.hidden = rows.length > 0 || state !== "shown";
        this.#order = rows.map(({annotation}) => annotation.id);
        const ids = new Set(this.#order);
        for (const [id, {node}] of this.#rows) {
            if (ids.has(id)) continue;
            this.#sight.unobserve(node);
            node.remove();
            this.#rows.delete(id);
        }
        const before = this.#primaryId;
        this.#primaryId = rows.find(({isPrimary}) => isPrimary)?.annotation.id ?? null;
        for (const row of rows) this.#renderRow(row);
        if (!this.#dragging.isDragging) this.#arrange();
        if (this.#primaryId !== null && this.#primaryId !== before)
            this.#rows.get(this.#primaryId)?.node.scrollIntoView({block: "nearest"});
    }

    /** Puts the rows in their order. */
    #arrange() {
        let next = this.#list.firstElementChild;
        for (const id of this.#order) {
            const node = this.#rows.get(id)?.node;
            if (node && node === next) next = next.nextElementSibling;
            else if (node) this.#list.insertBefore(node, next);
        }
    }

    /** @param {ObjectRow} row */
    #renderRow(row) {
        const {id} = row.annotation;
        const {isSelected, isPrimary, annotation} = row;
        const known = this.#rows.get(id);
        const shown = known ?? this.#newRow(row);
        const {node, row: before} = shown;
        shown.row = row;
        if (before.annotation.segmentation !== annotation.segmentation) shown.picture = null;
        // Rows that did not change stay as they are, with the focus that may be in them.
        if (!known || CONTENTS.some((name) => before[name] !== row[name])) {
            node.setAttribute("aria-label", labelOf(row));
            node.classList.toggle("is-edited", row.isEdited);
            node.classList.toggle("is-hidden", row.isHidden);
            if (shown.isFilled) this.#fill(shown);
        }
        node.classList.toggle("is-selected", isSelected);
        node.classList.toggle("is-primary", isPrimary);
        markPressed(shown);
    }

    /** @param {ObjectRow} row @returns {Shown} */
    #newRow(row) {
        const {id} = row.annotation;
        const node = element("li", {class: "bench-object", "data-annotation-id": id});
        node.addEventListener("pointerenter", () => this.#events.onHover(id));
        node.addEventListener("pointerleave", () => this.#events.onHover(null));
        /** @type {Shown} */
        const shown = {node, row, isFilled: false, picture: null};
        this.#rows.set(id, shown);
        this.#sight.observe(node);
        return shown;
    }

    /** @param {IntersectionObserverEntry[]} entries */
    #see(entries) {
        for (const {target, isIntersecting} of entries) {
            const shown = this.#rows.get(target.getAttribute("data-annotation-id") ?? "");
            if (!shown) continue;
            if (isIntersecting && !shown.isFilled) this.#fill(shown);
            // A row that has the focus keeps it, however far one scrolls.
            else if (!isIntersecting && shown.isFilled && !shown.node.contains(document.activeElement)) {
                shown.isFilled = false;
                shown.node.replaceChildren();
            }
        }
    }

    /** @param {Shown} shown */
    #fill(shown) {
        const {id} = shown.row.annotation;
        if (id === this.#renamedId) return; // what is being typed stays
        const hadFocus = shown.node.contains(document.activeElement);
        shown.picture ??= this.#options.drawPicture(shown.row.annotation);
        shown.node.replaceChildren(...contentsOf(shown.row, shown.picture, this.#rowEvents, this.#options));
        shown.isFilled = true;
        markPressed(shown);
        if (hadFocus) find(".bench-object-main", HTMLElement, shown.node).focus();
    }
}

/**
 * Shows whether a row is selected. That changes for hundreds of rows at once: nothing of them is made anew.
 *
 * @param {Shown} shown
 */
function markPressed({node, row}) {
    const main = node.querySelector(".bench-object-main");
    const isPressed = String(row.isSelected);
    if (main && main.getAttribute("aria-pressed") !== isPressed) main.setAttribute("aria-pressed", isPressed);
}
