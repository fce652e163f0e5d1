/** Small pictures of the candidates, all of the same part of the image, so that one sees how they differ. */

import {inputSize} from "../../core/frames.js";

/** @import {Candidate, ImageSize} from "../../types.d.ts" */
/** @import {LogitsShape} from "../../core/mask.js" */

const SIDE_PX = 24; // CSS pixels, as in workbench.css
const MARGIN = 0.1; // of the candidates' extent

/** A part of the logits' grid. @typedef {{left: number, top: number, side: number}} Part */

/**
 * @param {readonly Candidate[]} candidates
 * @param {ImageSize} imageSize
 * @param {LogitsShape} shape
 * @param {string} color
 * @returns {HTMLCanvasElement[]}
 */
export function candidatePictures(candidates, imageSize, shape, color) {
    const part = partWithAll(candidates, imageSize, shape);
    return candidates.map(({logits}) => {
        const canvas = document.createElement("canvas");
        canvas.setAttribute("aria-hidden", "true");
        canvas.className = "bench-candidate-picture";
        canvas.width = canvas.height = Math.round(SIDE_PX * devicePixelRatio);
        draw(canvas, logits, part, shape, color);
        return canvas;
    });
}

/**
 * The square around all that any candidate covers.
 *
 * @param {readonly Candidate[]} candidates
 * @param {ImageSize} imageSize
 * @param {LogitsShape} shape
 * @returns {Part}
 */
function partWithAll(candidates, imageSize, {lowResSide, inputSide, maskThreshold}) {
    const input = inputSize(imageSize, inputSide);
    const columns = Math.ceil((input.width * lowResSide) / inputSide);
    const rows = Math.ceil((input.height * lowResSide) / inputSide);
    let [left, top, right, bottom] = [columns, rows, 0, 0];
    for (const {logits} of candidates) {
        for (let row = 0; row < rows; row++) {
            for (let column = 0; column < columns; column++) {
                if (logits[row * lowResSide + column] <= maskThreshold) continue;
                if (column < left) left = column;
                if (column >= right) right = column + 1;
                if (row < top) top = row;
                bottom = row + 1;
            }
        }
    }
    if (right <= left) return {left: 0, top: 0, side: Math.max(columns, rows)};
    const side = Math.max(right - left, bottom - top) * (1 + 2 * MARGIN);
    return {left: (left + right - side) / 2, top: (top + bottom - side) / 2, side};
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} logits
 * @param {Part} part
 * @param {LogitsShape} shape
 * @param {string} color
 */
function draw(canvas, logits, {left, top, side}, {lowResSide, maskThreshold}, color) {
    const context = canvas.getContext("2d");
    if (!context) return;
    const {width, height} = canvas;
    const pixels = context.createImageData(width, height);
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    for (let k = 0; k < width * height; k++) {
        const row = Math.floor(top + ((Math.floor(k / width) + 0.5) * side) / height);
        const column = Math.floor(left + (((k % width) + 0.5) * side) / width);
        const isInGrid = row >= 0 && column >= 0 && row < lowResSide && column < lowResSide;
        if (isInGrid && logits[row * lowResSide + column] > maskThreshold) pixels.data.set([red, green, blue, 255], 4 * k);
    }
    context.putImageData(pixels, 0, 0);
}
