/**
 * From the decoder's low-res logits to a mask at image size.
 *
 * segmentation/masks.py is the same in Python; both are held to tests/data/mask_cases.json.
 */

import {imageToModel, inputSize} from "./frames.js";
import {countsFromRuns} from "./rle.js";

/** @import {Bbox, ImagePoint, ImageSize, ModelSquare, Rle} from "./types.d.ts" */

const STABILITY_OFFSET = 1; // logits; segment-anything's automatic mask generator's default

/**
 * How the logits of a bundle become masks.
 *
 * @typedef {ModelSquare & {lowResSide: number, maskThreshold: number}} LogitsGrid lowResSide: the logits' height and
 *   width; logits above maskThreshold are foreground
 */

/**
 * One output position as a weighted sum of neighbouring inputs: positions `first[i]` .. `first[i] + count[i] - 1`.
 *
 * @typedef {object} Taps
 * @property {Int32Array} first
 * @property {Int32Array} count
 * @property {Float64Array} weights MAX_TAPS per output position
 */

/** @typedef {{first: number, end: number}} Extent from `first` up to, not including, `end` */

const MAX_TAPS = 4;
const ROUNDING = 1e-3; // logits

/**
 * Whether the mask of these logits covers a pixel, to the nearest logit.
 *
 * @param {Float32Array} logits (lowResSide, lowResSide), row by row
 * @param {ImagePoint} pixel
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 */
export function covers(logits, pixel, imageSize, grid) {
    const {lowResSide: side, inputSide, maskThreshold} = grid;
    const place = imageToModel({...pixel, x: pixel.x + 0.5, y: pixel.y + 0.5}, imageSize, grid);
    const [row, column] = [place.y, place.x].map((at) =>
        Math.min(side - 1, Math.floor((at * side) / inputSide)),
    );
    return logits[row * side + column] > maskThreshold;
}

/**
 * How much of the image the mask of these logits covers, 0 to 1, to the nearest logit.
 *
 * @param {Float32Array} logits (lowResSide, lowResSide), row by row
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 */
export function shareOf(logits, imageSize, grid) {
    const {lowResSide: side, inputSide, maskThreshold} = grid;
    const input = inputSize(imageSize, grid);
    const rows = Math.ceil((input.height * side) / inputSide);
    const columns = Math.ceil((input.width * side) / inputSide);
    let inside = 0;
    for (let row = 0; row < rows; row++) {
        for (let k = row * side; k < row * side + columns; k++) if (logits[k] > maskThreshold) inside++;
    }
    return inside / (rows * columns);
}

/**
 * The box around the mask of these logits, to the nearest logit.
 *
 * @param {Float32Array} logits (lowResSide, lowResSide), row by row
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 * @returns {Bbox | null} null: the mask is empty
 */
export function extentOf(logits, imageSize, grid) {
    const {lowResSide: side, inputSide, maskThreshold} = grid;
    const input = inputSize(imageSize, grid);
    const rows = (input.height * side) / inputSide;
    const columns = (input.width * side) / inputSide;
    let [left, top, right, bottom] = [side, side, 0, 0];
    for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
            if (logits[row * side + column] <= maskThreshold) continue;
            left = Math.min(left, column);
            right = Math.max(right, column + 1);
            top = Math.min(top, row);
            bottom = row + 1;
        }
    }
    if (right === 0) return null;
    const [scaleX, scaleY] = [imageSize.width / columns, imageSize.height / rows];
    return [left * scaleX, top * scaleY, (right - left) * scaleX, (bottom - top) * scaleY];
}

/**
 * The mask of image size that SamPredictor would give for these logits, as RLE with its measures.
 *
 * SAM interpolates twice (to the model's square, cut off the padding, to the image) and then thresholds. Both steps are
 * linear and separable, so along each axis they are one sum over at most four low-res values. From a stretched square
 * there is one step, straight to the image (sam2, utils/transforms.py). The weights are positive and
 * add up to one: pixels with nothing but background around them are background, and only the box of the others is
 * interpolated. The columns are made one after the other, in RLE's order, so that a mask of 50 megapixels needs no 50
 * megabytes.
 *
 * @param {Float32Array} logits (lowResSide, lowResSide), row by row
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 * @returns {{segmentation: Rle, area: number, bbox: Bbox, stabilityScore: number}}
 */
export function finishMask(logits, imageSize, grid) {
    const {height, width} = imageSize;
    const threshold = grid.maskThreshold;
    const low = threshold - STABILITY_OFFSET;
    const high = threshold + STABILITY_OFFSET;
    /** @type {number[]} */
    const runs = [];
    let run = 0;
    let inside = false;
    let area = 0;
    let aboveLow = 0;
    let aboveHigh = 0;
    let [left, top, right, bottom] = [width, height, -1, -1];
    const addBackground = (/** @type {number} */ pixels) => {
        if (inside && pixels > 0) {
            runs.push(run);
            run = 0;
            inside = false;
        }
        run += pixels;
    };
    const {x: across, y: down} = axes(logits, imageSize, grid);
    const box = {
        x: extent(across, touchedColumns(logits, grid, low)),
        y: extent(down, touchedRows(logits, grid, low)),
    };
    if (box.y.end === 0) box.x = box.y; // what is touched lies in the padding only
    addBackground(box.x.first * height);
    forEachColumn(logits, grid, across, down, box, (x, column) => {
        addBackground(box.y.first);
        for (let y = box.y.first; y < box.y.end; y++) {
            const value = column[y];
            if (value > low) {
                aboveLow++;
                if (value > high) aboveHigh++;
            }
            const isForeground = value > threshold;
            if (isForeground !== inside) {
                runs.push(run);
                run = 0;
                inside = isForeground;
            }
            run++;
            if (isForeground) {
                area++;
                if (y < top) top = y;
                if (y > bottom) bottom = y;
                if (x < left) left = x;
                right = x;
            }
        }
        addBackground(height - box.y.end);
    });
    addBackground((width - box.x.end) * height);
    runs.push(run);
    return {
        segmentation: {size: [height, width], counts: countsFromRuns(runs)},
        area,
        bbox: area ? [left, top, right - left + 1, bottom - top + 1] : [0, 0, 0, 0],
        stabilityScore: aboveHigh / Math.max(aboveLow, 1),
    };
}

/**
 * The IoU of the logits cut at +offset and at -offset. Source: segment-anything, utils/amg.py.
 *
 * @param {Float32Array} logits
 * @param {number} maskThreshold
 */
export function stabilityScore(logits, maskThreshold) {
    let intersection = 0;
    let union = 0;
    for (let k = 0; k < logits.length; k++) {
        if (logits[k] > maskThreshold - STABILITY_OFFSET) union++;
        if (logits[k] > maskThreshold + STABILITY_OFFSET) intersection++;
    }
    return intersection / Math.max(union, 1);
}

/**
 * Both axes' sums.
 *
 * @param {Float32Array} logits
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 * @returns {{x: Taps, y: Taps}}
 */
function axes(logits, imageSize, grid) {
    const side = grid.lowResSide;
    if (logits.length !== side * side) {
        throw new RangeError(`logits must be ${side} x ${side}, got ${logits.length} values`);
    }
    if (grid.fit === "stretch")
        return {x: singleTaps(side, imageSize.width), y: singleTaps(side, imageSize.height)};
    const input = inputSize(imageSize, grid);
    return {
        x: composeTaps(side, grid.inputSide, input.width, imageSize.width),
        y: composeTaps(side, grid.inputSide, input.height, imageSize.height),
    };
}

/**
 * Which low-res columns hold a logit above `low`. A hair below it counts too: sums round.
 *
 * @param {Float32Array} logits
 * @param {LogitsGrid} grid
 * @param {number} low
 */
function touchedColumns(logits, {lowResSide: side}, low) {
    const touched = new Uint8Array(side);
    for (let k = 0; k < logits.length; k++) if (logits[k] > low - ROUNDING) touched[k % side] = 1;
    return touched;
}

/**
 * @param {Float32Array} logits
 * @param {LogitsGrid} grid
 * @param {number} low
 */
function touchedRows(logits, {lowResSide: side}, low) {
    const touched = new Uint8Array(side);
    for (let k = 0; k < logits.length; k++) if (logits[k] > low - ROUNDING) touched[Math.floor(k / side)] = 1;
    return touched;
}

/**
 * The output positions from the first to the last that any touched position has a part in.
 *
 * @param {Taps} taps
 * @param {Uint8Array} touched
 * @returns {Extent}
 */
function extent({first, count}, touched) {
    let [start, end] = [0, 0];
    for (let i = 0; i < first.length; i++) {
        if (!touched.subarray(first[i], first[i] + count[i]).includes(1)) continue;
        if (end === 0) start = i;
        end = i + 1;
    }
    return {first: start, end};
}

/**
 * @param {Float32Array} logits
 * @param {LogitsGrid} grid
 * @param {Taps} across
 * @param {Taps} down
 * @param {{x: Extent, y: Extent}} box the pixels wanted
 * @param {(x: number, column: Float64Array) => void} visit the column's logits, top to bottom, in the box; reused
 */
function forEachColumn(logits, {lowResSide: side}, across, down, box, visit) {
    if (box.x.end === 0) return;
    const [firstRow, lastY] = [down.first[box.y.first], box.y.end - 1];
    const endRow = down.first[lastY] + down.count[lastY];
    const narrow = new Float64Array(side);
    const column = new Float64Array(down.first.length);
    for (let x = box.x.first; x < box.x.end; x++) {
        for (let row = firstRow; row < endRow; row++) {
            let sum = 0;
            for (let k = 0; k < across.count[x]; k++) {
                sum += logits[row * side + across.first[x] + k] * across.weights[x * MAX_TAPS + k];
            }
            narrow[row] = sum;
        }
        for (let y = box.y.first; y < box.y.end; y++) {
            let sum = 0;
            for (let k = 0; k < down.count[y]; k++)
                sum += narrow[down.first[y] + k] * down.weights[y * MAX_TAPS + k];
            column[y] = sum;
        }
        visit(x, column);
    }
}

/**
 * The one interpolation from a stretched square along an axis.
 *
 * @param {number} lowResSide
 * @param {number} imageLength
 * @returns {Taps}
 */
function singleTaps(lowResSide, imageLength) {
    const first = new Int32Array(imageLength);
    const count = new Int32Array(imageLength);
    const weights = new Float64Array(imageLength * MAX_TAPS);
    for (let i = 0; i < imageLength; i++) {
        const {low, high, weight} = bilinearTap(lowResSide, imageLength, i);
        first[i] = low;
        count[i] = high - low + 1;
        weights[i * MAX_TAPS] = 1 - weight;
        weights[i * MAX_TAPS + high - low] += weight;
    }
    return {first, count, weights};
}

/**
 * Both interpolations along one axis as one sum: low-res -> square -> cut at `inputLength` -> image.
 *
 * @param {number} lowResSide
 * @param {number} side
 * @param {number} inputLength
 * @param {number} imageLength
 * @returns {Taps}
 */
function composeTaps(lowResSide, side, inputLength, imageLength) {
    const first = new Int32Array(imageLength);
    const count = new Int32Array(imageLength);
    const weights = new Float64Array(imageLength * MAX_TAPS);
    for (let i = 0; i < imageLength; i++) {
        const outer = bilinearTap(inputLength, imageLength, i);
        const near = bilinearTap(lowResSide, side, outer.low);
        const far = bilinearTap(lowResSide, side, outer.high);
        first[i] = near.low;
        count[i] = far.high - near.low + 1;
        /** @type {[number, number][]} */
        const parts = [
            [near.low, (1 - outer.weight) * (1 - near.weight)],
            [near.high, (1 - outer.weight) * near.weight],
            [far.low, outer.weight * (1 - far.weight)],
            [far.high, outer.weight * far.weight],
        ];
        for (const [position, weight] of parts) weights[i * MAX_TAPS + position - near.low] += weight;
    }
    return {first, count, weights};
}

/**
 * The two inputs that make output `i`, and the second one's weight; rounded to float32 where torch rounds.
 * Source: aten/src/ATen/native/UpSample.h, area_pixel_compute_source_index, align_corners=False.
 *
 * @param {number} sizeIn
 * @param {number} sizeOut
 * @param {number} i
 */
function bilinearTap(sizeIn, sizeOut, i) {
    const scale = Math.fround(Math.fround(sizeIn) / Math.fround(sizeOut));
    const centre = Math.max(0, Math.fround((i + 0.5) * scale - 0.5));
    const low = Math.min(Math.floor(centre), sizeIn - 1);
    const high = Math.min(low + 1, sizeIn - 1);
    return {low, high, weight: Math.min(Math.max(Math.fround(centre - low), 0), 1)};
}
