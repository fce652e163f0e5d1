/** The picture. */

/** @import {ImageSize, ViewFrame} from "../../core/types.d.ts" */

// Above this many canvas pixels to an image pixel, pixels are shown as squares: one can count them.
const PIXELATED_FROM = 4;
// A larger picture, fitted to the screen, is drawn from a copy of this size: drawing 50 megapixels takes long each time.
const REDUCED_SIDE_PX = 2560;

export class ImageLayer {
    /** @type {ImageBitmap | null} */
    #picture = null;
    /** @type {ImageBitmap | null} */
    #reduced = null;

    clear() {
        this.#picture = null;
        this.#reduced?.close();
        this.#reduced = null;
    }

    /**
     * @param {ImageBitmap} picture
     * @param {() => void} onBetter called when it can be drawn better or faster
     */
    show(picture, onBetter) {
        this.clear();
        this.#picture = picture;
        const scale = REDUCED_SIDE_PX / Math.max(picture.width, picture.height);
        if (scale > 0.7) return;
        const resizeWidth = Math.max(1, Math.round(picture.width * scale));
        createImageBitmap(picture, {resizeWidth, resizeQuality: "high"}).then(
            (reduced) => {
                if (this.#picture !== picture) return reduced.close();
                this.#reduced = reduced;
                onBetter();
            },
            () => {}, // no memory for it: the picture itself is drawn
        );
    }

    /**
     * The pixels of a part of the picture.
     *
     * @param {{left: number, top: number, right: number, bottom: number}} part in image pixels
     * @param {ImageSize} imageSize
     * @param {number} scale pixels to give for one of the image
     * @returns {ImageData | null} null: there is no picture, or no memory
     */
    partOf({left, top, right, bottom}, imageSize, scale) {
        const [width, height] = [right - left, bottom - top].map((side) => Math.round(side * scale));
        if (!this.#picture || width < 1 || height < 1) return null;
        const context = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
        const ratio = this.#picture.width / imageSize.width;
        const source = [left, top, right - left, bottom - top].map((value) => value * ratio);
        context?.drawImage(this.#picture, source[0], source[1], source[2], source[3], 0, 0, width, height);
        return context?.getImageData(0, 0, width, height) ?? null;
    }

    /**
     * Draws a part of the picture where it is, in a context whose units are image pixels.
     *
     * @param {CanvasRenderingContext2D} context
     * @param {{left: number, top: number, right: number, bottom: number}} part in image pixels; it may reach over the border
     * @param {ImageSize} imageSize
     * @returns {boolean} whether there is a picture
     */
    drawPart(context, part, imageSize) {
        const picture = this.#reduced ?? this.#picture;
        if (!picture) return false;
        const left = Math.max(0, part.left);
        const top = Math.max(0, part.top);
        const width = Math.min(imageSize.width, part.right) - left;
        const height = Math.min(imageSize.height, part.bottom) - top;
        const ratio = picture.width / imageSize.width;
        const source = [left, top, width, height].map((value) => value * ratio);
        context.imageSmoothingQuality = "medium";
        context.drawImage(picture, source[0], source[1], source[2], source[3], left, top, width, height);
        return true;
    }

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {ViewFrame} view
     * @param {ImageSize} imageSize
     */
    draw(context, view, imageSize) {
        if (!this.#picture) return;
        const scale = view.scale * view.devicePixelRatio; // canvas pixels to an image pixel
        const isReducedEnough = this.#reduced && scale * imageSize.width <= this.#reduced.width;
        context.imageSmoothingEnabled = scale < PIXELATED_FROM;
        context.imageSmoothingQuality = scale < 0.5 ? "medium" : "low";
        context.drawImage(
            isReducedEnough && this.#reduced ? this.#reduced : this.#picture,
            view.offsetX,
            view.offsetY,
            imageSize.width * view.scale,
            imageSize.height * view.scale,
        );
    }
}
