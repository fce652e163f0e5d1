/** What is being drawn by hand: the brush under the pointer, the stroke or the shape until it becomes part of the mask. */

import {imageToView} from "../../core/frames.js";

/** @import {Dab, Place} from "../../core/edit/strokes.js" */
/** @import {ViewFrame} from "../../core/types.d.ts" */

const STROKE_ALPHA = 0.5;
const ERASED_COLOR = "#ffffff";
const CORNER_PX = 4;
const CROSSHAIR_PX = 14;

export class HandLayer {
    color = "#4f46e5";
    /** @type {Dab | null} */
    brush = null;
    /** @type {readonly Dab[]} */
    stroke = [];
    /** @type {readonly Place[]} */
    corners = [];
    isErasing = false;
    /** Where the keyboard's crosshair stands. @type {Place | null} */
    crosshair = null;

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {ViewFrame} view
     */
    draw(context, view) {
        if (this.stroke.length > 0) this.#drawStroke(context, view);
        if (this.corners.length > 0) this.#drawShape(context, view);
        if (this.brush) drawRing(context, this.brush, view);
        if (this.crosshair) drawCrosshair(context, this.crosshair, view);
    }

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {ViewFrame} view
     */
    #drawStroke(context, view) {
        // One path, so that a stroke that crosses itself is no darker there. Its width is that of its widest place.
        const path = new Path2D();
        this.stroke.forEach((dab, k) => {
            const {x, y} = placed(dab, view);
            if (k === 0) path.moveTo(x, y);
            path.lineTo(x, y);
        });
        context.globalAlpha = STROKE_ALPHA;
        context.strokeStyle = this.isErasing ? ERASED_COLOR : this.color;
        context.lineCap = context.lineJoin = "round";
        context.lineWidth = 2 * view.scale * Math.max(...this.stroke.map(({radius}) => radius));
        context.stroke(path);
        context.globalAlpha = 1;
    }

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {ViewFrame} view
     */
    #drawShape(context, view) {
        const color = this.isErasing ? ERASED_COLOR : this.color;
        const places = this.corners.map((corner) => placed(corner, view));
        const path = new Path2D();
        places.forEach(({x, y}, k) => (k === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
        context.fillStyle = color;
        context.globalAlpha = STROKE_ALPHA / 2;
        context.fill(path, "evenodd");
        context.globalAlpha = 1;
        context.strokeStyle = "rgb(0 0 0 / 0.6)";
        context.lineWidth = 3.5;
        context.stroke(path);
        context.strokeStyle = color;
        context.lineWidth = 1.75;
        context.stroke(path);
        const [first] = places;
        context.beginPath();
        context.arc(first.x, first.y, CORNER_PX, 0, 2 * Math.PI);
        context.fillStyle = "#ffffff";
        context.fill();
        context.stroke();
    }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Dab} brush
 * @param {ViewFrame} view
 */
function drawRing(context, brush, view) {
    const {x, y} = placed(brush, view);
    for (const [style, width] of /** @type {const} */ ([
        ["rgb(0 0 0 / 0.7)", 3],
        ["#ffffff", 1.25],
    ])) {
        context.beginPath();
        context.arc(x, y, Math.max(1.5, brush.radius * view.scale), 0, 2 * Math.PI);
        context.strokeStyle = style;
        context.lineWidth = width;
        context.stroke();
    }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Place} place
 * @param {ViewFrame} view
 */
function drawCrosshair(context, place, view) {
    const {x, y} = placed(place, view);
    for (const [style, width] of /** @type {const} */ ([
        ["rgb(0 0 0 / 0.7)", 3.5],
        ["#ffffff", 1.5],
    ])) {
        context.beginPath();
        context.moveTo(x - CROSSHAIR_PX, y);
        context.lineTo(x + CROSSHAIR_PX, y);
        context.moveTo(x, y - CROSSHAIR_PX);
        context.lineTo(x, y + CROSSHAIR_PX);
        context.strokeStyle = style;
        context.lineWidth = width;
        context.stroke();
    }
}

/**
 * @param {Place} place
 * @param {ViewFrame} view
 */
function placed({x, y}, view) {
    return imageToView({x, y, frame: "image"}, view);
}
