/** The bar on top: which image, how its embedding is doing, whether everything is saved. */

import {element, find, icon} from "../elements.js";
import {skippedBecause} from "../words.js";

/** @import {ImageRow} from "../../session/ports.d.ts" */

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

    /** @param {ImageRow} image what people say of it */
    showMarks(image) {
        this.#root.dataset.imageState = image.state;
        const skipped = find("[data-skipped]", HTMLElement, this.#root);
        showMark(skipped, image.state === "skipped", "ban", "Skipped", skippedBecause(image));
        const flagged = find("[data-flagged]", HTMLElement, this.#root);
        showMark(flagged, image.isFlagged, "flag", "Flagged", image.flagNote);
    }

    /** @param {Badge & {answers: string}} badge answers: the title of the model that answers; "": none does */
    showModel({answers, ...badge}) {
        const node = find("[data-model-state]", HTMLElement, this.#root);
        const isFine = badge.tone === "good"; // as it should be: its name says enough
        node.hidden = isFine;
        node.title = badge.text;
        show(node, badge);
        const name = find("[data-model-name]", HTMLElement, this.#root);
        name.hidden = answers === "";
        // Where there is room, the badge of what is being prepared says who answers meanwhile.
        name.classList.toggle("spare", !isFine);
        name.textContent = answers;
        name.title = `${answers} answers`;
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

/**
 * @param {HTMLElement} node
 * @param {boolean} isShown
 * @param {string} iconName
 * @param {string} text
 * @param {string} more what the pointer is told; the page shows as much as there is room for
 */
function showMark(node, isShown, iconName, text, more) {
    node.hidden = !isShown;
    if (!isShown || (node.textContent === text + more && node.title !== "")) return;
    node.title = more ? `${text}: ${more}` : text;
    const [label, words] = [element("span", {}, text), element("span", {class: "quiet"}, more)];
    node.replaceChildren(icon(iconName), label, words);
}
