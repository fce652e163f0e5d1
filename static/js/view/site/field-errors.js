/** What the server says about single fields, beside these fields. */

import {element} from "../elements.js";
import {fieldSentences} from "../words.js";

const FIELDS = "input, select, textarea";

let count = 0; // for ids that no other error of the page has

/** What a page finds out about a field by itself. */
export class FieldError extends Error {
    /**
     * @param {string} name of the field
     * @param {string} text
     */
    constructor(name, text) {
        super(text);
        this.name = "FieldError";
        this.fields = {[name]: [text]};
    }
}

/**
 * @param {Element} from the form that was sent, or the part or the one field of it that was
 * @param {unknown} error
 * @returns {boolean} whether all that the error says is shown; the first of its fields has the focus then
 */
export function showFieldErrors(from, error) {
    const fields = fieldsOf(from);
    const sentences = [...fieldSentences(error)];
    const shown = sentences.map(([name, text]) => ({field: fields.find((each) => each.name === name), text}));
    if (shown.length === 0 || shown.some(({field}) => !field || field.type === "hidden")) return false;
    for (const {field, text} of shown) if (field) mark(field, text);
    shown[0].field?.focus();
    return true;
}

/** @param {Element} from as `showFieldErrors` had it */
export function clearFieldErrors(from) {
    for (const field of fieldsOf(from)) unmark(field);
}

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Field */

/** @param {Element} from @returns {Field[]} */
function fieldsOf(from) {
    const fields = [...from.querySelectorAll(FIELDS), ...(from.matches(FIELDS) ? [from] : [])];
    return /** @type {Field[]} */ (fields);
}

/**
 * @param {Field} field
 * @param {string} text
 */
function mark(field, text) {
    unmark(field);
    const id = `field-error-${++count}`;
    const note = element("p", {class: "field-error", id, role: "alert"}, text);
    // A form in one line has its errors below that line, where there is room for a sentence.
    const line = field.closest(".inline-form, .category-row");
    if (line) line.append(note);
    else field.after(note);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-errormessage", id);
    field.addEventListener("input", () => unmark(field), {once: true});
}

/** @param {Field} field */
function unmark(field) {
    const id = field.getAttribute("aria-errormessage");
    if (id === null) return;
    document.getElementById(id)?.remove();
    field.removeAttribute("aria-errormessage");
    field.removeAttribute("aria-invalid");
}
