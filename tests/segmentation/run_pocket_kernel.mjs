// node run_pocket_kernel.mjs FOLDER: runs the kernel on the prompts in FOLDER/cases.json, writes what it answers.
import {readFileSync, writeFileSync} from "node:fs";
import {setFlagsFromString} from "node:v8";

import {readPackage} from "../../static/js/decoder/worker/files/decoder-package.js";
import {PocketKernel} from "../../static/js/decoder/worker/pocket/kernel.js";

setFlagsFromString("--experimental-wasm-relaxed-simd"); // node 20 has it behind a flag, browsers do not

const folder = process.argv[2];
const read = (name) => new Uint8Array(readFileSync(`${folder}/${name}`)).buffer;
const floats = (name) => new Float32Array(read(name));

const {files} = readPackage(read("package.safetensors"));
const {side, build, cases} = JSON.parse(readFileSync(`${folder}/cases.json`, "utf8"));
for (const name of ["plain", "relaxed"]) if (name !== build) files.delete(`pocket-${name}.wasm`);
const kernel = await PocketKernel.open(files, {inputSide: side, threads: 1, helperUrl: null});
const answers = [];
for (const [image, prompts] of cases.entries()) {
    const tensors = Object.fromEntries(
        Object.keys(kernel.embedding).map((name) => [name, floats(`${image}.${name}`)]),
    );
    const key = {};
    for (const [index, {coords, labels, hasMask}] of prompts.entries()) {
        kernel.setImage(key, tensors);
        const maskInput = hasMask ? floats(`${image}.${index}.mask`) : null;
        const {logits, iouPredictions} = kernel.decode({
            coords: Float32Array.from(coords), labels: Float32Array.from(labels), maskInput,
        }); // prettier-ignore
        writeFileSync(`${folder}/${image}.${index}.logits`, new Uint8Array(logits.buffer));
        answers.push([...iouPredictions]);
    }
}
console.log(JSON.stringify({answers, embedding: kernel.embedding}));
