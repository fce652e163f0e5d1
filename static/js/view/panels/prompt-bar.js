/** Under the image: the mask candidates of the prompt, or what to do next. */

import {nestedNames} from "../../core/candidates.js";
import {qualityOf} from "../../core/quality.js";
import {button, element, icon} from "../elements.js";
import {candidatePictures} from "./candidate-pictures.js";

/** @import {Candidate, Category, ImageSize} from "../../core/types.d.ts" */
/** @import {LogitsGrid} from "../../core/mask.js" */

export class PromptBar {
    #root;
    #onChoose;
    #save;
    #drawn = "";
    /** @type {readonly Candidate[]} */
    #candidates = [];
    /** @type {HTMLCanvasElement[]} */
    #pictures = [];
    #pictureColor = "";
    /** @type {readonly string[]} */
    #names = [];

    /**
     * @param {HTMLElement} root
     * @param {(index: number) => void} onChoose a decoder output
     * @param {{onSave: () => void, tip: () => string, key: () => string}} save
     */
    constructor(root, onChoose, save) {
        this.#root = root;
        this.#onChoose = onChoose;
        this.#save = save;
    }

    /** Whether it shows a candidate already. @param {Candidate} candidate */
    holds(candidate) {
        return this.#candidates.includes(candidate);
    }

    /**
     * @param {object} content
     * @param {readonly Candidate[]} content.candidates
     * @param {Candidate | null} content.shown
     * @param {LogitsGrid | null} content.grid of the candidates' logits
     * @param {ImageSize} content.imageSize of what the candidates' logits lie over
     * @param {string} content.color
     * @param {Category | null} content.save what it would be saved as; null: there is nothing to save
     * @param {string} content.edited the saved mask that it would replace; empty: it is a new object's
     * @param {string} content.hint
     */
    render({candidates, shown, grid, imageSize, color, save, edited, hint}) {
        const areSame =
            candidates.length === this.#candidates.length &&
            candidates.every((one, k) => one === this.#candidates[k]);
        const state = JSON.stringify([shown?.index, color, save, edited, hint, this.#save.key()]);
        if (areSame && state === this.#drawn) return;
        this.#drawn = state;
        if (grid && !(areSame && color === this.#pictureColor)) {
            this.#candidates = candidates;
            this.#pictures = candidatePictures(candidates, imageSize, grid, color);
            this.#pictureColor = color;
            this.#names = nestedNames(candidates, imageSize, grid);
        }
        const chips = candidates.map((candidate, k) => {
            const isShown = candidate === shown;
            const iou = Math.min(Math.max(candidate.predictedIou, 0), 1).toFixed(2).replace(/^0/, "");
            const quality = qualityOf(candidate.predictedIou);
            const name = this.#names[k] ?? "";
            return button(
                {
                    class: "bench-candidate",
                    "data-candidate": String(candidate.index),
                    "aria-pressed": String(isShown),
                    title: `${name ? `${name}: ` : ""}predicted IoU ${iou}, stability ${candidate.stabilityScore.toFixed(2)}`,
                },
                () => this.#onChoose(candidate.index),
                this.#pictures[k] ?? "",
                element("span", {class: "visually-hidden"}, `Mask candidate ${k + 1}: `),
                name ? element("span", {}, name) : "",
                element("span", {class: `bench-quality ${quality}`}, quality),
            );
        });
        this.#root.toggleAttribute("data-editing", edited !== "");
        this.#root.replaceChildren(
            edited ? element("span", {class: "bench-editing"}, icon("pencil"), `Editing ${edited}`) : "",
            ...chips,
            save ? this.#saveButton(save, edited) : "",
            element("span", {class: "bench-hint"}, ...withKeys(hint)),
        );
    }

    /**
     * @param {Category} category
     * @param {string} edited
     */
    #saveButton(category, edited) {
        const swatch = element("span", {class: "swatch"});
        swatch.style.setProperty("--swatch", category.color);
        const {onSave} = this.#save;
        const key = this.#save.key();
        const keyCap = key ? element("kbd", {}, key) : "";
        const words = edited ? `Update ${edited}` : `Save as ${category.name}`;
        return button({class: "bench-save", title: this.#save.tip()}, onSave, swatch, words, keyCap);
    }
}

/** Words in [brackets] are keys. @param {string} text */
function withKeys(text) {
    return text.split(/\[(.[^\]]*)\]/).map((part, k) => (k % 2 === 1 ? element("kbd", {}, part) : part));
}
