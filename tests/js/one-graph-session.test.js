import assert from "node:assert/strict";
import test from "node:test";

import {OneGraphSession} from "../../static/js/decoder/worker/one-graph/session.js";
import {checkTensors} from "../../static/js/decoder/worker/files/embedding-file.js";

const tensor = (...shape) => ({shape, values: new Float32Array(shape.reduce((a, b) => a * b, 1))});
const input = (name, ...shape) => ({name, isTensor: true, type: "float32", shape});

/** The one graph of a bundle with two tensors, as onnxruntime-web describes it; it must not run. */
function openSession() {
    const inputMetadata = [
        input("stride8", 1, 2, 8, 8),
        input("stride16", 1, 3, 4, 4),
        input("point_coords", 1, "num_points", 2),
        input("point_labels", 1, "num_points"),
        input("mask_input", 1, 1, 32, 32),
        input("has_mask_input", 1),
    ];
    const session = {inputMetadata, run: () => assert.fail("the graph ran")};
    return new OneGraphSession(
        {inputSide: 64, lowResSide: 32, outputs: {count: 4, single: 0, candidates: [1, 2, 3]}},
        {ort: {}, session, executionProvider: "wasm"},
    );
}

const steps = [{kind: "point", point: {x: 1, y: 1, frame: "image"}, label: 1, maskIndex: null}];

for (const [what, tensors, message] of [
    [
        "another shape",
        {stride8: tensor(2, 8, 4), stride16: tensor(3, 4, 4)},
        /takes stride8 of shape 2,8,8, .* has 2,8,4\. Reload/,
    ],
    [
        "a missing tensor",
        {stride8: tensor(2, 8, 8)},
        /takes stride16 of shape 3,4,4, .* has no such tensor\. Reload/,
    ],
    [
        "one more tensor",
        {stride8: tensor(2, 8, 8), stride16: tensor(3, 4, 4), image_embeddings: tensor(2, 4, 4)},
        /has a tensor image_embeddings, which the decoder does not take\. Reload/,
    ],
]) {
    test(`an embedding with ${what} is refused before the graph runs`, async () => {
        const image = {tensors: new Map(Object.entries(tensors)), imageSize: {height: 64, width: 64}};
        const refusal = {code: "embedding_invalid", message};
        await assert.rejects(() => openSession().prepare(image), refusal);
        await assert.rejects(() => openSession().decode(image, steps, null), refusal);
    });
}

test("the bundle's own tensors are taken, in any order", async () => {
    const tensors = new Map(Object.entries({stride16: tensor(3, 4, 4), stride8: tensor(2, 8, 8)}));
    await openSession().prepare({tensors, imageSize: {height: 64, width: 64}});
    checkTensors(tensors, {stride8: [2, 8, 8], stride16: [3, 4, 4]});
});
