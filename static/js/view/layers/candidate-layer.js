/**
 * The mask being worked on, and what a click under the pointer would give.
 *
 * Where the browser has a GPU, WebGL2 draws the logits themselves (logits-canvas.js). Elsewhere, and after the GPU was
 * lost, a 2D canvas draws their outline; noise, which has none, it draws as it is. A mask made by hand has no logits: its
 * outline is drawn everywhere.
 */

import {isNoise, outlineOfLogits, outlineOfRle} from "../../core/outlines.js";
import {inputSize} from "../../core/frames.js";
import {baseOf} from "../../core/prompt.js";
import {viewOf} from "../../core/regions.js";
import {rgbOf} from "../color.js";
import {drawMask, maskStyle, pathOf} from "./mask-drawing.js";

/** @import {BaseMask, Candidate, ImageSize, Prompt, Region, ViewFrame} from "../../core/types.d.ts" */
/** @import {LogitsGrid} from "../../core/mask.js" */
/** @import {DraftMask, FinishedMask} from "../../session/ports.d.ts" */
/** @import {LogitsCanvas} from "./logits-canvas.js" */
/** @import {MaskPath, MaskStyle} from "./mask-drawing.js" */

/** @typedef {{candidate: Candidate, grid: LogitsGrid}} CandidateOnGrid */
/**
 * What was made of a candidate for drawing.
 *
 * @typedef {object} CandidateDrawing
 * @property {Candidate} candidate
 * @property {string} color
 * @property {MaskPath | null} path null: it is noise
 * @property {OffscreenCanvas | null} noise its cells in its colour
 */

export class CandidateLayer {
    color = "#4f46e5";
    opacity = 0.45;
    #canvas;
    /** @type {CandidateOnGrid | null} */
    #mask = null;
    /** @type {{mask: FinishedMask, path: MaskPath} | null} takes the place of both */
    #handMade = null;
    /** What the prompt goes on from: beside the region of the prompt it stays. @type {{mask: BaseMask, path: MaskPath, region: Region} | null} */
    #beside = null;
    /** @type {CandidateOnGrid | null} */
    #preview = null;
    /** The last two, so that a click on a preview does not trace it again. @type {CandidateDrawing[]} */
    #drawings = [];

    /** @param {LogitsCanvas | null} canvas where there is a GPU */
    constructor(canvas) {
        this.#canvas = canvas;
    }

    /**
     * @param {DraftMask | null} shown
     * @param {LogitsGrid | null} grid of a candidate's logits
     * @param {Prompt} prompt of the candidate
     */
    showMask(shown, grid, prompt) {
        const {candidate = null, handMade: mask = null} = shown ?? {};
        this.#mask = candidate && grid && {candidate, grid};
        if (mask !== (this.#handMade?.mask ?? null))
            this.#handMade = mask && {mask, path: pathOf(outlineOfRle(mask.segmentation, mask.bbox))};
        const base = (candidate && prompt.region && baseOf(prompt)) ?? null;
        if (!base || !prompt.region) this.#beside = null;
        else if (base !== this.#beside?.mask || prompt.region !== this.#beside.region) {
            const path = pathOf(outlineOfRle(base.segmentation, base.bbox));
            this.#beside = {mask: base, path, region: prompt.region};
        }
    }

    /**
     * What a click under the pointer would give; drawn faintly, and only while there is no mask.
     *
     * @param {Candidate | null} candidate
     * @param {LogitsGrid | null} grid
     */
    showPreview(candidate, grid) {
        this.#preview = candidate && grid && {candidate, grid};
    }

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {ViewFrame} view
     * @param {ImageSize} imageSize
     */
    draw(context, view, imageSize) {
        const shown = this.#handMade ? null : (this.#mask ?? this.#preview);
        const style = maskStyle(this.color, {
            opacity: this.opacity,
            isDimmed: !this.#handMade && !this.#mask,
        });
        const region = shown?.candidate.region;
        const [partView, partSize] = [viewOf(view, region), region ?? imageSize];
        if (this.#canvas?.isUsable) {
            const logits = shown && {logits: shown.candidate.logits, grid: shown.grid};
            this.#canvas.draw(logits, style, partView, partSize, context.canvas);
        } else if (shown) {
            const {path, noise} = this.#drawingOf(shown, partSize);
            if (path) drawMask(context, path, style, partView, partSize);
            if (noise) drawNoise(context, noise, shown.grid, style, partView, partSize);
        }
        if (this.#beside) drawBeside(context, this.#beside, style, view, imageSize);
        if (this.#handMade) drawMask(context, this.#handMade.path, style, view, imageSize);
    }

    /**
     * @param {CandidateOnGrid} shown
     * @param {ImageSize} imageSize
     * @returns {CandidateDrawing}
     */
    #drawingOf({candidate, grid}, imageSize) {
        const {color} = this;
        const known = this.#drawings.find(
            (drawing) => drawing.candidate === candidate && (drawing.path || drawing.color === color),
        );
        if (known) return known;
        const {logits} = candidate;
        const hasOutline = !isNoise(logits, imageSize, grid);
        const path = hasOutline ? pathOf(outlineOfLogits(logits, imageSize, grid)) : null;
        const drawing = {candidate, color, path, noise: hasOutline ? null : cellsOf(logits, grid, color)};
        this.#drawings = [drawing, ...this.#drawings.slice(0, 1)];
        return drawing;
    }
}

/**
 * Draws what of a mask lies outside of a region.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{path: MaskPath, region: Region}} mask
 * @param {MaskStyle} style
 * @param {ViewFrame} view
 * @param {ImageSize} imageSize
 */
function drawBeside(context, {path, region}, style, view, imageSize) {
    const {scale, offsetX, offsetY} = view;
    context.save();
    context.beginPath();
    context.rect(offsetX, offsetY, imageSize.width * scale, imageSize.height * scale);
    context.rect(
        offsetX + region.x * scale,
        offsetY + region.y * scale,
        region.width * scale,
        region.height * scale,
    );
    context.clip("evenodd");
    drawMask(context, path, style, view, imageSize);
    context.restore();
}

/**
 * @param {Float32Array} logits
 * @param {LogitsGrid} grid
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
 * @param {LogitsGrid} grid
 * @param {MaskStyle} style
 * @param {ViewFrame} view
 * @param {ImageSize} imageSize
 */
function drawNoise(context, noise, grid, style, view, imageSize) {
    const {lowResSide, inputSide} = grid;
    const input = inputSize(imageSize, grid);
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
