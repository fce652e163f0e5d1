/** The separate pieces of a mask, and its holes. Pixels that touch at a side are of one piece. */

import {NOTHING, complement, union} from "./columns.js";

/** @import {Columns, Spans} from "./columns.js" */
/** @import {Place} from "./strokes.js" */

const CRUMB_SHARE = 0.02; // of the largest piece: smaller pieces are crumbs

/** @typedef {{spans: [x: number, start: number, end: number][], area: number}} Piece */

/** @param {Columns} columns @returns {Piece[]} the largest first */
export function piecesOf(columns) {
    /** @type {number[]} */
    const parents = [];
    const rootOf = (/** @type {number} */ k) => {
        while (parents[k] !== k) k = parents[k] = parents[parents[k]];
        return k;
    };
    /** @type {[x: number, start: number, end: number][]} */
    const all = [];
    let before = 0; // where the spans of the column to the left begin in `all`
    columns.forEach((spans, x) => {
        const first = all.length;
        let left = before;
        for (let k = 0; k < spans.length; k += 2) {
            const [start, end] = [spans[k], spans[k + 1]];
            const id = all.push([x, start, end]) - 1;
            parents.push(id);
            while (left < first && all[left][2] <= start) left++;
            for (let j = left; j < first && all[j][1] < end; j++) parents[rootOf(j)] = rootOf(id);
        }
        before = first;
    });
    /** @type {Map<number, Piece>} */
    const pieces = new Map();
    all.forEach((span, k) => {
        const root = rootOf(k);
        const piece = pieces.get(root) ?? {spans: [], area: 0};
        piece.spans.push(span);
        piece.area += span[2] - span[1];
        pieces.set(root, piece);
    });
    return [...pieces.values()].sort((a, b) => b.area - a.area);
}

/** @param {Columns} columns @returns {Columns} without the pieces that are tiny beside the largest one */
export function withoutCrumbs(columns) {
    const pieces = piecesOf(columns);
    return columnsFrom(
        pieces.filter(({area}) => area >= CRUMB_SHARE * pieces[0].area),
        columns.length,
    );
}

/** @param {Columns} columns @param {number} area pixels @returns {Columns} without the pieces that are smaller */
export function withoutPiecesUnder(columns, area) {
    return columnsFrom(
        piecesOf(columns).filter((piece) => piece.area >= area),
        columns.length,
    );
}

/** @param {Columns} columns @param {Place} place @returns {Columns} the piece there; as it was, where none is */
export function onlyPieceAt(columns, place) {
    const piece = pieceAt(columns, place);
    return piece ? columnsFrom([piece], columns.length) : columns;
}

/** @param {Columns} columns @param {Place} place @returns {Columns} without the piece there */
export function withoutPieceAt(columns, place) {
    const piece = pieceAt(columns, place);
    const left = piecesOf(columns).filter(({spans}) => spans[0].join() !== piece?.spans[0].join());
    return piece ? columnsFrom(left, columns.length) : columns;
}

/** @param {Columns} columns @param {Place} place */
function pieceAt(columns, {x, y}) {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    return piecesOf(columns).find(({spans}) =>
        spans.some(([at, start, end]) => at === column && start <= row && row < end),
    );
}

/**
 * @param {Columns} columns
 * @param {number} height of the image
 * @returns {Columns} background that the mask encloses belongs to it
 */
export function withHolesFilled(columns, height) {
    const last = columns.length - 1;
    const holes = piecesOf(complement(columns, height)).filter(({spans}) =>
        spans.every(([x, start, end]) => x > 0 && x < last && start > 0 && end < height),
    );
    const filled = columnsFrom(holes, columns.length);
    return columns.map((spans, x) => union(spans, filled[x]));
}

/**
 * @param {readonly Piece[]} pieces
 * @param {number} width of the image
 * @returns {Columns}
 */
export function columnsFrom(pieces, width) {
    /** @type {Spans[]} */
    const columns = new Array(width).fill(NOTHING);
    for (const {spans} of pieces)
        for (const [x, start, end] of spans) columns[x] = union(columns[x], [start, end]);
    return columns;
}
