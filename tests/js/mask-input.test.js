import assert from "node:assert/strict";
import test from "node:test";

import {finishMask} from "../../static/js/core/mask.js";
import {logitsOfMask} from "../../static/js/core/mask-input.js";
import {decodeRle, encodeRle} from "../../static/js/core/rle.js";

const GRID = {lowResSide: 32, inputSide: 128, maskThreshold: 0};

function maskOf(isInside, {height, width}) {
    const mask = new Uint8Array(height * width);
    for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) mask[y * width + x] = isInside(x / width, y / height) ? 1 : 0;
    return mask;
}
const ellipse = (x, y) => ((x - 0.45) / 0.3) ** 2 + ((y - 0.5) / 0.35) ** 2 < 1;

for (const size of [
    {height: 300, width: 400},
    {height: 400, width: 180},
    {height: 128, width: 128},
    {height: 21, width: 30},
]) {
    test(`the logits of a mask of ${size.width} x ${size.height} give that mask again, to a cell's width`, () => {
        const mask = maskOf(ellipse, size);
        const logits = logitsOfMask(encodeRle(mask, size), GRID);
        const again = decodeRle(finishMask(logits, size, GRID).segmentation);
        let [both, either] = [0, 0];
        mask.forEach((pixel, k) => {
            both += pixel & again[k];
            either += pixel | again[k];
        });
        assert.ok(both / either > 0.93, `IoU ${both / either}`);
        assert.ok(Math.max(...logits) <= 6 && Math.min(...logits) >= -6);
    });
}

test("a cell's logit tells how much of it is foreground", () => {
    const size = {height: 128, width: 128};
    const half = logitsOfMask(
        encodeRle(
            maskOf((x) => x < 34 / 128, size),
            size,
        ),
        GRID,
    ); // two of four columns
    assert.deepEqual([...half.slice(7, 10)], [6, 0, -6]);
});

test("all and nothing, and what lies below the image, are certain", () => {
    const size = {height: 64, width: 128};
    const all = logitsOfMask(
        encodeRle(
            maskOf(() => true, size),
            size,
        ),
        GRID,
    );
    assert.deepEqual([all[0], all[15 * 32 + 31], all[16 * 32]], [6, 6, -6]);
    assert.ok(
        logitsOfMask(
            encodeRle(
                maskOf(() => false, size),
                size,
            ),
            GRID,
        ).every((logit) => logit === -6),
    );
});
