/**
 * A prompt: what a person told the model about one instance, step by step, what the decoder is fed for it, and which of
 * the decoder's outputs are offered.
 *
 * segmentation/prompts.py has the same rules; both are held to tests/data/prompt_cases.json.
 */

import {imageToModel} from "./frames.js";

/** @import {BaseMask, ImageBox, ImagePoint, ImageSize, ModelSquare, Outputs, PointLabel, Prompt, PromptStep} from "./types.d.ts" */

export const BACKGROUND = 0;
export const FOREGROUND = 1;
const BOX_TOP_LEFT = 2;
const BOX_BOTTOM_RIGHT = 3;
const PADDING = -1;

/** @type {Prompt} */
export const EMPTY_PROMPT = Object.freeze({steps: Object.freeze([])});

/** @param {Prompt} prompt */
export function isEmpty(prompt) {
    return prompt.steps.length === 0;
}

/**
 * @param {Prompt} prompt
 * @param {ImagePoint} point
 * @param {PointLabel} label
 * @returns {Prompt}
 */
export function withPoint(prompt, point, label) {
    return {...prompt, steps: [...prompt.steps, {kind: "point", point, label, maskIndex: null}]};
}

/**
 * A prompt has at most one box: a new one takes the old one's place as the newest step.
 *
 * @param {Prompt} prompt
 * @param {ImageBox} box
 * @returns {Prompt}
 */
export function withBox(prompt, box) {
    const boxAt = prompt.steps.findIndex((step) => step.kind === "box");
    const kept = withBase(
        prompt.steps.filter((step) => step.kind !== "box"),
        baseOf(prompt),
    );
    // What was chosen after the old box was chosen for another mask: the steps from there on are decoded anew.
    const steps = kept.map((step, k) => (boxAt >= 0 && k >= boxAt ? {...step, maskIndex: null} : step));
    return {...prompt, steps: withBase([...steps, {kind: "box", box, maskIndex: null}], baseOf(prompt))};
}

/** The mask that the prompt goes on from; undefined: it begins with nothing. @param {Prompt} prompt */
export function baseOf({steps}) {
    return steps[0]?.base;
}

/**
 * The same steps, going on from a mask.
 *
 * @param {readonly PromptStep[]} steps
 * @param {BaseMask | undefined} base
 * @returns {readonly PromptStep[]}
 */
export function withBase(steps, base) {
    return base ? steps.map((step, k) => (k === 0 ? {...step, base} : step)) : steps;
}

/**
 * @param {Prompt} prompt
 * @returns {Prompt}
 */
export function withoutLastStep(prompt) {
    return prompt.steps.length > 1 ? {...prompt, steps: prompt.steps.slice(0, -1)} : EMPTY_PROMPT;
}

/**
 * The same prompt with the decoder outputs chosen after each of its first steps.
 *
 * @param {Prompt} prompt
 * @param {readonly number[]} maskIndices
 * @returns {Prompt}
 */
export function withMaskIndices(prompt, maskIndices) {
    return {
        ...prompt,
        steps: prompt.steps.map((step, k) =>
            k < maskIndices.length ? {...step, maskIndex: maskIndices[k]} : step,
        ),
    };
}

/** The same prompt, of whose outputs none is chosen yet. @param {Prompt} prompt @returns {Prompt} */
export function withoutChoices(prompt) {
    return {...prompt, steps: prompt.steps.map((step) => ({...step, maskIndex: null}))};
}

/**
 * The same prompt with another decoder output chosen after its last step.
 *
 * @param {Prompt} prompt
 * @param {number} maskIndex
 * @returns {Prompt}
 */
export function withLastChoice(prompt, maskIndex) {
    const last = prompt.steps.length - 1;
    return {...prompt, steps: prompt.steps.map((step, k) => (k === last ? {...step, maskIndex} : step))};
}

/**
 * Names what is decoded after these steps; the choice after the last step comes later and is not part of it.
 *
 * @param {readonly PromptStep[]} steps
 * @returns {string}
 */
export function decodeKey(steps) {
    return JSON.stringify(
        steps.map((step, k) => [
            step.kind === "point"
                ? [step.point.x, step.point.y, step.label]
                : [step.box.x0, step.box.y0, step.box.x1, step.box.y1],
            k < steps.length - 1 ? step.maskIndex : null,
            ...(step.base ? [step.base.segmentation.counts] : []),
        ]),
    );
}

/**
 * What the decoder is fed after these steps: points, then the box's corners (labels 2 and 3), else one padding point
 * (-1). Source: segment-anything, modeling/prompt_encoder.py, forward.
 *
 * @param {readonly PromptStep[]} steps
 * @param {ImageSize} imageSize
 * @param {ModelSquare} square
 * @returns {{pointCoords: Float32Array, pointLabels: Float32Array}} (N, 2) x then y in model pixels; (N,)
 */
export function buildPromptTensors(steps, imageSize, square) {
    /** @type {number[]} */
    const coords = [];
    /** @type {number[]} */
    const labels = [];
    /**
     * @param {number} x
     * @param {number} y
     * @param {number} label
     */
    const push = (x, y, label) => {
        const point = imageToModel({x, y, frame: "image"}, imageSize, square);
        coords.push(point.x, point.y);
        labels.push(label);
    };
    for (const step of steps) {
        if (step.kind === "point") push(step.point.x, step.point.y, step.label);
    }
    const box = boxOf(steps);
    if (box) {
        push(box.x0, box.y0, BOX_TOP_LEFT);
        push(box.x1, box.y1, BOX_BOTTOM_RIGHT);
    } else if (labels.length > 0) {
        coords.push(0, 0);
        labels.push(PADDING);
    }
    return {pointCoords: Float32Array.from(coords), pointLabels: Float32Array.from(labels)};
}

/**
 * The decoder's outputs that are offered for a prompt, the one that is shown at first before the others.
 *
 * A single point is ambiguous: the candidates, best predicted IoU first. Anything more means one object: the output for
 * such prompts, then the best candidates, as many outputs in all as for a single point. A decoder without an output for
 * such prompts answers them as it does a single point.
 *
 * Some decoders give a mask twice: where SAM 2's output for clear prompts is unstable, the best candidate takes its
 * place. Such a copy is not offered beside the other one.
 *
 * @param {readonly PromptStep[]} steps
 * @param {ArrayLike<number>} iouPredictions one for each output
 * @param {Outputs} outputs the bundle's
 * @param {(index: number, other: number) => boolean} isSame whether two outputs are the same mask
 * @returns {number[]}
 */
export function candidateOrder(steps, iouPredictions, {single, candidates}, isSame) {
    const bestFirst = [...candidates].sort((a, b) => iouPredictions[b] - iouPredictions[a]);
    const isOnePoint = steps.length === 1 && steps[0].kind === "point" && !steps[0].base;
    const order =
        single === null || (isOnePoint && bestFirst.length > 0)
            ? bestFirst
            : [single, ...bestFirst.filter((index) => index !== single)];
    return order
        .filter((index, k) => !order.slice(0, k).some((before) => isSame(index, before)))
        .slice(0, Math.max(1, bestFirst.length));
}

/**
 * @param {readonly PromptStep[]} steps
 * @returns {ImageBox | null}
 */
function boxOf(steps) {
    for (const step of steps) {
        if (step.kind === "box") return step.box;
    }
    return null;
}
