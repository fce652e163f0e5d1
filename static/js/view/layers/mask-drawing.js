/** How every mask looks: 45 % fill, a 1.5 px outline in the same hue, and a thin casing so that it shows on any image. */

/** @import {ImageSize, ViewFrame} from "../../types.d.ts" */

const FILL_ALPHA = 0.45;
const DIMMED_FILL_ALPHA = 0.16;
const DIMMED_OUTLINE_ALPHA = 0.7;
const OUTLINE_PX = 1.5;
const CASING_PX = 3.5;
const CASING_ALPHA = 0.55;

// Points of polygons that get an outline. A mask has some hundred; a model's noise can have a hundred thousand, whose
// outlines would take seconds to draw and hide everything.
const MAX_OUTLINED_POINTS = 6000;

/**
 * A mask as the canvas takes it, in image pixels.
 *
 * @typedef {object} MaskPath
 * @property {Path2D} fill
 * @property {Path2D} outline of its largest pieces
 */

/**
 * @param {readonly Float32Array[]} contours in image pixels
 * @returns {MaskPath}
 */
export function pathOf(contours) {
    const fill = new Path2D();
    const outline = new Path2D();
    let outlined = 0;
    for (const polygon of [...contours].sort((a, b) => b.length - a.length)) {
        addPolygon(fill, polygon);
        outlined += polygon.length / 2;
        if (outlined <= MAX_OUTLINED_POINTS) addPolygon(outline, polygon);
    }
    return {fill, outline};
}

/**
 * @param {CanvasRenderingContext2D} context in CSS pixels of the stage
 * @param {MaskPath} path
 * @param {string} color
 * @param {ViewFrame} view
 * @param {ImageSize} imageSize
 * @param {{isEmphasised?: boolean, isDimmed?: boolean}} options dimmed: it makes room for the mask being worked on
 */
export function drawMask(context, path, color, view, imageSize, {isEmphasised = false, isDimmed = false} = {}) {
    context.save();
    context.translate(view.offsetX, view.offsetY);
    context.scale(view.scale, view.scale);
    context.beginPath();
    context.rect(0, 0, imageSize.width, imageSize.height);
    context.clip();
    context.fillStyle = color;
    context.globalAlpha = isDimmed ? DIMMED_FILL_ALPHA : FILL_ALPHA;
    context.fill(path.fill, "evenodd");
    context.lineJoin = "round";
    if (!isDimmed) {
        context.globalAlpha = CASING_ALPHA;
        context.strokeStyle = isDark(color) ? "#fff" : "#000";
        context.lineWidth = (CASING_PX + (isEmphasised ? 1.5 : 0)) / view.scale;
        context.stroke(path.outline);
    }
    context.globalAlpha = isDimmed ? DIMMED_OUTLINE_ALPHA : 1;
    context.strokeStyle = color;
    context.lineWidth = (OUTLINE_PX + (isEmphasised ? 1 : 0)) / view.scale;
    context.stroke(path.outline);
    context.restore();
}

/** @param {string} color #rrggbb */
export function isDark(color) {
    const value = parseInt(color.slice(1), 16);
    const [red, green, blue] = [value >> 16, (value >> 8) & 255, value & 255];
    return 0.299 * red + 0.587 * green + 0.114 * blue < 128; // ITU-R BT.601 luma
}

/**
 * @param {Path2D} path
 * @param {Float32Array} polygon
 */
function addPolygon(path, polygon) {
    path.moveTo(polygon[0], polygon[1]);
    for (let k = 2; k < polygon.length; k += 2) path.lineTo(polygon[k], polygon[k + 1]);
    path.closePath();
}
