import assert from "node:assert/strict";
import test from "node:test";

import {
    EMPTY_PROMPT,
    buildPromptTensors,
    candidateOrder,
    decodeKey,
    withBox,
    withLastChoice,
    withPoint,
    withoutLastStep,
} from "../../static/js/core/prompt.js";
import {golden} from "./golden.js";

const at = (x, y) => ({x, y, frame: "image"});
const box = (x0, y0, x1, y1) => ({x0, y0, x1, y1, frame: "image"});

for (const {name, image, side, prompt, point_coords, point_labels} of golden("prompt").cases) {
    test(`what the decoder is fed: ${name}`, () => {
        let built = EMPTY_PROMPT;
        if (prompt.box) built = withBox(built, box(...prompt.box)); // wherever the box came, points are fed first
        prompt.point_coords.forEach(([x, y], k) => {
            built = withPoint(built, at(x, y), prompt.point_labels[k]);
        });
        const {pointCoords, pointLabels} = buildPromptTensors(built.steps, image, {inputSide: side});
        assert.deepEqual([...pointCoords], point_coords.flat().map(Math.fround));
        assert.deepEqual([...pointLabels], point_labels);
    });
}

for (const {name, prompt, outputs, iou_predictions, masks, order} of golden("prompt").orders) {
    test(`what is offered for ${name}`, () => {
        let built = prompt.box ? withBox(EMPTY_PROMPT, box(...prompt.box)) : EMPTY_PROMPT;
        prompt.point_coords.forEach(([x, y], k) => {
            built = withPoint(built, at(x, y), prompt.point_labels[k]);
        });
        const isSame = (a, b) => masks[a] === masks[b];
        assert.deepEqual(candidateOrder(built.steps, iou_predictions, outputs, isSame), order);
    });
}

test("a second box takes the first one's place as the newest step, and forgets the choices after it", () => {
    let prompt = withLastChoice(withPoint(EMPTY_PROMPT, at(1, 2), 1), 3);
    prompt = withLastChoice(withBox(prompt, box(0, 0, 5, 5)), 0);
    prompt = withLastChoice(withPoint(prompt, at(3, 4), 0), 2);
    const moved = withBox(prompt, box(1, 1, 9, 9));
    assert.deepEqual(
        moved.steps.map((step) => [step.kind, step.maskIndex]),
        [
            ["point", 3],
            ["point", null],
            ["box", null],
        ],
    );
    assert.equal(prompt.steps.length, 3, "the old prompt is untouched");
});

test("another choice after the last step needs no decode, one before it does", () => {
    const one = withLastChoice(withPoint(EMPTY_PROMPT, at(1, 2), 1), 1);
    const key = ({steps}) => decodeKey(steps);
    assert.equal(key(withLastChoice(one, 3)), key(one));
    assert.notEqual(key(withPoint(withLastChoice(one, 3), at(3, 4), 0)), key(withPoint(one, at(3, 4), 0)));
    assert.equal(key(withoutLastStep(withPoint(one, at(3, 4), 0))), key(one));
});
