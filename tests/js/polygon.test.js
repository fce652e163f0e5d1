import assert from "node:assert/strict";
import test from "node:test";

import {columnsOf, emptyColumns, rleOf} from "../../static/js/core/edit/columns.js";
import {
    cornerPlaces,
    flipped,
    iouOf,
    ringsOf,
    withCorner,
    withCornersMoved,
    withTolerance,
    withoutCorners,
} from "../../static/js/core/edit/polygon.js";
import {outlineOfRle} from "../../static/js/core/outlines.js";
import {decodeRle, encodeRle} from "../../static/js/core/rle.js";

const SIZE = {height: 60, width: 80};

/** A mask row by row, as columns, with its rings. */
function shape(isInside, tolerance = 0.8) {
    const mask = new Uint8Array(SIZE.height * SIZE.width);
    for (let y = 0; y < SIZE.height; y++)
        for (let x = 0; x < SIZE.width; x++) mask[y * SIZE.width + x] = isInside(x + 0.5, y + 0.5) ? 1 : 0;
    const columns = columnsOf(encodeRle(mask, SIZE));
    const {segmentation, bbox} = rleOf(columns, SIZE.height);
    return {columns, rings: ringsOf(outlineOfRle(segmentation, bbox), tolerance)};
}
const pixels = (columns) => [...decodeRle(rleOf(columns, SIZE.height).segmentation)];
const maskOf = (rings) =>
    flipped(
        emptyColumns(SIZE),
        rings.map(({points}) => points),
        SIZE,
    );
const polygonOf = (rings) => flipped(emptyColumns(SIZE), rings.map(cornerPlaces), SIZE);
const isDisc = (x, y) => Math.hypot(x - 40, y - 30) < 22;
const isRing = (x, y) => isDisc(x, y) && Math.hypot(x - 40, y - 30) > 9;
const isBox = (x, y) => x > 20 && x < 60 && y > 10 && y < 50;
const nearest = (ring, x, y) => {
    const away = cornerPlaces(ring).map((place) => Math.hypot(place.x - x, place.y - y));
    return away.indexOf(Math.min(...away));
};

test("the rings of a mask give it again to the pixel, holes, pieces and the image's border included", () => {
    const isTwo = (x, y) => isRing(x, y) || (x > 70 && y > 40);
    for (const isInside of [isDisc, isRing, isBox, isTwo, () => true]) {
        const {columns, rings} = shape(isInside);
        assert.deepEqual(pixels(maskOf(rings)), pixels(columns));
    }
    assert.equal(shape(isTwo).rings.length, 3);
    assert.deepEqual(shape(() => false).rings, []);
});

test("more tolerance means fewer corners, that stand for the mask less well", () => {
    const {columns, rings} = shape(isRing);
    let [corners, iou] = [Infinity, 1];
    for (const tolerance of [0, 0.6, 2, 6]) {
        const simpler = rings.map((ring) => withTolerance(ring, tolerance));
        const count = simpler.reduce((sum, ring) => sum + ring.corners.length, 0);
        const match = iouOf(columns, polygonOf(simpler));
        assert.ok(count < corners && match <= iou, `${tolerance}: ${count} corners, IoU ${match}`);
        [corners, iou] = [count, match];
    }
    assert.ok(corners >= 6, "two rings of three at least");
    assert.ok(iou > 0.5);
    assert.equal(iouOf(columns, maskOf(rings)), 1);
    assert.equal(iouOf(emptyColumns(SIZE), emptyColumns(SIZE)), 1);
});

test("a moved corner changes the mask beside it and nowhere else", () => {
    const {columns, rings} = shape(isBox, 1);
    const [ring] = rings;
    const position = nearest(ring, 20, 10);
    const {ring: moved, flips} = withCornersMoved(ring, new Set([position]), {x: -10, y: -5});
    const result = flipped(columns, flips, SIZE);
    assert.deepEqual(pixels(result), pixels(maskOf([moved])));
    const [before, after] = [pixels(columns), pixels(result)];
    const changed = before.flatMap((pixel, k) => (pixel === after[k] ? [] : [k]));
    assert.ok(changed.length > 100);
    assert.ok(changed.every((k) => k % SIZE.width < 60 && k < 50 * SIZE.width));
    assert.ok(
        changed.every((k) => before[k] === 0),
        "outwards nothing is taken away",
    );
});

test("corners that are moved together take what lies between them along; all of them move the piece", () => {
    const {columns, rings} = shape(isRing, 1);
    const outer = rings.find(
        ({points}) => points.length === Math.max(...rings.map((one) => one.points.length)),
    );
    const all = new Set(outer.corners.map((_, position) => position));
    const whole = withCornersMoved(outer, all, {x: 5, y: 3});
    const hole = rings.find((ring) => ring !== outer);
    assert.deepEqual(pixels(flipped(columns, whole.flips, SIZE)), pixels(maskOf([whole.ring, hole])));
    for (const set of [new Set([0, 1, 2]), new Set([outer.corners.length - 1, 0]), new Set([1, 4])]) {
        const {ring, flips} = withCornersMoved(outer, set, {x: 4, y: -6});
        assert.deepEqual(pixels(flipped(columns, flips, SIZE)), pixels(maskOf([ring, hole])));
        assert.equal(ring.corners.length, outer.corners.length);
    }
});

test("corners are put in and taken out; with fewer than three a piece is gone, and a hole filled", () => {
    const {columns, rings} = shape(isBox, 1);
    const [box] = rings;
    const added = withCorner(box, box.points.length - 3);
    assert.equal(added.corners.length, box.corners.length + 1);
    assert.equal(added.points, box.points);
    const position = nearest(box, 20, 10);
    const {ring, flips} = withoutCorners(box, new Set([position]));
    const cut = flipped(columns, flips, SIZE);
    assert.deepEqual(pixels(cut), pixels(maskOf([ring])));
    const area = (columns_) => rleOf(columns_, SIZE.height).area;
    assert.ok(area(cut) < area(columns));
    const all = new Set(box.corners.map((_, k) => k));
    assert.equal(area(flipped(columns, withoutCorners(box, all).flips, SIZE)), 0);
    const disc = shape(isRing, 1);
    const hole = disc.rings.toSorted((a, b) => a.points.length - b.points.length)[0];
    const filled = withoutCorners(hole, new Set(hole.corners.map((_, k) => k)));
    assert.equal(filled.ring, null);
    assert.deepEqual(pixels(flipped(disc.columns, filled.flips, SIZE)), pixels(shape(isDisc).columns));
});
