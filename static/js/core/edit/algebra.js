/** Masks of one image put together: exact, column by column. */

import {columnsFrom, piecesOf} from "./pieces.js";
import {difference, intersection, union} from "./columns.js";

/** @import {Columns, Spans} from "./columns.js" */

/** @param {Columns} first @param {readonly Columns[]} others @returns {Columns} what belongs to any of them */
export function unionOf(first, others) {
    return folded(first, others, union);
}

/** @param {Columns} first @param {readonly Columns[]} others @returns {Columns} what belongs to the first one alone */
export function differenceOf(first, others) {
    return folded(first, others, difference);
}

/** @param {Columns} first @param {readonly Columns[]} others @returns {Columns} what belongs to all of them */
export function intersectionOf(first, others) {
    return folded(first, others, intersection);
}

/** @param {Columns} columns @returns {Columns[]} each piece as a mask of its own, the largest first */
export function partsOf(columns) {
    return piecesOf(columns).map((piece) => columnsFrom([piece], columns.length));
}

/**
 * @param {Columns} first
 * @param {readonly Columns[]} others
 * @param {(a: Spans, b: Spans) => Spans} combine
 * @returns {Columns}
 */
function folded(first, others, combine) {
    return first.map((spans, x) => others.reduce((before, other) => combine(before, other[x]), spans));
}
