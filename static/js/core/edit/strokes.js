/** What a brush or a lasso covers, as spans of columns. A pixel is covered when its centre is. */

import {union} from "./columns.js";

/** @import {ImageSize} from "../types.d.ts" */
/** @import {Spans} from "./columns.js" */

/** A round brush at one place; all in image pixels. @typedef {{x: number, y: number, radius: number}} Dab */
/** @typedef {{x: number, y: number}} Place */

/**
 * @param {readonly Dab[]} dabs one after the other; the brush goes straight from each to the next
 * @param {ImageSize} size
 * @returns {Map<number, Spans>} by x
 */
export function spansOfStroke(dabs, size) {
    /** @type {Map<number, Spans>} */
    const spans = new Map();
    dabs.forEach((dab, k) => addCapsule(spans, k === 0 ? dab : dabs[k - 1], dab, size));
    return spans;
}

/**
 * @param {readonly Place[]} corners of a polygon that closes by itself; where it crosses itself, evenodd
 * @param {ImageSize} size
 * @returns {Map<number, Spans>} by x
 */
export function spansOfPolygon(corners, {height, width}) {
    /** Where its edges cross the middle of each column. @type {Map<number, number[]>} */
    const crossings = new Map();
    corners.forEach((a, k) => {
        const b = corners[(k + 1) % corners.length];
        const [left, right] = a.x <= b.x ? [a, b] : [b, a];
        const first = Math.max(0, Math.ceil(left.x - 0.5));
        for (let x = first; x < width && x + 0.5 < right.x; x++) {
            const y = left.y + ((x + 0.5 - left.x) / (right.x - left.x)) * (right.y - left.y);
            const known = crossings.get(x);
            if (known) known.push(y);
            else crossings.set(x, [y]);
        }
    });
    /** @type {Map<number, Spans>} */
    const spans = new Map();
    for (const [x, ys] of crossings) {
        ys.sort((a, b) => a - b);
        /** @type {Spans} */
        let column = [];
        for (let k = 0; k + 1 < ys.length; k += 2)
            column = union(column, spanBetween(ys[k], ys[k + 1], height));
        if (column.length > 0) spans.set(x, column);
    }
    return spans;
}

/**
 * A circle drawn along a straight line. It is convex: each column crosses it once.
 *
 * @param {Map<number, Spans>} spans
 * @param {Dab} from
 * @param {Dab} to
 * @param {ImageSize} size
 */
function addCapsule(spans, from, to, {height, width}) {
    const radius = (from.radius + to.radius) / 2;
    const [a, b] = from.x <= to.x ? [from, to] : [to, from];
    const first = Math.max(0, Math.ceil(a.x - radius - 0.5));
    const last = Math.min(width - 1, Math.floor(b.x + radius - 0.5));
    for (let x = first; x <= last; x++) {
        const top = edgeAt(x + 0.5, a, b, radius, -1);
        const bottom = edgeAt(x + 0.5, a, b, radius, 1);
        const span = spanBetween(top, bottom, height);
        if (span.length > 0) spans.set(x, union(spans.get(x) ?? [], span));
    }
}

/**
 * Where a column meets the capsule's upper or lower edge: on the line that touches both circles, or on the circle beyond
 * that line's end.
 *
 * @param {number} x
 * @param {Place} a
 * @param {Place} b to the right of `a`
 * @param {number} radius
 * @param {-1 | 1} side -1 the upper edge
 */
function edgeAt(x, a, b, radius, side) {
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const length = Math.hypot(dx, dy);
    const [offsetX, offsetY] =
        length === 0 ? [0, side * radius] : [(-side * dy * radius) / length, (side * dx * radius) / length];
    const [startX, endX] = [a.x + offsetX, b.x + offsetX];
    if (x <= startX || length === 0) return onCircle(x, a, radius, side);
    if (x >= endX) return onCircle(x, b, radius, side);
    return a.y + offsetY + ((x - startX) / dx) * dy;
}

/**
 * @param {number} x
 * @param {Place} centre
 * @param {number} radius
 * @param {number} side
 */
function onCircle(x, centre, radius, side) {
    return centre.y + side * Math.sqrt(Math.max(0, radius ** 2 - (x - centre.x) ** 2));
}

/**
 * @param {number} top
 * @param {number} bottom
 * @param {number} height
 * @returns {Spans} of the pixels whose centres lie between
 */
function spanBetween(top, bottom, height) {
    const start = Math.max(0, Math.ceil(top - 0.5));
    const end = Math.min(height, Math.floor(bottom - 0.5) + 1);
    return end > start ? [start, end] : [];
}
