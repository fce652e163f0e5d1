import assert from "node:assert/strict";
import test from "node:test";

import {
    RleError,
    areaOf,
    bboxOf,
    checkRle,
    countsFromRuns,
    decodeRle,
    encodeRle,
} from "../../static/js/core/rle.js";
import {golden} from "./golden.js";

const cases = golden("rle");

for (const {name, size, runs, counts, area, bbox_xywh} of cases.good) {
    test(`RLE: ${name}`, () => {
        assert.equal(countsFromRuns(runs), counts);
        assert.deepEqual(checkRle({size, counts}), runs);
        assert.equal(areaOf(runs), area);
        assert.deepEqual([...bboxOf(runs, size[0])], bbox_xywh);
        const [height, width] = size;
        if (height * width > 4e6) return; // decoding a mask of gigapixels proves nothing more
        assert.deepEqual(encodeRle(decodeRle({size, counts}), {height, width}), {size, counts});
    });
}

for (const {name, rle, image_size, code} of cases.malformed) {
    test(`RLE refused: ${name}`, () => {
        const [height, width] = image_size;
        assert.throws(
            () => checkRle(rle, {height, width}),
            (error) => error instanceof RleError && error.code === code,
        );
    });
}

test("runs go down the columns", () => {
    const mask = new Uint8Array([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(checkRle(encodeRle(mask, {height: 3, width: 4})), [3, 2, 1, 1, 5]);
});
