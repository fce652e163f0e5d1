import assert from "node:assert/strict";
import test, {beforeEach, mock} from "node:test";

import {Preview} from "../../static/js/session/preview.js";
import {HandMadeStorage, settle} from "./hand-made.js";

const at = (x, y = 0) => ({x, y, frame: "image"});
/** A mask covers the ten pixels from the one that it was asked for. */
const covers = ({from}, point) => point.x >= from && point.x < from + 10;

/** A decoder that answers when it is told to. */
function slowSource() {
    const asked = [];
    return {
        canPreview: true,
        asked,
        nestedAt: async ({x}) => [5, 0, 7].map((index) => ({from: x, index})),
        preview: (point) =>
            new Promise((resolve) =>
                asked.push({x: point.x, answer: () => resolve({from: point.x, index: 0})}),
            ),
    };
}

function preview(source, storage = new HandMadeStorage()) {
    const timers = {
        start: (work, delayMs) => setTimeout(work, delayMs),
        stop: (timer) => clearTimeout(timer),
    };
    const shown = [];
    return {
        hover: new Preview(source, covers, (candidate) => shown.push(candidate?.from ?? null), {
            storage,
            timers,
        }),
        shown,
    };
}

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({apis: ["setTimeout"]});
});

test("on its way the pointer asks for nothing, where it rests once", async () => {
    const source = slowSource();
    const {hover, shown} = preview(source);
    for (let x = 0; x < 100; x += 10) {
        hover.move(at(x), 1);
        mock.timers.tick(16);
    }
    assert.equal(source.asked.length, 0);
    hover.move(at(92), 1); // a hand that trembles rests
    mock.timers.tick(24);
    assert.deepEqual(
        source.asked.map(({x}) => x),
        [92],
    );
    source.asked[0].answer();
    await settle();
    assert.deepEqual(shown, [92]);
});

test("an answer for a place that the pointer has left is shown only where it covers the new one", async () => {
    for (const [place, expected] of [
        [5, [0]],
        [50, []],
    ]) {
        const source = slowSource();
        const {hover, shown} = preview(source);
        hover.move(at(0), 1);
        mock.timers.tick(40);
        hover.move(at(place), 1);
        mock.timers.tick(40); // rests there, while the first decode runs
        source.asked[0].answer();
        await settle();
        assert.deepEqual(shown, expected);
        assert.deepEqual(
            source.asked.map(({x}) => x),
            [0, place],
        );
    }
});

test("an answer for another image is not shown, and the new place is decoded", async () => {
    const source = slowSource();
    const {hover, shown} = preview(source);
    hover.move(at(0), 1);
    mock.timers.tick(40);
    hover.leave();
    hover.move(at(2), 1);
    mock.timers.tick(40);
    source.asked[0].answer();
    await settle();
    assert.deepEqual(shown, [null]);
    source.asked[1].answer();
    await settle();
    assert.deepEqual(shown, [null, 2]);
});

test("a tremble beside the mask keeps it, a move off it does not", async () => {
    const source = slowSource();
    const {hover, shown} = preview(source);
    hover.move(at(10), 1);
    mock.timers.tick(40);
    source.asked[0].answer();
    await settle();
    hover.move(at(8), 1);
    assert.deepEqual(shown, [10]);
    hover.move(at(2), 1);
    assert.deepEqual(shown, [10, null]);
});

test("a press is for the click's own decode", () => {
    const source = slowSource();
    const {hover} = preview(source);
    hover.move(at(0), 1);
    hover.press();
    mock.timers.tick(1000);
    assert.equal(source.asked.length, 0);
});

test("switched off it asks for nothing, and the next page remembers", () => {
    const [source, storage] = [slowSource(), new HandMadeStorage()];
    preview(source, storage).hover.toggle();
    const {hover} = preview(source, storage);
    hover.move(at(0), 1);
    mock.timers.tick(1000);
    assert.equal(source.asked.length, 0);
    hover.toggle();
    hover.move(at(0), 1);
    mock.timers.tick(40);
    assert.equal(source.asked.length, 1);
});

test("the masks of a place are turned through from the part to the whole, and the click is for the one that is shown", async () => {
    const source = slowSource();
    const {hover, shown} = preview(source);
    hover.move(at(20), 1);
    mock.timers.tick(40);
    source.asked[0].answer();
    await settle();
    assert.equal(hover.choiceAt(at(20)), null, "nobody has turned yet: the decoder's best");
    await hover.turn(1);
    assert.equal(hover.choiceAt(at(21)), 7);
    await hover.turn(1); // there is no larger one
    assert.equal(hover.choiceAt(at(20)), 7);
    await hover.turn(-1);
    await hover.turn(-1);
    assert.equal(hover.choiceAt(at(20)), 5);
    assert.equal(hover.choiceAt(at(60)), null, "elsewhere are other masks");
    assert.deepEqual(shown, [20, 20, 20, 20]);
    hover.leave();
    await hover.turn(1);
    assert.equal(shown.at(-1), null);
});
