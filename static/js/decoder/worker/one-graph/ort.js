/** onnxruntime-web's modules, and where they find their WebAssembly. */

import {DecoderError} from "../../protocol.js";
import {usefulThreads} from "../kernel/threads.js";

/** @import * as Ort from "onnxruntime-web" */
/** @import {DecoderUrls} from "../../protocol.js" */

/**
 * For WASM, with as many threads as help.
 *
 * @param {DecoderUrls} urls
 * @throws {DecoderError} decoder_unavailable
 */
export async function loadWasmOrt(urls) {
    const ort = await loadOrt(urls.ortModule);
    ort.env.wasm.wasmPaths = {mjs: urls.ortWasmMjs, wasm: urls.ortWasm};
    ort.env.wasm.numThreads = usefulThreads();
    return ort;
}

/**
 * For WebGPU.
 *
 * @param {DecoderUrls} urls
 * @throws {DecoderError} decoder_unavailable
 */
export async function loadWebgpuOrt(urls) {
    const ort = await loadOrt(urls.ortWebgpuModule);
    ort.env.wasm.wasmPaths = {mjs: urls.ortWebgpuMjs, wasm: urls.ortWebgpuWasm};
    return ort;
}

/**
 * @param {string} url
 * @returns {Promise<typeof Ort>}
 */
async function loadOrt(url) {
    try {
        return await import(url);
    } catch {
        throw new DecoderError(
            "decoder_unavailable",
            "onnxruntime-web could not be loaded. Run: npm run vendor",
        );
    }
}
