/** Larger, smaller and smoother masks. The image's border is no edge: nothing shrinks away from it. */

import {complement, union} from "./columns.js";

/** @import {Columns, Spans} from "./columns.js" */

const SMOOTH_PX = 2;

/**
 * @param {Columns} columns
 * @param {number} height of the image
 * @param {number} radius pixels
 * @returns {Columns} every pixel that lies within the radius of the mask
 */
export function grown(columns, height, radius) {
    /** @type {Spans[]} */
    const wider = new Array(columns.length).fill([]);
    for (let dx = -radius; dx <= radius; dx++) {
        const dy = Math.floor(Math.sqrt(radius ** 2 - dx ** 2));
        columns.forEach((spans, x) => {
            if (spans.length === 0 || x + dx < 0 || x + dx >= columns.length) return;
            wider[x + dx] = union(wider[x + dx], stretched(spans, dy, height));
        });
    }
    return wider;
}

/**
 * @param {Columns} columns
 * @param {number} height of the image
 * @param {number} radius pixels
 * @returns {Columns} every pixel that lies farther than the radius from the background
 */
export function shrunk(columns, height, radius) {
    return complement(grown(complement(columns, height), height, radius), height);
}

/**
 * Without thin threads and narrow gaps: a morphological opening, then a closing.
 *
 * @param {Columns} columns
 * @param {number} height of the image
 * @returns {Columns}
 */
export function smoothed(columns, height) {
    const opened = grown(shrunk(columns, height, SMOOTH_PX), height, SMOOTH_PX);
    return shrunk(grown(opened, height, SMOOTH_PX), height, SMOOTH_PX);
}

/**
 * @param {Spans} spans
 * @param {number} dy
 * @param {number} height
 * @returns {Spans}
 */
function stretched(spans, dy, height) {
    /** @type {number[]} */
    const longer = [];
    for (let k = 0; k < spans.length; k += 2) {
        const [start, end] = [Math.max(0, spans[k] - dy), Math.min(height, spans[k + 1] + dy)];
        if (longer.length > 0 && start <= longer[longer.length - 1]) longer[longer.length - 1] = end;
        else longer.push(start, end);
    }
    return longer;
}
