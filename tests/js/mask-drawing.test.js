import assert from "node:assert/strict";
import test from "node:test";

import {pathOf} from "../../static/js/view/layers/mask-drawing.js";

/** Counts the closed lines that are added to it. */
globalThis.Path2D ??= class {
    closed = 0;
    moveTo() {}
    lineTo() {}
    closePath() {
        this.closed++;
    }
};

const polygonOf = (points) => Float32Array.from({length: 2 * points}, (_, k) => k);

test("an object of a large image has its outline, however many points it has", () => {
    const path = pathOf([polygonOf(20), polygonOf(20_000)]);
    assert.deepEqual([path.fill.closed, path.outline.closed], [2, 1]);
});

test("noise has outlines of its largest pieces only", () => {
    const path = pathOf(Array.from({length: 100}, () => polygonOf(500)));
    assert.deepEqual([path.fill.closed, path.outline.closed], [100, 12]);
    assert.equal(pathOf([polygonOf(200_000)]).outline.closed, 0);
});
