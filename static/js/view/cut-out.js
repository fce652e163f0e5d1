/** Pictures of single objects. */

import {clearAround} from "../core/edit/cutting-out.js";

/** @import {Columns} from "../core/edit/columns.js" */
/** @import {Bbox} from "../core/types.d.ts" */

/**
 * @param {Blob} file the image's, as it is stored
 * @param {{columns: Columns, bbox: Bbox}} mask
 * @returns {Promise<Blob>} a PNG of the box at the image's own resolution, transparent around the mask
 * @throws {Error} the browser cannot hold a picture of that size
 */
export async function cutOutOf(file, {columns, bbox}) {
    const [left, top, width, height] = bbox;
    const picture = await createImageBitmap(file, left, top, width, height);
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", {willReadFrequently: true});
    if (!context) throw new Error("This browser cannot draw a picture of that size.");
    context.drawImage(picture, 0, 0);
    picture.close();
    const pixels = context.getImageData(0, 0, width, height);
    clearAround(pixels.data, columns, bbox);
    context.putImageData(pixels, 0, 0);
    return canvas.convertToBlob({type: "image/png"});
}

/**
 * @param {Blob} file
 * @param {string} name
 */
export function download(file, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser may ask first where it is to go
}
