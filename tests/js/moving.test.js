import assert from "node:assert/strict";
import test from "node:test";

import {bboxAround} from "../../static/js/core/bbox.js";
import {imageToView} from "../../static/js/core/frames.js";
import {Fingers} from "../../static/js/view/moving/fingers.js";
import {Viewport} from "../../static/js/view/moving/viewport.js";
import {Wheel} from "../../static/js/view/moving/wheel.js";

/** An image of 1000 x 500 pixels on a stage of 500 x 400. */
function viewport() {
    const made = new Viewport(() => {});
    made.resize({height: 400, width: 500}, 1);
    made.showImageOf({height: 500, width: 1000});
    return made;
}

const at = (x, y) => ({x, y, frame: "view"});
const turn = (deltaY, more = {}) => ({
    ...{deltaX: 0, deltaY, deltaMode: 0, ctrlKey: false, metaKey: false, shiftKey: false, timeStamp: 0},
    ...more,
});

test("an image is shown fitted and stays so when the stage changes its size", () => {
    const port = viewport();
    assert.equal(port.view.scale, (500 - 48) / 1000);
    assert.ok(port.isAllShown);
    port.resize({height: 400, width: 1048}, 1);
    assert.equal(port.view.scale, 352 / 500);
});

test("a zoom to 100 % keeps what lies under the pointer", () => {
    const port = viewport();
    const place = {x: 700, y: 100, frame: "image"};
    const before = imageToView(place, port.view);
    port.zoomTo(1, before);
    assert.equal(port.view.scale, 1);
    const after = imageToView(place, port.view);
    assert.ok(Math.abs(after.x - before.x) < 1e-9 && Math.abs(after.y - before.y) < 1e-9);
    assert.ok(!port.isAllShown);
});

test("after a zoom, what was in the middle stays there when the stage changes its size", () => {
    const port = viewport();
    port.zoomTo(2, at(250, 200));
    port.centreOn({x: 400, y: 300, frame: "image"});
    port.resize({height: 300, width: 700}, 1);
    assert.deepEqual(imageToView({x: 400, y: 300, frame: "image"}, port.view), at(350, 150));
});

test("a place that is out of sight is brought into it, one in sight moves nothing", () => {
    const port = viewport();
    port.zoomTo(4, at(250, 200));
    const before = port.view;
    port.reveal({x: 500, y: 250, frame: "image"});
    assert.equal(port.view, before);
    port.reveal({x: 900, y: 250, frame: "image"});
    assert.equal(imageToView({x: 900, y: 250, frame: "image"}, port.view).x, 500 - 48);
});

test("the box around several objects holds them all", () => {
    assert.deepEqual(
        bboxAround([
            [10, 20, 5, 5],
            [0, 30, 4, 40],
        ]),
        [0, 20, 15, 50],
    );
});

test("a mouse's wheel zooms, two fingers on a trackpad move the image", () => {
    const wheel = new Wheel();
    assert.ok(wheel.read(turn(-100)).factor > 1);
    assert.deepEqual(wheel.read(turn(3, {deltaMode: 1, timeStamp: 1000})).dy, 0);
    assert.deepEqual(wheel.read(turn(4, {timeStamp: 2000})), {factor: 1, dx: 0, dy: -4});
    // A swipe that becomes fast is still one.
    assert.deepEqual(wheel.read(turn(180, {timeStamp: 2016})), {factor: 1, dx: 0, dy: -180});
    // Both directions at once: no wheel does that.
    assert.deepEqual(wheel.read(turn(60, {deltaX: 7, timeStamp: 4000})), {factor: 1, dx: -7, dy: -60});
});

test("a pinch, or the wheel with Ctrl, zooms whatever the habit is; Shift moves sideways", () => {
    const wheel = new Wheel();
    wheel.habit = "pan";
    assert.ok(wheel.read(turn(-2.5, {ctrlKey: true})).factor > 1.01);
    const step = wheel.read(turn(-100, {ctrlKey: true})).factor;
    assert.ok(step > 1.1 && step < 1.3, `one step of a wheel is no leap: ${step}`);
    assert.deepEqual(wheel.read(turn(100, {shiftKey: true})), {factor: 1, dx: -100, dy: 0});
    assert.deepEqual(wheel.read(turn(0, {shiftKey: true, deltaX: 100})), {factor: 1, dx: -100, dy: 0});
});

test("a person may set what the wheel does", () => {
    const wheel = new Wheel();
    wheel.habit = "pan";
    assert.deepEqual(wheel.read(turn(100)), {factor: 1, dx: 0, dy: -100});
    wheel.habit = "zoom";
    assert.ok(wheel.read(turn(4, {timeStamp: 1000})).factor < 1);
});

globalThis.PointerEvent ??= class extends Event {
    constructor(type, {pointerId, pointerType}) {
        super(type);
        Object.assign(this, {pointerId, pointerType});
    }
};

/** A stage whose tool writes down what reaches it. */
function fingers() {
    const root = new EventTarget();
    const [reached, moved] = [[], []];
    new Fingers(root, {
        viewPoint: ({x, y}) => at(x, y),
        pan: (dx, dy) => moved.push(`pan ${dx} ${dy}`),
        zoom: (point, factor) => moved.push(`zoom ${factor} at ${point.x} ${point.y}`),
    });
    for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel"])
        root.addEventListener(type, ({pointerId}) => reached.push(`${type.slice(7)} ${pointerId}`));
    const send = (type, pointerId, x, y, pointerType = "touch") =>
        root.dispatchEvent(Object.assign(new Event(`pointer${type}`), {pointerId, x, y, pointerType}));
    return {send, reached, moved};
}

test("one finger is the tool's; a second one takes it from there, and both zoom and move", () => {
    const {send, reached, moved} = fingers();
    send("down", 1, 100, 100);
    send("move", 1, 100, 100);
    send("down", 2, 200, 100);
    assert.deepEqual(reached, ["down 1", "move 1", "cancel 1"]);
    send("move", 2, 300, 100);
    assert.deepEqual(moved, ["pan 50 0", "zoom 2 at 200 100"]);
    send("up", 2, 300, 100);
    send("move", 1, 110, 100); // the one that is left goes on moving the image
    send("up", 1, 110, 100);
    assert.equal(moved.at(-1), "pan 10 0");
    assert.equal(reached.length, 3);
    send("down", 3, 5, 5);
    assert.equal(reached.at(-1), "down 3");
});

test("once a pen was seen a finger moves the image, and the palm under the pen nothing", () => {
    const {send, reached, moved} = fingers();
    send("down", 1, 10, 10, "pen");
    send("down", 2, 80, 80);
    send("move", 2, 90, 80);
    send("up", 1, 10, 10, "pen");
    send("up", 2, 90, 80);
    assert.deepEqual(moved, []);
    send("down", 3, 50, 50);
    send("move", 3, 55, 50);
    send("up", 3, 55, 50);
    assert.deepEqual(moved, ["pan 5 0"]);
    assert.deepEqual(reached, ["down 1", "up 1"]);
});
