/** Under the image: the mask candidates of the prompt, or what to do next. */

import {button, element} from "../elements.js";
import {candidatePictures} from "./candidate-pictures.js";

/** @import {Candidate, Category, ImageSize} from "../../types.d.ts" */
/** @import {LogitsShape} from "../../core/mask.js" */

export class PromptBar {
    #root;
    #onChoose;
    #onSave;
    #drawn = "";

    /**
     * @param {HTMLElement} root
     * @param {(index: number) => void} onChoose a decoder output
     * @param {() => void} onSave
     */
    constructor(root, onChoose, onSave) {
        this.#root = root;
        this.#onChoose = onChoose;
        this.#onSave = onSave;
    }

    /**
     * @param {object} content
     * @param {readonly Candidate[]} content.candidates
     * @param {Candidate | null} content.shown
     * @param {LogitsShape | null} content.shape of the candidates' logits
     * @param {ImageSize} content.imageSize
     * @param {string} content.color
     * @param {Category | null} content.save what it would be saved as; null: there is nothing to save
     * @param {string} content.hint
     */
    render({candidates, shown, shape, imageSize, color, save, hint}) {
        const numbers = candidates.map(({index, predictedIou}) => [index, predictedIou]);
        const state = JSON.stringify([numbers, shown?.index, color, save, hint]);
        if (state === this.#drawn) return;
        this.#drawn = state;
        const pictures = shape ? candidatePictures(candidates, imageSize, shape, color) : [];
        const chips = candidates.map((candidate, k) => {
            const isShown = candidate === shown;
            const iou = Math.min(Math.max(candidate.predictedIou, 0), 1).toFixed(2).replace(/^0/, "");
            return button(
                {
                    class: "bench-candidate",
                    "data-candidate": true,
                    "aria-pressed": String(isShown),
                    title: `Predicted IoU ${iou}, stability ${candidate.stabilityScore.toFixed(2)}`,
                },
                () => this.#onChoose(candidate.index),
                pictures[k] ?? "",
                element("span", {class: "visually-hidden"}, `Mask candidate ${k + 1}, predicted IoU `),
                element("span", {class: "number"}, iou),
            );
        });
        this.#root.replaceChildren(...chips, save ? this.#saveButton(save) : "", element("span", {class: "bench-hint"}, ...withKeys(hint)));
    }

    /** @param {Category} category */
    #saveButton(category) {
        const swatch = element("span", {class: "swatch"});
        swatch.style.setProperty("--swatch", category.color);
        return button({class: "bench-save", title: "Save the mask (Enter)"}, this.#onSave, swatch, `Save as ${category.name}`, element("kbd", {}, "Enter"));
    }
}

/** Words in [brackets] are keys. @param {string} text */
function withKeys(text) {
    return text.split(/\[([^\]]+)\]/).map((part, k) => (k % 2 === 1 ? element("kbd", {}, part) : part));
}
