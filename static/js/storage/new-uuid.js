/** New ids, also on a page that came over plain HTTP from another machine: crypto.randomUUID is not offered there. */

/** @returns {string} a random UUID, version 4 (RFC 9562) */
export function newUuid() {
    if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40; // the version
    bytes[8] = (bytes[8] & 0x3f) | 0x80; // the variant
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
