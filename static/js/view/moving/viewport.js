/** Where the image lies on the stage, and every way to move it there. It knows no DOM. */

import {fitView, imageToView, panBy, viewToImage, zoomAt} from "../../core/frames.js";

/** @import {Bbox, ImagePoint, ImageSize, ViewFrame, ViewPoint} from "../../core/types.d.ts" */

const FIT_MARGIN_PX = 24;
const FIT_TO_ROOM = 0.4; // of the part's longer side, on each side
const REVEAL_MARGIN_PX = 48;

export class Viewport {
    #onChange;
    /** @type {ImageSize} */
    #imageSize = {height: 1, width: 1};
    /** @type {ImageSize} */
    #size = {height: 1, width: 1};
    /** @type {ViewFrame} */
    #view = {scale: 1, offsetX: 0, offsetY: 0, devicePixelRatio: 1};
    #isFitted = true;

    /** @param {(view: ViewFrame) => void} onChange */
    constructor(onChange) {
        this.#onChange = onChange;
    }

    get view() {
        return this.#view;
    }

    get imageSize() {
        return this.#imageSize;
    }

    /** Of the stage, in CSS pixels. */
    get size() {
        return this.#size;
    }

    /** The stage's middle. @returns {ViewPoint} */
    get middle() {
        return {x: this.#size.width / 2, y: this.#size.height / 2, frame: "view"};
    }

    /** Whether all of the image is on the stage. */
    get isAllShown() {
        const {scale, offsetX, offsetY} = this.#view;
        const {height, width} = this.#imageSize;
        const isWithin = (
            /** @type {number} */ offset,
            /** @type {number} */ length,
            /** @type {number} */ room,
        ) => offset >= -1 && offset + length * scale <= room + 1;
        return isWithin(offsetX, width, this.#size.width) && isWithin(offsetY, height, this.#size.height);
    }

    /** Another image: shown fitted. @param {ImageSize} imageSize */
    showImageOf(imageSize) {
        this.#imageSize = imageSize;
        this.fit();
    }

    fit() {
        this.#isFitted = true;
        this.#set(this.#fitted);
    }

    /** Shows a part of the image as large as it fits, with room around it. @param {Bbox} bbox */
    fitTo([x, y, width, height]) {
        const margin = FIT_TO_ROOM * Math.max(width, height);
        const size = {height: height + 2 * margin, width: width + 2 * margin};
        const part = fitView(size, this.#size, this.#view.devicePixelRatio, 0);
        this.#isFitted = false;
        this.#set({
            ...part,
            offsetX: part.offsetX - (x - margin) * part.scale,
            offsetY: part.offsetY - (y - margin) * part.scale,
        });
    }

    /**
     * @param {ViewPoint} point what lies there stays there
     * @param {number} factor above 1: larger
     */
    zoom(point, factor) {
        this.#isFitted = false;
        this.#set(this.#kept(zoomAt(this.#view, point, factor, this.#fitted.scale)));
    }

    /**
     * @param {number} scale CSS pixels to an image pixel
     * @param {ViewPoint} point what lies there stays there
     */
    zoomTo(scale, point = this.middle) {
        this.zoom(point, scale / this.#view.scale);
    }

    /**
     * @param {number} dx CSS pixels
     * @param {number} dy CSS pixels
     */
    pan(dx, dy) {
        this.#isFitted = false;
        this.#set(this.#kept(this.#view, dx, dy));
    }

    /** Moves the image so that this place is in the stage's middle. @param {ImagePoint} place */
    centreOn(place) {
        const {x, y} = imageToView(place, this.#view);
        this.pan(this.middle.x - x, this.middle.y - y);
    }

    /** Moves the image as little as it takes for this place to be on the stage. @param {ImagePoint} place */
    reveal(place) {
        const {x, y} = imageToView(place, this.#view);
        const dx = distanceInto(x, this.#size.width);
        const dy = distanceInto(y, this.#size.height);
        if (dx || dy) this.pan(dx, dy);
    }

    /** What of the image is on the stage; it may reach beyond the image. @returns {Bbox} */
    get shownPart() {
        const from = viewToImage({x: 0, y: 0, frame: "view"}, this.#view);
        const {scale} = this.#view;
        return [from.x, from.y, this.#size.width / scale, this.#size.height / scale];
    }

    /**
     * The stage has another size, or the screen other pixels.
     *
     * @param {ImageSize} size CSS pixels
     * @param {number} devicePixelRatio
     */
    resize(size, devicePixelRatio) {
        const before = this.#size;
        this.#size = size;
        this.#view = {...this.#view, devicePixelRatio};
        if (this.#isFitted) this.fit();
        else {
            // What was in the middle stays there.
            const [dx, dy] = [(size.width - before.width) / 2, (size.height - before.height) / 2];
            this.#set(this.#kept(this.#view, dx, dy));
        }
    }

    get #fitted() {
        return fitView(this.#imageSize, this.#size, this.#view.devicePixelRatio, FIT_MARGIN_PX);
    }

    /**
     * Moved, but some of the image stays on the stage.
     *
     * @param {ViewFrame} view
     */
    #kept(view, dx = 0, dy = 0) {
        return panBy(view, dx, dy, this.#imageSize, this.#size);
    }

    /** @param {ViewFrame} view */
    #set(view) {
        this.#view = view;
        this.#onChange(view);
    }
}

/**
 * @param {number} at
 * @param {number} length of the stage
 * @returns {number} by how much it has to move to be well inside; 0: it is
 */
function distanceInto(at, length) {
    const margin = Math.min(REVEAL_MARGIN_PX, length / 4);
    if (at < margin) return margin - at;
    return at > length - margin ? length - margin - at : 0;
}
