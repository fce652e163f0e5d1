/** The polygons of the mask that is worked on: lines, corners that can be moved, and the lasso around some of them. */

import {cornerPlaces} from "../../core/edit/polygon.js";
import {imageToView} from "../../core/frames.js";

/** @import {Place} from "../../core/edit/strokes.js" */
/** @import {ViewFrame} from "../../core/types.d.ts" */
/** @import {PolygonDraft} from "../tools/polygon-tool.js" */

const CORNER_PX = 3.5;
const CASING = "rgb(0 0 0 / 0.65)";

export class PolygonLayer {
    color = "#4f46e5";
    /** @type {PolygonDraft} */
    draft = {rings: [], chosen: [], lasso: []};

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {ViewFrame} view
     */
    draw(context, view) {
        const {rings, chosen, lasso} = this.draft;
        const at = (/** @type {Place} */ {x, y}) => imageToView({x, y, frame: "image"}, view);
        const lines = new Path2D();
        /** @type {{x: number, y: number, isChosen: boolean}[]} */
        const corners = [];
        rings.forEach((ring, k) => {
            cornerPlaces(ring).forEach((corner, position) => {
                const {x, y} = at(corner);
                if (position === 0) lines.moveTo(x, y);
                else lines.lineTo(x, y);
                corners.push({x, y, isChosen: chosen[k]?.has(position) ?? false});
            });
            lines.closePath();
        });
        strokeTwice(context, lines, 1.25, "#ffffff");
        for (const {x, y, isChosen} of corners) {
            context.beginPath();
            context.rect(x - CORNER_PX, y - CORNER_PX, 2 * CORNER_PX, 2 * CORNER_PX);
            context.fillStyle = isChosen ? this.color : "#ffffff";
            context.strokeStyle = isChosen ? "#ffffff" : CASING;
            context.lineWidth = 1.25;
            context.fill();
            context.stroke();
        }
        if (lasso.length < 2) return;
        const border = new Path2D();
        lasso.map(at).forEach(({x, y}, k) => (k === 0 ? border.moveTo(x, y) : border.lineTo(x, y)));
        context.setLineDash([5, 4]);
        strokeTwice(context, border, 1.25, "#ffffff");
        context.setLineDash([]);
    }
}

/**
 * A line that shows on any ground.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Path2D} path
 * @param {number} width CSS pixels
 * @param {string} color
 */
function strokeTwice(context, path, width, color) {
    context.lineJoin = "round";
    context.strokeStyle = CASING;
    context.lineWidth = width + 2;
    context.stroke(path);
    context.strokeStyle = color;
    context.lineWidth = width;
    context.stroke(path);
}
