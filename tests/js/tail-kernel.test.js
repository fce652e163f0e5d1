import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import test from "node:test";

import {TailKernel} from "../../static/js/decoder/worker/two-way/tail-kernel.js";
import {keepHelpers, loseHelpers} from "./lost-helper.js";
import {HELPER_URL, NodeWorker} from "./node-worker.js";

const FOLDER = new URL("../../segmentation/families/two_way/tail_kernel/", import.meta.url);
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

const hqWeights = {
    bias: numbers(MIDDLE, 1),
    normWeight: numbers(MIDDLE, 1),
    normBias: numbers(MIDDLE, 1),
    first: numbers(MIDDLE * 9 * LAST, 0.3), // (middle channel, row, last channel, column)
    second: numbers(LAST * 9 * MIDDLE, 0.3), // (last channel, row and column, middle channel)
    secondBias: numbers(LAST, 1),
};
// The kernel counts on a mean of zero over the channels, which the package's maker sees to.
for (let k = 0; k < 9 * LAST; k++) centre(hqWeights.first, k, 9 * LAST);
centre(hqWeights.bias, 0, 1);

/** The first filters after Winograd's transform: (16, middle channel, last channel). */
function winograd(first) {
    const terms = [
        [1, 0, 0],
        [0.5, 0.5, 0.5],
        [0.5, -0.5, 0.5],
        [0, 0, 1],
    ];
    const all = new Float32Array(16 * MIDDLE * LAST);
    for (let k = 0; k < all.length; k++) {
        const [term, m, c] = [Math.floor(k / MIDDLE / LAST), Math.floor(k / LAST) % MIDDLE, k % LAST];
        for (let i = 0; i < 3; i++)
            for (let j = 0; j < 3; j++)
                all[k] += terms[term >> 2][i] * terms[term & 3][j] * first[((m * 3 + i) * LAST + c) * 3 + j];
    }
    return all;
}

function centre(values, from, step) {
    let sum = 0;
    for (let m = 0; m < MIDDLE; m++) sum += values[from + m * step];
    for (let m = 0; m < MIDDLE; m++) values[from + m * step] -= sum / MIDDLE;
}

async function openKernel(build, threads = 1, {hq = false, hasFine = false} = {}) {
    const parts = [weights.normWeight, weights.normBias, weights.bias, weights.kernel];
    const bytes = new Float32Array(parts.flatMap((part) => [...part]));
    const files = new Map([
        ["tail-weights", new Uint8Array(bytes.buffer)],
        [`tail-${build}.wasm`, new Uint8Array(readFileSync(new URL(`${build}.wasm`, FOLDER)))],
    ]);
    if (hq) {
        const all = Float32Array.from(
            Object.values({...hqWeights, first: winograd(hqWeights.first)}).flatMap((part) => [...part]),
        );
        files.set("tail-hq-weights", new Uint8Array(all.buffer));
    }
    const helperUrl = threads > 1 ? HELPER_URL : null;
    const kernel = await TailKernel.open(files, {threads, helperUrl, hasFine});
    kernel?.setImage(upscaled, {...(hq && {hq: hqFeatures}), ...(hasFine && fineFeatures)});
    return kernel;
}

const DEPTH = 19;
const upscaled = numbers(CHANNELS * POSITIONS, 2);
const hqFeatures = numbers(LAST * 256 * 256, 1);
const fineFeatures = {middle: numbers(MIDDLE * 128 * 128, 3), fine: numbers(LAST * 256 * 256, 2)};
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

/**
 * The 4 x 4 upscaled features (32,) of one grid position, written out from SAM's layers in doubles.
 *
 * @param {number} row
 * @param {number} column
 * @param {{middle: Float32Array, fine: Float32Array} | null} fine what SAM 2 adds in the two upscalings
 */
function features(row, column, fine = null) {
    const p = row * GRID + column;
    const block = Array(16);
    for (let sub = 0; sub < 4; sub++) {
        const first = Array.from({length: MIDDLE}, (_, c) => {
            let sum = inputs.gain[p] * upscaled[(4 * c + sub) * POSITIONS + p];
            for (let k = 0; k < DEPTH; k++) {
                sum += inputs.basis[k * CHANNELS + 4 * c + sub] * inputs.coefficients[k * POSITIONS + p];
            }
            return fine
                ? sum + fine.middle[(c * 128 + 2 * row + (sub >> 1)) * 128 + 2 * column + (sub & 1)]
                : sum;
        });
        // The norm's mean: of the rest it is zero, which the package's maker sees to; the numbers here are not.
        if (fine) {
            let mean = 0;
            for (let c = 0; c < MIDDLE; c++)
                mean += fine.middle[(c * 128 + 2 * row + (sub >> 1)) * 128 + 2 * column + (sub & 1)] / MIDDLE;
            for (let c = 0; c < MIDDLE; c++) first[c] -= mean;
        }
        const deviation = Math.sqrt(first.reduce((sum, value) => sum + value * value, 0) / MIDDLE + 1e-6);
        const middle = first.map((value, c) =>
            gelu((weights.normWeight[c] * value) / deviation + weights.normBias[c]),
        );
        for (let inner = 0; inner < 4; inner++) {
            const y = 2 * (sub >> 1) + (inner >> 1);
            const x = 2 * (sub & 1) + (inner & 1);
            block[4 * y + x] = Array.from({length: LAST}, (_, c) => {
                let sum = weights.bias[inner * LAST + c];
                for (let m = 0; m < MIDDLE; m++)
                    sum += middle[m] * weights.kernel[(m * 4 + inner) * LAST + c];
                if (fine) sum += fine.fine[(c * 256 + 4 * row + y) * 256 + 4 * column + x];
                return gelu(sum);
            });
        }
    }
    return block;
}

/** One mask's 4 x 4 logits of one grid position. */
function expected(mask, row, column, fine = null) {
    return features(row, column, fine).map((values) =>
        values.reduce((sum, value, c) => sum + inputs.filters[mask * LAST + c] * value, 0),
    );
}

const mixed = numbers(LAST, 1);
const blocks = new Map();

/** The upscaled features at a pixel of 256 x 256; beyond the image there are none. */
function featuresAt(y, x) {
    if (Math.min(y, x) < 0 || Math.max(y, x) > 255) return null;
    const place = `${y >> 2},${x >> 2}`;
    if (!blocks.has(place)) blocks.set(place, features(y >> 2, x >> 2));
    return blocks.get(place)[4 * (y & 3) + (x & 3)];
}

/** What HQ-SAM's first filters, norm and GELU make of the features at a pixel: (64,). */
function innerAt(y, x) {
    if (Math.min(y, x) < 0 || Math.max(y, x) > 255) return null;
    const sums = Array.from(hqWeights.bias);
    for (let place = 0; place < 9; place++) {
        const [i, j] = [Math.floor(place / 3), place % 3];
        const values = featuresAt(y + i - 1, x + j - 1);
        if (!values) continue;
        for (let m = 0; m < MIDDLE; m++)
            for (let c = 0; c < LAST; c++)
                sums[m] += hqWeights.first[((m * 3 + i) * LAST + c) * 3 + j] * values[c];
    }
    const deviation = Math.sqrt(sums.reduce((sum, value) => sum + value * value, 0) / MIDDLE + 1e-6);
    return sums.map((value, m) =>
        gelu((hqWeights.normWeight[m] * value) / deviation + hqWeights.normBias[m]),
    );
}

/** HQ-SAM's mask at a pixel, which is added to every mask. */
function expectedHq(y, x) {
    let sum = 0;
    for (let c = 0; c < LAST; c++)
        sum += mixed[c] * (hqWeights.secondBias[c] + hqFeatures[(c * 256 + y) * 256 + x]);
    for (let place = 0; place < 9; place++) {
        const inner = innerAt(y + Math.floor(place / 3) - 1, x + (place % 3) - 1);
        if (!inner) continue;
        for (let c = 0; c < LAST; c++)
            for (let m = 0; m < MIDDLE; m++)
                sum += mixed[c] * hqWeights.second[(c * 9 + place) * MIDDLE + m] * inner[m];
    }
    return sum;
}

function assertClose(actual, wanted, where) {
    assert.ok(
        Math.abs(actual - wanted) < 2e-4 * Math.max(1, Math.abs(wanted)),
        `${where}: ${actual}, not ${wanted}`,
    );
}

for (const [build, hasFine] of [
    ["plain", false],
    ["relaxed", false],
    ["plain", true],
    ["relaxed", true],
]) {
    test(`${build} build gives SAM's upscaling${hasFine ? ", with SAM 2's features" : ""}`, async (t) => {
        const kernel = await openKernel(build, 1, {hasFine});
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
            expected(mask, row, column, hasFine ? fineFeatures : null).forEach((value, k) => {
                const at = (mask * 256 + 4 * row + (k >> 2)) * 256 + 4 * column + (k & 3);
                assertClose(logits[at], value, `mask ${mask}, row ${row}, column ${column}, ${k}`);
            });
        }
    });
}

for (const build of ["plain", "relaxed"]) {
    test(`${build} build adds HQ-SAM's mask`, async (t) => {
        const kernel = await openKernel(build, 1, {hq: true});
        if (!kernel) return t.skip("this V8 has no relaxed SIMD");
        const plain = kernel.run(inputs, WHOLE);
        const logits = kernel.run({...inputs, mixed}, WHOLE);
        for (const [y, x] of [
            [0, 0],
            [255, 255],
            [0, 130],
            [63, 255],
            [100, 79],
            [101, 80],
        ]) {
            const wanted = expectedHq(y, x);
            for (let mask = 0; mask < 3; mask++) {
                const at = (mask * 256 + y) * 256 + x;
                assertClose(logits[at] - plain[at], wanted, `mask ${mask}, y ${y}, x ${x}`);
            }
        }
    });
}

for (const [name, kind] of [
    ["", {}],
    [", HQ-SAM's too", {hq: true}],
    [", SAM 2's too", {hasFine: true}],
])
    test(`windows are cut from the whole${name}`, async () => {
        const kernel = await openKernel("plain", 1, kind);
        const given = kind.hq ? {...inputs, mixed} : inputs;
        const whole = kernel.run(given, WHOLE);
        // What an earlier answer has left in the memory is in no later one.
        kernel.run({...given, gain: numbers(POSITIONS, 1)}, WHOLE);
        for (const window of [
            {...WHOLE, endRow: 43},
            {...WHOLE, row: 43},
            {...WHOLE, endColumn: 27},
            {row: 5, endRow: 9, column: 16, endColumn: 64},
        ]) {
            const part = kernel.run(given, window);
            const [height, width] = [
                4 * (window.endRow - window.row),
                4 * (window.endColumn - window.column),
            ];
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
    const given = {...inputs, mixed};
    const whole = (await openKernel("plain", 1, {hq: true})).run(given, WHOLE);
    globalThis.crossOriginIsolated = true;
    globalThis.Worker = NodeWorker;
    t.after(keepHelpers);
    const kernel = await openKernel("plain", 4, {hq: true});
    for (let k = 0; k < 3; k++) assert.ok(kernel.run(given, WHOLE).every((value, k) => value === whole[k]));
    assert.equal(kernel.threads, 4, "all of them answered");
    kernel.close();
});

test("a helper that dies with a tile leaves no hole in the masks", async () => {
    const given = {...inputs, mixed};
    const whole = (await openKernel("plain", 1, {hq: true})).run(given, WHOLE);
    const seen = loseHelpers(() => 15);
    const kernel = await openKernel("plain", 2, {hq: true});
    assert.equal(kernel.threads, 2);
    const logits = kernel.run(given, WHOLE); // some seconds: so long a helper may take
    keepHelpers();
    assert.deepEqual([seen.taken, seen.terminated, kernel.threads], [1, 1, 1]);
    assert.ok(logits.every((value, k) => value === whole[k]));
    assert.ok(
        kernel.run(given, WHOLE).every((value, k) => value === whole[k]),
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
    const withoutPlace = await openKernel("plain");
    assert.throws(
        () => withoutPlace.setImage(numbers(CHANNELS * POSITIONS, 1), fineFeatures),
        /without a place/,
    );
    const kernel = await openKernel("plain");
    assert.throws(() => kernel.run({...inputs, filters: numbers(5 * LAST, 1)}, WHOLE), /5 masks/);
    assert.throws(() => kernel.run(inputs, {...WHOLE, column: 5}), /multiple of 16/);
});

test("a package without a kernel is no error: the graph makes the masks", async () => {
    assert.equal(await TailKernel.open(new Map(), {threads: 1, helperUrl: null}), null);
});
