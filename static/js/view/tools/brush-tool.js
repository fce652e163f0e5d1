/** Brush and eraser: a drag paints, with the right button or Alt it erases; Alt and the wheel change the size. */

import {Tool} from "./tool.js";

/** @import {Dab} from "../../core/edit/strokes.js" */
/** @import {Stage} from "../stage.js" */
/** @import {BrushSize} from "./brush-size.js" */
/** @import {Listen} from "./tool.js" */

const PEN_LIGHTEST = 0.3; // of the width, with the least pressure of a pen

/**
 * @typedef {object} BrushEvents
 * @property {(dab: Dab | null) => void} onHover where the brush would paint; null: nowhere
 * @property {(dabs: readonly Dab[], isErasing: boolean) => void} onDraft the stroke so far; empty: it is done or given up
 * @property {(dabs: readonly Dab[], isErasing: boolean, timeStamp: number) => void} onStroke
 */

export class BrushTool extends Tool {
    /** @override */
    cursor = "none";
    #size;
    #isEraser;
    #events;
    /** @type {{pointerId: number, isErasing: boolean, dabs: Dab[]} | null} */
    #stroke = null;

    /**
     * @param {Stage} stage
     * @param {BrushSize} size
     * @param {boolean} isEraser
     * @param {BrushEvents} events
     */
    constructor(stage, size, isEraser, events) {
        super(stage);
        this.#size = size;
        this.#isEraser = isEraser;
        this.#events = events;
    }

    /** @override @param {Listen} on */
    listen(on) {
        super.listen(on);
        on("pointerdown", (event) => this.#down(event));
        on("pointermove", (event) => this.#move(event));
        on("pointerup", (event) => this.#up(event));
        on("pointerleave", () => this.#events.onHover(null));
        on("wheel", (event) => event.altKey && this.#size.change(event.deltaY < 0 ? 1 : -1));
    }

    /** @override */
    disable() {
        super.disable();
        this.#events.onHover(null);
    }

    /** Gives up the stroke being drawn. @override */
    cancel() {
        const wasDrawing = this.#stroke !== null;
        this.#stroke = null;
        if (wasDrawing) this.#events.onDraft([], false);
        return wasDrawing;
    }

    /** @param {PointerEvent} event */
    #down(event) {
        if (event.button !== 0 && event.button !== 2) return;
        this.cancel();
        const isErasing = this.#isEraser || event.button === 2 || event.altKey;
        this.#stroke = {pointerId: event.pointerId, isErasing, dabs: [this.#dabAt(event)]};
        this.stage.root.setPointerCapture(event.pointerId);
        this.#events.onDraft(this.#stroke.dabs, isErasing);
    }

    /** @param {PointerEvent} event */
    #move(event) {
        if (event.pointerType !== "touch") this.#events.onHover(this.#dabAt(event));
        if (!this.#stroke || event.pointerId !== this.#stroke.pointerId) return;
        // A fast hand has been at several places since the last frame.
        const places = event.getCoalescedEvents?.() ?? [];
        for (const place of places.length > 0 ? places : [event]) this.#stroke.dabs.push(this.#dabAt(place));
        this.#events.onDraft(this.#stroke.dabs, this.#stroke.isErasing);
    }

    /** @param {PointerEvent} event */
    #up(event) {
        if (!this.#stroke || event.pointerId !== this.#stroke.pointerId) return;
        const {dabs, isErasing} = this.#stroke;
        this.cancel();
        this.#events.onStroke(dabs, isErasing, event.timeStamp);
    }

    /** @param {PointerEvent} event @returns {Dab} */
    #dabAt(event) {
        const {x, y} = this.stage.imagePoint(event);
        const isPen = event.pointerType === "pen" && event.pressure > 0;
        const share = isPen ? PEN_LIGHTEST + (1 - PEN_LIGHTEST) * event.pressure : 1;
        return {x, y, radius: Math.max(0.6, this.#size.radius * share)};
    }
}
