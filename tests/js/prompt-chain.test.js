import assert from "node:assert/strict";
import test from "node:test";

import {
    EMPTY_PROMPT,
    withLastChoice,
    withMaskIndices,
    withPoint,
    withoutLastStep,
} from "../../static/js/core/prompt.js";
import {PromptChain} from "../../static/js/decoder/worker/prompt-chain.js";

const OUTPUTS = {count: 4, single: 0, candidates: [1, 2, 3]};
const at = (x, y) => ({x, y, frame: "image"});

/** A decoder of one logit per output, which says what it was fed: 10 x the number of steps + the output's index. */
function recordingChain(iouPredictions = [0.5, 0.6, 0.9, 0.7]) {
    const runs = [];
    const chain = new PromptChain(async (steps, maskInput) => {
        runs.push({steps: steps.length, maskInput: maskInput && maskInput[0]});
        return {
            logits: Float32Array.from([0, 1, 2, 3], (index) => 10 * steps.length + index),
            iouPredictions: Float32Array.from(iouPredictions),
        };
    }, OUTPUTS);
    return {chain, runs};
}

test("each step is fed the logits chosen after the one before", async () => {
    const {chain, runs} = recordingChain();
    const prompt = withPoint(withPoint(withPoint(EMPTY_PROMPT, at(1, 1), 1), at(2, 2), 0), at(3, 3), 1);
    const {maskIndices, order, runs: count} = await chain.decode(prompt.steps);
    // One point: output 2 has the best predicted IoU. More: the single mask, output 0.
    assert.deepEqual(maskIndices, [2, 0, 0]);
    assert.deepEqual(order, [0, 2, 3]);
    assert.equal(count, 3);
    assert.deepEqual(runs, [
        {steps: 1, maskInput: null},
        {steps: 2, maskInput: 12},
        {steps: 3, maskInput: 20},
    ]);
});

test("a choice made by hand is what the next step is fed", async () => {
    const {chain, runs} = recordingChain();
    const one = withLastChoice(withPoint(EMPTY_PROMPT, at(1, 1), 1), 3);
    await chain.decode(withPoint(one, at(2, 2), 0).steps);
    assert.equal(runs[1].maskInput, 13);
});

test("one more point costs one decode, going back costs none", async () => {
    const {chain, runs} = recordingChain();
    let prompt = withPoint(EMPTY_PROMPT, at(1, 1), 1);
    prompt = withMaskIndices(prompt, (await chain.decode(prompt.steps)).maskIndices);
    const two = withPoint(prompt, at(2, 2), 0);
    await chain.decode(two.steps);
    assert.equal(runs.length, 2);
    await chain.decode(withoutLastStep(two).steps);
    assert.equal((await chain.decode(two.steps)).runs, 0);
    assert.equal(runs.length, 2);
});

test("only the newest decodes are kept where that is asked for; the others are made again", async () => {
    const {chain, runs} = recordingChain();
    const prompts = [1, 2, 3].map((x) => withPoint(EMPTY_PROMPT, at(x, 1), 1));
    for (const prompt of prompts) await chain.decode(prompt.steps);
    chain.keepNewest(2);
    assert.deepEqual(
        [(await chain.decode(prompts[1].steps)).runs, (await chain.decode(prompts[2].steps)).runs],
        [0, 0],
    );
    assert.equal((await chain.decode(prompts[0].steps)).runs, 1);
    assert.equal(runs.length, 4);
});

test("a first step with a base is fed that mask, and is for one object", async () => {
    const runs = [];
    const chain = new PromptChain(
        async (steps, maskInput) => {
            runs.push(maskInput && [...maskInput]);
            return {logits: new Float32Array(4), iouPredictions: Float32Array.of(0.5, 0.6, 0.9, 0.7)};
        },
        OUTPUTS,
        ({counts}) => Float32Array.of(counts.length),
    );
    const [step] = withPoint(EMPTY_PROMPT, at(1, 1), 1).steps;
    const base = (counts) => ({...step, base: {segmentation: {size: [2, 2], counts}}});
    const {order} = await chain.decode([base("04")]);
    assert.equal(order[0], 0);
    await chain.decode([base("123")]);
    await chain.decode([base("04")]);
    await chain.decode([step]);
    assert.deepEqual(runs, [[2], [3], null], "each is decoded once");
});

/** As SAM 2 answers where its mask 0 gives way: mask 0 is output 2's. */
function givingWay() {
    return new PromptChain(
        async () => ({
            logits: Float32Array.of(2, 2, 1, 1, 2, 2, 3, 3),
            iouPredictions: Float32Array.of(0.9, 0.5, 0.9, 0.7),
        }),
        OUTPUTS,
    );
}

test("an output that is another one's copy is not offered beside it", async () => {
    const two = withPoint(withPoint(EMPTY_PROMPT, at(1, 1), 1), at(2, 2), 0);
    const {order, maskIndices} = await givingWay().decode(two.steps);
    assert.deepEqual(order, [0, 3, 1]);
    assert.deepEqual(maskIndices, [2, 0]);
    // A prompt that was saved with the copy as its choice keeps it, in the other one's place.
    const chosen = await givingWay().decode(withLastChoice(two, 2).steps);
    assert.deepEqual(chosen.order, [2, 3, 1]);
    assert.deepEqual(chosen.maskIndices, [2, 2]);
});
