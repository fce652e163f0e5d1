/** The points and boxes of the prompt. */

import {imageToView} from "../../core/frames.js";

/** @import {ImageBox, ImagePoint, Prompt, ViewFrame, ViewPoint} from "../../core/types.d.ts" */

const POINT_RADIUS_PX = 7;
const SIGN_PX = 3.2;
const FOREGROUND_COLOR = "#2563eb";
const BACKGROUND_COLOR = "#ea580c";
/** Black under white dashes shows on any image. @type {readonly (readonly [string, number[]])[]} */
const GUIDE_COLORS = [
    ["rgb(0 0 0 / 0.55)", []],
    ["rgb(255 255 255 / 0.85)", [4, 4]],
];

export class PromptLayer {
    /** @type {Prompt} */
    prompt = {steps: []};
    /** The box being drawn. @type {ImageBox | null} */
    draft = null;
    /** Where the pointer draws it. @type {ImagePoint | null} */
    pointer = null;
    /** The prompt with a mark as it is dragged, in place of the prompt. @type {Prompt | null} */
    dragged = null;

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {ViewFrame} view
     */
    draw(context, view) {
        const {steps} = this.dragged ?? this.prompt;
        for (const step of steps) {
            if (step.kind === "box" && !this.draft) drawBox(context, step.box, view);
        }
        if (this.draft) {
            if (this.pointer) drawGuides(context, this.pointer, view);
            drawBox(context, this.draft, view);
        }
        for (const step of steps) {
            if (step.kind !== "point") continue;
            // A point names a pixel; its mark stands on the pixel's centre.
            const centre = imageToView({x: step.point.x + 0.5, y: step.point.y + 0.5, frame: "image"}, view);
            drawPoint(context, centre, step.label === 1);
        }
    }
}

/**
 * Lines through the pointer from edge to edge: what else the box will touch can be seen from afar.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {ImagePoint} pointer
 * @param {ViewFrame} view
 */
function drawGuides(context, pointer, view) {
    const {x, y} = imageToView(pointer, view);
    const {width, height} = context.canvas;
    for (const [color, dash] of GUIDE_COLORS) {
        context.beginPath();
        context.setLineDash(dash);
        context.strokeStyle = color;
        context.lineWidth = 1;
        // On whole pixels of the screen: a line between two is a grey band.
        context.moveTo(0, Math.floor(y) + 0.5);
        context.lineTo(width, Math.floor(y) + 0.5);
        context.moveTo(Math.floor(x) + 0.5, 0);
        context.lineTo(Math.floor(x) + 0.5, height);
        context.stroke();
    }
    context.setLineDash([]);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ImageBox} box
 * @param {ViewFrame} view
 */
function drawBox(context, box, view) {
    const from = imageToView({x: box.x0, y: box.y0, frame: "image"}, view);
    const to = imageToView({x: box.x1, y: box.y1, frame: "image"}, view);
    const rectangle = /** @type {const} */ ([from.x, from.y, to.x - from.x, to.y - from.y]);
    context.lineJoin = "round";
    context.strokeStyle = "rgb(255 255 255 / 0.9)";
    context.lineWidth = 3.5;
    context.strokeRect(...rectangle);
    context.strokeStyle = FOREGROUND_COLOR;
    context.lineWidth = 1.75;
    context.strokeRect(...rectangle);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ViewPoint} centre
 * @param {boolean} isForeground
 */
function drawPoint(context, {x, y}, isForeground) {
    context.beginPath();
    context.arc(x, y, POINT_RADIUS_PX, 0, 2 * Math.PI);
    context.fillStyle = isForeground ? FOREGROUND_COLOR : BACKGROUND_COLOR;
    context.shadowColor = "rgb(0 0 0 / 0.45)";
    context.shadowBlur = 3;
    context.fill();
    context.shadowColor = "transparent";
    context.lineWidth = 1.5;
    context.strokeStyle = "#fff";
    context.stroke();
    context.beginPath();
    context.moveTo(x - SIGN_PX, y);
    context.lineTo(x + SIGN_PX, y);
    if (isForeground) {
        context.moveTo(x, y - SIGN_PX);
        context.lineTo(x, y + SIGN_PX);
    }
    context.lineWidth = 1.8;
    context.stroke();
}
