// node run_click_kernel.mjs FOLDER: runs the click kernel on the prompts in FOLDER/cases.json, writes what it answers.
import {readFileSync, writeFileSync} from "node:fs";
import {setFlagsFromString} from "node:v8";

import {ClickKernel} from "../../static/js/decoder/worker/two-way/click-kernel.js";
import {readPackage} from "../../static/js/decoder/worker/files/decoder-package.js";

setFlagsFromString("--experimental-wasm-relaxed-simd"); // node 20 has it behind a flag, browsers do not

const folder = process.argv[2];
const read = (name) => new Uint8Array(readFileSync(`${folder}/${name}`)).buffer;
const floats = (name) => new Float32Array(read(name));

const {files} = readPackage(read("package.safetensors"));
const {build, images, cases} = JSON.parse(readFileSync(`${folder}/cases.json`, "utf8"));
for (const name of ["plain", "relaxed"]) if (name !== build) files.delete(`click-${name}.wasm`);
const kernel = await ClickKernel.open(files, {threads: 1, helperUrl: null});
const keys = images.map((name) => ({name}));
const answers = [];
for (const [index, {image, coords, labels, hasMask}] of cases.entries()) {
    kernel.setImage(keys[image], (name) => floats(`${images[image]}.${name}`));
    const maskInput = hasMask ? floats(`${index}.mask`) : null;
    const answer = kernel.run({
        coords: Float32Array.from(coords),
        labels: Float32Array.from(labels),
        maskInput,
    });
    for (const [name, values] of Object.entries(answer.tailInputs)) {
        writeFileSync(`${folder}/${index}.${name}`, new Uint8Array(values.slice().buffer));
    }
    answers.push([...answer.iouPredictions]);
}
console.log(JSON.stringify(answers));
