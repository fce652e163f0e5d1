/**
 * The page's buttons with a command. The server has written them from the table (scripts/buttons.mjs), so that they are there
 * at the first paint; here they come to life, and show what the command's row says of its state.
 */

import {clickable, find, findAll, icon} from "../elements.js";

/** @import {Commands} from "../commands/commands.js" */
/** @import {Command} from "../commands/table.js" */

export class Toolbar {
    #commands;
    #keys;
    /** @type {{row: Command, node: HTMLButtonElement, words: HTMLElement | null, iconName: string}[]} */
    #buttons = [];

    /**
     * @param {ParentNode} root has a button for every row of the table that has a place
     * @param {Commands} commands
     */
    constructor(root, commands) {
        this.#commands = commands;
        for (const row of commands.rows) {
            if (!row.place || !commands.isOffered(row.action)) continue;
            const node = find(`[data-action=${row.action}]`, HTMLButtonElement, root);
            clickable(node, () => commands.perform(row.action));
            const words = row.words ? find("span", HTMLElement, node) : null;
            this.#buttons.push({row, node, words, iconName: row.icon ?? ""});
        }
        this.#keys = findAll("[data-key-of]", HTMLElement, root);
    }

    render() {
        for (const node of this.#keys) {
            const key = this.#commands.keyOf(node.dataset.keyOf ?? "");
            if (node.textContent !== key) node.textContent = key;
        }
        for (const shown of this.#buttons) {
            const {row, node, words} = shown;
            const isOn = this.#commands.isOn(row.action);
            const tip = this.#commands.tipOf(row.action);
            if (node.title !== tip) {
                node.title = tip;
                node.setAttribute("aria-keyshortcuts", this.#commands.ariaKeysOf(row.action));
            }
            node.disabled = !this.#commands.applies(row.action);
            if (isOn !== null) node.setAttribute("aria-pressed", String(isOn));
            const text = this.#commands.wordsOn(row.action);
            if (words && words.textContent !== text) words.textContent = text;
            const iconName = (isOn && row.iconOn) || row.icon || "";
            if (iconName === shown.iconName) continue;
            node.querySelector(".icon")?.remove();
            node.prepend(icon(iconName));
            shown.iconName = iconName;
        }
    }
}
