/** Under the image: the mask candidates of the prompt, or what to do next. */

import {button, element} from "../elements.js";

/** @import {Candidate} from "../../types.d.ts" */

export class PromptBar {
    #root;
    #onChoose;

    /**
     * @param {HTMLElement} root
     * @param {(index: number) => void} onChoose a decoder output
     */
    constructor(root, onChoose) {
        this.#root = root;
        this.#onChoose = onChoose;
    }

    /**
     * @param {readonly Candidate[]} candidates
     * @param {Candidate | null} shown
     * @param {string} hint
     */
    render(candidates, shown, hint) {
        const chips = candidates.map((candidate, k) => {
            const isShown = candidate === shown;
            const iou = Math.min(Math.max(candidate.predictedIou, 0), 1).toFixed(2).replace(/^0/, "");
            return button(
                {
                    class: "bench-candidate",
                    "aria-pressed": String(isShown),
                    "aria-label": `Mask candidate ${k + 1}, predicted IoU ${iou}`,
                    title: `Predicted IoU ${iou}, stability ${candidate.stabilityScore.toFixed(2)}`,
                },
                () => this.#onChoose(candidate.index),
                element("span", {class: "bench-candidate-number"}, String(k + 1)),
                element("span", {class: "number"}, iou),
            );
        });
        this.#root.replaceChildren(...chips, element("span", {class: "bench-hint"}, ...withKeys(hint)));
    }
}

/** Words in [brackets] are keys. @param {string} text */
function withKeys(text) {
    return text.split(/\[([^\]]+)\]/).map((part, k) => (k % 2 === 1 ? element("kbd", {}, part) : part));
}
