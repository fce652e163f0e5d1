import assert from "node:assert/strict";
import test from "node:test";

import {readEmbedding} from "../../static/js/decoder/worker/files/embedding-file.js";
import {crc32} from "../../static/js/decoder/worker/files/crc32.js";
import {readMetadata} from "../../static/js/decoder/worker/files/onnx-metadata.js";

const METADATA = {
    format: "maskwright-embedding/1",
    bundle_digest: "abc",
    image_height: "48",
    image_width: "64",
};

/** An embedding file by hand: header length, header, halves. */
function embeddingFile({metadata = METADATA, halves, padding = ""}) {
    const tensors = {image_embedding: {dtype: "F16", shape: [2, 1, 3], data_offsets: [0, 2 * halves.length]}};
    const header = new TextEncoder().encode(JSON.stringify({__metadata__: metadata, ...tensors}) + padding);
    const bytes = new Uint8Array(8 + header.length + 2 * halves.length);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
    bytes.set(header, 8);
    bytes.set(new Uint8Array(Uint16Array.from(halves).buffer), 8 + header.length);
    return bytes.buffer;
}

// 1, -2, the largest half, the smallest, the smallest normal one, 0.333251953125
const HALVES = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x3555];
const NUMBERS = [1, -2, 65504, 2 ** -24, 2 ** -14, 0.333251953125];

for (const padding of ["", " "]) {
    test(`halves become numbers, header padding ${padding.length}`, () => {
        const {tensors, bundleDigest, imageSize} = readEmbedding(embeddingFile({halves: HALVES, padding}));
        assert.deepEqual([...tensors.get("image_embedding").values], NUMBERS);
        assert.deepEqual(tensors.get("image_embedding").shape, [2, 1, 3]);
        assert.equal(bundleDigest, "abc");
        assert.deepEqual(imageSize, {height: 48, width: 64});
    });
}

test("CRC-32 is zlib's", () => {
    // Python: zlib.crc32(bytes(range(length)))
    const of = (length) => crc32(Uint8Array.from({length}, (_, k) => k));
    assert.deepEqual([0, 1, 4, 7, 256].map(of), ["00000000", "d202ef8d", "8bb98613", "ad5809f9", "29058c73"]);
});

test("a file whose bytes are not those of its checksum is refused; one without a checksum is taken", () => {
    const body = new Uint8Array(Uint16Array.from(HALVES).buffer);
    const sound = embeddingFile({halves: HALVES, metadata: {...METADATA, crc32: crc32(body)}});
    assert.deepEqual([...readEmbedding(sound).tensors.get("image_embedding").values], NUMBERS);
    const bytes = new Uint8Array(sound);
    bytes[bytes.length - 1] ^= 1;
    assert.throws(() => readEmbedding(sound), {code: "embedding_invalid", message: /damaged/});
});

/** An int8 file by hand: two channels of three levels, their scales and offsets. */
function int8File({scales = [0.5, 2], levels = [-128, 0, 127, 1, 2, 3]} = {}) {
    const floats = 4 * scales.length;
    const header = new TextEncoder().encode(
        JSON.stringify({
            __metadata__: METADATA,
            "image_embedding.scale": {dtype: "F32", shape: [scales.length], data_offsets: [0, floats]},
            "image_embedding.offset": {dtype: "F32", shape: [2], data_offsets: [floats, floats + 8]},
            image_embedding: {
                dtype: "I8",
                shape: [2, 1, 3],
                data_offsets: [floats + 8, floats + 8 + levels.length],
            },
        }),
    );
    const bytes = new Uint8Array(8 + header.length + floats + 8 + levels.length);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
    bytes.set(header, 8);
    bytes.set(new Uint8Array(Float32Array.from([...scales, 1, -4]).buffer), 8 + header.length);
    bytes.set(new Uint8Array(Int8Array.from(levels).buffer), 8 + header.length + floats + 8);
    return bytes.buffer;
}

test("an int8 file's levels become numbers, every channel with its own scale and offset", () => {
    const {tensors} = readEmbedding(int8File());
    assert.deepEqual([...tensors.keys()], ["image_embedding"]);
    assert.deepEqual([...tensors.get("image_embedding").values], [-63, 1, 64.5, -2, 0, 2]);
    assert.deepEqual(tensors.get("image_embedding").shape, [2, 1, 3]);
});

test("an int8 file that is cut off or lacks a channel's scale is refused", () => {
    assert.throws(() => readEmbedding(int8File().slice(0, -1)), {code: "embedding_invalid"});
    assert.throws(() => readEmbedding(int8File({scales: [0.5]})), {
        code: "embedding_invalid",
        message: /lacks scales/,
    });
    assert.throws(() => readEmbedding(int8File({levels: [1, 2, 3]})), {code: "embedding_invalid"});
});

test("a file cut off, of another format or of nothing is refused", () => {
    const whole = embeddingFile({halves: HALVES});
    const refused = (bytes) => assert.throws(() => readEmbedding(bytes), {code: "embedding_invalid"});
    refused(whole.slice(0, whole.byteLength - 1));
    refused(whole.slice(0, 20));
    refused(new ArrayBuffer(3));
    refused(embeddingFile({halves: HALVES, metadata: {...METADATA, format: "something/2"}}));
});

test("an ONNX file's metadata is read past the graph", () => {
    const text = (field, string) => [(field << 3) | 2, string.length, ...new TextEncoder().encode(string)];
    const entry = [...text(1, "bundle_digest"), ...text(2, "abc123")];
    const graph = new Array(300).fill(0x72); // looks like fields, must be skipped as a whole
    const model = [0x08, 9, (7 << 3) | 2, 0xac, 0x02, ...graph, (14 << 3) | 2, entry.length, ...entry];
    assert.deepEqual([...readMetadata(Uint8Array.from(model))], [["bundle_digest", "abc123"]]);
    assert.equal(readMetadata(new TextEncoder().encode("<html>not found</html>")).size, 0);
});
