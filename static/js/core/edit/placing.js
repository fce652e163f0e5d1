/** Masks in another place, or on an image of another size. */

import {NOTHING, intersection} from "./columns.js";

/** @import {Bbox, ImageSize} from "../types.d.ts" */
/** @import {Columns} from "./columns.js" */

/**
 * @param {Columns} columns
 * @param {ImageSize} size of the image: what leaves it is cut off
 * @param {{dx: number, dy: number}} by whole pixels, to the right and down
 * @returns {Columns}
 */
export function moved(columns, {height}, {dx, dy}) {
    return columns.map((_, x) =>
        intersection(
            (columns[x - dx] ?? NOTHING).map((y) => y + dy),
            [0, height],
        ),
    );
}

/**
 * The same pixels on an image of another size: what lies outside that one is cut off.
 *
 * @param {Columns} columns
 * @param {ImageSize} size of the other image
 * @returns {Columns}
 */
export function fitted(columns, {height, width}) {
    return Array.from({length: width}, (_, x) => intersection(columns[x] ?? NOTHING, [0, height]));
}

/**
 * Where a copy is put so that it is seen beside what it was made of: to the right and down, or the other way where the image
 * ends there.
 *
 * @param {Bbox} bbox
 * @param {ImageSize} size
 * @param {number} distance pixels
 */
export function offsetFor([left, top, width, height], size, distance) {
    return {
        dx: left + width + distance <= size.width ? distance : -distance,
        dy: top + height + distance <= size.height ? distance : -distance,
    };
}
