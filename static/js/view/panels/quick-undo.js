/** A way back beside the pointer, for a moment: in quick mode a click saves a mask that nobody has looked at before. */

import {button, element} from "../elements.js";

const SHOWN_MS = 2500;
const AWAY_PX = 18;

export class QuickUndo {
    #stage;
    #place = {x: 0, y: 0};
    /** @type {HTMLElement | null} */
    #node = null;

    /** @param {HTMLElement} stage */
    constructor(stage) {
        this.#stage = stage;
        stage.addEventListener(
            "pointerup",
            ({clientX, clientY}) => (this.#place = {x: clientX, y: clientY}),
            {
                capture: true,
            },
        );
    }

    /**
     * @param {string} name of the mask that was saved
     * @param {() => void} undo
     */
    offer(name, undo) {
        this.#node?.remove();
        const node = element(
            "div",
            {class: "bench-quick-undo", role: "status"},
            `${name} `,
            button({class: "button tight"}, () => (node.remove(), undo()), "Undo"),
        );
        const box = this.#stage.getBoundingClientRect();
        node.style.left = `${Math.min(this.#place.x - box.x + AWAY_PX, box.width - 160)}px`;
        node.style.top = `${Math.min(this.#place.y - box.y + AWAY_PX, box.height - 40)}px`;
        this.#stage.after(node);
        this.#node = node;
        setTimeout(() => node.remove(), SHOWN_MS);
    }
}
