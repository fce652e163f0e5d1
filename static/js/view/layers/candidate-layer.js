/**
 * The mask being worked on, and what a click under the pointer would give.
 *
 * Where the browser has a GPU, WebGL2 draws the logits themselves (logits-canvas.js). Elsewhere, and after the GPU was
 * lost, a 2D canvas draws their outline; noise, which has none, it draws as it is.
 */

import {contoursOfLogits, isNoise} from "../../core/contours.js";
import {inputSize} from "../../core/frames.js";
import {rgbOf} from "../color.js";
import {drawMask, maskStyle, pathOf} from "./mask-drawing.js";

/** @import {Candidate, ImageSize, ViewFrame} from "../../types.d.ts" */
/** @import {LogitsShape} from "../../core/mask.js" */
/** @import {LogitsCanvas} from "./logits-canvas.js" */
/** @import {MaskPath, MaskStyle} from "./mask-drawing.js" */

/** @typedef {{candidate: Candidate, shape: LogitsShape}} Shown */
/**
 * What was made of a candidate for drawing.
 *
 * @typedef {object} Traced
 * @property {Candidate} candidate
 * @property {string} color
 * @property {MaskPath | null} path null: it is noise
 * @property {OffscreenCanvas | null} noise its cells in its colour
 */

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
            const {path, noise} = this.#tracedOf(shown, imageSize);
            if (path) drawMask(context, path, style, view, imageSize);
            if (noise) drawNoise(context, noise, shown.shape, style, view, imageSize);
        }
    }

    /**
     * @param {Shown} shown
     * @param {ImageSize} imageSize
     * @returns {Traced}
     */
    #tracedOf({candidate, shape}, imageSize) {
        const {color} = this;
        const known = this.#traced.find(
            (traced) => traced.candidate === candidate && (traced.path || traced.color === color),
        );
        if (known) return known;
        const {logits} = candidate;
        const hasOutline = !isNoise(logits, imageSize, shape);
        const path = hasOutline ? pathOf(contoursOfLogits(logits, imageSize, shape)) : null;
        const traced = {candidate, color, path, noise: hasOutline ? null : cellsOf(logits, shape, color)};
        this.#traced = [traced, ...this.#traced.slice(0, 1)];
        return traced;
    }
}

/**
 * @param {Float32Array} logits
 * @param {LogitsShape} shape
 * @param {string} color
 * @returns {OffscreenCanvas} a pixel for every logit
 */
function cellsOf(logits, {lowResSide: side, maskThreshold}, color) {
    const picture = new OffscreenCanvas(side, side);
    const pixels = new ImageData(side, side);
    const cells = new Uint32Array(pixels.data.buffer);
    const inside = new Uint32Array(Uint8Array.of(...rgbOf(color), 255).buffer)[0];
    for (let k = 0; k < cells.length; k++) if (logits[k] > maskThreshold) cells[k] = inside;
    picture.getContext("2d")?.putImageData(pixels, 0, 0);
    return picture;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {OffscreenCanvas} noise
 * @param {LogitsShape} shape
 * @param {MaskStyle} style
 * @param {ViewFrame} view
 * @param {ImageSize} imageSize
 */
function drawNoise(context, noise, {lowResSide, inputSide}, style, view, imageSize) {
    const input = inputSize(imageSize, inputSide);
    const [columns, rows] = [(input.width * lowResSide) / inputSide, (input.height * lowResSide) / inputSide];
    context.globalAlpha = style.fillAlpha;
    context.imageSmoothingEnabled = false;
    const {offsetX, offsetY, scale} = view;
    context.drawImage(
        noise,
        0,
        0,
        columns,
        rows,
        offsetX,
        offsetY,
        imageSize.width * scale,
        imageSize.height * scale,
    );
}
