/**
 * The safetensors format: 8 bytes with the header's length (little-endian), the header as JSON (name -> dtype, shape,
 * offsets; `__metadata__`), the tensors one after the other.
 */

const MAX_HEADER_BYTES = 1 << 20;
/** @type {Record<string, number>} */
const BYTES = {F16: 2, F32: 4, I8: 1, U8: 1};

/**
 * @typedef {object} Part
 * @property {string} dtype
 * @property {number[]} shape
 * @property {Uint8Array} bytes a view, at any place of the file
 */

/**
 * @param {ArrayBuffer} file
 * @returns {{metadata: Record<string, string>, parts: Map<string, Part>, body: Uint8Array}} body: all that follows the header
 * @throws {RangeError} what is wrong with it, as the end of a sentence
 */
export function readSafetensors(file) {
    if (file.byteLength < 8) throw new RangeError("it is too short");
    const headerBytes = Number(new DataView(file).getBigUint64(0, true));
    if (headerBytes > Math.min(MAX_HEADER_BYTES, file.byteLength - 8))
        throw new RangeError("its header is cut off");
    let header;
    try {
        header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, headerBytes)));
    } catch {
        throw new RangeError("its header is damaged");
    }
    const {__metadata__: metadata = {}, ...entries} = header;
    /** @type {Map<string, Part>} */
    const parts = new Map();
    for (const [name, entry] of Object.entries(entries)) {
        const {dtype, shape, data_offsets: offsets} = /** @type {any} */ (entry);
        const [start, end] = offsets ?? [];
        const count = shape?.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
        if (end - start !== count * BYTES[dtype] || 8 + headerBytes + end > file.byteLength)
            throw new RangeError(`tensor ${name} is cut off or of an unknown type`);
        parts.set(name, {dtype, shape, bytes: new Uint8Array(file, 8 + headerBytes + start, end - start)});
    }
    return {metadata, parts, body: new Uint8Array(file, 8 + headerBytes)};
}
