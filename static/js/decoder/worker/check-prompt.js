/**
 * What no decoder is asked: kernels compute with whatever they are handed, and some of them would answer.
 *
 * segmentation/prompts.py and segmentation/predictor.py refuse the same in Python.
 */

import {BACKGROUND, FOREGROUND, buildPromptTensors} from "../../core/prompt.js";
import {DecoderError} from "../protocol.js";
import {isAllFinite} from "./decode.js";

/** @import {Bundle, ImageSize, PromptStep, Rle} from "../../core/types.d.ts" */

/**
 * @param {readonly PromptStep[]} steps
 * @param {Float32Array | null} maskInput
 * @param {ImageSize} imageSize that the steps are in the pixels of
 * @param {Bundle} bundle
 * @throws {DecoderError} prompt_malformed
 */
export function checkPrompt(steps, maskInput, imageSize, bundle) {
    for (const step of steps) {
        if (step.kind === "point") checkLabel(step.label);
        else if (step.box.x1 < step.box.x0 || step.box.y1 < step.box.y0)
            refuse("A box of the prompt ends before it begins. Draw it again.");
    }
    // As the decoder gets them: what is a number here may be none in float32.
    if (!isAllFinite(buildPromptTensors(steps, imageSize, bundle).pointCoords))
        refuse("A point or a box of the prompt has a place that is no number. Set it again.");
    if (!maskInput) return;
    const expected = bundle.lowResSide ** 2;
    if (maskInput.length !== expected) {
        refuse(
            `The mask to go on from has ${maskInput.length} values, the model takes ${expected}. Begin the prompt anew.`,
        );
    }
    if (!isAllFinite(maskInput))
        refuse("The mask to go on from holds values that are no numbers. Begin the prompt anew.");
}

/**
 * @param {Rle} mask that a prompt goes on from
 * @param {ImageSize} imageSize of the whole image
 * @throws {DecoderError} prompt_malformed
 */
export function checkBase({size: [height, width]}, imageSize) {
    if (height === imageSize.height && width === imageSize.width) return;
    refuse(
        `The mask to go on from has ${height} x ${width} pixels, the image ${imageSize.height} x ${imageSize.width}. ` +
            "Reload the page.",
    );
}

/** @param {unknown} label */
function checkLabel(label) {
    if (label !== FOREGROUND && label !== BACKGROUND)
        refuse("A point of the prompt is neither foreground nor background. Set it again.");
}

/** @param {string} sentence @returns {never} */
function refuse(sentence) {
    throw new DecoderError("prompt_malformed", sentence);
}
