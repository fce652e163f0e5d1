import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import test from "node:test";

import {withPaddedBox} from "../../static/js/decoder/worker/sam2/padded-box.js";
import {withStableFirst} from "../../static/js/decoder/worker/sam2/stability.js";

const CASES = JSON.parse(readFileSync(new URL("../data/stability_cases.json", import.meta.url), "utf8"));
const SIZE = 256;

// tests/segmentation/test_sam2_fast.py holds Python and the network in torch to the same cases.
for (const {name, above, between, rated, taken} of CASES) {
    test(`mask 0: ${name}`, () => {
        const logits = Float32Array.from({length: 4 * SIZE}, (_, k) => Math.floor(k / SIZE) || -1);
        logits.fill(1, 0, above);
        logits.fill(0.01, above, above + between);
        const before = logits.slice();
        const iouPredictions = Float32Array.from(rated);
        const decode = withStableFirst({logits: logits.slice(), iouPredictions: iouPredictions.slice()});
        assert.deepEqual(decode.logits.slice(0, SIZE), before.slice(taken * SIZE, (taken + 1) * SIZE));
        assert.deepEqual(decode.logits.slice(SIZE), before.slice(SIZE), "the others stay");
        assert.deepEqual([...decode.iouPredictions], [iouPredictions[taken], ...iouPredictions.slice(1)]);
    });
}

test("a box is padded, points alone are as they were", () => {
    const coords = Float32Array.of(1, 2, 10, 20, 30, 40);
    const box = withPaddedBox({pointCoords: coords, pointLabels: Float32Array.of(1, 2, 3)});
    assert.deepEqual([...box.pointCoords], [1, 2, 10, 20, 30, 40, 0, 0]);
    assert.deepEqual([...box.pointLabels], [1, 2, 3, -1]);
    const points = {pointCoords: coords.slice(0, 4), pointLabels: Float32Array.of(1, -1)};
    assert.deepEqual(withPaddedBox(points), points);
});
