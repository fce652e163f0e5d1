import assert from "node:assert/strict";
import test from "node:test";

import {LiveWire} from "../../static/js/core/edit/live-wire.js";

const [WIDTH, HEIGHT] = [80, 60];

/** A picture of two greys, with noise. */
function picture(isLight, noise = 6) {
    const rgba = new Uint8ClampedArray(4 * WIDTH * HEIGHT);
    let state = 5;
    for (let k = 0; k < WIDTH * HEIGHT; k++) {
        state = (state * 1103515245 + 12345) % 2 ** 31;
        const grey = (isLight(k % WIDTH, Math.floor(k / WIDTH)) ? 190 : 70) + noise * (state / 2 ** 31 - 0.5);
        rgba.set([grey, grey, grey, 255], 4 * k);
    }
    return rgba;
}
const isDisc = (x, y) => Math.hypot(x - 40, y - 30) < 20;

test("a line between two places of an edge follows it", () => {
    const wire = new LiveWire(picture(isDisc), WIDTH, HEIGHT);
    wire.setStart({x: 20.5, y: 30.5});
    const line = wire.lineTo({x: 40.5, y: 10.5});
    assert.deepEqual(
        [line[0], line.at(-1)],
        [
            {x: 20.5, y: 30.5},
            {x: 40.5, y: 10.5},
        ],
    );
    const away = line.map(({x, y}) => Math.abs(Math.hypot(x - 40, y - 30) - 20));
    assert.ok(Math.max(...away) < 1.6, `${Math.max(...away)} pixels off the edge`);
    const isStep = (a, b) => Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y)) === 1;
    assert.ok(
        line.slice(1).every((place, k) => isStep(place, line[k])),
        "pixel by pixel",
    );
});

test("where there is no edge the line is as short as steps to neighbours make it", () => {
    const wire = new LiveWire(
        picture(() => false),
        WIDTH,
        HEIGHT,
    );
    wire.setStart({x: 5.5, y: 5.5});
    assert.equal(wire.lineTo({x: 45.5, y: 25.5}).length, 41);
    assert.equal(wire.lineTo({x: 5.9, y: 5.1}).length, 1);
    assert.deepEqual(wire.lineTo({x: 500, y: -9}).at(-1), {x: WIDTH - 0.5, y: 0.5}, "beyond the part");
});

test("a line begins where it was set last", () => {
    const wire = new LiveWire(picture(isDisc), WIDTH, HEIGHT);
    wire.setStart({x: 20.5, y: 30.5});
    wire.setStart({x: 40.5, y: 50.5});
    assert.deepEqual(wire.lineTo({x: 59.5, y: 30.5})[0], {x: 40.5, y: 50.5});
});
