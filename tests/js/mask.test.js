import assert from "node:assert/strict";
import test from "node:test";

import {covers, finishMask, stabilityScore} from "../../static/js/core/mask.js";
import {encodeRle} from "../../static/js/core/rle.js";
import {golden} from "./golden.js";
import {logitsAtImageSize} from "./reference-mask.js";

const LOW_RES_SIDE = 256;

/** The formula of tests/data/mask_cases.json's `about`. */
function logitsOf({cx, cy, radius, gain, noise}, constant) {
    const logits = new Float32Array(LOW_RES_SIDE ** 2);
    for (let y = 0; y < LOW_RES_SIDE; y++) {
        for (let x = 0; x < LOW_RES_SIDE; x++) {
            const blob = (gain * (radius ** 2 - (x - cx) ** 2 - (y - cy) ** 2)) / radius ** 2;
            logits[y * LOW_RES_SIDE + x] = constant + blob + noise * (((7 * x + 13 * y) % 11) - 5);
        }
    }
    return logits;
}

for (const {name, image, side, fit, formula, constant, rle, area, stability_score, logits: probes} of golden(
    "mask",
).cases) {
    test(`mask at image size: ${name}`, () => {
        const logits = logitsOf(formula, constant);
        const grid = {lowResSide: LOW_RES_SIDE, inputSide: side, fit, maskThreshold: 0};
        const finished = finishMask(logits, image, grid);
        assert.deepEqual(finished.segmentation, rle);
        assert.equal(finished.area, area);
        assert.ok(Math.abs(finished.stabilityScore - stability_score) < 1e-4);
        const large = logitsAtImageSize(logits, image, grid);
        for (const {x, y, value} of probes) {
            // float32 in torch, float64 here: the last digits of a logit differ.
            assert.ok(Math.abs(large[y * image.width + x] - value) < 1e-3 * Math.max(1, Math.abs(value)));
        }
    });
}

const BLOBS = {
    "in the middle": {cx: 120, cy: 70, radius: 20},
    "of one low-res pixel": {cx: 31, cy: 90, radius: 1},
    "in the first corner": {cx: 0, cy: 0, radius: 9},
    "over the last row and column": {cx: 255, cy: 169, radius: 30},
    "over all of the height": {cx: 128, cy: 85, radius: 100},
    everywhere: {cx: 128, cy: 85, radius: 500},
    nowhere: {cx: 128, cy: 85, radius: 0.1},
    "only in the padding": {cx: 128, cy: 250, radius: 8},
};
for (const [where, blob] of Object.entries(BLOBS)) {
    test(`only the object's box is interpolated, and the mask is the whole one's: ${where}`, () => {
        const image = {height: 300, width: 450};
        const grid = {lowResSide: LOW_RES_SIDE, inputSide: 1024, maskThreshold: 0};
        const logits = logitsOf({...blob, gain: 6, noise: 0}, where === "nowhere" ? -9 : 0);
        const whole = logitsAtImageSize(logits, image, grid);
        const finished = finishMask(logits, image, grid);
        assert.deepEqual(
            finished.segmentation,
            encodeRle(
                Uint8Array.from(whole, (value) => Number(value > 0)),
                image,
            ),
        );
        assert.equal(finished.area, whole.filter((value) => value > 0).length);
        assert.equal(finished.stabilityScore, stabilityScore(whole, 0));
        const [left, top, width, height] = finished.bbox;
        for (let k = 0; k < whole.length; k++) {
            const [x, y] = [k % image.width, Math.floor(k / image.width)];
            if (whole[k] > 0) assert.ok(x >= left && x < left + width && y >= top && y < top + height);
        }
    });
}

test("the stability score is the IoU of the two cuts", () => {
    assert.equal(stabilityScore(new Float32Array([-2, -0.5, 0.5, 1.5, 3]), 0), 2 / 4);
    assert.equal(stabilityScore(new Float32Array([-2, -3]), 0), 0);
});

test("logits of another shape are refused", () => {
    const grid = {lowResSide: 256, inputSide: 1024, maskThreshold: 0};
    assert.throws(() => finishMask(new Float32Array(4), {height: 5, width: 5}, grid), RangeError);
});

test("a pixel is covered when the logit nearest to it is", () => {
    // A landscape image of 200 x 100 in a square of 8 with 4 x 4 logits: two rows of them are image.
    const grid = {lowResSide: 4, inputSide: 8, maskThreshold: 0};
    const logits = new Float32Array(16).fill(-1);
    logits[6] = 1; // second row, third column: x 100..149, y 50..99
    const isCovered = (x, y) => covers(logits, {x, y, frame: "image"}, {height: 100, width: 200}, grid);
    assert.deepEqual([isCovered(100, 50), isCovered(149, 99)], [true, true]);
    assert.deepEqual(
        [isCovered(99, 50), isCovered(150, 99), isCovered(100, 49), isCovered(199, 99)],
        [false, false, false, false],
    );
});
