/** The menu behind the zoom's figure: the commands that zoom, with their keys. */

import {button, element} from "../elements.js";

/** @import {Commands} from "../commands/commands.js" */

const ROWS = /** @type {const} */ ([
    ["fit", "Fit"],
    ["zoom-object", "Selected object"],
    ["zoom-100", "100 %"],
    ["zoom-200", "200 %"],
    ["zoom-in", "Larger"],
    ["zoom-out", "Smaller"],
]);

export class ZoomMenu {
    #root;
    #commands;

    /**
     * @param {HTMLElement} root a popover
     * @param {Commands} commands
     */
    constructor(root, commands) {
        this.#root = root;
        this.#commands = commands;
        root.addEventListener("beforetoggle", (event) => {
            if (/** @type {ToggleEvent} */ (event).newState === "open") this.#fill();
        });
        root.addEventListener("keydown", (event) => this.#move(event));
    }

    #fill() {
        this.#root.replaceChildren(
            ...ROWS.map(([action, words]) => {
                const key = this.#commands.keyOf(action);
                const row = button(
                    {role: "menuitem", "data-zoom-to": action, autofocus: action === ROWS[0][0]},
                    () => {
                        this.#root.hidePopover();
                        this.#commands.perform(action);
                    },
                    element("span", {}, words),
                    ...(key ? [element("kbd", {}, key)] : []),
                );
                row.disabled = !this.#commands.applies(action);
                return row;
            }),
        );
    }

    /** @param {KeyboardEvent} event */
    #move(event) {
        const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
        if (!step) return;
        event.preventDefault();
        event.stopPropagation();
        const rows = /** @type {NodeListOf<HTMLButtonElement>} */ (
            this.#root.querySelectorAll("button:enabled")
        );
        const at = [...rows].findIndex((row) => row === document.activeElement);
        rows[(at + step + rows.length) % rows.length].focus();
    }
}
