import assert from "node:assert/strict";
import test from "node:test";

import {partWithAll} from "../../static/js/view/panels/candidate-pictures.js";

const SHAPE = {lowResSide: 16, inputSide: 32, maskThreshold: 0};
const IMAGE = {height: 100, width: 200}; // the upper half of the grid

function candidate(...cells) {
    const logits = new Float32Array(256).fill(-1);
    for (const [row, column] of cells) logits[row * 16 + column] = 1;
    return {index: 1, logits, predictedIou: 1, stabilityScore: 1};
}

test("the part holds what any candidate covers, in the middle of a square with a margin", () => {
    const part = partWithAll([candidate([2, 3]), candidate([2, 3], [5, 12])], IMAGE, SHAPE);
    assert.deepEqual(part, {left: 2, top: -2, side: 12, rows: 8, columns: 16});
});

test("padding does not count, and without any mask the whole image is the part", () => {
    const part = partWithAll([candidate([12, 3])], IMAGE, SHAPE);
    assert.deepEqual(part, {left: 0, top: 0, side: 16, rows: 8, columns: 16});
});
