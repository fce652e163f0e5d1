/** A mask's pixels of a picture, without those around them. */

import {difference} from "./columns.js";

/** @import {Bbox} from "../types.d.ts" */
/** @import {Columns} from "./columns.js" */

/**
 * Makes transparent what does not belong to the mask.
 *
 * @param {Uint8ClampedArray} rgba of the picture inside the box, row by row; changed in place
 * @param {Columns} columns of the whole image
 * @param {Bbox} bbox whole pixels
 */
export function clearAround(rgba, columns, [left, top, width, height]) {
    for (let x = 0; x < width; x++) {
        const around = difference([top, top + height], columns[left + x]);
        for (let k = 0; k < around.length; k += 2) {
            for (let y = around[k] - top; y < around[k + 1] - top; y++) rgba[4 * (y * width + x) + 3] = 0;
        }
    }
}
