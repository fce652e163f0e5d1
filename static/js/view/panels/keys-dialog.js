/** The keys, read from the table that works them. */

import {element, find} from "../elements.js";
import {POINTER_HELP, SHORTCUTS} from "../keymap.js";

export class KeysDialog {
    #dialog;

    /** @param {HTMLDialogElement} dialog */
    constructor(dialog) {
        this.#dialog = dialog;
        const groups = ["Prompt", "Masks", "Images", "View"].map((group) =>
            section(
                group,
                SHORTCUTS.filter((shortcut) => shortcut.group === group),
            ),
        );
        find("[data-keys]", HTMLElement, dialog).append(section("Mouse", POINTER_HELP), ...groups);
        find("[data-close]", HTMLElement, dialog).addEventListener("click", () => dialog.close());
        dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
        dialog.addEventListener("keydown", (event) => event.key === "?" && dialog.close());
    }

    show() {
        this.#dialog.showModal();
    }
}

/**
 * @param {string} title
 * @param {readonly {shown: string, does: string}[]} rows
 */
function section(title, rows) {
    const list = element("dl", {});
    for (const {shown, does} of rows) {
        const keys = shown
            .split(/\s{2,}|, /)
            .map((chord) => element("span", {}, ...chord.split(" ").map(keyCap)));
        list.append(element("div", {}, element("dt", {}, ...keys), element("dd", {}, does)));
    }
    return element("section", {}, element("h3", {}, title), list);
}

/** @param {string} text */
function keyCap(text) {
    return /^[a-z–]/.test(text) ? ` ${text} ` : element("kbd", {}, text);
}
