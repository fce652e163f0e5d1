/** The picture. */

/** @import {ImageSize, ViewFrame} from "../../types.d.ts" */

// Above this many canvas pixels to an image pixel, pixels are shown as squares: one can count them.
const PIXELATED_FROM = 4;

export class ImageLayer {
    /** @type {CanvasImageSource | null} the picture, or its thumbnail while it is being fetched */
    picture = null;

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {ViewFrame} view
     * @param {ImageSize} imageSize
     */
    draw(context, view, imageSize) {
        if (!this.picture) return;
        context.imageSmoothingEnabled = view.scale * view.devicePixelRatio < PIXELATED_FROM;
        // "high" makes mipmaps: worth it only where the picture is made much smaller.
        context.imageSmoothingQuality = view.scale * view.devicePixelRatio < 0.5 ? "high" : "low";
        context.drawImage(
            this.picture,
            view.offsetX,
            view.offsetY,
            imageSize.width * view.scale,
            imageSize.height * view.scale,
        );
    }
}
