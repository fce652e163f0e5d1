import assert from "node:assert/strict";
import test from "node:test";

import {columnsOf, combined, complement, emptyColumns, rleOf} from "../../static/js/core/edit/columns.js";
import {grown, shrunk, smoothed} from "../../static/js/core/edit/growing.js";
import {
    onlyPieceAt,
    piecesOf,
    withHolesFilled,
    withoutCrumbs,
    withoutPieceAt,
    withoutPiecesUnder,
} from "../../static/js/core/edit/pieces.js";
import {spansOfPolygon, spansOfStroke} from "../../static/js/core/edit/strokes.js";
import {decodeRle, encodeRle} from "../../static/js/core/rle.js";

const SIZE = {height: 24, width: 31};

/** A generator that gives the same numbers every time. */
function numbers(seed) {
    let state = seed;
    return () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
}

/** @returns {Uint8Array} a mask row by row */
function maskOf(isInside, {height, width} = SIZE) {
    const mask = new Uint8Array(height * width);
    for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) mask[y * width + x] = isInside(x, y) ? 1 : 0;
    return mask;
}
const columnsFrom = (mask, size = SIZE) => columnsOf(encodeRle(mask, size));
const pixels = (columns, {height} = SIZE) => [...decodeRle(rleOf(columns, height).segmentation)];

test("columns and RLE are the same mask, with its area and box", () => {
    const random = numbers(7);
    for (let k = 0; k < 60; k++) {
        const density = [0, 0.1, 0.5, 0.95, 1][k % 5];
        const mask = maskOf(() => random() < density);
        const {segmentation, area} = rleOf(columnsFrom(mask), SIZE.height);
        assert.deepEqual(segmentation, encodeRle(mask, SIZE));
        assert.equal(
            area,
            mask.reduce((sum, pixel) => sum + pixel, 0),
        );
    }
    assert.deepEqual(rleOf(emptyColumns(SIZE), SIZE.height).bbox, [0, 0, 0, 0]);
    assert.deepEqual(
        pixels(complement(emptyColumns(SIZE), SIZE.height)),
        pixels(columnsFrom(maskOf(() => true))),
    );
});

/** The distance from a pixel's centre to a line. */
function distanceTo(x, y, a, b) {
    const [px, py] = [x + 0.5, y + 0.5];
    const length2 = (b.x - a.x) ** 2 + (b.y - a.y) ** 2;
    const along = length2 && ((px - a.x) * (b.x - a.x) + (py - a.y) * (b.y - a.y)) / length2;
    const t = Math.min(1, Math.max(0, along));
    return Math.hypot(px - a.x - t * (b.x - a.x), py - a.y - t * (b.y - a.y));
}

test("a stroke covers the pixels whose centres it comes near enough, in any direction and beyond the image", () => {
    const random = numbers(3);
    for (let k = 0; k < 200; k++) {
        const radius = 0.6 + 5 * random();
        const place = () => ({x: -5 + 41 * random(), y: -5 + 34 * random(), radius});
        const [a, b] = [place(), place()];
        if (k % 4 === 0) b.x = a.x; // straight down, or up
        if (k % 8 === 1) b.y = a.y;
        if (k % 16 === 2) Object.assign(b, a);
        const stroke = combined(emptyColumns(SIZE), spansOfStroke([a, b], SIZE), false);
        const shown = pixels(stroke);
        maskOf((x, y) => {
            const off = distanceTo(x, y, a, b) - radius;
            if (Math.abs(off) > 1e-6)
                assert.equal(shown[y * SIZE.width + x], off < 0 ? 1 : 0, `${k} ${x} ${y}`);
            return false;
        });
    }
});

test("a stroke adds and erases, and leaves the columns that it does not touch as they are", () => {
    const square = columnsFrom(maskOf((x, y) => x >= 5 && x < 15 && y >= 5 && y < 15));
    const spans = spansOfStroke([{x: 10, y: 10, radius: 2}], SIZE);
    const erased = combined(square, spans, true);
    assert.equal(rleOf(erased, SIZE.height).area, 100 - 12);
    assert.deepEqual(pixels(combined(erased, spans, false)), pixels(square));
    assert.equal(erased[6], square[6]);
});

test("a polygon covers what lies inside, evenodd, cut off at the image's border", () => {
    const corners = [{x: 2, y: 2}, {x: 20, y: 2}, {x: 20, y: 12}, {x: 2, y: 12}]; // prettier-ignore
    const filled = combined(emptyColumns(SIZE), spansOfPolygon(corners, SIZE), false);
    assert.deepEqual(pixels(filled), [...maskOf((x, y) => x >= 2 && x < 20 && y >= 2 && y < 12)]);
    const bow = [{x: 0, y: 0}, {x: 10, y: 10}, {x: 10, y: 0}, {x: 0, y: 10}]; // prettier-ignore
    const {area} = rleOf(combined(emptyColumns(SIZE), spansOfPolygon(bow, SIZE), false), SIZE.height);
    assert.ok(area >= 40 && area <= 60, String(area));
    const outside = [{x: -9, y: -9}, {x: 99, y: -9}, {x: 99, y: 99}, {x: -9, y: 99}]; // prettier-ignore
    assert.equal(rleOf(combined(emptyColumns(SIZE), spansOfPolygon(outside, SIZE), false), 24).area, 24 * 31);
});

/** The pieces of a mask by flooding it, as a reference. */
function floodedAreas(mask) {
    const seen = new Uint8Array(mask.length);
    const areas = [];
    mask.forEach((pixel, start) => {
        if (!pixel || seen[start]) return;
        let area = 0;
        const open = [start];
        seen[start] = 1;
        while (open.length) {
            const at = open.pop();
            area++;
            const [x, y] = [at % SIZE.width, Math.floor(at / SIZE.width)];
            for (const [dx, dy] of [
                [1, 0],
                [-1, 0],
                [0, 1],
                [0, -1],
            ]) {
                // prettier-ignore
                const next = at + dx + dy * SIZE.width;
                const isIn = x + dx >= 0 && x + dx < SIZE.width && y + dy >= 0 && y + dy < SIZE.height;
                if (!isIn || !mask[next] || seen[next]) continue;
                seen[next] = 1;
                open.push(next);
            }
        }
        areas.push(area);
    });
    return areas.sort((a, b) => b - a);
}

test("the pieces of a mask are those that flooding finds", () => {
    const random = numbers(11);
    for (let k = 0; k < 40; k++) {
        const mask = maskOf(() => random() < 0.3 + 0.01 * k);
        assert.deepEqual(
            piecesOf(columnsFrom(mask)).map(({area}) => area),
            floodedAreas(mask),
        );
    }
});

test("holes are filled, bays and the outside are not; crumbs go, real pieces stay", () => {
    const ring = (x, y) => x >= 4 && x < 14 && y >= 4 && y < 14 && !(x >= 7 && x < 10 && y >= 7 && y < 10);
    const bay = (x, y) => ring(x, y) && !(x >= 10 && y === 8);
    assert.equal(rleOf(withHolesFilled(columnsFrom(maskOf(ring)), SIZE.height), SIZE.height).area, 100);
    const open = columnsFrom(maskOf(bay));
    assert.deepEqual(pixels(withHolesFilled(open, SIZE.height)), pixels(open));

    const crumbs = columnsFrom(maskOf((x, y) => ring(x, y) || (x === 20 && y === 2) || (x >= 25 && y >= 20)));
    assert.deepEqual(pixels(withoutCrumbs(crumbs)), [
        ...maskOf((x, y) => ring(x, y) || (x >= 25 && y >= 20)),
    ]);
    assert.deepEqual(withoutCrumbs(emptyColumns(SIZE)), emptyColumns(SIZE));
});

test("one piece is kept or dropped by a place on it, small ones by their size", () => {
    const isLeft = (x, y) => x < 5 && y < 5;
    const isRight = (x, y) => x > 10 && x < 14 && y > 3 && y < 6;
    const both = columnsFrom(maskOf((x, y) => isLeft(x, y) || isRight(x, y)));
    const [left, right] = [isLeft, isRight].map((isInside) => pixels(columnsFrom(maskOf(isInside))));
    assert.deepEqual(pixels(onlyPieceAt(both, {x: 12.5, y: 4.9})), right);
    assert.deepEqual(pixels(withoutPieceAt(both, {x: 12.5, y: 4.9})), left);
    assert.deepEqual(pixels(withoutPiecesUnder(both, 7)), left);
    assert.deepEqual(pixels(withoutPiecesUnder(both, 6)), pixels(both));
    for (const change of [onlyPieceAt, withoutPieceAt]) assert.equal(change(both, {x: 20, y: 20}), both);
});

test("growing and shrinking are by a disc, and the image's border is no edge", () => {
    const random = numbers(5);
    const mask = maskOf(() => random() < 0.05);
    const near = (radius) =>
        maskOf((x, y) => {
            for (let dy = -radius; dy <= radius; dy++)
                for (let dx = -radius; dx <= radius; dx++) {
                    const [px, py] = [x + dx, y + dy];
                    const isIn = px >= 0 && px < SIZE.width && py >= 0 && py < SIZE.height;
                    if (dx ** 2 + dy ** 2 <= radius ** 2 && isIn && mask[py * SIZE.width + px]) return true;
                }
            return false;
        });
    for (const radius of [1, 2, 3])
        assert.deepEqual(pixels(grown(columnsFrom(mask), SIZE.height, radius)), [...near(radius)]);
    const all = columnsFrom(maskOf(() => true));
    assert.deepEqual(pixels(shrunk(all, SIZE.height, 3)), pixels(all));
    const half = columnsFrom(maskOf((x) => x < 10));
    assert.deepEqual(pixels(shrunk(half, SIZE.height, 2)), [...maskOf((x) => x < 8)]);
});

test("smoothing takes threads and gaps away and keeps the body", () => {
    const body = (x, y) => x >= 6 && x < 26 && y >= 6 && y < 20;
    const rough = maskOf((x, y) => (body(x, y) && !(x === 15 && y < 12)) || (y === 10 && x < 6));
    const smooth = pixels(smoothed(columnsFrom(rough), SIZE.height));
    assert.equal(smooth[10 * SIZE.width + 2], 0, "the thread");
    assert.equal(smooth[9 * SIZE.width + 15], 1, "the gap");
    assert.equal(smooth[12 * SIZE.width + 12], 1, "the body");
});
