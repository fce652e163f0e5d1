/**
 * A large image, sharp where it is looked at: fetches the tiles that are on the stage and draws them over the overview. Until a
 * tile has come, coarser ones that are there stand in for it. Those that were drawn longest ago are given up.
 */

import {bboxesMeet} from "../../core/bbox.js";
import {levelAt, partOf, tileKey, tilesOn} from "../../core/tiles.js";

/** @import {Bbox, ImageSize, ViewFrame} from "../../core/types.d.ts" */
/** @import {Tile, Tiling} from "../../core/tiles.js" */

const KEPT_TILES = 96; // of 1 MB each, with 512 x 512 pixels
const AGAIN_MS = 4000; // after a tile could not be fetched

/** @typedef {{tiles: Tiling | null, size: ImageSize}} TiledImage */
/**
 * @template {TiledImage} T
 * @typedef {(image: T, tile: Tile, signal: AbortSignal) => Promise<ImageBitmap>} FetchTile
 */

/** @template {TiledImage} T */
export class TilesLayer {
    #fetch;
    #redraw;
    /** @type {T | null} */
    #image = null;
    /** Those drawn last come last. @type {Map<string, {tile: Tile, picture: ImageBitmap}>} */
    #kept = new Map();
    /** @type {Map<string, AbortController>} */
    #coming = new Map();

    /**
     * @param {FetchTile<T>} fetchTile
     * @param {() => void} redraw
     */
    constructor(fetchTile, redraw) {
        this.#fetch = fetchTile;
        this.#redraw = redraw;
    }

    /** How many tiles are in memory. */
    get count() {
        return this.#kept.size;
    }

    /** @param {T} image that is shown from now on */
    open(image) {
        for (const request of this.#coming.values()) request.abort();
        for (const {picture} of this.#kept.values()) picture.close();
        this.#coming.clear();
        this.#kept.clear();
        this.#image = image;
    }

    /**
     * @param {CanvasRenderingContext2D} context in CSS pixels of the stage
     * @param {ViewFrame} view
     */
    draw(context, view) {
        const image = this.#image;
        if (!image?.tiles) return;
        const {tiles: tiling, size} = image;
        const ratio = view.devicePixelRatio;
        const level = levelAt(view.scale * ratio, tiling);
        const isOverview = level === tiling.levels - 1;
        const part = shownPart(context.canvas, view);
        const wanted = isOverview ? [] : tilesOn(part, level, tiling, size);
        this.#ask(image, wanted);
        const drawn = [...this.#kept.values()]
            .filter(
                ({tile}) =>
                    tile.level >= level && !isOverview && bboxesMeet(partOf(tile, tiling, size), part),
            )
            .sort((a, b) => b.tile.level - a.tile.level);
        for (const {tile, picture} of drawn) {
            const [x, y, width, height] = partOf(tile, tiling, size);
            // On whole pixels of the screen, else the background shines through between two tiles.
            const [left, top] = [view.offsetX + x * view.scale, view.offsetY + y * view.scale];
            const [x0, x1] = [left, left + width * view.scale].map((at) => Math.round(at * ratio) / ratio);
            const [y0, y1] = [top, top + height * view.scale].map((at) => Math.round(at * ratio) / ratio);
            context.imageSmoothingEnabled = view.scale * ratio < 4;
            context.drawImage(picture, x0, y0, x1 - x0, y1 - y0);
            this.#kept.delete(tileKey(tile));
            this.#kept.set(tileKey(tile), {tile, picture});
        }
        this.#forget(Math.max(KEPT_TILES, 2 * wanted.length));
    }

    /**
     * Fetches what is not there yet, and nothing else any more.
     *
     * @param {T} image
     * @param {readonly Tile[]} wanted
     */
    #ask(image, wanted) {
        const keys = new Set(wanted.map(tileKey));
        for (const [key, request] of this.#coming) {
            if (keys.has(key)) continue;
            request.abort();
            this.#coming.delete(key);
        }
        for (const tile of wanted) {
            const key = tileKey(tile);
            if (this.#kept.has(key) || this.#coming.has(key)) continue;
            const request = new AbortController();
            this.#coming.set(key, request);
            this.#fetch(image, tile, request.signal).then(
                (picture) => {
                    if (this.#coming.get(key) !== request) return picture.close();
                    this.#coming.delete(key);
                    this.#kept.set(key, {tile, picture});
                    this.#redraw();
                },
                // Offline, or signed out: the overview stands in, and the tile counts as coming until it is asked for again.
                () => void setTimeout(() => this.#askAgain(key, request), AGAIN_MS),
            );
        }
    }

    /**
     * @param {string} key
     * @param {AbortController} request that failed
     */
    #askAgain(key, request) {
        if (this.#coming.get(key) !== request) return;
        this.#coming.delete(key);
        this.#redraw();
    }

    /** @param {number} most how many may stay */
    #forget(most) {
        for (const [key, {picture}] of this.#kept) {
            if (this.#kept.size <= most) return;
            picture.close();
            this.#kept.delete(key);
        }
    }
}

/**
 * @param {{width: number, height: number}} canvas
 * @param {ViewFrame} view
 * @returns {Bbox} what of the image is on the canvas; it may reach beyond the image
 */
function shownPart({width, height}, {scale, offsetX, offsetY, devicePixelRatio: ratio}) {
    return [-offsetX / scale, -offsetY / scale, width / ratio / scale, height / ratio / scale];
}
