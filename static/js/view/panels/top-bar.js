/** The bar on top: which image, how its embedding is doing, whether everything is saved. */

import {find, icon} from "../elements.js";

/** @import {ImageState} from "../../core/types.d.ts" */

/** @typedef {{tone: "good" | "working" | "waiting" | "bad", text: string}} Badge icon and colour follow from the tone */

const ICONS = {good: "circle-check", working: "loader-circle", waiting: "clock", bad: "triangle-alert"};

export class TopBar {
    #root;

    /** @param {HTMLElement} root */
    constructor(root) {
        this.#root = root;
    }

    /**
     * @param {object} scene
     * @param {{name: string}} scene.project
     * @param {{name: string}} scene.image
     * @param {{position: number, total: number}} scene.siblings
     */
    showImage({project, image, siblings}) {
        find("[data-project-name]", HTMLElement, this.#root).textContent = project.name;
        find("[data-image-name]", HTMLElement, this.#root).textContent = image.name;
        find("[data-position]", HTMLElement, this.#root).textContent =
            `${siblings.position} of ${siblings.total}`;
        document.title = `${image.name} · ${project.name} · Maskwright`;
    }

    /** @param {ImageState} state */
    showState(state) {
        this.#root.dataset.imageState = state;
    }

    /** @param {Badge} badge */
    showModel(badge) {
        const node = find("[data-model-state]", HTMLElement, this.#root);
        node.hidden = badge.tone === "good"; // as it should be: nothing to say
        show(node, badge);
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
