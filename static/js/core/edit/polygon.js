/**
 * A mask seen as polygons. The mask is the truth: a ring keeps every point of the outline, and only some of them are corners
 * that a person can move. What lies between two corners that stay is not touched, down to the pixel.
 */

import {difference, intersection, lengthOf, union} from "./columns.js";
import {spansOfPolygon} from "./strokes.js";

/** @import {ImageSize} from "../types.d.ts" */
/** @import {Outline} from "../outlines.js" */
/** @import {Columns} from "./columns.js" */
/** @import {Place} from "./strokes.js" */

/**
 * One closed line around a piece of the mask or around a hole in it.
 *
 * @typedef {object} Ring
 * @property {readonly Place[]} points the outline, point by point
 * @property {readonly number[]} corners which of the points are corners, ascending; three or more
 */
/** A ring after a change (null: it is gone), and the areas in which the mask is turned into its opposite by that. @typedef {{ring: Ring | null, flips: Place[][]}} Change */

const FEWEST = 3;

/**
 * @param {Outline} outline of a mask
 * @param {number} tolerance image pixels: how far the outline may lie from the lines between corners
 * @returns {Ring[]}
 */
export function ringsOf(outline, tolerance) {
    return outline
        .filter(({length}) => length >= 2 * FEWEST)
        .map((flat) => {
            const points = Array.from({length: flat.length / 2}, (_, k) => ({
                x: flat[2 * k],
                y: flat[2 * k + 1],
            }));
            return {points, corners: cornersOf(points, tolerance)};
        });
}

/** @param {Ring} ring @param {number} tolerance as `ringsOf` @returns {Ring} the same outline with other corners */
export function withTolerance({points}, tolerance) {
    return {points, corners: cornersOf(points, tolerance)};
}

/**
 * The corners of a closed line.
 *
 * Source: Douglas & Peucker, Algorithms for the reduction of the number of points required to represent a digitized line,
 * Cartographica 1973; the line is cut at two points that lie far from each other.
 *
 * @param {readonly Place[]} points
 * @param {number} tolerance
 * @returns {number[]} indices, ascending; three or more
 */
export function cornersOf(points, tolerance) {
    const opposite = farthest(points, 0, points.length, ({x, y}) =>
        Math.hypot(x - points[0].x, y - points[0].y),
    );
    const kept = new Set([0, opposite.index]);
    const spans = [
        [0, opposite.index],
        [opposite.index, points.length],
    ];
    for (let span = spans.pop(); span; span = spans.pop()) {
        const [from, to] = span;
        const {index, distance} = farthest(points, from + 1, to, (point) =>
            distanceToLine(point, points[from], points[to % points.length]),
        );
        // Two corners and the line between them would be no area.
        if (index < 0 || (distance <= tolerance && kept.size >= FEWEST)) continue;
        kept.add(index);
        spans.push([from, index], [index, to]);
    }
    return [...kept].sort((a, b) => a - b);
}

/** The places of a ring's corners. @param {Ring} ring @returns {Place[]} */
export function cornerPlaces({points, corners}) {
    return corners.map((index) => points[index]);
}

/**
 * @param {Ring} ring
 * @param {ReadonlySet<number>} moved positions in `corners`
 * @param {{x: number, y: number}} by image pixels
 * @returns {Change}
 */
export function withCornersMoved(ring, moved, by) {
    return changed(ring, (position, next, line) => {
        const at = (/** @type {Place} */ {x, y}) => ({x: x + by.x, y: y + by.y});
        if (moved.has(position) && moved.has(next)) return line.map(at); // what lies between goes along as it is
        const [from, to] = [line[0], line[line.length - 1]];
        if (!moved.has(position) && !moved.has(next)) return null;
        return [moved.has(position) ? at(from) : from, moved.has(next) ? at(to) : to];
    });
}

/**
 * @param {Ring} ring
 * @param {ReadonlySet<number>} removed positions in `corners`; fewer than three left: the ring goes too
 * @returns {Change}
 */
export function withoutCorners(ring, removed) {
    const left = ring.corners.filter((_, position) => !removed.has(position));
    if (left.length < FEWEST) return {ring: null, flips: [[...ring.points]]};
    const kept = {points: ring.points, corners: left};
    return changed(kept, (position, next, line) => {
        const isBridged = lineHas(ring, left[position], left[next], removed);
        return isBridged ? [line[0], line[line.length - 1]] : null;
    });
}

/**
 * @param {Ring} ring
 * @param {number} index of one of its points
 * @returns {Ring} with a corner there; no pixel changes by that
 */
export function withCorner({points, corners}, index) {
    return {points, corners: [...new Set([...corners, index])].sort((a, b) => a - b)};
}

/**
 * @param {Columns} columns
 * @param {readonly (readonly Place[])[]} polygons
 * @param {ImageSize} size
 * @returns {Columns} inside of each polygon the mask is turned into its opposite
 */
export function flipped(columns, polygons, size) {
    const result = [...columns];
    for (const polygon of polygons) {
        for (const [x, spans] of spansOfPolygon(polygon, size))
            result[x] = union(difference(result[x], spans), difference(spans, result[x]));
    }
    return result;
}

/**
 * How well the lines between the corners stand for the mask.
 *
 * @param {Columns} columns of the mask
 * @param {Columns} others
 * @returns {number} intersection over union, 0 to 1
 */
export function iouOf(columns, others) {
    let [common, all] = [0, 0];
    columns.forEach((spans, x) => {
        common += lengthOf(intersection(spans, others[x]));
        all += lengthOf(union(spans, others[x]));
    });
    return all === 0 ? 1 : common / all;
}

/**
 * Goes round a ring, from corner to corner.
 *
 * @param {Ring} ring
 * @param {(position: number, next: number, line: readonly Place[]) => readonly Place[] | null} lineFor the line from one corner
 *   to the next in place of `line`, ends included; null: it stays
 * @returns {Change}
 */
function changed({points, corners}, lineFor) {
    const count = corners.length;
    const lines = corners.map((_, position) => {
        const next = (position + 1) % count;
        const before = lineBetween(points, corners[position], corners[next]);
        return {before, after: lineFor(position, next, before)};
    });
    /** @type {Place[]} */
    const whole = [];
    const places = lines.map(({before, after}) => {
        const index = whole.length;
        whole.push(...(after ?? before).slice(0, -1)); // its end begins the next line
        return index;
    });
    return {ring: {points: whole, corners: places}, flips: flipsOf(lines)};
}

/**
 * What lies between old and new lines: one area for each stretch of lines that changed.
 *
 * @param {readonly {before: readonly Place[], after: readonly Place[] | null}[]} lines
 * @returns {Place[][]}
 */
function flipsOf(lines) {
    const first = lines.findIndex(({after}) => after === null);
    if (first < 0) {
        return [lines.flatMap(({before}) => [...before]), lines.flatMap(({after}) => [...(after ?? [])])];
    }
    /** @type {Place[][]} */
    const flips = [];
    /** @type {{before: Place[], after: Place[]} | null} */
    let stretch = null;
    for (let k = 1; k <= lines.length; k++) {
        const {before, after} = lines[(first + k) % lines.length];
        if (after) {
            stretch ??= {before: [], after: []};
            stretch.before.push(...before);
            stretch.after.push(...after);
        } else if (stretch) {
            flips.push([...stretch.before, ...stretch.after.reverse()]);
            stretch = null;
        }
    }
    return flips;
}

/**
 * @param {readonly Place[]} points
 * @param {number} from
 * @param {number} to
 * @returns {Place[]} both ends included
 */
function lineBetween(points, from, to) {
    return from < to ? points.slice(from, to + 1) : [...points.slice(from), ...points.slice(0, to + 1)];
}

/**
 * @param {Ring} ring
 * @param {number} from
 * @param {number} to
 * @param {ReadonlySet<number>} removed positions in the ring's corners
 * @returns {boolean} whether one of the removed corners lay between these points
 */
function lineHas({corners}, from, to, removed) {
    return corners.some((index, position) => {
        if (!removed.has(position)) return false;
        return from < to ? index > from && index < to : index > from || index < to;
    });
}

/**
 * @param {readonly Place[]} points
 * @param {number} from
 * @param {number} to excluded
 * @param {(point: Place) => number} measure
 */
function farthest(points, from, to, measure) {
    let [index, distance] = [-1, -1];
    for (let k = from; k < to; k++) {
        const value = measure(points[k]);
        if (value > distance) [index, distance] = [k, value];
    }
    return {index, distance};
}

/** @param {Place} point @param {Place} a @param {Place} b the line's ends */
function distanceToLine({x, y}, a, b) {
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const length = dx * dx + dy * dy;
    const share = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - a.x) * dx + (y - a.y) * dy) / length));
    return Math.hypot(x - a.x - share * dx, y - a.y - share * dy);
}
