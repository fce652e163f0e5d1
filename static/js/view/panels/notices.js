/** What went wrong and what one can do about it, above the image. */

import {button, element, icon} from "../elements.js";

/**
 * @typedef {object} Notice
 * @property {string} key one notice to a key: a newer one takes its place
 * @property {"error" | "info"} kind
 * @property {string} text
 * @property {readonly {label: string, do: () => void}[]} actions
 */

export class Notices {
    #root;
    /** @type {Map<string, HTMLElement>} */
    #shown = new Map();

    /** @param {HTMLElement} root with role=alert */
    constructor(root) {
        this.#root = root;
    }

    /** @param {Notice} notice */
    show({key, kind, text, actions}) {
        const node = element(
            "div",
            {class: `bench-notice ${kind}`, "data-notice": key},
            icon(kind === "error" ? "triangle-alert" : "info"),
            element("span", {}, text),
            ...actions.map((action) => button({class: "button tight"}, action.do, action.label)),
        );
        const before = this.#shown.get(key);
        if (before) before.replaceWith(node);
        else this.#root.append(node);
        this.#shown.set(key, node);
    }

    /** @param {string} key */
    has(key) {
        return this.#shown.has(key);
    }

    /** @param {string} key */
    hide(key) {
        this.#shown.get(key)?.remove();
        this.#shown.delete(key);
    }
}
