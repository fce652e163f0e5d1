/** The saved masks. */

import {outlineOfRle} from "../../core/outlines.js";
import {drawMask, maskStyle, pathOf} from "./mask-drawing.js";

/** @import {MaskPath} from "./mask-drawing.js" */
/** @import {Annotation, ImagePoint, ImageSize, ViewFrame} from "../../core/types.d.ts" */

/**
 * @typedef {object} ShownMask
 * @property {Annotation} annotation
 * @property {string} color
 * @property {boolean} isSelected
 */

export class MasksLayer {
    /** @type {ShownMask[]} */
    #masks = [];
    #isDimmed = false;
    /** @type {Map<string, {counts: string, path: MaskPath}>} */
    #paths = new Map();
    #probe = new OffscreenCanvas(1, 1).getContext("2d");

    /**
     * @param {readonly ShownMask[]} masks
     * @param {boolean} isDimmed another mask is being worked on
     * @returns {boolean} whether that looks different from before
     */
    show(masks, isDimmed) {
        // The large ones first, so that the small ones on them can be seen and clicked.
        const sorted = [...masks].sort((a, b) => b.annotation.area - a.annotation.area);
        const before = this.#masks;
        const isSame =
            sorted.length === before.length &&
            (isDimmed === this.#isDimmed || sorted.length === 0) &&
            sorted.every((mask, k) => isSameMask(mask, before[k]));
        this.#isDimmed = isDimmed;
        this.#masks = sorted;
        return !isSame;
    }

    /** @param {ReadonlySet<string>} ids forgets the outlines of all others */
    keepOnly(ids) {
        for (const id of this.#paths.keys()) {
            if (!ids.has(id)) this.#paths.delete(id);
        }
    }

    /**
     * @param {ImagePoint} point
     * @returns {string | null} the id of the smallest mask there
     */
    hit(point) {
        for (const {annotation} of this.#masks.toReversed()) {
            if (this.#probe?.isPointInPath(this.#pathOf(annotation).fill, point.x, point.y, "evenodd"))
                return annotation.id;
        }
        return null;
    }

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {ViewFrame} view
     * @param {ImageSize} imageSize
     */
    draw(context, view, imageSize) {
        for (const {annotation, color, isSelected} of this.#masks) {
            const style = maskStyle(color, {isEmphasised: isSelected, isDimmed: this.#isDimmed});
            drawMask(context, this.#pathOf(annotation), style, view, imageSize);
        }
    }

    /** @param {Annotation} annotation */
    #pathOf({id, segmentation, bbox}) {
        const known = this.#paths.get(id);
        if (known?.counts === segmentation.counts) return known.path;
        const path = pathOf(outlineOfRle(segmentation, bbox));
        this.#paths.set(id, {counts: segmentation.counts, path});
        return path;
    }
}

/**
 * @param {ShownMask} a
 * @param {ShownMask} b
 */
function isSameMask(a, b) {
    return a.annotation === b.annotation && a.color === b.color && a.isSelected === b.isSelected;
}
