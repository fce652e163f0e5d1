/** CRC-32 (ISO 3309, as zlib computes it), four bytes at a time ("slicing by 4", Kounavis and Berry 2005). */

/** @type {Uint32Array[] | null} */
let tables = null;

/**
 * @param {Uint8Array} bytes
 * @returns {string} 8 hexadecimal digits
 */
export function crc32(bytes) {
    const [t0, t1, t2, t3] = (tables ??= makeTables());
    let crc = 0xffffffff;
    let k = 0;
    for (const end = bytes.length - 3; k < end; k += 4) {
        crc ^= bytes[k] | (bytes[k + 1] << 8) | (bytes[k + 2] << 16) | (bytes[k + 3] << 24);
        crc = t3[crc & 0xff] ^ t2[(crc >>> 8) & 0xff] ^ t1[(crc >>> 16) & 0xff] ^ t0[crc >>> 24];
    }
    for (; k < bytes.length; k++) crc = t0[(crc ^ bytes[k]) & 0xff] ^ (crc >>> 8);
    return (~crc >>> 0).toString(16).padStart(8, "0");
}

/** The first is the usual one; each of the others is the one before, a zero byte later. */
function makeTables() {
    const first = Uint32Array.from({length: 256}, (_, byte) => {
        for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
        return byte;
    });
    const made = [first];
    for (let k = 1; k < 4; k++) made.push(made[k - 1].map((crc) => first[crc & 0xff] ^ (crc >>> 8)));
    return made;
}
