/**
 * Polygon and lasso: each click sets a corner, a drag draws the border freely; a click on the first corner, a double click or
 * Enter closes it. With the right button or Alt the first corner begins a shape that is cut away. Scissors are a lasso whose
 * line from corner to corner follows the edges of the picture.
 */

import {Tool} from "./tool.js";

/** @import {Place} from "../../core/edit/strokes.js" */
/** @import {Stage} from "../stage.js" */
/** @import {Listen} from "./tool.js" */

const CLOSE_PX = 9; // CSS pixels from the first corner
const FREE_PX = 4; // between the corners of a border that is drawn freely

/**
 * @typedef {object} LassoEvents
 * @property {(corners: readonly Place[], isErasing: boolean) => void} onDraft the shape so far, up to the pointer; empty: it
 *   is done or given up
 * @property {(corners: readonly Place[], isErasing: boolean) => void} onShape
 */

/**
 * Lines that follow edges.
 *
 * @typedef {object} Edges
 * @property {(place: Place) => void} begin lines begin there from now on
 * @property {(place: Place) => Place[]} lineTo what lies between
 */

export class LassoTool extends Tool {
    /** @override */
    cursor = "crosshair";
    #events;
    #edges;
    /** @type {Place[]} */
    #corners = [];
    /** How many corners there were before each press. @type {number[]} */
    #presses = [];
    #isErasing = false;
    /** The pointer that draws freely. @type {number | null} */
    #drawing = null;

    /**
     * @param {Stage} stage
     * @param {LassoEvents} events
     * @param {Edges | null} edges null: from corner to corner it goes straight, and a drag draws freely
     */
    constructor(stage, events, edges = null) {
        super(stage);
        this.#events = events;
        this.#edges = edges;
    }

    get isDrawing() {
        return this.#corners.length > 0;
    }

    /** @override @param {Listen} on */
    listen(on) {
        super.listen(on);
        on("pointerdown", (event) => this.#down(event));
        on("pointermove", (event) => this.#move(event));
        on("pointerup", (event) => this.#up(event));
        on("dblclick", () => this.close());
    }

    /** Gives up the shape. @override */
    cancel() {
        const wasDrawing = this.isDrawing;
        this.#corners = [];
        this.#presses = [];
        this.#drawing = null;
        if (wasDrawing) this.#events.onDraft([], false);
        return wasDrawing;
    }

    /** Another tool is taken: the shape is complete. @override */
    disable() {
        this.close();
        super.disable();
    }

    /** The shape is complete. */
    close() {
        const isErasing = this.#isErasing;
        const corners = this.isDrawing ? [...this.#corners, ...this.#lineTo(this.#corners[0])] : [];
        this.cancel();
        if (corners.length > 2) this.#events.onShape(corners, isErasing);
    }

    /** Takes back the last press, with the line that led to it. */
    removeCorner() {
        this.#corners.length = this.#presses.pop() ?? 0;
        const last = this.#corners.at(-1);
        if (last) this.#edges?.begin(last);
        this.#events.onDraft([...this.#corners], this.#isErasing);
    }

    /** Only what that press has drawn is given up: one zooms in and out while a shape grows. @override @param {PointerEvent} event */
    losePress({pointerId}) {
        if (pointerId !== this.#drawing) return;
        this.#drawing = null;
        this.removeCorner();
    }

    /** @param {PointerEvent} event */
    #down(event) {
        if (event.button !== 0 && event.button !== 2) return;
        const place = this.#placeOf(event);
        if (!this.isDrawing) this.#isErasing = event.button === 2 || event.altKey;
        else if (this.#isNear(place, this.#corners[0], CLOSE_PX) && this.#corners.length > 2)
            return this.close();
        this.#presses.push(this.#corners.length);
        this.#corners.push(...this.#lineTo(place), place);
        this.#edges?.begin(place);
        this.#drawing = event.pointerId;
        this.stage.root.setPointerCapture(event.pointerId);
        this.#events.onDraft([...this.#corners], this.#isErasing);
    }

    /** @param {PointerEvent} event */
    #move(event) {
        if (!this.isDrawing) return;
        const place = this.#placeOf(event);
        const isFree = event.pointerId === this.#drawing && !this.#edges;
        const last = this.#corners[this.#corners.length - 1];
        if (isFree && !this.#isNear(place, last, FREE_PX)) this.#corners.push(place);
        this.#events.onDraft([...this.#corners, ...this.#lineTo(place), place], this.#isErasing);
    }

    /** @param {PointerEvent} event */
    #up(event) {
        if (event.pointerId !== this.#drawing) return;
        this.#drawing = null;
        if (this.#edges) return;
        // A border that was drawn freely back to its beginning is closed.
        if (this.#corners.length > 8 && this.#isNear(this.#placeOf(event), this.#corners[0], 2 * CLOSE_PX))
            this.close();
    }

    /** What lies between the last corner and a place. @param {Place} place */
    #lineTo(place) {
        return this.isDrawing ? (this.#edges?.lineTo(place) ?? []) : [];
    }

    /** @param {PointerEvent} event @returns {Place} */
    #placeOf(event) {
        const {x, y} = this.stage.imagePoint(event);
        return {x, y};
    }

    /**
     * @param {Place} a
     * @param {Place} b
     * @param {number} px CSS pixels
     */
    #isNear(a, b, px) {
        return Math.hypot(a.x - b.x, a.y - b.y) * this.stage.view.scale <= px;
    }
}
