/** Text that a person takes along. */

import {element} from "../elements.js";

/**
 * Copies a field's text where the browser lets us (only https and localhost have a clipboard), and selects it, so that a person
 * can.
 *
 * @param {HTMLInputElement} field
 * @returns {Promise<boolean>} whether it is copied
 */
export async function copyFrom(field) {
    field.focus();
    field.select();
    if (!navigator.clipboard) return false;
    return navigator.clipboard.writeText(field.value).then(
        () => true,
        () => false,
    );
}

/**
 * Copies a link, and shows it at the end of its row, for browsers that give no clipboard.
 *
 * @param {Element | null} row
 * @param {string} url
 * @returns {Promise<boolean>} whether it is copied
 */
export async function copyLink(row, url) {
    const field = element("input", {
        type: "text",
        class: "link",
        readonly: true,
        value: url,
        "aria-label": "Link",
    });
    row?.querySelector("input.link")?.remove();
    row?.append(field);
    return copyFrom(field);
}
