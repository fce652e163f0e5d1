import assert from "node:assert/strict";
import test from "node:test";

import {outlineOfLogits, outlineOfRle, isNoise} from "../../static/js/core/outlines.js";
import {encodeRle} from "../../static/js/core/rle.js";

/** Shoelace formula; evenodd, so holes count against what is around them. */
function areaOf(outline) {
    let sum = 0;
    for (const polygon of outline) {
        for (let k = 0; k < polygon.length; k += 2) {
            const n = (k + 2) % polygon.length;
            sum += polygon[k] * polygon[n + 1] - polygon[n] * polygon[k + 1];
        }
    }
    return Math.abs(sum) / 2;
}

function outlineOf(rows, bbox) {
    const [height, width] = [rows.length, rows[0].length];
    const mask = Uint8Array.from(rows.join(""), (pixel) => (pixel === "#" ? 1 : 0));
    return outlineOfRle(encodeRle(mask, {height, width}), bbox);
}

test("one pixel becomes a diamond around its centre", () => {
    const [polygon] = outlineOf(["...", "..#", "..."], [2, 1, 1, 1]);
    const points = [];
    for (let k = 0; k < polygon.length; k += 2) points.push(`${polygon[k]},${polygon[k + 1]}`);
    assert.deepEqual(points.sort(), ["2,1.5", "2.5,1", "2.5,2", "3,1.5"]);
});

test("a hole is taken off", () => {
    // 5 x 5 less its middle; at each outer corner the outline cuts off 1/8, around the hole it leaves a diamond of 1/2.
    const outline = outlineOf(["#####", "#####", "##.##", "#####", "#####"], [0, 0, 5, 5]);
    assert.equal(outline.length, 2);
    assert.equal(areaOf(outline), 25 - 4 / 8 - 1 / 2);
});

test("two pixels that touch at a corner stay apart or join, but close", () => {
    for (const rows of [
        ["#.", ".#"],
        [".#", "#."],
    ]) {
        const outline = outlineOf(rows, [0, 0, 2, 2]);
        assert.ok(areaOf(outline) > 0.9);
    }
});

test("logits become the outline at their threshold, in image pixels", () => {
    const grid = {lowResSide: 256, inputSide: 1024, maskThreshold: 0};
    const image = {height: 300, width: 400}; // 256 logits are 400 pixels: 1 logit is 1.5625 pixels
    const [cx, cy, radius] = [128, 96, 40];
    const logits = new Float32Array(256 ** 2);
    for (let y = 0; y < 256; y++) {
        for (let x = 0; x < 256; x++) logits[y * 256 + x] = radius - Math.hypot(x + 0.5 - cx, y + 0.5 - cy);
    }
    const outline = outlineOfLogits(logits, image, grid);
    assert.equal(outline.length, 1);
    const expected = Math.PI * (radius * 1.5625) ** 2;
    assert.ok(Math.abs(areaOf(outline) - expected) < 0.002 * expected);
    for (let k = 0; k < outline[0].length; k += 2) {
        const distance = Math.hypot(outline[0][k] - cx * 1.5625, outline[0][k + 1] - cy * 1.5625);
        assert.ok(Math.abs(distance - radius * 1.5625) < 0.1);
    }
});

test("a mask that fills the image reaches beyond its border on every side", () => {
    const grid = {lowResSide: 256, inputSide: 1024, maskThreshold: 0};
    const [polygon] = outlineOfLogits(new Float32Array(256 ** 2).fill(3), {height: 512, width: 1024}, grid);
    const xs = polygon.filter((_, k) => k % 2 === 0);
    const ys = polygon.filter((_, k) => k % 2 === 1);
    assert.ok(Math.min(...xs) < 0 && Math.max(...xs) > 1024 && Math.min(...ys) < 0 && Math.max(...ys) > 512);
});

test("noise is outlined exactly: evenodd, every logit lies on its own side", () => {
    const side = 24;
    const image = {height: 48, width: 48}; // a logit is two pixels, its centre at 2 k + 1
    let seed = 11;
    const logits = Float32Array.from({length: side * side}, () => {
        seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
        return seed / 0x7fffffff - 0.5;
    });
    const outline = outlineOfLogits(logits, image, {lowResSide: side, inputSide: 48, maskThreshold: 0});
    for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
            assert.equal(
                isWithin(outline, 2 * x + 1, 2 * y + 1 + 1e-4),
                logits[y * side + x] > 0,
                `at ${x}, ${y}`,
            );
        }
    }
});

/** A ray to the right crosses the outline an odd number of times. */
function isWithin(outline, px, py) {
    let inside = false;
    for (const polygon of outline) {
        for (let k = 0; k < polygon.length; k += 2) {
            const n = (k + 2) % polygon.length;
            const [x0, y0, x1, y1] = [polygon[k], polygon[k + 1], polygon[n], polygon[n + 1]];
            if (y0 > py !== y1 > py && px < x0 + ((py - y0) / (y1 - y0)) * (x1 - x0)) inside = !inside;
        }
    }
    return inside;
}

test("a mask has an outline, noise has none", () => {
    const [image, grid] = [
        {height: 512, width: 512},
        {lowResSide: 256, inputSide: 512, maskThreshold: 0},
    ];
    const disk = Float32Array.from(
        {length: 256 ** 2},
        (_, k) => 100 ** 2 - ((k >> 8) - 128) ** 2 - ((k & 255) - 128) ** 2,
    );
    assert.equal(isNoise(disk, image, grid), false);
    const stripes = disk.map((_, k) => ((k >> 8) & 1 ? 1 : -1));
    assert.equal(isNoise(stripes, image, grid), true);
    assert.equal(isNoise(stripes, image, {...grid, maskThreshold: 2}), false);
    const inPadding = stripes.map((value, k) => (k >> 8 < 128 ? -1 : value));
    assert.equal(isNoise(inPadding, {height: 256, width: 512}, grid), false);
});
