import assert from "node:assert/strict";
import test from "node:test";

import {
    fitView,
    imageToModel,
    imageToView,
    inputSize,
    panBy,
    pixelAt,
    viewToImage,
    zoomAt,
} from "../../static/js/core/frames.js";
import {golden} from "./golden.js";

const cases = golden("frames");
const TOLERANCE_PX = 1e-9;

function near(actual, expected) {
    assert.ok(
        Math.abs(actual.x - expected[0]) < TOLERANCE_PX && Math.abs(actual.y - expected[1]) < TOLERANCE_PX,
        `${actual.x}, ${actual.y} is not ${expected}`,
    );
}

for (const {name, image, side, fit, input, points} of cases.model_frame) {
    test(`model frame: ${name}`, () => {
        const square = {inputSide: side, fit};
        assert.deepEqual(inputSize(image, square), input);
        for (const point of points) {
            const [x, y] = point.image;
            near(imageToModel({x, y, frame: "image"}, image, square), point.model);
        }
    });
}

for (const {name, frame, points} of cases.view_frame) {
    test(`view frame: ${name}`, () => {
        const view = {
            scale: frame.scale,
            offsetX: frame.offset_x,
            offsetY: frame.offset_y,
            devicePixelRatio: frame.device_pixel_ratio,
        };
        for (const point of points) {
            const [x, y] = point.image;
            const inView = imageToView({x, y, frame: "image"}, view);
            near(inView, point.view);
            near(viewToImage(inView, view), point.image);
        }
    });
}

test("a fitted image is centred and wholly on the stage", () => {
    const view = fitView({height: 500, width: 1000}, {height: 400, width: 600}, 2, 50);
    assert.deepEqual(view, {scale: 0.5, offsetX: 50, offsetY: 75, devicePixelRatio: 2});
});

test("zooming leaves the place under the cursor where it is", () => {
    const view = fitView({height: 500, width: 1000}, {height: 400, width: 600}, 1, 0);
    const cursor = {x: 123, y: 45, frame: "view"};
    const before = viewToImage(cursor, view);
    const zoomed = zoomAt(view, cursor, 3, view.scale);
    near(viewToImage(cursor, zoomed), [before.x, before.y]);
    assert.equal(zoomed.scale, view.scale * 3);
});

test("zooming stops at its limits", () => {
    const view = {scale: 1, offsetX: 0, offsetY: 0, devicePixelRatio: 1};
    const corner = {x: 0, y: 0, frame: "view"};
    assert.equal(zoomAt(view, corner, 1e6, 1).scale, 40);
    assert.equal(zoomAt(view, corner, 1e-6, 1).scale, 0.2);
});

test("panning keeps a piece of the image on the stage", () => {
    const view = {scale: 1, offsetX: 0, offsetY: 0, devicePixelRatio: 1};
    const far = panBy(view, -5000, 5000, {height: 300, width: 400}, {height: 600, width: 800});
    assert.deepEqual([far.offsetX, far.offsetY], [64 - 400, 600 - 64]);
});

test("a click names the pixel under it, never one outside", () => {
    const size = {height: 10, width: 20};
    assert.deepEqual(pixelAt({x: 3.99, y: 4.01, frame: "image"}, size), {x: 3, y: 4, frame: "image"});
    assert.deepEqual(pixelAt({x: 20, y: -0.5, frame: "image"}, size), {x: 19, y: 0, frame: "image"});
});
