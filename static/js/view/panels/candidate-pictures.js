/** Small pictures of the candidates, all of the same part of the image, so that one sees how they differ. */

import {inputSize} from "../../core/frames.js";
import {isDark, rgbOf} from "../color.js";

/** @import {Candidate, ImageSize} from "../../core/types.d.ts" */
/** @import {LogitsGrid} from "../../core/mask.js" */

const SIDE_PX = 24; // CSS pixels, as in workbench.css
const SAMPLES = 2; // across a pixel: the browser makes smooth edges of them
const MARGIN = 0.1; // of the candidates' extent

// One of the two shows every colour, in a light page and in a dark one.
const [LIGHT, DARK] = ["#ffffff", "#1b1f27"];

/** A square of the logits' grid, and how much of the grid the image covers. @typedef {{left: number, top: number, side: number, rows: number, columns: number}} Part */

/**
 * @param {readonly Candidate[]} candidates
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 * @param {string} color
 * @returns {HTMLCanvasElement[]}
 */
export function candidatePictures(candidates, imageSize, grid, color) {
    const part = partWithAll(candidates, imageSize, grid);
    return candidates.map(({logits}) => {
        const canvas = document.createElement("canvas");
        canvas.setAttribute("aria-hidden", "true");
        canvas.className = "bench-candidate-picture";
        canvas.width = canvas.height = Math.round(SIDE_PX * SAMPLES * devicePixelRatio);
        canvas.style.background = isDark(color) ? LIGHT : DARK;
        draw(canvas, logits, part, grid, color);
        return canvas;
    });
}

/**
 * The square around all that any candidate covers.
 *
 * @param {readonly Candidate[]} candidates
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 * @returns {Part}
 */
export function partWithAll(candidates, imageSize, grid) {
    const {lowResSide, inputSide, maskThreshold} = grid;
    const input = inputSize(imageSize, grid);
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
    if (right <= left) return {left: 0, top: 0, side: Math.max(columns, rows), rows, columns};
    const side = Math.max(right - left, bottom - top) * (1 + 2 * MARGIN);
    return {left: (left + right - side) / 2, top: (top + bottom - side) / 2, side, rows, columns};
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} logits
 * @param {Part} part
 * @param {LogitsGrid} grid
 * @param {string} color
 */
function draw(canvas, logits, {left, top, side, rows, columns}, {lowResSide, maskThreshold}, color) {
    const {width, height} = canvas;
    const pixels = new ImageData(width, height);
    const cells = new Uint32Array(pixels.data.buffer);
    const inside = new Uint32Array(Uint8Array.of(...rgbOf(color), 255).buffer)[0];
    for (let y = 0; y < height; y++) {
        const row = Math.floor(top + ((y + 0.5) * side) / height);
        if (row < 0 || row >= rows) continue;
        for (let x = 0; x < width; x++) {
            const column = Math.floor(left + ((x + 0.5) * side) / width);
            if (column < 0 || column >= columns) continue;
            if (logits[row * lowResSide + column] > maskThreshold) cells[y * width + x] = inside;
        }
    }
    canvas.getContext("2d")?.putImageData(pixels, 0, 0);
}
