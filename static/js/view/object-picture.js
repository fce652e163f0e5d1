/** Small pictures of single objects, cut out of the picture on the stage. */

import {outlineOfRle} from "../core/outlines.js";
import {pathOf} from "./layers/mask-drawing.js";

/** @import {Annotation} from "../core/types.d.ts" */
/** @import {BenchStage} from "./bench-stage.js" */

const SIDE_PX = 24; // CSS pixels
const MARGIN_SHARE = 0.06; // of the object's longer side
const SURROUNDINGS_ALPHA = 0.3;

/**
 * @param {Pick<BenchStage, "drawPart">} benchStage
 * @param {Annotation} annotation
 * @returns {HTMLCanvasElement} the object, its surroundings faint; empty while there is no picture
 */
export function drawObject(benchStage, {segmentation, bbox}) {
    const canvas = document.createElement("canvas");
    canvas.className = "bench-picture";
    canvas.setAttribute("aria-hidden", "true");
    const side = Math.round(SIDE_PX * devicePixelRatio);
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    if (!context) return canvas;
    const [x, y, width, height] = bbox;
    const extent = Math.max(width, height, 4) * (1 + 2 * MARGIN_SHARE);
    const [left, top] = [x + width / 2 - extent / 2, y + height / 2 - extent / 2];
    const scale = side / extent;
    context.setTransform(scale, 0, 0, scale, -left * scale, -top * scale);
    const part = {left, top, right: left + extent, bottom: top + extent};
    context.globalAlpha = SURROUNDINGS_ALPHA;
    if (!benchStage.drawPart(context, part)) return canvas;
    context.globalAlpha = 1;
    context.clip(pathOf(outlineOfRle(segmentation, bbox), 0.5 / scale).fill, "evenodd");
    benchStage.drawPart(context, part);
    return canvas;
}
