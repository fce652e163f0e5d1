/** How every mask looks: a fill that people make weaker or stronger (45 % to begin with), a 1.5 px outline in the same hue, and a thin casing so that it shows on any image. */

import {isDark} from "../color.js";

/** @import {Outline} from "../../core/outlines.js" */
/** @import {ImageSize, ViewFrame} from "../../core/types.d.ts" */

const DIMMED_SHARE = 0.36; // of the fill
const DIMMED_OUTLINE_ALPHA = 0.7;
const OUTLINE_PX = 1.5;
const CASING_PX = 3.5;
const CASING_ALPHA = 0.55;
const DASH_WIDTH_PX = 2.5;
const DASH_PX = 6;
const EMPHASIS_PX = {outline: 1, casing: 1.5};

// Points of polygons that get an outline. A mask has some hundred; a saved one of noise can have a hundred thousand,
// whose outlines would take seconds to draw and hide everything.
const MAX_OUTLINED_POINTS = 6000;
// The largest piece has its outline beyond that: on an image of 100 megapixels an object has ten thousands of points.
const MAX_POINTS_OF_LARGEST = 100_000;

/**
 * A mask as the canvas takes it, in image pixels.
 *
 * @typedef {object} MaskPath
 * @property {Path2D} fill
 * @property {Path2D} outline of its largest pieces
 * @property {number} points of both
 */

/**
 * @param {Outline} polygons
 * @param {number} tolerance image pixels: points that lie nearer to the one before are left out
 * @returns {MaskPath}
 */
export function pathOf(polygons, tolerance = 0) {
    const fill = new Path2D();
    const outline = new Path2D();
    let outlined = 0;
    let points = 0;
    for (const [k, whole] of [...polygons].sort((a, b) => b.length - a.length).entries()) {
        const polygon = tolerance > 0 ? thinned(whole, tolerance) : whole;
        addPolygon(fill, polygon);
        points += polygon.length / 2;
        outlined += polygon.length / 2;
        const isLargest = k === 0 && outlined <= MAX_POINTS_OF_LARGEST;
        if (outlined <= MAX_OUTLINED_POINTS || isLargest) addPolygon(outline, polygon);
    }
    return {fill, outline, points};
}

/**
 * How a mask is painted; widths in CSS pixels, casingAlpha 0: without a casing.
 *
 * @typedef {object} MaskStyle
 * @property {string} color
 * @property {number} fillAlpha
 * @property {number} outlineAlpha
 * @property {number} outlinePx
 * @property {string} casingColor
 * @property {number} casingAlpha
 * @property {number} casingPx
 */

/**
 * @param {string} color #rrggbb
 * @param {object} options
 * @param {number} options.opacity of the fill
 * @param {boolean} [options.isEmphasised]
 * @param {boolean} [options.isDimmed] it makes room for the mask being worked on
 * @returns {MaskStyle}
 */
export function maskStyle(color, {opacity, isEmphasised = false, isDimmed = false}) {
    return {
        color,
        fillAlpha: isDimmed ? DIMMED_SHARE * opacity : opacity,
        outlineAlpha: isDimmed ? DIMMED_OUTLINE_ALPHA : 1,
        outlinePx: OUTLINE_PX + (isEmphasised ? EMPHASIS_PX.outline : 0),
        casingColor: isDark(color) ? "#ffffff" : "#000000",
        casingAlpha: isDimmed ? 0 : CASING_ALPHA,
        casingPx: CASING_PX + (isEmphasised ? EMPHASIS_PX.casing : 0),
    };
}

/**
 * @param {CanvasRenderingContext2D} context in CSS pixels of the stage
 * @param {MaskPath} path
 * @param {MaskStyle} style
 * @param {ViewFrame} view
 * @param {ImageSize} imageSize
 */
export function drawMask(context, path, style, view, imageSize) {
    context.save();
    context.translate(view.offsetX, view.offsetY);
    context.scale(view.scale, view.scale);
    context.beginPath();
    context.rect(0, 0, imageSize.width, imageSize.height);
    context.clip();
    context.fillStyle = style.color;
    context.globalAlpha = style.fillAlpha;
    context.fill(path.fill, "evenodd");
    context.lineJoin = "round";
    if (style.casingAlpha > 0) {
        context.globalAlpha = style.casingAlpha;
        context.strokeStyle = style.casingColor;
        context.lineWidth = style.casingPx / view.scale;
        context.stroke(path.outline);
    }
    context.globalAlpha = style.outlineAlpha;
    context.strokeStyle = style.color;
    context.lineWidth = style.outlinePx / view.scale;
    context.stroke(path.outline);
    context.restore();
}

/**
 * An outline that is told apart from every mask's own.
 *
 * @param {CanvasRenderingContext2D} context in CSS pixels of the stage
 * @param {MaskPath} path
 * @param {ViewFrame} view
 */
export function drawDashed(context, path, view) {
    context.save();
    context.translate(view.offsetX, view.offsetY);
    context.scale(view.scale, view.scale);
    context.lineWidth = DASH_WIDTH_PX / view.scale;
    context.strokeStyle = "#000000";
    context.stroke(path.outline);
    context.setLineDash([DASH_PX / view.scale, DASH_PX / view.scale]);
    context.strokeStyle = "#ffffff";
    context.stroke(path.outline);
    context.restore();
}

/**
 * @param {Float32Array} polygon
 * @param {number} tolerance
 * @returns {Float32Array}
 */
function thinned(polygon, tolerance) {
    const kept = new Float32Array(polygon.length);
    let length = 0;
    let [lastX, lastY] = [Infinity, Infinity];
    for (let k = 0; k < polygon.length; k += 2) {
        const [x, y] = [polygon[k], polygon[k + 1]];
        if (Math.abs(x - lastX) + Math.abs(y - lastY) < tolerance) continue;
        kept[length++] = lastX = x;
        kept[length++] = lastY = y;
    }
    return length >= 6 ? kept.subarray(0, length) : polygon; // something of it stays, however small
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
