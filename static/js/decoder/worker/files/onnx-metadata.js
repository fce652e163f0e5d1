/**
 * Reads an ONNX file's metadata_props without loading it: onnxruntime-web does not hand them out.
 *
 * Source: onnx.proto3: ModelProto.metadata_props = 14, StringStringEntryProto {key = 1, value = 2}; protobuf's encoding.
 */

const METADATA_PROPS = 14;
const LENGTH_DELIMITED = 2;

/**
 * @param {Uint8Array} model
 * @returns {Map<string, string>} empty for bytes that are no protobuf message
 */
export function readMetadata(model) {
    /** @type {Map<string, string>} */
    const properties = new Map();
    for (const [field, bytes] of fields(model)) {
        if (field !== METADATA_PROPS) continue;
        const entry = new Map(fields(bytes));
        const text = (/** @type {number} */ key) => new TextDecoder().decode(entry.get(key));
        properties.set(text(1), text(2));
    }
    return properties;
}

/**
 * The length-delimited fields of a message; the others are skipped.
 *
 * @param {Uint8Array} message
 * @returns {Generator<[number, Uint8Array]>}
 */
function* fields(message) {
    let at = 0;
    const varint = () => {
        let value = 0;
        for (let shift = 0; at < message.length; shift += 7) {
            const byte = message[at++];
            value += (byte & 0x7f) * 2 ** shift;
            if (byte < 0x80) break;
        }
        return value;
    };
    while (at < message.length) {
        const tag = varint();
        const wireType = tag & 7;
        if (wireType === LENGTH_DELIMITED) {
            const length = varint();
            yield [tag >>> 3, message.subarray(at, at + length)];
            at += length;
        } else if (wireType === 0) varint();
        else if (wireType === 1) at += 8;
        else if (wireType === 5) at += 4;
        else return;
    }
}
