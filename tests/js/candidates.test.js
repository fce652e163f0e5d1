import assert from "node:assert/strict";
import test from "node:test";

import {areEmpty, distinct, nestedNames, nextNested, smallestFirst} from "../../static/js/core/candidates.js";
import {qualityOf} from "../../static/js/core/quality.js";

const SIDE = 8;
const GRID = {lowResSide: SIDE, inputSide: SIDE, maskThreshold: 0};
const SQUARE = {height: SIDE, width: SIDE};

/** A candidate whose mask is the first `area` logits. */
const first = (area, index = area) => candidate(index, (k) => k < area);
const candidate = (index, isInside) => ({
    ...{index, predictedIou: 0.9, stabilityScore: 0.9},
    logits: Float32Array.from({length: SIDE * SIDE}, (_, k) => (isInside(k) ? 1 : -1)),
});
const indicesOf = (candidates) => candidates.map(({index}) => index);

test("candidates that look the same are shown once, the best of them", () => {
    const candidates = [first(40, 1), first(41, 2), first(20, 3)];
    assert.deepEqual(indicesOf(distinct(candidates, null, SQUARE, GRID)), [1, 3]);
});

test("the one that was chosen stays, in its place", () => {
    const candidates = [first(40, 1), first(20, 3), first(41, 2)];
    assert.deepEqual(indicesOf(distinct(candidates, 2, SQUARE, GRID)), [3, 2]);
});

test("candidates that differ all stay, and so does a single empty one", () => {
    const candidates = [first(40), first(30), first(20)];
    assert.deepEqual(distinct(candidates, null, SQUARE, GRID), candidates);
    assert.equal(distinct([first(0), first(0, 9)], null, SQUARE, GRID).length, 1);
    assert.deepEqual(distinct([], null, SQUARE, GRID), []);
});

test("an empty one is not offered beside one that is not, unless it was chosen", () => {
    const candidates = [first(0, 1), first(20, 2), first(40, 3)];
    assert.deepEqual(indicesOf(distinct(candidates, null, SQUARE, GRID)), [2, 3]);
    assert.deepEqual(indicesOf(distinct(candidates, 1, SQUARE, GRID)), [1, 2, 3]);
});

test("where every one is empty, nothing was found", () => {
    assert.equal(areEmpty([first(0, 1), first(0, 2)], SQUARE, GRID), true);
    assert.equal(areEmpty([first(0, 1), first(1, 2)], SQUARE, GRID), false);
    assert.equal(areEmpty([], SQUARE, GRID), false);
});

test("what lies in the padding below the image does not count", () => {
    const wide = {height: 4, width: 8};
    const inPadding = candidate(7, (k) => k < 20 || k >= 40);
    assert.equal(distinct([first(20), inPadding], null, wide, GRID).length, 1);
    assert.equal(distinct([first(20), inPadding], null, SQUARE, GRID).length, 2);
});

test("candidates that lie in one another are part, object and whole, in whatever order they come", () => {
    assert.deepEqual(nestedNames([first(20), first(60), first(40)], SQUARE, GRID), [
        "part",
        "whole",
        "object",
    ]);
    assert.deepEqual(nestedNames([first(60), first(20)], SQUARE, GRID), ["whole", "part"]);
});

test("candidates that lie side by side, or alone, have no names", () => {
    const other = candidate(9, (k) => k >= 30);
    assert.deepEqual(nestedNames([first(20), other], SQUARE, GRID), ["", ""]);
    assert.deepEqual(nestedNames([first(20)], SQUARE, GRID), [""]);
    assert.deepEqual(nestedNames([first(20), first(21)], SQUARE, GRID), ["", ""]);
    assert.deepEqual(nestedNames([first(0), first(21)], SQUARE, GRID), ["", ""]);
});

test("a predicted IoU is one of three words", () => {
    assert.deepEqual([1.02, 0.85, 0.84, 0.7, 0.69, -0.1].map(qualityOf), [
        ...["good", "good", "fair", "fair", "poor", "poor"],
    ]);
});

test("one goes from the part to the whole, and no further", () => {
    const ordered = smallestFirst([first(30), first(10), first(20)], SQUARE, GRID);
    assert.deepEqual(indicesOf(ordered), [10, 20, 30]);
    assert.equal(nextNested(ordered, 20, 1).index, 30);
    assert.equal(nextNested(ordered, 20, -1).index, 10);
    assert.equal(nextNested(ordered, 30, 1), null);
    assert.equal(nextNested(ordered, 5, 1), null);
});
