/**
 * An image embedding's bytes: named tensors in the safetensors format, float16 or int8 with a scale and an offset for
 * every channel; segmentation/embedding_file.py writes both.
 */

import {DecoderError} from "../../protocol.js";
import {crc32} from "./crc32.js";
import {readSafetensors} from "./safetensors.js";

/** @import {ImageSize} from "../../../core/types.d.ts" */
/** @import {ImageFeeds, Tensors} from "../session.d.ts" */
/** @import {Part} from "./safetensors.js" */

const FORMAT = "maskwright-embedding/1";

/**
 * `imageSize` is of what the tensors were made of: the region, or the image.
 *
 * @typedef {ImageFeeds & {bundleDigest: string, wholeSize: ImageSize, region: string}} Embedding region: as the server
 *     writes it; empty: the whole image
 */

/**
 * @param {ArrayBuffer} bytes a whole embedding file
 * @returns {Embedding}
 * @throws {DecoderError} embedding_invalid
 */
export function readEmbedding(bytes) {
    try {
        return read(bytes);
    } catch (error) {
        throw new DecoderError(
            "embedding_invalid",
            `This image's embedding cannot be read: ${/** @type {Error} */ (error).message}. Reload the page.`,
        );
    }
}

/**
 * Refuses an embedding that is not the bundle's before anything runs on it.
 *
 * @param {Tensors} tensors
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
 * @param {ArrayBuffer} bytes
 * @returns {Embedding}
 */
function read(bytes) {
    const {metadata, parts, body} = readSafetensors(bytes);
    if (metadata.format !== FORMAT) throw new RangeError(`its format is ${metadata.format}, not ${FORMAT}`);
    // Files of former versions have no checksum.
    if (metadata.crc32 !== undefined && metadata.crc32 !== crc32(body))
        throw new RangeError("its bytes are damaged");
    /** @type {Tensors} */
    const tensors = new Map();
    for (const [name, part] of parts) {
        if (isOfInt8(name, parts)) continue;
        const values =
            part.dtype === "I8"
                ? fromLevels(
                      part,
                      scalesOf(`${name}.scale`, part, parts),
                      scalesOf(`${name}.offset`, part, parts),
                  )
                : fromHalves(name, part);
        tensors.set(name, {shape: part.shape, values});
    }
    const wholeSize = {height: Number(metadata.image_height), width: Number(metadata.image_width)};
    const region = metadata.region ?? "";
    const [, , width, height] = region.split(",").map(Number);
    return {
        tensors,
        bundleDigest: String(metadata.bundle_digest),
        wholeSize,
        region,
        imageSize: region ? {height, width} : wholeSize,
    };
}

/**
 * Is it the scale or offset of an int8 tensor?
 *
 * @param {string} name
 * @param {Map<string, Part>} parts
 */
function isOfInt8(name, parts) {
    return /\.(scale|offset)$/.test(name) && parts.get(name.slice(0, name.lastIndexOf(".")))?.dtype === "I8";
}

/**
 * @param {string} name
 * @param {Part} levels whose they are
 * @param {Map<string, Part>} parts
 */
function scalesOf(name, {shape}, parts) {
    const part = parts.get(name);
    if (part?.dtype !== "F32" || part.shape.join() !== String(shape[0]))
        throw new RangeError(`tensor ${name} lacks scales`);
    return new Float32Array(aligned(part));
}

/**
 * @param {Part} part (C, h, w) levels
 * @param {Float32Array} scale (C,)
 * @param {Float32Array} offset (C,)
 */
function fromLevels(part, scale, offset) {
    const levels = new Int8Array(aligned(part));
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
 * @param {string} name
 * @param {Part} part of IEEE 754 binary16
 */
function fromHalves(name, part) {
    if (part.dtype !== "F16") throw new RangeError(`tensor ${name} holds ${part.dtype}, not halves`);
    table ??= Float32Array.from({length: 65536}, (_, bits) => halfToNumber(bits));
    const halves = new Uint16Array(aligned(part));
    const values = new Float32Array(halves.length);
    for (let k = 0; k < halves.length; k++) values[k] = table[halves[k]];
    return values;
}

/** A copy, which begins at an even place. @param {Part} part */
function aligned({bytes}) {
    return bytes.slice().buffer;
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
