/** Boxes as COCO has them: x, y, width, height in image pixels. */

/** @import {Bbox} from "./types.d.ts" */

/**
 * @param {readonly Bbox[]} bboxes at least one
 * @returns {Bbox} the smallest that holds them all
 */
export function bboxAround(bboxes) {
    const left = Math.min(...bboxes.map(([x]) => x));
    const top = Math.min(...bboxes.map(([, y]) => y));
    const right = Math.max(...bboxes.map(([x, , width]) => x + width));
    const bottom = Math.max(...bboxes.map(([, y, , height]) => y + height));
    return [left, top, right - left, bottom - top];
}
