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

const GOLDEN_ANGLE = 137.508; // degrees: hues that follow each other lie far apart

/** @param {number} number of an object, counted from 1 @returns {string} #rrggbb, another one than its neighbours have */
export function instanceColor(number) {
    const hue = (number * GOLDEN_ANGLE) % 360;
    const lightness = [0.5, 0.62, 0.4][number % 3];
    const channel = (/** @type {number} */ n) => {
        const k = (n + hue / 30) % 12;
        const value =
            lightness - 0.8 * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
        return Math.round(255 * value)
            .toString(16)
            .padStart(2, "0");
    };
    return `#${channel(0)}${channel(8)}${channel(4)}`;
}
