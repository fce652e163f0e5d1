import assert from "node:assert/strict";
import test from "node:test";

import {EMPTY_PROMPT, withBox, withMaskIndices, withPoint} from "../../static/js/core/prompt.js";
import {markAt, withMarkMoved, withoutStep} from "../../static/js/core/prompt-marks.js";

const VIEW = {scale: 2, offsetX: 100, offsetY: 0, devicePixelRatio: 1};
const SIZE = {height: 200, width: 200};
const at = (x, y) => ({x, y, frame: "image"});
const onScreen = (x, y) => ({x: 100 + 2 * x, y: 2 * y, frame: "view"});
const box = (x0, y0, x1, y1) => ({x0, y0, x1, y1, frame: "image"});

const points = withPoint(withPoint(withPoint(EMPTY_PROMPT, at(10, 10), 1), at(50, 50), 0), at(52, 50), 1);
const chosen = withMaskIndices(points, [2, 0, 0]);
const boxed = withBox(withPoint(EMPTY_PROMPT, at(30, 30), 1), box(20, 20, 80, 60));

test("a point is found near its centre, the newest of two, and nothing is found elsewhere", () => {
    assert.equal(markAt(points, onScreen(10.5, 14), VIEW).index, 0);
    assert.equal(markAt(points, onScreen(51, 50.5), VIEW).index, 2);
    assert.equal(markAt(points, onScreen(30, 30), VIEW), null);
    assert.equal(markAt(EMPTY_PROMPT, onScreen(10, 10), VIEW), null);
});

test("a box is held by its edges and corners, not inside, and points lie over it", () => {
    assert.deepEqual(markAt(boxed, onScreen(20, 40), VIEW), {index: 1, x: "x0", y: null, isPoint: false});
    assert.deepEqual(markAt(boxed, onScreen(79, 61), VIEW), {index: 1, x: "x1", y: "y1", isPoint: false});
    assert.equal(markAt(boxed, onScreen(50, 40), VIEW), null);
    assert.equal(markAt(boxed, onScreen(120, 20), VIEW), null, "beside the box, in line with its edge");
    assert.equal(markAt(withPoint(boxed, at(20, 40), 1), onScreen(20, 40), VIEW).isPoint, true);
});

test("a point that is moved is decoded anew, with all after it", () => {
    const moved = withMarkMoved(chosen, {index: 1, x: null, y: null, isPoint: true}, at(60.7, 300), SIZE);
    assert.deepEqual(moved.steps[1].point, at(60, 199));
    assert.deepEqual(
        moved.steps.map(({maskIndex}) => maskIndex),
        [2, null, null],
    );
});

test("an edge moves by itself, and stops before the other one and at the image's border", () => {
    const move = (x, y, place) =>
        withMarkMoved(boxed, {index: 1, x, y, isPoint: false}, place, SIZE).steps[1].box;
    assert.deepEqual(move("x0", null, at(31.4, 0)), box(31, 20, 80, 60));
    assert.deepEqual(move("x0", "y0", at(500, -9)), box(79, 0, 80, 60));
    assert.deepEqual(move("x1", "y1", at(500, 500)), box(20, 20, 200, 200));
});

test("a step that is taken away leaves what came before as it was, and the mask that the prompt goes on from", () => {
    const base = {area: 3};
    const based = {steps: chosen.steps.map((step, k) => (k === 0 ? {...step, base} : step))};
    assert.deepEqual(
        withoutStep(based, 1).steps.map(({point, maskIndex, base}) => [point.x, maskIndex, base?.area]),
        [[10, 2, 3], [52, null, undefined]], // prettier-ignore
    );
    assert.equal(withoutStep(based, 0).steps[0].base, base);
});
