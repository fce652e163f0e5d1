/** One row of the list of objects: made when it comes into sight, empty otherwise. */

import {LONGEST_NAME} from "../../core/object-name.js";
import {qualityOf} from "../../core/quality.js";
import {button, element, icon} from "../elements.js";

/** @import {Annotation} from "../../core/types.d.ts" */
/** @import {How} from "../../session/several.js" */

/**
 * @typedef {object} ObjectRow
 * @property {Annotation} annotation
 * @property {string} category its name
 * @property {string} color
 * @property {number} number the same for everybody, and never another object's
 * @property {boolean} isSelected
 * @property {boolean} isPrimary of the selected ones
 * @property {boolean} isEdited
 * @property {boolean} isHidden
 * @property {boolean} isSaved
 */

/**
 * @typedef {object} ObjectsEvents
 * @property {(id: string, how: How, order: readonly string[]) => void} onSelect order: of the list, from the top
 * @property {(id: string) => void} onZoom
 * @property {(id: string) => void} onEdit
 * @property {(id: string) => void} onToggle
 * @property {(id: string) => void} onDelete
 * @property {(id: string, name: string) => void} onRename
 * @property {(id: string) => void} onUnlock
 * @property {(id: string) => void} onChecked
 * @property {(id: string, belowId: string | null) => void} onPlace dragged to another place: right above belowId, or last
 * @property {(id: string | null) => void} onHover null: none any more
 */

/**
 * @typedef {object} RowOptions
 * @property {boolean} isReadOnly
 * @property {{edit: () => string, delete: () => string, unlock: () => string, check: () => string}} tips
 * @property {(annotation: Annotation) => HTMLCanvasElement} drawPicture
 */

/**
 * What people call it: its own name, or category and number.
 *
 * @param {Pick<ObjectRow, "annotation" | "category" | "number">} row
 */
export function labelOf({annotation, category, number}) {
    return annotation.name ? `${annotation.name}, ${category} ${number}` : `${category} ${number}`;
}

/**
 * The contents of a row.
 *
 * @param {ObjectRow} row
 * @param {HTMLCanvasElement} picture
 * @param {Omit<ObjectsEvents, "onSelect" | "onHover"> & {onSelect: (id: string, how: How) => void}} events
 * @param {RowOptions} options
 * @returns {HTMLElement[]}
 */
export function contentsOf(row, picture, events, {isReadOnly, tips}) {
    const {id, isLocked, isToCheck} = row.annotation;
    const label = labelOf(row);
    const main = button(
        {class: "bench-object-main", title: `Look at ${label}; double click zooms to it`},
        (event) => events.onSelect(id, howOf(event)),
        framed(picture, row.color),
        nameOf(row),
        isToCheck && isReadOnly ? toCheckMark(row.annotation) : qualityMark(row.annotation.predictedIou),
    );
    main.addEventListener("dblclick", () => events.onZoom(id));
    const state = element(
        "span",
        {
            class: row.isSaved ? "bench-tick is-saved" : "bench-tick",
            title: row.isSaved ? "Saved" : "Not saved yet",
        },
        icon(row.isSaved ? "check" : "loader-circle"),
        element("span", {class: "visually-hidden"}, row.isSaved ? "saved" : "not saved yet"),
    );
    const eye = mini(
        `${row.isHidden ? "Show" : "Hide"} ${label}`,
        row.isHidden ? "Show" : "Hide",
        row.isHidden ? "eye-off" : "eye",
        () => events.onToggle(id),
    );
    const check = mini(
        `Mark ${label} as checked`,
        `${whyToCheck(row.annotation)}. ${tips.check()}`,
        "circle-check",
        () => events.onChecked(id),
    );
    check.classList.add("to-check");
    const own = isToCheck && !isReadOnly ? [check, eye] : [eye];
    if (isLocked) {
        const lock = isReadOnly
            ? element("span", {class: "bench-mini", title: "Locked"}, icon("lock"))
            : mini(`Unlock ${label}`, tips.unlock(), "lock", () => events.onUnlock(id));
        return [main, state, ...own, lock];
    }
    if (isReadOnly) return [main, state, eye];
    const pencil = mini(`Edit ${label}`, tips.edit(), "pencil", () => events.onEdit(id));
    pencil.setAttribute("aria-pressed", String(row.isEdited));
    return [
        main,
        state,
        ...own,
        pencil,
        mini(`Delete ${label}`, tips.delete(), "trash-2", () => events.onDelete(id)),
    ];
}

/**
 * A field in place of the name; Enter or going elsewhere keeps it, Escape does not.
 *
 * @param {ObjectRow} row
 * @param {(name: string | null) => void} onEnd null: as it was
 * @returns {HTMLInputElement}
 */
export function nameField(row, onEnd) {
    const field = /** @type {HTMLInputElement} */ (
        element("input", {
            ...{
                class: "bench-rename",
                type: "text",
                maxlength: String(LONGEST_NAME),
                spellcheck: "false",
                autocomplete: "off",
            },
            ...{"aria-label": `Name of ${labelOf(row)}`, placeholder: `${row.category} ${row.number}`},
        })
    );
    field.value = row.annotation.name ?? "";
    let isOver = false;
    const end = (/** @type {string | null} */ name) => {
        if (isOver) return;
        isOver = true;
        onEnd(name);
    };
    field.addEventListener("keydown", (event) => {
        event.stopPropagation();
        if (event.key === "Enter") end(field.value);
        else if (event.key === "Escape") end(null);
    });
    field.addEventListener("blur", () => end(field.value));
    return field;
}

/**
 * @param {HTMLCanvasElement} picture
 * @param {string} color
 */
function framed(picture, color) {
    const frame = element("span", {class: "bench-picture-frame"}, picture);
    frame.style.setProperty("--swatch", color);
    return frame;
}

/** However long the names are, the number is there. @param {ObjectRow} row */
function nameOf({annotation, category, number}) {
    return element(
        "span",
        {class: "bench-name"},
        element("span", {class: "bench-name-text"}, annotation.name || category),
        annotation.name ? element("span", {class: "bench-name-category"}, ` ${category}`) : "",
        element("span", {class: "bench-number number"}, ` ${number}`),
    );
}

/** @param {Annotation} annotation */
function toCheckMark(annotation) {
    return element("span", {class: "bench-quality to-check", title: whyToCheck(annotation)}, "to check");
}

/** @param {Annotation} annotation */
function whyToCheck({importedFrom}) {
    return `${importedFrom ? `Imported from ${importedFrom}` : "Imported"}; nobody has checked it yet`;
}

/** Only what is worth a second look is said. @param {number | null} predictedIou */
function qualityMark(predictedIou) {
    if (predictedIou === null) return "";
    const quality = qualityOf(predictedIou);
    return element(
        "span",
        {
            class: `bench-quality ${quality}`,
            title: `Predicted IoU ${predictedIou.toFixed(2).replace(/^0/, "")}`,
        },
        quality === "good" ? "" : quality,
    );
}

/**
 * @param {string} name for assistive tools
 * @param {string} title
 * @param {string} picture
 * @param {() => void} onClick
 */
function mini(name, title, picture, onClick) {
    return button({class: "bench-mini", "aria-label": name, title}, onClick, icon(picture));
}

/** As lists of files do it. @param {MouseEvent} event @returns {How} */
function howOf({shiftKey, ctrlKey, metaKey}) {
    if (shiftKey) return "range";
    return ctrlKey || metaKey ? "also" : "only";
}
