/** The page's buttons with a command, made from the table: place, icon, words, tooltip, keys and state are the row's. */

import {button, element, find, findAll, icon} from "../elements.js";

/** @import {Commands} from "../commands/commands.js" */
/** @import {Command} from "../commands/table.js" */

export class Toolbar {
    #commands;
    /** @type {{row: Command, node: HTMLButtonElement, words: HTMLElement, iconName: string}[]} */
    #buttons = [];

    /**
     * @param {ParentNode} root has a [data-place] for every place of the table, with its buttons' class
     * @param {Commands} commands
     */
    constructor(root, commands) {
        this.#commands = commands;
        for (const row of commands.rows) {
            if (!row.place || !commands.isOffered(row.action)) continue;
            const place = find(`[data-place=${row.place}]`, HTMLElement, root);
            const words = element("span");
            const node = button(
                {
                    class: place.dataset.buttonClass ?? "",
                    "data-action": row.action,
                    "aria-label": row.words ? null : (row.name ?? row.title),
                    "aria-keyshortcuts": commands.ariaKeysOf(row.action),
                },
                () => commands.perform(row.action),
                ...(row.words ? [words] : []),
            );
            place.append(node);
            this.#buttons.push({row, node, words, iconName: ""});
        }
        for (const node of findAll("[data-key-of]", HTMLElement, root))
            node.textContent = commands.keyOf(node.dataset.keyOf ?? "");
    }

    render() {
        for (const shown of this.#buttons) {
            const {row, node, words} = shown;
            const isOn = this.#commands.isOn(row.action);
            const tip = this.#commands.tipOf(row.action);
            if (node.title !== tip) node.title = tip;
            node.disabled = !this.#commands.applies(row.action);
            if (isOn !== null) node.setAttribute("aria-pressed", String(isOn));
            const text = this.#commands.wordsOn(row.action);
            if (words.textContent !== text) words.textContent = text;
            const iconName = (isOn && row.iconOn) || row.icon || "";
            if (iconName === shown.iconName) continue;
            node.querySelector(".icon")?.remove();
            node.prepend(icon(iconName));
            shown.iconName = iconName;
        }
    }
}
