import assert from "node:assert/strict";
import test from "node:test";

import {EMPTY_PROMPT} from "../../static/js/core/prompt.js";
import {encodeRle} from "../../static/js/core/rle.js";
import {CandidateLayer} from "../../static/js/view/layers/candidate-layer.js";

/** The browser's Path2D and canvas context, as far as a mask is drawn with them; both write down what they are told. */
class WrittenPath {
    corners = [];

    moveTo(x, y) {
        this.corners.push([x, y]);
    }
    lineTo(x, y) {
        this.corners.push([x, y]);
    }
    closePath() {}
}
globalThis.Path2D = WrittenPath;

function writingContext() {
    const filled = [];
    const nothing = () => {};
    return {
        ...{save: nothing, restore: nothing, translate: nothing, scale: nothing, clip: nothing},
        ...{beginPath: nothing, rect: nothing, stroke: nothing, filled},
        fill(path) {
            filled.push([this.fillStyle, this.globalAlpha, path.corners]);
        },
    };
}

const SIZE = {height: 3, width: 4};
const GRID = {lowResSide: 4, inputSide: 4, maskThreshold: 0};
const VIEW = {offsetX: 0, offsetY: 0, scale: 1, devicePixelRatio: 1};
// The two pixels in the middle of the first row.
const HAND_MADE = {
    ...{segmentation: encodeRle(Uint8Array.of(0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), SIZE), area: 2},
    ...{bbox: [1, 0, 2, 1], predictedIou: null, stabilityScore: null},
};
const candidate = {index: 1, logits: new Float32Array(16).fill(1), predictedIou: 1, stabilityScore: 1};

function drawn(layer) {
    const context = writingContext();
    layer.draw(context, VIEW, SIZE);
    return context.filled;
}

test("a mask made by hand is drawn in place of the prompt's, and of a preview", () => {
    const layer = new CandidateLayer(null);
    layer.color = "#0072b2";
    layer.showMask({handMade: null, candidate}, GRID, EMPTY_PROMPT);
    const [[, alpha, ofCandidate]] = drawn(layer);
    layer.showPreview(candidate, GRID);
    layer.showMask({handMade: HAND_MADE, candidate: null}, GRID, EMPTY_PROMPT);
    const shown = drawn(layer);
    assert.equal(shown.length, 1, "one mask, not both");
    const [[color, handMadeAlpha, corners]] = shown;
    assert.deepEqual([color, handMadeAlpha], ["#0072b2", alpha]);
    assert.notDeepEqual(corners, ofCandidate);
    const [xs, ys] = [0, 1].map((axis) => corners.map((corner) => corner[axis]));
    assert.deepEqual([Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)], [1, 3, 0, 1]);
    layer.showPreview(null, null);
    layer.showMask(null, GRID, EMPTY_PROMPT);
    assert.deepEqual(drawn(layer), []);
});

test("where a GPU draws the logits, it draws none of a mask made by hand", () => {
    const given = [];
    const layer = new CandidateLayer({isUsable: true, draw: (logits) => given.push(logits?.logits ?? null)});
    layer.showMask({handMade: null, candidate}, GRID, EMPTY_PROMPT);
    assert.deepEqual(drawn(layer), []);
    layer.showMask({handMade: HAND_MADE, candidate: null}, GRID, EMPTY_PROMPT);
    assert.equal(drawn(layer).length, 1);
    assert.deepEqual(given, [candidate.logits, null]);
});
