/** Fetching a decoder, and whose it is. */

import {DecoderError} from "../../protocol.js";

/** @import {Bundle} from "../../../core/types.d.ts" */

/**
 * @param {string} url
 * @throws {DecoderError} decoder_unavailable
 */
export async function fetchDecoder(url) {
    const response = await fetch(url, {credentials: "same-origin"}).catch(() => null);
    if (!response?.ok) {
        const reason = response ? `the server answered ${response.status}` : "the server cannot be reached";
        throw new DecoderError("decoder_unavailable", `The model's decoder could not be loaded: ${reason}.`);
    }
    return new Uint8Array(await response.arrayBuffer());
}

/**
 * @param {string | undefined} digest a decoder file's
 * @param {Bundle} bundle
 * @throws {DecoderError} bundle_mismatch
 */
export function checkDigest(digest, bundle) {
    if (digest === bundle.digest) return;
    throw new DecoderError(
        "bundle_mismatch",
        `The decoder was made for the model ${short(digest)}, this page is for ${short(bundle.digest)}. ` +
            "Reload the page; if that does not help, the decoder has to be exported again.",
    );
}

/** @param {string | undefined} digest */
function short(digest) {
    return digest ? digest.slice(0, 12) : "(none named)";
}
