/** The page's buttons with a command: each gets icon, tooltip, keys and state from the table. */

import {findAll, icon, keepFocus} from "../elements.js";

/** @import {Commands} from "../commands/commands.js" */

export class Toolbar {
    #commands;
    /** @type {{action: string, node: HTMLButtonElement, iconName: string}[]} */
    #buttons;

    /**
     * @param {ParentNode} root its buttons have a data-action
     * @param {Commands} commands
     */
    constructor(root, commands) {
        this.#commands = commands;
        this.#buttons = findAll("[data-action]", HTMLButtonElement, root).map((node) => {
            const action = node.dataset.action ?? "";
            node.setAttribute("aria-keyshortcuts", commands.ariaKeysOf(action));
            keepFocus(node);
            node.addEventListener("click", () => commands.perform(action));
            return {action, node, iconName: ""};
        });
        for (const node of findAll("[data-key-of]", HTMLElement, root))
            node.textContent = commands.keyOf(node.dataset.keyOf ?? "");
    }

    render() {
        for (const button of this.#buttons) {
            const {action, node} = button;
            const row = this.#commands.get(action);
            const isOn = this.#commands.isOn(action);
            const tip = this.#commands.tipOf(action);
            if (node.title !== tip) node.title = tip;
            node.disabled = !this.#commands.applies(action);
            if (isOn !== null) node.setAttribute("aria-pressed", String(isOn));
            const iconName = (isOn && row.iconOn) || row.icon || "";
            if (iconName === button.iconName) continue;
            node.querySelector(".icon")?.remove();
            node.prepend(icon(iconName));
            button.iconName = iconName;
        }
    }
}
