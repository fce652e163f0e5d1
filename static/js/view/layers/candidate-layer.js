/**
 * The mask being worked on, and what a click under the pointer would give.
 *
 * Where the browser has a GPU, WebGL2 draws the logits themselves (logits-canvas.js). Elsewhere, and after the GPU was
 * lost, a 2D canvas draws their outline; noise, which has none, it draws as it is.
 */

import {contoursOfLogits, isNoise} from "../../core/contours.js";
import {inputSize} from "../../core/frames.js";
import {clipToImage, drawMask, maskStyle, pathOf} from "./mask-drawing.js";

/** @import {Candidate, ImageSize, ViewFrame} from "../../types.d.ts" */
/** @import {LogitsShape} from "../../core/mask.js" */
/** @import {LogitsCanvas} from "./logits-canvas.js" */
/** @import {MaskPath, MaskStyle} from "./mask-drawing.js" */

/** @typedef {{candidate: Candidate, shape: LogitsShape}} Shown */
/** What was made of a candidate for drawing; path null: noise. @typedef {{candidate: Candidate, path: MaskPath | null}} Traced */

export class CandidateLayer {
    color = "#4f46e5";
    #canvas;
    /** @type {Shown | null} */
    #mask = null;
    /** @type {Shown | null} */
    #preview = null;
    /** The last two, so that a click on a preview does not trace it again. @type {Traced[]} */
    #traced = [];

    /** @param {LogitsCanvas | null} canvas where there is a GPU */
    constructor(canvas) {
        this.#canvas = canvas;
    }

    /**
     * @param {Candidate | null} candidate
     * @param {LogitsShape | null} shape
     */
    showCandidate(candidate, shape) {
        this.#mask = candidate && shape && {candidate, shape};
    }

    /**
     * What a click under the pointer would give; drawn faintly, and only while there is no candidate.
     *
     * @param {Candidate | null} candidate
     * @param {LogitsShape | null} shape
     */
    showPreview(candidate, shape) {
        this.#preview = candidate && shape && {candidate, shape};
    }

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {ViewFrame} view
     * @param {ImageSize} imageSize
     */
    draw(context, view, imageSize) {
        const shown = this.#mask ?? this.#preview;
        const style = maskStyle(this.color, {isDimmed: !this.#mask});
        if (this.#canvas?.isUsable) {
            const logits = shown && {logits: shown.candidate.logits, shape: shown.shape};
            this.#canvas.draw(logits, style, view, imageSize, context.canvas);
        } else if (shown) {
            const path = this.#pathOf(shown, imageSize);
            if (path) drawMask(context, path, style, view, imageSize);
            else drawNoise(context, shown, style, view, imageSize);
        }
    }

    /**
     * @param {Shown} shown
     * @param {ImageSize} imageSize
     */
    #pathOf({candidate, shape}, imageSize) {
        let traced = this.#traced.find((known) => known.candidate === candidate);
        if (!traced) {
            const {logits} = candidate;
            traced = {candidate, path: isNoise(logits, shape) ? null : pathOf(contoursOfLogits(logits, imageSize, shape))};
            this.#traced = [traced, ...this.#traced.slice(0, 1)];
        }
        return traced.path;
    }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Shown} shown
 * @param {MaskStyle} style
 * @param {ViewFrame} view
 * @param {ImageSize} imageSize
 */
function drawNoise(context, {candidate: {logits}, shape: {lowResSide: side, inputSide, maskThreshold}}, style, view, imageSize) {
    const picture = new OffscreenCanvas(side, side);
    const small = picture.getContext("2d");
    if (!small) return;
    const pixels = small.createImageData(side, side);
    const cells = new Uint32Array(pixels.data.buffer);
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(style.color.slice(at, at + 2), 16));
    const inside = new Uint32Array(Uint8Array.of(red, green, blue, 255 * style.fillAlpha).buffer)[0];
    for (let k = 0; k < cells.length; k++) if (logits[k] > maskThreshold) cells[k] = inside;
    small.putImageData(pixels, 0, 0);
    const input = inputSize(imageSize, inputSide);
    const cellsAcross = side / inputSide; // logits to a model pixel
    context.save();
    clipToImage(context, view, imageSize);
    context.drawImage(picture, 0, 0, input.width * cellsAcross, input.height * cellsAcross, 0, 0, imageSize.width, imageSize.height);
    context.restore();
}
