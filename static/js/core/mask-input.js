/** A mask that was made otherwise, as the low-res logits that the decoder takes for mask_input. */

import {inputSize} from "./frames.js";
import {checkRle, decodeRle} from "./rle.js";

/** @import {LogitsGrid} from "./mask.js" */
/** @import {Rle} from "./types.d.ts" */

const CERTAIN = 6; // logits of a cell that lies wholly inside; sigmoid(6) = 0.998

/**
 * @param {Rle} rle
 * @param {LogitsGrid} grid
 * @returns {Float32Array} (lowResSide, lowResSide), row by row: by how much of a cell is foreground, from -6 to 6
 */
export function logitsOfMask(rle, grid) {
    const {lowResSide: side, inputSide} = grid;
    const [height, width] = rle.size;
    const input = inputSize({height, width}, grid);
    const [rows, columns] = [(input.height * side) / inputSide, (input.width * side) / inputSide]; // that the image covers
    const shares =
        rows > height || columns > width
            ? sharesOfNearest(rle, side, rows, columns)
            : sharesOfCells(rle, side, rows, columns);
    return shares.map((share) => CERTAIN * (2 * share - 1));
}

/**
 * Of an image that has fewer pixels than cells: each cell is as its nearest pixel.
 *
 * @param {Rle} rle
 * @param {number} side
 * @param {number} rows
 * @param {number} columns
 */
function sharesOfNearest(rle, side, rows, columns) {
    const [height, width] = rle.size;
    const mask = decodeRle(rle);
    const shares = new Float32Array(side * side);
    for (let row = 0; row < Math.ceil(rows); row++) {
        const y = Math.min(height - 1, Math.floor(((row + 0.5) * height) / rows));
        for (let column = 0; column < Math.ceil(columns); column++) {
            const x = Math.min(width - 1, Math.floor(((column + 0.5) * width) / columns));
            shares[row * side + column] = mask[y * width + x];
        }
    }
    return shares;
}

/**
 * @param {Rle} rle
 * @param {number} side
 * @param {number} rows
 * @param {number} columns
 */
function sharesOfCells(rle, side, rows, columns) {
    const [height, width] = rle.size;
    const firstY = firstPixels(height, rows);
    const columnOf = cellsOf(width, columns);
    const rowOf = cellsOf(height, rows);
    const shares = new Float32Array(side * side);
    let start = 0;
    checkRle(rle).forEach((run, k) => {
        const end = start + run;
        for (let at = start; k % 2 === 1 && at < end;) {
            const x = Math.floor(at / height);
            const until = Math.min(end, (x + 1) * height);
            const [top, bottom] = [at - x * height, until - x * height];
            for (let row = rowOf[top]; row <= rowOf[bottom - 1]; row++) {
                const pixels = Math.min(bottom, firstY[row + 1]) - Math.max(top, firstY[row]);
                shares[row * side + columnOf[x]] += pixels / (firstY[row + 1] - firstY[row]);
            }
            at = until;
        }
        start = end;
    });
    const firstX = firstPixels(width, columns);
    return shares.map((sum, k) => {
        const column = k % side;
        return column < firstX.length - 1 ? sum / (firstX[column + 1] - firstX[column]) : 0;
    });
}

/**
 * @param {number} length of the image along an axis
 * @param {number} cells that it covers
 * @returns {Int32Array} the cell of each pixel
 */
function cellsOf(length, cells) {
    return Int32Array.from({length}, (_, pixel) => Math.floor(((pixel + 0.5) * cells) / length));
}

/**
 * @param {number} length
 * @param {number} cells
 * @returns {Int32Array} the first pixel of each cell, and the end of the last one
 */
function firstPixels(length, cells) {
    const cellOf = cellsOf(length, cells);
    const first = new Int32Array(cellOf[length - 1] + 2).fill(length);
    for (let pixel = length - 1; pixel >= 0; pixel--) first[cellOf[pixel]] = pixel;
    return first;
}
