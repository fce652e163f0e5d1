/** The tiles of a large image, as annotator/media/tiles.py cuts them: level 0 at full size, each further level half as large. */

import {bboxMiddle} from "./bbox.js";

/** @import {Bbox, ImageSize} from "./types.d.ts" */

/** @typedef {{readonly side: number, readonly levels: number}} Tiling side in pixels; the last level is one tile, the overview */
/** @typedef {{readonly level: number, readonly column: number, readonly row: number}} Tile */

/**
 * The level whose pixels are at least as fine as the screen's.
 *
 * @param {number} scale canvas pixels to an image pixel
 * @param {Tiling} tiling
 */
export function levelAt(scale, {levels}) {
    return Math.min(Math.max(0, Math.floor(Math.log2(1 / scale))), levels - 1);
}

/**
 * @param {Bbox} part of the image; it may reach beyond
 * @param {number} level but the last one
 * @param {Tiling} tiling
 * @param {ImageSize} imageSize
 * @returns {Tile[]} those that show something of the part, those nearest to its middle first
 */
export function tilesOn(part, level, {side}, {height, width}) {
    const [x, y, across, down] = part;
    const step = side * 2 ** level; // image pixels of a tile
    const range = (/** @type {number} */ from, /** @type {number} */ length, /** @type {number} */ whole) => {
        const first = Math.floor(Math.max(0, from) / step);
        const last = Math.ceil(Math.min(whole, from + length) / step);
        return Array.from({length: Math.max(0, last - first)}, (_, k) => first + k);
    };
    const columns = range(x, across, width);
    const tiles = range(y, down, height).flatMap((row) => columns.map((column) => ({level, column, row})));
    const middle = bboxMiddle(part);
    const farness = (/** @type {Tile} */ tile) =>
        Math.hypot((tile.column + 0.5) * step - middle.x, (tile.row + 0.5) * step - middle.y);
    return tiles.sort((a, b) => farness(a) - farness(b));
}

/**
 * @param {Tile} tile
 * @param {Tiling} tiling
 * @param {ImageSize} imageSize
 * @returns {Bbox} what it shows of the image
 */
export function partOf({level, column, row}, {side}, {height, width}) {
    const step = side * 2 ** level;
    const [x, y] = [column * step, row * step];
    return [x, y, Math.min(step, width - x), Math.min(step, height - y)];
}

/** @param {Tile} tile */
export function tileKey({level, column, row}) {
    return `${level}/${column}/${row}`;
}
