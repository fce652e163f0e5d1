/** A calm frame around the region that prompts are answered in. What of it lies off the stage is drawn along the stage's edge. */

/** @import {Region, ViewFrame} from "../../core/types.d.ts" */

const INSET_PX = 5; // of the frame from the stage's edge
const RADIUS_PX = 8;
const DASH_PX = [6, 5];

export class RegionLayer {
    /** @type {Region | null} */
    region = null;
    /** Whether it is on its way. */
    isWaiting = false;

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {ViewFrame} view
     */
    draw(context, {scale, offsetX, offsetY, devicePixelRatio}) {
        const {region} = this;
        if (!region) return;
        const {width, height} = context.canvas;
        const [right, bottom] = [width / devicePixelRatio - INSET_PX, height / devicePixelRatio - INSET_PX];
        const x0 = Math.max(INSET_PX, offsetX + region.x * scale);
        const y0 = Math.max(INSET_PX, offsetY + region.y * scale);
        const x1 = Math.min(right, offsetX + (region.x + region.width) * scale);
        const y1 = Math.min(bottom, offsetY + (region.y + region.height) * scale);
        if (x1 <= x0 || y1 <= y0) return;
        context.beginPath();
        context.roundRect(x0, y0, x1 - x0, y1 - y0, RADIUS_PX);
        context.strokeStyle = "rgb(15 23 42 / 0.35)";
        context.lineWidth = 3;
        context.stroke();
        if (this.isWaiting) context.setLineDash(DASH_PX);
        context.strokeStyle = "rgb(255 255 255 / 0.9)";
        context.lineWidth = 1.5;
        context.stroke();
    }
}
