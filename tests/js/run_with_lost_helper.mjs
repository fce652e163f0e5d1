// node run_with_lost_helper.mjs FOLDER pocket|click: one answer by a kernel on its own, some by four threads, and some by
// a kernel whose helper dies with a unit that it took; says how far they differ from the first. The folder is made by
// tests/segmentation/test_fast_decoder.py.
import {readFileSync} from "node:fs";

import {ClickKernel} from "../../static/js/decoder/worker/two-way/click-kernel.js";
import {readPackage} from "../../static/js/decoder/worker/files/decoder-package.js";
import {Work} from "../../static/js/decoder/worker/kernel/layout.js";
import * as pocket from "../../static/js/decoder/worker/pocket/layout.js";
import * as click from "../../static/js/decoder/worker/two-way/click-layout.js";
import {PocketKernel} from "../../static/js/decoder/worker/pocket/kernel.js";
import {keepHelpers, loseHelpers} from "./lost-helper.js";
import {HELPER_URL, NodeWorker} from "./node-worker.js";

const [folder, kind] = process.argv.slice(2);
const read = (name) => new Uint8Array(readFileSync(`${folder}/${name}`)).buffer;
const {files} = readPackage(read("package.safetensors"));
const {side, coords, labels} = JSON.parse(readFileSync(`${folder}/prompt.json`, "utf8"));
const tensor = (name) => new Float32Array(read(`image.${name}`));
const prompt = {
    coords: Float32Array.from(coords),
    labels: Float32Array.from(labels),
    maskInput: tensor("mask"),
};
// An operation in the middle, of rows that are added in place: what is done of it must not be done twice.
const [layout, kindOfWork] = kind === "click" ? [click, "UPDATE"] : [pocket, "PRESS"];

async function open(threads) {
    if (kind === "click") return ClickKernel.open(files, {threads, helperUrl: HELPER_URL});
    return PocketKernel.open(files, {inputSide: side, threads, helperUrl: HELPER_URL});
}

const image = {};
function answer(kernel) {
    if (kind === "click") {
        kernel.setImage(image, tensor);
        const {iouPredictions, tailInputs} = kernel.run(prompt);
        return [iouPredictions, ...Object.values(tailInputs).map((values) => values.slice())];
    }
    kernel.setImage(
        image,
        Object.fromEntries(Object.keys(kernel.embedding).map((name) => [name, tensor(name)])),
    );
    const {logits, iouPredictions} = kernel.decode(prompt);
    return [iouPredictions, logits];
}

const alone = await open(1);
const expected = answer(alone);
globalThis.crossOriginIsolated = true;
globalThis.Worker = NodeWorker;
const together = await open(4);
const answers = [answer(together), answer(together), answer(together)];
const threads = [together.threads];
together.close();

const seen = loseHelpers((list) => {
    for (let at = 0; ; at += layout.Op.words) {
        if (list[at] === layout.Kind[kindOfWork]) return at + Work.at("next");
    }
});
const kernel = await open(2);
threads.push(kernel.threads);
answers.push(answer(kernel));
threads.push(kernel.threads);
keepHelpers();
answers.push(answer(kernel)); // and it goes on
const differences = answers.map((actual) =>
    Math.max(
        ...actual.map((values, k) =>
            values.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[k][i])), 0),
        ),
    ),
);
const isFlat = expected.some((values) => new Set(values).size < 3);
const {started, terminated, taken} = seen;
console.log(JSON.stringify({threads, differences, isFlat, started, terminated, taken}));
