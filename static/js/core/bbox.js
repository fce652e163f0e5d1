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

/** @param {Bbox} bbox */
export function bboxMiddle([x, y, width, height]) {
    return {x: x + width / 2, y: y + height / 2};
}

/**
 * @param {Bbox} a
 * @param {Bbox} b
 */
export function bboxesMeet([ax, ay, aWidth, aHeight], [bx, by, bWidth, bHeight]) {
    return ax < bx + bWidth && bx < ax + aWidth && ay < by + bHeight && by < ay + aHeight;
}
