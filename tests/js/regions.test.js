import assert from "node:assert/strict";
import test from "node:test";

import {candidateCovers, candidateExtent, candidateShare} from "../../static/js/core/candidate-mask.js";
import {imageToModel} from "../../static/js/core/frames.js";
import {finishMask} from "../../static/js/core/mask.js";
import {logitsOfMask} from "../../static/js/core/mask-input.js";
import {
    croppedTo,
    holdsSteps,
    movedTo,
    pasted,
    placed,
    pointIn,
    regionOfView,
    stepsIn,
    viewOf,
} from "../../static/js/core/regions.js";
import {decodeRle, encodeRle} from "../../static/js/core/rle.js";
import {golden} from "./golden.js";

const cases = golden("region");
const REGION = {x: 100, y: 50, width: 128, height: 128};

const regionFrom = ([x, y, width, height]) => ({x, y, width, height});
const point = (x, y, maskIndex = null) => ({
    kind: "point",
    point: {x, y, frame: "image"},
    label: 1,
    maskIndex,
});

function logitsOf({cx, cy, radius, gain, noise}) {
    return Float32Array.from({length: 256 * 256}, (_, k) => {
        const [x, y] = [k % 256, Math.floor(k / 256)];
        const distance = radius * radius - (x - cx) * (x - cx) - (y - cy) * (y - cy);
        return (gain * distance) / (radius * radius) + noise * (((x * 7 + y * 13) % 11) - 5);
    });
}

for (const {name, image, view, region} of cases.views) {
    test(`the region of a view: ${name}`, () => {
        const [x0, y0, x1, y1] = view;
        assert.deepEqual(regionOfView({x0, y0, x1, y1}, image), region && regionFrom(region));
    });
}

for (const {name, region, side, points} of cases.frames) {
    test(`from the image through a region to the model: ${name}`, () => {
        const part = regionFrom(region);
        for (const {image, model} of points) {
            const moved = pointIn({x: image[0], y: image[1], frame: "image"}, part);
            const {x, y} = imageToModel(moved, part, {inputSide: side});
            assert.ok(Math.abs(x - model[0]) < 1e-9 && Math.abs(y - model[1]) < 1e-9);
        }
    });
}

for (const {name, image, region, side, formula, base, counts, counts_on_base: onBase} of cases.masks) {
    test(`a mask decoded in a region has the image's size: ${name}`, () => {
        const part = regionFrom(region);
        const grid = {lowResSide: 256, inputSide: side, maskThreshold: 0};
        const {segmentation} = finishMask(logitsOf(formula), part, grid);
        const size = [image.height, image.width];
        assert.deepEqual(pasted(segmentation, part, image, undefined).segmentation, {size, counts});
        const before = {segmentation: {size, counts: base}};
        const whole = pasted(segmentation, part, image, before);
        assert.deepEqual(whole.segmentation, {size, counts: onBase});
        const mask = decodeRle(whole.segmentation);
        assert.equal(
            whole.area,
            mask.reduce((sum, pixel) => sum + pixel, 0),
        );
        // What was pasted is what is cut out again, and what the decoder would be fed.
        assert.deepEqual(croppedTo(whole.segmentation, part), segmentation);
        assert.equal(logitsOfMask(croppedTo(before.segmentation, part), grid).length, 256 * 256);
    });
}

test("a mask is cut at a region's borders, pixel by pixel", () => {
    const size = {height: 5, width: 6};
    const mask = Uint8Array.from({length: 30}, (_, k) => Number(k % 3 === 0));
    const cut = croppedTo(encodeRle(mask, size), {x: 2, y: 1, width: 3, height: 2});
    assert.deepEqual(cut.size, [2, 3]);
    const expected = [1, 2].flatMap((y) => [2, 3, 4].map((x) => mask[y * 6 + x]));
    assert.deepEqual([...decodeRle(cut)], expected);
});

test("a new prompt is answered in the region in use, if it lies there", () => {
    assert.deepEqual(placed({steps: [point(150, 100)]}, REGION), {steps: [point(150, 100)], region: REGION});
    assert.deepEqual(placed({steps: [point(10, 10)]}, REGION), {steps: [point(10, 10)]});
    assert.deepEqual(placed({steps: [point(150, 100)]}, null), {steps: [point(150, 100)]});
});

test("a prompt that was begun stays where it was begun", () => {
    const whole = {steps: [point(150, 100, 2), point(160, 100)]};
    assert.equal(placed(whole, REGION), whole);
    const other = {x: 90, y: 40, width: 128, height: 128};
    const elsewhere = {steps: [point(150, 100, 2), point(160, 100)], region: other};
    assert.equal(placed(elsewhere, REGION), elsewhere);
});

test("a step outside of its prompt's region takes the prompt where all its steps lie, chosen anew", () => {
    const other = {x: 0, y: 0, width: 160, height: 160};
    const prompt = {steps: [point(150, 100, 2), point(200, 100)], region: other};
    assert.deepEqual(placed(prompt, REGION), {steps: [point(150, 100), point(200, 100)], region: REGION});
    assert.deepEqual(placed(prompt, null), {steps: [point(150, 100), point(200, 100)]});
});

test("a box lies in a region with its far edges on the region's", () => {
    const box = (x1) => [{kind: "box", box: {x0: 100, y0: 50, x1, y1: 178, frame: "image"}, maskIndex: null}];
    assert.ok(holdsSteps(REGION, box(228)));
    assert.ok(!holdsSteps(REGION, box(229)));
    assert.deepEqual(stepsIn(box(228), REGION)[0].box, {x0: 0, y0: 0, x1: 128, y1: 128, frame: "image"});
});

test("a prompt that goes to another region keeps what it goes on from", () => {
    const base = {segmentation: {size: [1, 1], counts: "1"}};
    const prompt = {steps: [{...point(150, 100, 1), base}]};
    assert.deepEqual(movedTo(prompt, REGION), {steps: [{...point(150, 100), base}], region: REGION});
    assert.equal(movedTo(prompt, null), prompt);
});

test("a candidate of a region is measured on the image", () => {
    const logits = new Float32Array(256 * 256).fill(-1);
    for (let row = 64; row < 128; row++) logits.fill(1, row * 256 + 128, row * 256 + 192);
    const candidate = {logits, region: REGION};
    const [size, grid] = [
        {height: 400, width: 512},
        {lowResSide: 256, inputSide: 1024, maskThreshold: 0},
    ];
    assert.deepEqual(candidateExtent(candidate, size, grid), [164, 82, 32, 32]);
    assert.equal(candidateShare(candidate, size, grid), (32 * 32) / (400 * 512));
    const at = (x, y) => candidateCovers(candidate, {x, y, frame: "image"}, size, grid);
    assert.deepEqual([at(164, 82), at(195, 113), at(196, 82), at(10, 10)], [true, true, false, false]);
});

test("the view of a region begins where the region lies", () => {
    const view = {scale: 2, offsetX: -10, offsetY: 5, devicePixelRatio: 1};
    assert.deepEqual(viewOf(view, REGION), {...view, offsetX: 190, offsetY: 105});
    assert.equal(viewOf(view, undefined), view);
});
