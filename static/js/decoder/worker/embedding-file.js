/**
 * An image embedding's bytes: named float16 tensors in the safetensors format; segmentation/embedding_file.py writes it.
 */

import {DecoderError} from "../protocol.js";

/** @import {ImageSize} from "../../types.d.ts" */

const FORMAT = "maskwright-embedding/1";
const MAX_HEADER_BYTES = 1 << 20;

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
    if (headerLength > Math.min(MAX_HEADER_BYTES, bytes.byteLength - 8)) throw invalid("its header is cut off");
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
    for (const [name, {dtype, shape, data_offsets: offsets}] of Object.entries(header)) {
        if (name === "__metadata__") continue;
        const count = shape.reduce((/** @type {number} */ product, /** @type {number} */ side) => product * side, 1);
        const [start, end] = offsets;
        if (dtype !== "F16" || end - start !== 2 * count || 8 + headerLength + end > bytes.byteLength) {
            throw invalid(`tensor ${name} is cut off or not float16`);
        }
        // Copied where the header's length would leave the halves at an odd place.
        const at = 8 + headerLength + start;
        const halves = at % 2 === 0 ? new Uint16Array(bytes, at, count) : new Uint16Array(bytes.slice(at, at + 2 * count));
        tensors.set(name, {shape, values: toFloat32(halves)});
    }
    return {
        tensors,
        bundleDigest: String(metadata.bundle_digest),
        imageSize: {height: Number(metadata.image_height), width: Number(metadata.image_width)},
    };
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
    return new DecoderError("embedding_invalid", `This image's embedding cannot be read: ${reason}. Reload the page.`);
}
