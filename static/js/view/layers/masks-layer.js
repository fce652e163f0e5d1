/** The saved masks. */

import {outlineOfRle} from "../../core/outlines.js";
import {drawDashed, drawMask, maskStyle, pathOf} from "./mask-drawing.js";

/** @import {Outline} from "../../core/outlines.js" */
/** @import {MaskPath} from "./mask-drawing.js" */
/** @import {Annotation, ImagePoint, ImageSize, ViewFrame} from "../../core/types.d.ts" */

/**
 * @typedef {object} ShownMask
 * @property {Annotation} annotation
 * @property {string} color
 * @property {boolean} isSelected
 */

const TOLERANCE_PX = 0.5; // CSS pixels
const HEAVY_POINTS = 15_000; // about ten milliseconds without a GPU
const SETTLE_MS = 100;

export class MasksLayer {
    /** @type {ShownMask[]} */
    #masks = [];
    #isDimmed = false;
    #opacity = 0.45;
    /** A row of the list under the pointer. @type {string | null} */
    #hoveredId = null;
    /** @type {{annotation: Annotation, path: MaskPath}[]} */
    #theirs = [];
    /** @type {Map<string, {counts: string, outline: Outline, path: MaskPath, tolerance: number}>} */
    #paths = new Map();
    /** Of all masks as they are drawn now. */
    #points = 0;
    /** Whether the masks look different from when they were drawn last. */
    #isChanged = true;
    /** The sheet as it was drawn last, while that is heavy work. @type {{picture: OffscreenCanvas, view: ViewFrame} | null} */
    #snapshot = null;
    #settleTimer = 0;
    #redraw;
    #probe = new OffscreenCanvas(1, 1).getContext("2d");

    /** @param {() => void} redraw has the sheet drawn anew */
    constructor(redraw) {
        this.#redraw = redraw;
    }

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
        this.#isChanged ||= !isSame;
        return !isSame;
    }

    /** @param {string | null} id of a mask that is to stand out; null: none */
    hover(id) {
        const isNew = id !== this.#hoveredId;
        this.#hoveredId = id;
        this.#isChanged ||= isNew;
        return isNew;
    }

    /**
     * @param {readonly Annotation[]} annotations other people's versions, drawn as dashed outlines over all
     * @returns {boolean} whether they are others than before
     */
    showTheirs(annotations) {
        const before = this.#theirs;
        if (
            annotations.length === before.length &&
            annotations.every((one, k) => one === before[k].annotation)
        )
            return false;
        this.#isChanged = true;
        this.#theirs = annotations.map((annotation) => ({
            annotation,
            path: pathOf(outlineOfRle(annotation.segmentation, annotation.bbox)),
        }));
        return true;
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
        const {canvas} = context;
        const isMoved = this.#snapshot !== null && !isSameView(this.#snapshot.view, view);
        const fits =
            this.#snapshot?.picture.width === canvas.width && this.#snapshot.picture.height === canvas.height;
        if (this.#snapshot && isMoved && fits && !this.#isChanged) {
            // Many masks are not drawn anew for every frame of a movement: what was drawn moves along until it is over.
            drawMoved(context, this.#snapshot, view);
            clearTimeout(this.#settleTimer);
            this.#settleTimer = window.setTimeout(() => {
                this.#isChanged = true;
                this.#redraw();
            }, SETTLE_MS);
            return;
        }
        this.#isChanged = false;
        clearTimeout(this.#settleTimer);
        this.#drawAll(context, view, imageSize);
        this.#snapshot = this.#points > HEAVY_POINTS ? {picture: copyOf(canvas), view} : null;
    }

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {ViewFrame} view
     * @param {ImageSize} imageSize
     */
    #drawAll(context, view, imageSize) {
        const tolerance = toleranceAt(view.scale);
        this.#points = 0;
        for (const {annotation, color, isSelected} of this.#masks) {
            const isHovered = annotation.id === this.#hoveredId;
            const style = maskStyle(color, {
                opacity: this.#opacity,
                isEmphasised: isSelected || isHovered,
                isDimmed: this.#isDimmed && !isSelected && !isHovered,
            });
            const path = this.#pathOf(annotation, tolerance);
            this.#points += path.points;
            drawMask(context, path, style, view, imageSize);
        }
        for (const {path} of this.#theirs) drawDashed(context, path, view);
    }

    /**
     * @param {Annotation} annotation
     * @param {number | null} tolerance image pixels; null: whatever is known
     */
    #pathOf({id, segmentation: {size, counts}, bbox}, tolerance = null) {
        const known = this.#paths.get(id);
        const isSame = known?.counts === counts;
        if (isSame && (tolerance === null || tolerance === known.tolerance)) return known.path;
        const outline = isSame ? known.outline : outlineOfRle({size, counts}, bbox);
        const path = pathOf(outline, tolerance ?? 0);
        this.#paths.set(id, {counts, outline, path, tolerance: tolerance ?? 0});
        return path;
    }
}

/**
 * How much of an outline need not be drawn: less than half a CSS pixel. In powers of two, so that few zooms need new paths.
 *
 * @param {number} scale CSS pixels of an image pixel
 */
function toleranceAt(scale) {
    return scale < TOLERANCE_PX ? 2 ** Math.floor(Math.log2(TOLERANCE_PX / scale)) : 0;
}

/** @param {HTMLCanvasElement} canvas */
function copyOf(canvas) {
    const picture = new OffscreenCanvas(canvas.width, canvas.height);
    picture.getContext("2d")?.drawImage(canvas, 0, 0);
    return picture;
}

/**
 * @param {CanvasRenderingContext2D} context in CSS pixels of the stage
 * @param {{picture: OffscreenCanvas, view: ViewFrame}} snapshot
 * @param {ViewFrame} view
 */
function drawMoved(context, {picture, view: before}, view) {
    const factor = view.scale / before.scale;
    const ratio = view.devicePixelRatio;
    context.drawImage(
        picture,
        view.offsetX - before.offsetX * factor,
        view.offsetY - before.offsetY * factor,
        (picture.width / ratio) * factor,
        (picture.height / ratio) * factor,
    );
}

/**
 * @param {ViewFrame} a
 * @param {ViewFrame} b
 */
function isSameView(a, b) {
    return a.scale === b.scale && a.offsetX === b.offsetX && a.offsetY === b.offsetY;
}

/**
 * @param {ShownMask} a
 * @param {ShownMask} b
 */
function isSameMask(a, b) {
    return a.annotation === b.annotation && a.color === b.color && a.isSelected === b.isSelected;
}
