import assert from "node:assert/strict";
import test from "node:test";

import {NOT_YET} from "../../static/js/decoder/worker/decode.js";
import {DecoderChoice} from "../../static/js/decoder/worker/decoder-choice.js";

const STEPS = [{kind: "point", point: {x: 1, y: 1, frame: "image"}, label: 1, maskIndex: null}];
const IMAGE = {imageSize: {height: 4, width: 4}, tensors: new Map()};
console.info = () => {}; // it says why WebGPU is not used

/**
 * A session that answers two outputs of two logits, after a time, and says what it was asked.
 *
 * @param {"wasm" | "webgpu"} executionProvider
 * @param {{ms?: number, logits?: (steps: number) => number[], iou?: number[], fails?: (run: number) => boolean}} options
 */
function session(
    executionProvider,
    {ms = 0, logits = () => [1, -2, 3, -4], iou = [0.5, 0.7], fails = () => false} = {},
) {
    const seen = {runs: [], released: 0};
    return {
        seen,
        executionProvider,
        threads: 1,
        prepare: async () => {},
        release: async () => {
            seen.released++;
        },
        decode: async (_image, steps, maskInput) => {
            seen.runs.push({steps: steps.length, fed: maskInput && [...maskInput]});
            if (ms) await new Promise((resolve) => setTimeout(resolve, ms));
            if (fails(seen.runs.length)) throw new Error("the device is lost");
            return {
                logits: Float32Array.from(logits(steps.length)),
                iouPredictions: Float32Array.from(iou),
            };
        },
    };
}

const SLOW_WASM = {ms: 30};

test("a GPU with the same masks, sooner, takes over", async () => {
    const [wasm, gpu] = [session("wasm", SLOW_WASM), session("webgpu")];
    const choice = new DecoderChoice(wasm);
    assert.equal(choice.executionProvider, "wasm");
    await choice.moveIfBetter(gpu, IMAGE, STEPS);
    assert.equal(choice.executionProvider, "webgpu");
    // It was compared on a first click and on one that is fed the first output's logits.
    assert.deepEqual(gpu.seen.runs.slice(0, 2), [
        {steps: 1, fed: null},
        {steps: 2, fed: [1, -2]},
    ]);
    const before = wasm.seen.runs.length;
    await choice.decode(IMAGE, STEPS, null);
    assert.equal(wasm.seen.runs.length, before);
    assert.equal(gpu.seen.released, 0);
});

test("a GPU that is slower is not used", async () => {
    const [wasm, gpu] = [session("wasm"), session("webgpu", {ms: 15})];
    const choice = new DecoderChoice(wasm);
    await choice.moveIfBetter(gpu, IMAGE, STEPS);
    assert.equal(choice.executionProvider, "wasm");
    assert.equal(gpu.seen.released, 1);
});

for (const [what, options] of [
    ["a logit", {logits: () => [1, -2, 3.01, -4]}],
    ["a logit of a prompt that is fed logits", {logits: (steps) => [1, -2, 3, steps === 2 ? -4.1 : -4]}],
    ["an IoU prediction", {iou: [0.5, 0.701]}],
    ["values that are no numbers", {logits: () => [NaN, -2, 3, -4]}],
]) {
    test(`a GPU that differs in ${what} is not used`, async () => {
        const gpu = session("webgpu", options);
        const choice = new DecoderChoice(session("wasm", SLOW_WASM));
        await choice.moveIfBetter(gpu, IMAGE, STEPS);
        assert.equal(choice.executionProvider, "wasm");
        assert.equal(gpu.seen.released, 1);
    });
}

test("logits that WASM has put off are not compared", async () => {
    const wasm = session("wasm", {...SLOW_WASM, logits: () => [1, -2, 3, NOT_YET]});
    const choice = new DecoderChoice(wasm);
    await choice.moveIfBetter(session("webgpu"), IMAGE, STEPS);
    assert.equal(choice.executionProvider, "webgpu");
});

test("a GPU that needs too long for its first answer is not tried further", async () => {
    const gpu = session("webgpu", {ms: 40});
    const choice = new DecoderChoice(session("wasm", {ms: 100}), {patienceMs: 10});
    await choice.moveIfBetter(gpu, IMAGE, STEPS);
    assert.deepEqual([choice.executionProvider, gpu.seen.runs.length, gpu.seen.released], ["wasm", 1, 1]);
});

test("a GPU that fails while it is tried is not used, and no error gets out", async () => {
    const gpu = session("webgpu", {fails: (run) => run === 2});
    const choice = new DecoderChoice(session("wasm", SLOW_WASM));
    await choice.moveIfBetter(gpu, IMAGE, STEPS);
    assert.deepEqual([choice.executionProvider, gpu.seen.released], ["wasm", 1]);
});

test("a GPU that fails later hands its prompt to WASM and is not asked again", async () => {
    let isLost = false;
    const [wasm, gpu] = [session("wasm", SLOW_WASM), session("webgpu", {fails: () => isLost})];
    const choice = new DecoderChoice(wasm);
    await choice.moveIfBetter(gpu, IMAGE, STEPS);
    isLost = true;
    const runs = gpu.seen.runs.length;
    const {logits} = await choice.decode(IMAGE, STEPS, Float32Array.of(5, 6));
    assert.deepEqual([...logits], [1, -2, 3, -4]);
    assert.deepEqual(wasm.seen.runs.at(-1), {steps: 1, fed: [5, 6]}, "the same prompt, whole");
    await choice.decode(IMAGE, STEPS, null);
    assert.equal(gpu.seen.runs.length, runs + 1);
    assert.deepEqual([choice.executionProvider, gpu.seen.released], ["wasm", 1]);
});

test("WASM's own error is the prompt's", async () => {
    const choice = new DecoderChoice(session("wasm", {fails: () => true}));
    await assert.rejects(choice.decode(IMAGE, STEPS, null), /the device is lost/);
});
