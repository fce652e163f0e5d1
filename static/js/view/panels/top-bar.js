/** The bar on top: which image, how its embedding is doing, whether everything is saved. */

import {find, icon, keepFocus} from "../elements.js";

/** @import {ImageState} from "../../core/types.d.ts" */

/** @typedef {{tone: "good" | "working" | "waiting" | "bad", text: string}} Badge icon and colour follow from the tone */

const ICONS = {good: "circle-check", working: "loader-circle", waiting: "clock", bad: "triangle-alert"};

export class TopBar {
    #root;

    /**
     * @param {HTMLElement} root
     * @param {(action: string) => void} perform what a button's data-action names
     */
    constructor(root, perform) {
        this.#root = root;
        for (const node of root.querySelectorAll("[data-action]")) {
            if (!(node instanceof HTMLElement)) continue;
            keepFocus(node);
            node.addEventListener("click", () => perform(node.dataset.action ?? ""));
        }
    }

    /**
     * @param {object} scene
     * @param {{name: string}} scene.project
     * @param {{name: string}} scene.image
     * @param {{previous: number | null, next: number | null, position: number, total: number}} scene.siblings
     */
    showImage({project, image, siblings}) {
        find("[data-project-name]", HTMLElement, this.#root).textContent = project.name;
        find("[data-image-name]", HTMLElement, this.#root).textContent = image.name;
        find("[data-position]", HTMLElement, this.#root).textContent =
            `${siblings.position} of ${siblings.total}`;
        find("[data-action=previous-image]", HTMLButtonElement, this.#root).disabled =
            siblings.previous === null;
        find("[data-action=next-image]", HTMLButtonElement, this.#root).disabled = siblings.next === null;
        document.title = `${image.name} · ${project.name} · Maskwright`;
    }

    /**
     * @param {ImageState} state
     * @param {boolean} hasNext
     */
    showDone(state, hasNext) {
        const done = this.#root.querySelector("[data-action=done]");
        if (!done) return;
        const label = state === "done" ? "Done" : "Mark done";
        find("[data-label]", HTMLElement, done).textContent = label;
        done.classList.toggle("is-done", state === "done");
        const marks = hasNext ? "Mark this image done and go to the next (D)" : "Mark this image done (D)";
        done.setAttribute(
            "title",
            state === "done" ? "This image is done; mark it as in progress again (D)" : marks,
        );
    }

    /** @param {Badge} badge */
    showModel(badge) {
        show(find("[data-model-state]", HTMLElement, this.#root), badge);
    }

    /**
     * @param {"saved" | "saving" | "unsaved"} state
     * @param {Badge} badge
     */
    showSaving(state, badge) {
        const node = find("[data-save-state]", HTMLElement, this.#root);
        node.dataset.saveState = state;
        show(node, badge);
    }
}

/**
 * @param {HTMLElement} node
 * @param {Badge} badge
 */
function show(node, {tone, text}) {
    if (node.dataset.tone === tone && node.textContent === text) return; // nothing new to read out
    node.dataset.tone = tone;
    node.className = `badge ${tone}`;
    const label = document.createElement("span");
    label.textContent = text;
    node.replaceChildren(icon(ICONS[tone]), label);
}
