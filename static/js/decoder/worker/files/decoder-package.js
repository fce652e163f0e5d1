/** Decoder packages: everything a family's own session runs, in one file; segmentation/decoder/package.py writes it. */

import {DecoderError} from "../../protocol.js";
import {checkDigest, fetchDecoder} from "./decoder-file.js";
import {readSafetensors} from "./safetensors.js";

/** @import {Bundle} from "../../../core/types.d.ts" */

const FORMAT = "maskwright-fast-decoder/4";

/** @typedef {{files: Map<string, Uint8Array>, metadata: Record<string, string>}} DecoderPackage */

/**
 * @param {Bundle} bundle
 * @returns {Promise<DecoderPackage>} the bundle's
 * @throws {DecoderError} decoder_unavailable, bundle_mismatch
 */
export async function fetchPackage(bundle) {
    const bytes = await fetchDecoder(/** @type {string} */ (bundle.fastDecoderUrl));
    const content = readPackage(/** @type {ArrayBuffer} */ (bytes.buffer));
    if (!content)
        throw new DecoderError("decoder_unavailable", "it is not a decoder package of this version");
    checkDigest(content.metadata.bundle_digest, bundle);
    return content;
}

/**
 * @param {ArrayBuffer} bytes
 * @returns {DecoderPackage | null} null: it is no decoder package
 */
export function readPackage(bytes) {
    try {
        const {metadata, parts} = readSafetensors(bytes);
        if (metadata.format !== FORMAT) return null;
        return {files: new Map([...parts].map(([name, part]) => [name, part.bytes])), metadata};
    } catch {
        return null;
    }
}
