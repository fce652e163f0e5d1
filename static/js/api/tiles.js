/** The tiles of large images. */

import {tileKey} from "../core/tiles.js";

/** @import {Tile} from "../core/tiles.js" */
/** @import {Http} from "./http.js" */
/** @import {ImageRow} from "../session/ports.d.ts" */

/**
 * @param {Http} http
 * @returns {(image: Pick<ImageRow, "tiles">, tile: Tile, signal: AbortSignal) => Promise<ImageBitmap>}
 */
export function tileFetcher(http) {
    return async ({tiles}, tile, signal) => {
        const url = `${tiles?.url}${tileKey(tile)}/${tiles?.query}`;
        const response = await http.request(url, {signal});
        return createImageBitmap(await response.blob());
    };
}
