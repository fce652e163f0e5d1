/** The saved masks. */

import {outlineOfRle} from "../../core/outlines.js";
import {drawDashed, drawMask, maskStyle, pathOf} from "./mask-drawing.js";

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
    #opacity = 0.45;
    /** A row of the list under the pointer. @type {string | null} */
    #hoveredId = null;
    /** @type {{annotation: Annotation, path: MaskPath} | null} */
    #theirs = null;
    /** @type {Map<string, {counts: string, path: MaskPath}>} */
    #paths = new Map();
    #probe = new OffscreenCanvas(1, 1).getContext("2d");

    /**
     * @param {readonly ShownMask[]} masks
     * @param {boolean} isDimmed another mask is being worked on
     * @param {number} opacity of the fill
     * @returns {boolean} whether that looks different from before
     */
    show(masks, isDimmed, opacity) {
        // The large ones first, so that the small ones on them can be seen and clicked.
        const sorted = [...masks].sort((a, b) => b.annotation.area - a.annotation.area);
        const before = this.#masks;
        const isSame =
            sorted.length === before.length &&
            ((isDimmed === this.#isDimmed && opacity === this.#opacity) || sorted.length === 0) &&
            sorted.every((mask, k) => isSameMask(mask, before[k]));
        this.#isDimmed = isDimmed;
        this.#opacity = opacity;
        this.#masks = sorted;
        return !isSame;
    }

    /** @param {string | null} id of a mask that is to stand out; null: none */
    hover(id) {
        const isNew = id !== this.#hoveredId;
        this.#hoveredId = id;
        return isNew;
    }

    /** @param {Annotation | null} annotation another person's version, drawn as a dashed outline over all; null: none */
    showTheirs(annotation) {
        this.#theirs = annotation && {
            annotation,
            path: pathOf(outlineOfRle(annotation.segmentation, annotation.bbox)),
        };
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
            const [left, top, width, height] = annotation.bbox;
            if (point.x < left || point.x > left + width || point.y < top || point.y > top + height) continue;
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
            const isHovered = annotation.id === this.#hoveredId;
            const style = maskStyle(color, {
                opacity: this.#opacity,
                isEmphasised: isSelected || isHovered,
                isDimmed: this.#isDimmed && !isSelected && !isHovered,
            });
            drawMask(context, this.#pathOf(annotation), style, view, imageSize);
        }
        if (this.#theirs) drawDashed(context, this.#theirs.path, view);
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
