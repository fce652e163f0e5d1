/** Category colours, #rrggbb. */

/**
 * @param {string} color #rrggbb
 * @returns {[number, number, number]} 0..255
 */
export function rgbOf(color) {
    const value = parseInt(color.slice(1), 16);
    return [value >> 16, (value >> 8) & 255, value & 255];
}

/** @param {string} color #rrggbb */
export function isDark(color) {
    const [red, green, blue] = rgbOf(color);
    return 0.299 * red + 0.587 * green + 0.114 * blue < 128; // ITU-R BT.601 luma
}
