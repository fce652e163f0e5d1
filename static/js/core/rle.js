/**
 * COCO's run-length encoding: runs go down the columns and begin with background; `counts` is COCO's string.
 *
 * Source: cocoapi, common/maskApi.c, rleToString and rleFrString. segmentation/rle.py is the same in Python; both are
 * held to tests/data/rle_cases.json.
 */

/** @import {Bbox, ImageSize, Rle} from "./types.d.ts" */

const MAX_PIXELS = 2 ** 31 - 1; // maskApi.c counts in 32 bits
const MAX_CHARACTERS_PER_RUN = 7; // of 5 bits each

export class RleError extends Error {
    /**
     * @param {string} code
     * @param {string} message
     */
    constructor(code, message) {
        super(message);
        this.name = "RleError";
        this.code = code;
    }
}

/**
 * @param {Uint8Array} mask row by row, 0 is background
 * @param {ImageSize} size
 * @returns {Rle}
 */
export function encodeRle(mask, size) {
    return {size: [size.height, size.width], counts: countsFromRuns(runsOf(mask, size))};
}

/**
 * @param {Rle} rle
 * @returns {Uint8Array} row by row, 0 or 1
 */
export function decodeRle(rle) {
    const runs = checkRle(rle);
    const [height, width] = rle.size;
    const mask = new Uint8Array(height * width);
    let x = 0;
    let y = 0;
    for (let k = 0; k < runs.length; k++) {
        for (let left = runs[k]; left > 0;) {
            const step = Math.min(left, height - y);
            if (k % 2 === 1) {
                for (let row = y; row < y + step; row++) mask[row * width + x] = 1;
            }
            left -= step;
            y += step;
            if (y === height) {
                y = 0;
                x++;
            }
        }
    }
    return mask;
}

/**
 * Refuses everything that is not the RLE of a mask of the expected size.
 *
 * @param {unknown} rle
 * @param {ImageSize | null} expectedSize null takes any
 * @returns {number[]} the runs, background first
 * @throws {RleError} with the code that Python gives for the same fault
 */
export function checkRle(rle, expectedSize = null) {
    if (
        typeof rle !== "object" ||
        rle === null ||
        Array.isArray(rle) ||
        !("size" in rle) ||
        !("counts" in rle)
    ) {
        throw new RleError(
            "rle_not_an_object",
            'an RLE is an object {"size": [height, width], "counts": "..."}',
        );
    }
    const {height, width} = checkedSize(rle.size);
    if (expectedSize && (expectedSize.height !== height || expectedSize.width !== width)) {
        throw new RleError(
            "rle_size_mismatch",
            `the mask's size is [${height}, ${width}], the image's [${expectedSize.height}, ${expectedSize.width}]`,
        );
    }
    const runs = runsFromCounts(rle.counts, height * width);
    let total = 0;
    for (const run of runs) total += run;
    if (total > height * width) {
        throw new RleError("rle_past_end", `the runs cover ${total} pixels, the mask has ${height * width}`);
    }
    if (total < height * width) {
        throw new RleError("rle_too_short", `the runs cover ${total} pixels, the mask has ${height * width}`);
    }
    return runs;
}

/** @param {readonly number[]} runs */
export function areaOf(runs) {
    let area = 0;
    for (let k = 1; k < runs.length; k += 2) area += runs[k];
    return area;
}

/**
 * @param {readonly number[]} runs
 * @param {number} height of the mask
 * @returns {Bbox}
 */
export function bboxOf(runs, height) {
    let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
    let start = 0;
    for (let k = 0; k < runs.length; k++) {
        const end = start + runs[k];
        if (k % 2 === 1 && runs[k] > 0) {
            const [firstX, lastX] = [Math.floor(start / height), Math.floor((end - 1) / height)];
            left = Math.min(left, firstX);
            right = Math.max(right, lastX);
            // A run over a column's end covers its last and the next one's first pixel.
            top = Math.min(top, firstX === lastX ? start % height : 0);
            bottom = Math.max(bottom, firstX === lastX ? (end - 1) % height : height - 1);
        }
        start = end;
    }
    return right < 0 ? [0, 0, 0, 0] : [left, top, right - left + 1, bottom - top + 1];
}

/**
 * Each run as the difference to the run two before it, 5 bits to a character, lowest first.
 *
 * @param {readonly number[]} runs
 */
export function countsFromRuns(runs) {
    /** @type {string[]} */
    const parts = [];
    for (let k = 0; k < runs.length; k++) {
        let value = k > 2 ? runs[k] - runs[k - 2] : runs[k];
        let more = true;
        while (more) {
            let bits = value & 0x1f;
            value >>= 5;
            more = bits & 0x10 ? value !== -1 : value !== 0;
            if (more) bits |= 0x20;
            parts.push(String.fromCharCode(bits + 48));
        }
    }
    return parts.join("");
}

/**
 * @param {Uint8Array} mask
 * @param {ImageSize} size
 * @returns {number[]}
 */
function runsOf(mask, {height, width}) {
    if (mask.length !== height * width || mask.length === 0) {
        throw new RangeError(`mask must have ${height} x ${width} pixels, got ${mask.length}`);
    }
    /** @type {number[]} */
    const runs = [];
    let run = 0;
    let inside = false;
    for (let x = 0; x < width; x++) {
        for (let y = 0; y < height; y++) {
            const isForeground = mask[y * width + x] !== 0;
            if (isForeground !== inside) {
                runs.push(run);
                run = 0;
                inside = isForeground;
            }
            run++;
        }
    }
    runs.push(run);
    return runs;
}

/**
 * @param {unknown} size
 * @returns {ImageSize}
 */
function checkedSize(size) {
    const isSide = (/** @type {unknown} */ side) => Number.isInteger(side) && Number(side) > 0;
    if (!Array.isArray(size) || size.length !== 2 || !size.every(isSide)) {
        throw new RleError("rle_size_malformed", "size must be [height, width], two whole positive numbers");
    }
    const [height, width] = size;
    if (height * width > MAX_PIXELS) {
        throw new RleError(
            "rle_size_malformed",
            `a mask of ${height} x ${width} is larger than RLE can count`,
        );
    }
    return {height, width};
}

/**
 * @param {unknown} counts
 * @param {number} pixels of the mask
 * @returns {number[]}
 */
function runsFromCounts(counts, pixels) {
    if (typeof counts !== "string") {
        throw new RleError("rle_counts_malformed", "counts must be COCO's compressed string");
    }
    if (counts === "") {
        throw new RleError("rle_counts_malformed", "counts is empty; an empty mask is one background run");
    }
    if (counts.length > MAX_CHARACTERS_PER_RUN * (pixels + 1)) {
        throw new RleError("rle_past_end", `counts has more runs than the mask has pixels (${pixels})`);
    }
    /** @type {number[]} */
    const runs = [];
    let at = 0;
    while (at < counts.length) {
        let value = 0;
        let length = 0;
        let bits = 0x20;
        while (bits & 0x20) {
            if (at >= counts.length) {
                throw new RleError("rle_counts_malformed", "counts ends in the middle of a number");
            }
            bits = counts.charCodeAt(at++) - 48;
            if (!(bits >= 0 && bits <= 63)) {
                throw new RleError(
                    "rle_counts_malformed",
                    "counts holds a character outside COCO's alphabet, '0' to 'o'",
                );
            }
            // Multiplied, not shifted: 7 characters of 5 bits do not fit into JavaScript's 32-bit shifts.
            value += (bits & 0x1f) * 32 ** length;
            length++;
            if (length > MAX_CHARACTERS_PER_RUN) {
                throw new RleError(
                    "rle_counts_malformed",
                    `counts holds a number of more than ${MAX_CHARACTERS_PER_RUN} characters`,
                );
            }
        }
        if (bits & 0x10) value -= 32 ** length;
        const run = runs.length > 2 ? value + runs[runs.length - 2] : value;
        if (run < 0) throw new RleError("rle_counts_malformed", "counts holds a run of negative length");
        if (run === 0 && runs.length > 0) {
            throw new RleError("rle_counts_malformed", "counts holds an empty run after the first");
        }
        runs.push(run);
    }
    return runs;
}
