/** Decoder packages: everything a fast decoder runs, in one file. */

import {DecoderError} from "../protocol.js";
import {checkDigest, fetchDecoder} from "./decoder-session.js";

/** @import {Bundle} from "../../types.d.ts" */

const FORMAT = "maskwright-fast-decoder/2";

/** @typedef {{files: Map<string, Uint8Array>, metadata: Map<string, string>}} DecoderPackage */

/**
 * @param {string} url
 * @param {Bundle} bundle whose decoder it has to be
 * @returns {Promise<DecoderPackage>}
 * @throws {DecoderError} decoder_unavailable, bundle_mismatch
 */
export async function fetchPackage(url, bundle) {
    const bytes = await fetchDecoder(url);
    const content = readPackage(/** @type {ArrayBuffer} */ (bytes.buffer));
    if (!content)
        throw new DecoderError("decoder_unavailable", "it is not a decoder package of this version");
    checkDigest(content.metadata.get("bundle_digest"), bundle);
    return content;
}

/**
 * Reads a decoder package: the safetensors format, every tensor a file; segmentation/families/sam/fast/package.py writes it.
 *
 * @param {ArrayBuffer} bytes
 * @returns {DecoderPackage | null} null: it is no decoder package
 */
export function readPackage(bytes) {
    if (bytes.byteLength < 8) return null;
    const length = Number(new DataView(bytes).getBigUint64(0, true));
    if (length > Math.min(bytes.byteLength - 8, 1 << 20)) return null;
    let header;
    try {
        header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
    } catch {
        return null;
    }
    const {__metadata__: metadata, ...parts} = header;
    if (metadata?.format !== FORMAT) return null;
    const files = new Map();
    for (const [
        name,
        {
            data_offsets: [start, end],
        },
    ] of Object.entries(/** @type {any} */ (parts))) {
        if (8 + length + end > bytes.byteLength) return null;
        files.set(name, new Uint8Array(bytes, 8 + length + start, end - start));
    }
    return {files, metadata: new Map(Object.entries(metadata))};
}
