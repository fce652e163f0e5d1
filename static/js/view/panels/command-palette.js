/** Every command by a part of its name, for those whose key one does not remember. */

import {closeByClick, element, find} from "../elements.js";
import {wordsOf} from "../commands/chords.js";

/** @import {Commands} from "../commands/commands.js" */
/** @import {Command} from "../commands/table.js" */

export class CommandPalette {
    #dialog;
    #commands;
    #field;
    #list;
    /** @type {readonly Command[]} */
    #found = [];
    #at = 0;

    /**
     * @param {HTMLDialogElement} dialog
     * @param {Commands} commands
     */
    constructor(dialog, commands) {
        this.#dialog = dialog;
        this.#commands = commands;
        this.#field = find("input", HTMLInputElement, dialog);
        this.#list = find("[data-found]", HTMLElement, dialog);
        this.#field.addEventListener("input", () => this.#show(0));
        this.#field.addEventListener("keydown", (event) => {
            const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
            if (step) this.#show(this.#at + step);
            else if (event.key === "Enter") this.#perform(this.#at);
            else return;
            event.preventDefault();
        });
        closeByClick(dialog);
    }

    show() {
        this.#field.value = "";
        this.#dialog.showModal();
        this.#show(0);
    }

    /** @param {number} at of those found: the one that Enter performs */
    #show(at) {
        const words = this.#field.value.toLowerCase().split(" ").filter(Boolean);
        this.#found = this.#commands.rows.filter(
            ({action, title}) =>
                action !== "palette" &&
                this.#commands.applies(action) &&
                words.every((word) => title.toLowerCase().includes(word)),
        );
        this.#at = Math.min(Math.max(at, 0), Math.max(0, this.#found.length - 1));
        this.#list.replaceChildren(...this.#found.map((row, k) => this.#row(row, k)));
        if (this.#found.length === 0)
            this.#list.append(
                element("li", {class: "quiet", role: "presentation"}, "No command has these words."),
            );
        this.#list.children[this.#at]?.scrollIntoView({block: "nearest"});
        this.#field.setAttribute("aria-activedescendant", `found-${this.#at}`);
    }

    /**
     * @param {Command} row
     * @param {number} k
     */
    #row({title, keys}, k) {
        const caps = keys.slice(0, 1).map((chord) => element("kbd", {}, wordsOf(chord)));
        const attributes = {role: "option", id: `found-${k}`, "aria-selected": String(k === this.#at)};
        const node = element("li", attributes, element("span", {}, title), ...caps);
        node.addEventListener("click", () => this.#perform(k));
        return node;
    }

    /** @param {number} at */
    #perform(at) {
        const row = this.#found[at];
        this.#dialog.close();
        if (row) this.#commands.perform(row.action);
    }
}
