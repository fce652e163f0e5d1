import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import test from "node:test";

import {TailKernel} from "../../static/js/decoder/worker/sam/tail-kernel.js";
import {keepHelpers, loseHelpers} from "./lost-helper.js";
import {HELPER_URL, NodeWorker} from "./node-worker.js";

const FOLDER = new URL("../../segmentation/families/sam/fast/tail_kernel/", import.meta.url);
const [CHANNELS, MIDDLE, LAST, GRID] = [256, 64, 32, 64];
const POSITIONS = GRID * GRID;
const WHOLE = {row: 0, endRow: GRID, column: 0, endColumn: GRID};

let seed = 1;
/** Repeatable numbers around zero. */
function numbers(count, scale) {
    return Float32Array.from({length: count}, () => {
        seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
        return (scale * seed) / 2 ** 31;
    });
}

const weights = {
    normWeight: numbers(MIDDLE, 1),
    normBias: numbers(MIDDLE, 1),
    bias: numbers(4 * LAST, 1),
    kernel: numbers(MIDDLE * 4 * LAST, 0.3), // (middle channel, sub-position, last channel)
};

async function openKernel(build, threads = 1) {
    const parts = [weights.normWeight, weights.normBias, weights.bias, weights.kernel];
    const bytes = new Float32Array(parts.flatMap((part) => [...part]));
    const files = new Map([
        ["tail-weights", new Uint8Array(bytes.buffer)],
        [`tail-${build}.wasm`, new Uint8Array(readFileSync(new URL(`${build}.wasm`, FOLDER)))],
    ]);
    const kernel = await TailKernel.open(files, {threads, helperUrl: threads > 1 ? HELPER_URL : null});
    kernel?.setImage(upscaled);
    return kernel;
}

const DEPTH = 19;
const upscaled = numbers(CHANNELS * POSITIONS, 2);
const inputs = {
    gain: numbers(POSITIONS, 1),
    coefficients: numbers(DEPTH * POSITIONS, 1),
    basis: numbers(DEPTH * CHANNELS, 1),
    filters: numbers(3 * LAST, 2),
};

/** Abramowitz and Stegun 7.1.5, the series; converges for the arguments here. */
function erf(x) {
    if (Math.abs(x) > 5) return Math.sign(x);
    let [term, sum] = [x, x];
    for (let n = 1; Math.abs(term) > 1e-17 && n < 200; n++) {
        term *= (-x * x) / n;
        sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
}
const gelu = (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));

/** The four masks' 4 x 4 logits of one grid position, written out from SAM's layers in doubles. */
function expected(mask, row, column) {
    const p = row * GRID + column;
    const block = new Float64Array(16);
    for (let sub = 0; sub < 4; sub++) {
        const first = Array.from({length: MIDDLE}, (_, c) => {
            let sum = inputs.gain[p] * upscaled[(4 * c + sub) * POSITIONS + p];
            for (let k = 0; k < DEPTH; k++) {
                sum += inputs.basis[k * CHANNELS + 4 * c + sub] * inputs.coefficients[k * POSITIONS + p];
            }
            return sum;
        });
        const deviation = Math.sqrt(first.reduce((sum, value) => sum + value * value, 0) / MIDDLE + 1e-6);
        const middle = first.map((value, c) =>
            gelu((weights.normWeight[c] * value) / deviation + weights.normBias[c]),
        );
        for (let inner = 0; inner < 4; inner++) {
            let logit = 0;
            for (let c = 0; c < LAST; c++) {
                let sum = weights.bias[inner * LAST + c];
                for (let m = 0; m < MIDDLE; m++)
                    sum += middle[m] * weights.kernel[(m * 4 + inner) * LAST + c];
                logit += inputs.filters[mask * LAST + c] * gelu(sum);
            }
            const y = 2 * (sub >> 1) + (inner >> 1);
            const x = 2 * (sub & 1) + (inner & 1);
            block[4 * y + x] = logit;
        }
    }
    return block;
}

function assertClose(actual, wanted, where) {
    assert.ok(
        Math.abs(actual - wanted) < 2e-4 * Math.max(1, Math.abs(wanted)),
        `${where}: ${actual}, not ${wanted}`,
    );
}

for (const build of ["plain", "relaxed"]) {
    test(`${build} build gives SAM's upscaling`, async (t) => {
        const kernel = await openKernel(build);
        if (!kernel) return t.skip("this V8 has no relaxed SIMD");
        const logits = kernel.run(inputs, WHOLE);
        assert.equal(logits.length, 3 * 256 * 256);
        for (const [mask, row, column] of [
            [0, 0, 0],
            [1, 0, 63],
            [2, 63, 63],
            [0, 31, 17],
            [2, 7, 40],
        ]) {
            expected(mask, row, column).forEach((value, k) => {
                const at = (mask * 256 + 4 * row + (k >> 2)) * 256 + 4 * column + (k & 3);
                assertClose(logits[at], value, `mask ${mask}, row ${row}, column ${column}, ${k}`);
            });
        }
    });
}

test("windows are cut from the whole", async () => {
    const kernel = await openKernel("plain");
    const whole = kernel.run(inputs, WHOLE);
    for (const window of [
        {...WHOLE, endRow: 43},
        {...WHOLE, row: 43},
        {...WHOLE, endColumn: 27},
        {row: 5, endRow: 9, column: 16, endColumn: 64},
    ]) {
        const part = kernel.run(inputs, window);
        const [height, width] = [4 * (window.endRow - window.row), 4 * (window.endColumn - window.column)];
        assert.equal(part.length, 3 * height * width);
        for (let k = 0; k < part.length; k++) {
            const [mask, y, x] = [
                Math.floor(k / (height * width)),
                Math.floor(k / width) % height,
                k % width,
            ];
            const at = (mask * 256 + 4 * window.row + y) * 256 + 4 * window.column + x;
            if (part[k] !== whole[at])
                assert.fail(`${JSON.stringify(window)}: ${part[k]} is not ${whole[at]} at ${k}`);
        }
    }
});

test("four threads give the masks that one gives", async (t) => {
    const whole = (await openKernel("plain")).run(inputs, WHOLE);
    globalThis.crossOriginIsolated = true;
    globalThis.Worker = NodeWorker;
    t.after(keepHelpers);
    const kernel = await openKernel("plain", 4);
    for (let k = 0; k < 3; k++) assert.ok(kernel.run(inputs, WHOLE).every((value, k) => value === whole[k]));
    assert.equal(kernel.threads, 4, "all of them answered");
    kernel.close();
});

test("a helper that dies with a tile leaves no hole in the masks", async () => {
    const whole = (await openKernel("plain")).run(inputs, WHOLE);
    const seen = loseHelpers(() => 15);
    const kernel = await openKernel("plain", 2);
    assert.equal(kernel.threads, 2);
    const logits = kernel.run(inputs, WHOLE); // some seconds: so long a helper may take
    keepHelpers();
    assert.deepEqual([seen.taken, seen.terminated, kernel.threads], [1, 1, 1]);
    assert.ok(logits.every((value, k) => value === whole[k]));
    assert.ok(
        kernel.run(inputs, WHOLE).every((value, k) => value === whole[k]),
        "and it goes on",
    );
});

test("GELU is exact to a millionth", async () => {
    const memory = new WebAssembly.Memory({initial: 16, maximum: 1024, shared: true});
    const module = new WebAssembly.Module(readFileSync(new URL("plain.wasm", FOLDER)));
    const {gelu_values: geluValues} = new WebAssembly.Instance(module, {env: {memory}}).exports;
    const count = 4000;
    const values = new Float32Array(memory.buffer, 1024, count);
    const results = new Float32Array(memory.buffer, 65536, count);
    values.forEach((_, k) => (values[k] = (k - count / 2) / 250)); // -8 to 8
    geluValues(1024, 65536, count);
    results.forEach((result, k) => {
        const wanted = gelu(values[k]);
        assert.ok(
            Math.abs(result - wanted) < 1e-6 * Math.max(1, Math.abs(wanted)),
            `gelu(${values[k]}) is ${wanted}, not ${result}`,
        );
    });
});

test("what does not fit is refused before it runs", async () => {
    const kernel = await openKernel("plain");
    assert.throws(() => kernel.run({...inputs, filters: numbers(5 * LAST, 1)}, WHOLE), /5 masks/);
    assert.throws(() => kernel.run(inputs, {...WHOLE, column: 5}), /multiple of 16/);
});

test("a package without a kernel is no error: the graph makes the masks", async () => {
    assert.equal(await TailKernel.open(new Map(), {threads: 1, helperUrl: null}), null);
});
