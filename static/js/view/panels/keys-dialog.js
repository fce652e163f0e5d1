/** The keys, read from the table that works them. */

import {chordOf, wordsOf} from "../commands/chords.js";
import {POINTER_HELP} from "../commands/table.js";
import {element, find} from "../elements.js";

/** @import {Commands} from "../commands/commands.js" */

/** `shown`: chords, with two spaces or a comma between them. @typedef {{shown: string, does: string}} Help */

export class KeysDialog {
    #dialog;

    /**
     * @param {HTMLDialogElement} dialog
     * @param {Commands} commands
     */
    constructor(dialog, commands) {
        this.#dialog = dialog;
        const groups = new Map(commands.rows.map(({group}) => [group, /** @type {Help[]} */ ([])]));
        for (const {group, keys, title} of commands.rows)
            groups.get(group)?.push({shown: keys.map(wordsOf).join("  "), does: title});
        find("[data-keys]", HTMLElement, dialog).append(
            section("Mouse", POINTER_HELP),
            ...[...groups].map(([group, rows]) => section(group, rows)),
        );
        find("[data-close]", HTMLElement, dialog).addEventListener("click", () => dialog.close());
        dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
        dialog.addEventListener("keydown", (event) => {
            if (commands.actionOf(chordOf(event)) === "keys") dialog.close();
        });
    }

    show() {
        this.#dialog.showModal();
    }
}

/**
 * @param {string} title
 * @param {readonly Help[]} rows
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
