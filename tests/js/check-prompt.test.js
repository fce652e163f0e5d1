import assert from "node:assert/strict";
import test from "node:test";

import {encodeRle} from "../../static/js/core/rle.js";
import {chainOf} from "../../static/js/decoder/worker/image-chain.js";

const SIDE = 8;
const BUNDLE = {inputSide: 32, lowResSide: SIDE, fit: "pad", outputs: {count: 1, single: 0, candidates: [0]}};
const SIZE = {height: 16, width: 32};

/** A session that answers whatever it is asked, and counts. */
function session(logits = () => new Float32Array(SIDE * SIDE)) {
    const asked = [];
    return {
        asked,
        decode: async (_image, steps) => {
            asked.push(steps.length);
            return {logits: logits(steps.length), iouPredictions: Float32Array.of(0.5)};
        },
    };
}

const point = (x, y, label = 1) => ({kind: "point", point: {x, y, frame: "image"}, label, maskIndex: null});
const box = (x0, y0, x1, y1) => ({kind: "box", box: {x0, y0, x1, y1, frame: "image"}, maskIndex: null});
const based = ({height, width}) => ({
    ...point(1, 1),
    base: {segmentation: encodeRle(new Uint8Array(height * width).fill(1), {height, width})},
});
const open = (asked, options = {}) =>
    chainOf(asked, BUNDLE, {imageSize: SIZE}, {imageSize: SIZE, ...options});

for (const [what, steps, sentence] of [
    ["a point that is no number", [point(NaN, 1)], /no number/],
    ["a point without end", [point(1, Infinity)], /no number/],
    ["a point beyond float32", [point(1e39, 1)], /no number/],
    ["a box that is no number", [box(1, 2, NaN, 4)], /no number/],
    ["a label that is none", [point(1, 1, 2)], /neither foreground nor background/],
    ["a label that is no number", [point(1, 1, NaN)], /neither foreground nor background/],
    ["a box whose corners are exchanged", [box(9, 2, 3, 4)], /ends before it begins/],
    ["a mask of another image", [based({height: 32, width: 16})], /32 x 16 pixels.*16 x 32/],
    ["nothing", [], /at least one/],
]) {
    test(`${what} is refused in a sentence and not decoded`, async () => {
        const asked = session();
        await assert.rejects(open(asked).decode(steps), {code: "prompt_malformed", message: sentence});
        assert.deepEqual(asked.asked, []);
    });
}

for (const [what, logits, sentence] of [
    ["too few values", () => new Float32Array(SIDE * SIDE - 1), /63 values.*64/],
    ["too many", () => new Float32Array(SIDE * SIDE + 1), /65 values.*64/],
    ["a value that is no number", () => new Float32Array(SIDE * SIDE).fill(NaN, 7, 8), /no number/],
]) {
    test(`a mask that is fed back is refused with ${what}`, async () => {
        const asked = session(logits);
        const decoding = open(asked).decode([point(1, 1), point(2, 2)]);
        await assert.rejects(decoding, {code: "prompt_malformed", message: sentence});
        assert.deepEqual(asked.asked, [1], "the second step is not decoded");
    });
}

test("a mask of the whole image goes with a prompt in a region of it", async () => {
    const region = {x: 0, y: 0, width: 16, height: 16};
    const asked = session();
    const imageSize = {height: 16, width: 16};
    const chain = chainOf(asked, BUNDLE, {imageSize}, {imageSize: SIZE, region});
    await chain.decode([based(SIZE)]);
    assert.deepEqual(asked.asked, [1]);
});

test("what is right is decoded", async () => {
    const asked = session();
    await open(asked).decode([based(SIZE), box(0, 0, 3, 3), point(-2, 40, 0)]);
    assert.deepEqual(asked.asked, [1, 2, 3]);
});
