/**
 * An image embedding's bytes: named tensors in the safetensors format, float16 or int8 with a scale and an offset for
 * every channel; segmentation/embedding_file.py writes both.
 */

import {DecoderError} from "../protocol.js";

/** @import {ImageSize} from "../../types.d.ts" */

const FORMAT = "maskwright-embedding/1";
const MAX_HEADER_BYTES = 1 << 20;
/** @type {Record<string, number>} */
const BYTES = {F16: 2, I8: 1, F32: 4};

/**
 * @typedef {object} Embedding
 * @property {Map<string, {shape: number[], values: Float32Array}>} tensors each (C, h, w)
 * @property {string} bundleDigest
 * @property {ImageSize} imageSize
 */

/**
 * @param {ArrayBuffer} bytes a whole embedding file
 * @returns {Embedding}
 * @throws {DecoderError} embedding_invalid
 */
export function readEmbedding(bytes) {
    if (bytes.byteLength < 8) throw invalid("it is too short");
    const headerLength = Number(new DataView(bytes).getBigUint64(0, true));
    if (headerLength > Math.min(MAX_HEADER_BYTES, bytes.byteLength - 8))
        throw invalid("its header is cut off");
    let header;
    try {
        header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, headerLength)));
    } catch {
        throw invalid("its header is damaged");
    }
    const metadata = header.__metadata__ ?? {};
    if (metadata.format !== FORMAT) throw invalid(`its format is ${metadata.format}, not ${FORMAT}`);

    /** @type {Embedding["tensors"]} */
    const tensors = new Map();
    /** @param {string} name @param {string} dtype @returns {{shape: number[], bytes: ArrayBuffer}} */
    const read = (name, dtype) => {
        const part = header[name];
        const count = part?.shape.reduce(
            (/** @type {number} */ product, /** @type {number} */ side) => product * side,
            1,
        );
        const [start, end] = part?.data_offsets ?? [];
        if (
            part?.dtype !== dtype ||
            end - start !== count * BYTES[dtype] ||
            8 + headerLength + end > bytes.byteLength
        ) {
            throw invalid(`tensor ${name} is cut off or not ${dtype}`);
        }
        const at = 8 + headerLength + start;
        return {shape: part.shape, bytes: bytes.slice(at, at + end - start)}; // a copy starts at an even place
    };
    for (const [name, {dtype}] of Object.entries(header)) {
        if (name === "__metadata__" || isOfInt8(name, header)) continue;
        if (dtype === "I8") {
            const {shape, bytes: levels} = read(name, "I8");
            const scale = new Float32Array(read(`${name}.scale`, "F32").bytes);
            const offset = new Float32Array(read(`${name}.offset`, "F32").bytes);
            if (scale.length !== shape[0] || offset.length !== shape[0])
                throw invalid(`tensor ${name} lacks scales`);
            tensors.set(name, {shape, values: fromLevels(new Int8Array(levels), scale, offset)});
        } else {
            const {shape, bytes: halves} = read(name, "F16");
            tensors.set(name, {shape, values: toFloat32(new Uint16Array(halves))});
        }
    }
    return {
        tensors,
        bundleDigest: String(metadata.bundle_digest),
        imageSize: {height: Number(metadata.image_height), width: Number(metadata.image_width)},
    };
}

/**
 * Refuses an embedding that is not the bundle's before anything runs on it.
 *
 * @param {Embedding["tensors"]} tensors
 * @param {Readonly<Record<string, readonly number[]>>} shapes (C, h, w) of all that the decoder takes, by name
 * @throws {DecoderError} embedding_invalid
 */
export function checkTensors(tensors, shapes) {
    for (const [name, shape] of Object.entries(shapes)) {
        const found = tensors.get(name)?.shape;
        if (found?.join() !== shape.join()) {
            throw new DecoderError(
                "embedding_invalid",
                `The decoder takes ${name} of shape ${shape}, the image's embedding has ${found ?? "no such tensor"}. Reload the page.`,
            );
        }
    }
    for (const name of tensors.keys()) {
        if (name in shapes) continue;
        throw new DecoderError(
            "embedding_invalid",
            `The image's embedding has a tensor ${name}, which the decoder does not take. Reload the page.`,
        );
    }
}

/**
 * Is it the scale or offset of an int8 tensor?
 *
 * @param {string} name
 * @param {Record<string, {dtype: string}>} header
 */
function isOfInt8(name, header) {
    return /\.(scale|offset)$/.test(name) && header[name.slice(0, name.lastIndexOf("."))]?.dtype === "I8";
}

/**
 * @param {Int8Array} levels (C, h, w)
 * @param {Float32Array} scale (C,)
 * @param {Float32Array} offset (C,)
 */
function fromLevels(levels, scale, offset) {
    const values = new Float32Array(levels.length);
    const size = levels.length / scale.length;
    for (let channel = 0, k = 0; channel < scale.length; channel++) {
        for (const end = k + size; k < end; k++) values[k] = scale[channel] * levels[k] + offset[channel];
    }
    return values;
}

/** @type {Float32Array | null} */
let table = null;

/**
 * By a table of all 65536 halves, made once: a few times faster than arithmetic on each.
 *
 * @param {Uint16Array} halves IEEE 754 binary16
 */
function toFloat32(halves) {
    table ??= Float32Array.from({length: 65536}, (_, bits) => halfToNumber(bits));
    const values = new Float32Array(halves.length);
    for (let k = 0; k < halves.length; k++) values[k] = table[halves[k]];
    return values;
}

/** @param {number} bits */
function halfToNumber(bits) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** @param {string} reason */
function invalid(reason) {
    return new DecoderError(
        "embedding_invalid",
        `This image's embedding cannot be read: ${reason}. Reload the page.`,
    );
}
