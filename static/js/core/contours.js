/**
 * The outline of a mask as polygons: marching squares over a field of values, interpolated between them.
 *
 * A polygon is drawn by the canvas with smooth edges at any zoom, so masks need not be made anew when the view moves.
 * Source: Lorensen & Cline, Marching Cubes, SIGGRAPH 1987, in two dimensions; ambiguous cells are decided by their mean.
 */

import {inputSize} from "./frames.js";
import {checkRle} from "./rle.js";

/** @import {Annotation, ImageSize, Rle} from "../types.d.ts" */
/** @import {LogitsShape} from "./mask.js" */

/** Closed polygons, each x0, y0, x1, y1, ... in image pixels (0, 0 is the image's corner); fill them evenodd. @typedef {Float32Array[]} Contours */

const TOP = 0;
const RIGHT = 1;
const BOTTOM = 2;
const LEFT = 3;

/**
 * For each cell (bit 1: top left inside, 2: top right, 4: bottom right, 8: bottom left) its segments from edge to edge,
 * the inside always on the same hand, so that segments join to closed polygons.
 *
 * @type {readonly (readonly (readonly [number, number])[])[]}
 */
const SEGMENTS = [
    [],
    [[LEFT, TOP]],
    [[TOP, RIGHT]],
    [[LEFT, RIGHT]],
    [[RIGHT, BOTTOM]],
    [[LEFT, TOP], [RIGHT, BOTTOM]],
    [[TOP, BOTTOM]],
    [[LEFT, BOTTOM]],
    [[BOTTOM, LEFT]],
    [[BOTTOM, TOP]],
    [[TOP, RIGHT], [BOTTOM, LEFT]],
    [[BOTTOM, RIGHT]],
    [[RIGHT, LEFT]],
    [[RIGHT, TOP]],
    [[TOP, LEFT]],
    [],
];
/** The two ambiguous cells when their middle is inside. @type {Record<number, readonly (readonly [number, number])[]>} */
const JOINED = {
    5: [[LEFT, BOTTOM], [RIGHT, TOP]],
    10: [[TOP, LEFT], [BOTTOM, RIGHT]],
};

/**
 * The outline of low-res logits on their image. Where the mask runs over the image's border the polygons do too: clip
 * them to the image.
 *
 * @param {Float32Array} logits (lowResSide, lowResSide), row by row
 * @param {ImageSize} imageSize
 * @param {LogitsShape} shape
 * @returns {Contours}
 */
export function contoursOfLogits(logits, imageSize, {lowResSide: side, inputSide, maskThreshold}) {
    // The outermost values stand for what lies beyond them, then comes a ring of background, so that polygons close.
    const width = side + 4;
    const field = new Float32Array(width * width).fill(maskThreshold - 1);
    for (let row = 1; row < width - 1; row++) {
        const from = Math.min(Math.max(row - 2, 0), side - 1) * side;
        const to = row * width;
        field.set(logits.subarray(from, from + side), to + 2);
        field[to + 1] = logits[from];
        field[to + side + 2] = logits[from + side - 1];
    }
    const input = inputSize(imageSize, inputSide);
    const step = inputSide / side; // model pixels from one logit to the next
    const [scaleX, scaleY] = [(imageSize.width / input.width) * step, (imageSize.height / input.height) * step];
    return trace(field, width, width, maskThreshold, (x, y) => [(x - 1.5) * scaleX, (y - 1.5) * scaleY]);
}

/**
 * The outline of a stored mask.
 *
 * @param {Rle} rle
 * @param {Annotation["bbox"]} bbox of the mask: only this part is looked at
 * @returns {Contours}
 */
export function contoursOfRle(rle, bbox) {
    const [left, top, boxWidth, boxHeight] = bbox;
    if (boxWidth === 0 || boxHeight === 0) return [];
    const [imageHeight] = rle.size;
    const [width, height] = [boxWidth + 2, boxHeight + 2];
    const field = new Uint8Array(width * height);
    let start = 0;
    checkRle(rle).forEach((run, k) => {
        if (k % 2 === 1) {
            for (let at = start; at < start + run; ) {
                const [x, y] = [Math.floor(at / imageHeight), at % imageHeight];
                const end = Math.min(start + run, (x + 1) * imageHeight);
                for (let row = y; row < y + end - at; row++) field[(row - top + 1) * width + x - left + 1] = 1;
                at = end;
            }
        }
        start += run;
    });
    return trace(field, width, height, 0.5, (x, y) => [x - 0.5 + left, y - 0.5 + top]);
}

/**
 * @param {Float32Array | Uint8Array} field (height, width), row by row; its outermost ring must be background
 * @param {number} width
 * @param {number} height
 * @param {number} threshold values above it are inside
 * @param {(x: number, y: number) => [number, number]} place from a position in the field to image pixels
 * @returns {Contours}
 */
export function trace(field, width, height, threshold, place) {
    /** Edge where a segment starts -> edge where it ends. @type {Map<number, number>} */
    const next = new Map();
    for (let y = 0; y < height - 1; y++) {
        let row = y * width;
        let left = (field[row] > threshold ? 1 : 0) | (field[row + width] > threshold ? 8 : 0);
        for (let x = 0; x < width - 1; x++, row++) {
            const right = (field[row + 1] > threshold ? 2 : 0) | (field[row + width + 1] > threshold ? 4 : 0);
            const cell = left | right;
            left = (right & 2 ? 1 : 0) | (right & 4 ? 8 : 0);
            if (cell === 0 || cell === 15) continue;
            let segments = SEGMENTS[cell];
            if (cell === 5 || cell === 10) {
                const mean = (field[row] + field[row + 1] + field[row + width] + field[row + width + 1]) / 4;
                if (mean > threshold) segments = JOINED[cell];
            }
            for (const [from, to] of segments) next.set(edgeId(row, width, from), edgeId(row, width, to));
        }
    }

    /** @type {Contours} */
    const contours = [];
    for (const first of next.keys()) {
        if (!next.has(first)) continue;
        /** @type {number[]} */
        const polygon = [];
        for (let edge = first; next.has(edge); ) {
            const after = /** @type {number} */ (next.get(edge));
            next.delete(edge);
            polygon.push(...place(...crossing(field, width, threshold, edge)));
            edge = after;
        }
        contours.push(Float32Array.from(polygon));
    }
    return contours;
}

/**
 * Edges are named by the corner they start from: 2 * corner to the right of it, 2 * corner + 1 below it.
 *
 * @param {number} corner the cell's top-left one
 * @param {number} width
 * @param {number} edge
 */
function edgeId(corner, width, edge) {
    if (edge === TOP) return 2 * corner;
    if (edge === BOTTOM) return 2 * (corner + width);
    return 2 * (edge === LEFT ? corner : corner + 1) + 1;
}

/**
 * Where on an edge the threshold is crossed.
 *
 * @param {Float32Array | Uint8Array} field
 * @param {number} width
 * @param {number} threshold
 * @param {number} edge
 * @returns {[number, number]}
 */
function crossing(field, width, threshold, edge) {
    const corner = edge >> 1;
    const isVertical = (edge & 1) === 1;
    const [a, b] = [field[corner], field[corner + (isVertical ? width : 1)]];
    const share = (threshold - a) / (b - a);
    const [x, y] = [corner % width, Math.floor(corner / width)];
    return isVertical ? [x, y + share] : [x + share, y];
}
