/**
 * The outline of a mask as polygons: marching squares over a field of values, interpolated between them.
 *
 * A polygon is drawn by the canvas with smooth edges at any zoom, so masks need not be made anew when the view moves.
 * Source: Lorensen & Cline, Marching Cubes, SIGGRAPH 1987, in two dimensions; ambiguous cells are decided by their mean.
 */

import {inputSize} from "./frames.js";
import {checkRle} from "./rle.js";

/** @import {Annotation, ImageSize, Rle} from "./types.d.ts" */
/** @import {LogitsGrid} from "./mask.js" */

/** Closed polygons, each x0, y0, x1, y1, ... in image pixels (0, 0 is the image's corner); fill them evenodd. @typedef {Float32Array[]} Outline */

// A mask's outline crosses a few edges of the grid in a hundred; a network's noise crosses every second one, in no outline
// that one could see or draw in time.
const NOISE_SHARE = 0.12; // of all edges

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
    [
        [LEFT, TOP],
        [RIGHT, BOTTOM],
    ],
    [[TOP, BOTTOM]],
    [[LEFT, BOTTOM]],
    [[BOTTOM, LEFT]],
    [[BOTTOM, TOP]],
    [
        [TOP, RIGHT],
        [BOTTOM, LEFT],
    ],
    [[BOTTOM, RIGHT]],
    [[RIGHT, LEFT]],
    [[RIGHT, TOP]],
    [[TOP, LEFT]],
    [],
];
/** The two ambiguous cells when their middle is inside. @type {Record<number, readonly (readonly [number, number])[]>} */
const JOINED = {
    5: [
        [LEFT, BOTTOM],
        [RIGHT, TOP],
    ],
    10: [
        [TOP, LEFT],
        [BOTTOM, RIGHT],
    ],
};
const NONE = 255;
const JOINED_5 = 16;
const JOINED_10 = 17;
/** The same as a table: EXITS[4 * cell + the edge a segment starts from] is the edge it leads to. */
const EXITS = new Uint8Array(4 * (SEGMENTS.length + 2)).fill(NONE);
[...SEGMENTS, JOINED[5], JOINED[10]].forEach((segments, cell) => {
    for (const [from, to] of segments) EXITS[4 * cell + from] = to;
});

/** From a position in the field to image pixels. @typedef {{scaleX: number, scaleY: number, offsetX: number, offsetY: number}} Place */

/**
 * The outline of low-res logits on their image. Where the mask runs over the image's border the polygons do too: clip
 * them to the image.
 *
 * @param {Float32Array} logits (lowResSide, lowResSide), row by row
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 * @returns {Outline}
 */
export function outlineOfLogits(logits, imageSize, grid) {
    const {lowResSide: side, inputSide, maskThreshold} = grid;
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
    const input = inputSize(imageSize, grid);
    const step = inputSide / side; // model pixels from one logit to the next
    const [scaleX, scaleY] = [
        (imageSize.width / input.width) * step,
        (imageSize.height / input.height) * step,
    ];
    const place = {scaleX, scaleY, offsetX: -1.5 * scaleX, offsetY: -1.5 * scaleY};
    return trace(field, width, width, maskThreshold, place);
}

/**
 * Whether logits are noise on their image, rather than a mask with an outline.
 *
 * @param {Float32Array} logits (lowResSide, lowResSide), row by row
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 */
export function isNoise(logits, imageSize, grid) {
    const {lowResSide: side, inputSide, maskThreshold} = grid;
    const input = inputSize(imageSize, grid);
    const rows = Math.ceil((input.height * side) / inputSide);
    const columns = Math.ceil((input.width * side) / inputSide);
    let crossings = 0;
    for (let row = 1; row < rows; row++) {
        for (let k = row * side + 1; k < row * side + columns; k++) {
            const isInside = logits[k] > maskThreshold;
            if (logits[k - 1] > maskThreshold !== isInside) crossings++;
            if (logits[k - side] > maskThreshold !== isInside) crossings++;
        }
    }
    return crossings > NOISE_SHARE * 2 * rows * columns;
}

/**
 * The outline of a stored mask.
 *
 * @param {Rle} rle
 * @param {Annotation["bbox"]} bbox of the mask: only this part is looked at
 * @returns {Outline}
 */
export function outlineOfRle(rle, bbox) {
    const [left, top, boxWidth, boxHeight] = bbox;
    if (boxWidth === 0 || boxHeight === 0) return [];
    const [imageHeight] = rle.size;
    // RLE runs down the columns: they are the field's rows, so that a run is filled at once, and x and y change places.
    const [width, height] = [boxHeight + 2, boxWidth + 2];
    const field = new Uint8Array(width * height);
    // Every outline crosses the two ends of some run: no other cell need be looked at to find them all.
    /** @type {number[]} */
    const corners = [];
    let start = 0;
    checkRle(rle).forEach((run, k) => {
        if (k % 2 === 1) {
            for (let at = start; at < start + run;) {
                const [x, y] = [Math.floor(at / imageHeight), at % imageHeight];
                const end = Math.min(start + run, (x + 1) * imageHeight);
                const from = (x - left + 1) * width + y - top + 1;
                field.fill(1, from, from + end - at);
                corners.push(from - 1, from + end - at - 1);
                at = end;
            }
        }
        start += run;
    });
    const place = {scaleX: 1, scaleY: 1, offsetX: top - 0.5, offsetY: left - 0.5};
    const visited = new Uint8Array(width * height);
    /** @type {Outline} */
    const outline = [];
    for (const corner of corners) {
        const signs =
            field[corner] |
            (field[corner + 1] << 1) |
            (field[corner + width + 1] << 2) |
            (field[corner + width] << 3);
        if (signs !== 0 && signs !== 15) traceFrom(corner, signs, field, width, 0.5, place, visited, outline);
    }
    for (const polygon of outline) swapAxes(polygon);
    return outline;
}

/** @param {Float32Array} polygon */
function swapAxes(polygon) {
    for (let k = 0; k < polygon.length; k += 2) {
        const x = polygon[k];
        polygon[k] = polygon[k + 1];
        polygon[k + 1] = x;
    }
}

/**
 * It runs between a decode and the frame that shows it, and a noisy mask has ten thousands of points: hence tables and
 * plain loops, which allocate next to nothing.
 *
 * @param {Float32Array} field (height, width), row by row; its outermost ring must be background
 * @param {number} width
 * @param {number} height
 * @param {number} threshold values above it are inside
 * @param {Place} place
 * @returns {Outline}
 */
function trace(field, width, height, threshold, place) {
    // By corner: bit 1 the edge to the right of it was a segment's start, bit 2 the edge below it.
    const visited = new Uint8Array(width * height);
    /** @type {Outline} */
    const outline = [];
    for (let y = 0; y < height - 1; y++) {
        let corner = y * width;
        let left = (field[corner] > threshold ? 1 : 0) | (field[corner + width] > threshold ? 8 : 0);
        for (let x = 0; x < width - 1; x++, corner++) {
            const right =
                (field[corner + 1] > threshold ? 2 : 0) | (field[corner + width + 1] > threshold ? 4 : 0);
            const signs = left | right;
            left = (right & 2 ? 1 : 0) | (right & 4 ? 8 : 0);
            if (signs === 0 || signs === 15) continue;
            traceFrom(corner, signs, field, width, threshold, place, visited, outline);
        }
    }
    return outline;
}

/**
 * The polygons that begin in one cell and were not gone round yet.
 *
 * @param {number} corner of the cell, its top-left one
 * @param {number} signs which of its corners are inside
 * @param {Float32Array | Uint8Array} field
 * @param {number} width
 * @param {number} threshold
 * @param {Place} place
 * @param {Uint8Array} visited
 * @param {Outline} outline gets them
 */
function traceFrom(corner, signs, field, width, threshold, place, visited, outline) {
    const cell = joined(field, width, threshold, corner, signs);
    for (let edge = TOP; edge <= LEFT; edge++) {
        if (EXITS[4 * cell + edge] === NONE) continue;
        if (visited[startOf(corner, width, edge)] & bitOf(edge)) continue;
        outline.push(follow(field, width, threshold, place, visited, corner, edge));
    }
}

/**
 * Goes round one polygon, from cell to cell.
 *
 * @param {Float32Array | Uint8Array} field
 * @param {number} width
 * @param {number} threshold
 * @param {Place} place
 * @param {Uint8Array} visited
 * @param {number} corner of the cell to begin with, its top-left one
 * @param {number} edge of it where a segment starts
 * @returns {Float32Array} x0, y0, x1, y1, ...
 */
function follow(field, width, threshold, {scaleX, scaleY, offsetX, offsetY}, visited, corner, edge) {
    let length = 0;
    for (;;) {
        const start = startOf(corner, width, edge);
        const bit = bitOf(edge);
        if (visited[start] & bit) return points.slice(0, length);
        visited[start] |= bit;

        const a = field[start];
        const b = field[start + (bit === 2 ? width : 1)];
        const share = (threshold - a) / (b - a); // of the edge, until the threshold is crossed
        const y = Math.floor(start / width);
        const x = start - y * width;
        if (length === points.length) points = doubled(points);
        points[length++] = (bit === 2 ? x : x + share) * scaleX + offsetX;
        points[length++] = (bit === 2 ? y + share : y) * scaleY + offsetY;

        const signs =
            (field[corner] > threshold ? 1 : 0) |
            (field[corner + 1] > threshold ? 2 : 0) |
            (field[corner + width + 1] > threshold ? 4 : 0) |
            (field[corner + width] > threshold ? 8 : 0);
        const exit = EXITS[4 * joined(field, width, threshold, corner, signs) + edge];
        // The neighbour shares that edge: it is the opposite one there.
        if (exit === TOP) corner -= width;
        else if (exit === RIGHT) corner += 1;
        else if (exit === BOTTOM) corner += width;
        else corner -= 1;
        edge = exit ^ 2;
    }
}

/** Where `follow` collects a polygon's points; kept, and made longer as needed. */
let points = new Float32Array(4096);

/** @param {Float32Array<ArrayBuffer>} values */
function doubled(values) {
    const longer = new Float32Array(2 * values.length);
    longer.set(values);
    return longer;
}

/**
 * The row of EXITS for a cell: of the two ambiguous ones the form that the mean decides for.
 *
 * @param {Float32Array | Uint8Array} field
 * @param {number} width
 * @param {number} threshold
 * @param {number} corner
 * @param {number} signs
 */
function joined(field, width, threshold, corner, signs) {
    if (signs !== 5 && signs !== 10) return signs;
    const mean = (field[corner] + field[corner + 1] + field[corner + width] + field[corner + width + 1]) / 4;
    if (mean <= threshold) return signs;
    return signs === 5 ? JOINED_5 : JOINED_10;
}

/**
 * The corner an edge starts from: an edge goes to the right of it or below it.
 *
 * @param {number} corner the cell's top-left one
 * @param {number} width
 * @param {number} edge
 */
function startOf(corner, width, edge) {
    if (edge === BOTTOM) return corner + width;
    return edge === RIGHT ? corner + 1 : corner;
}

/** @param {number} edge */
function bitOf(edge) {
    return edge === TOP || edge === BOTTOM ? 1 : 2;
}
