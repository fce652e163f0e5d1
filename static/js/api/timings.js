/** How long decodes took, on the wire. */

/** @import {Http} from "./http.js" */

/**
 * @param {Http} http
 * @param {readonly number[]} decodeMs
 */
export async function reportDecodeTimes(http, decodeMs) {
    await http.json("/api/timings/", {method: "POST", body: {decode_ms: decodeMs}});
}
