/**
 * Fingers on the stage: two zoom and move the image, what one does is the tool's. Once a pen was seen, one finger only moves
 * the image, and so does the palm that lies beside the pen.
 */

/** @import {ViewPoint} from "../../core/types.d.ts" */

/**
 * @typedef {object} FingerWork
 * @property {(event: PointerEvent) => ViewPoint} viewPoint
 * @property {(dx: number, dy: number) => void} pan CSS pixels
 * @property {(point: ViewPoint, factor: number) => void} zoom
 */

export class Fingers {
    #root;
    #work;
    /** Where each is. @type {Map<number, ViewPoint>} */
    #places = new Map();
    /** Whether they move the image, until the last one is lifted. */
    #isMoving = false;
    #hasPen = false;
    #isPenDown = false;

    /**
     * @param {HTMLElement} root the stage; listens before the tools do
     * @param {FingerWork} work
     */
    constructor(root, work) {
        this.#root = root;
        this.#work = work;
        const on = (
            /** @type {"pointerdown" | "pointermove" | "pointerup" | "pointercancel"} */ type,
            /** @type {(event: PointerEvent) => void} */ handler,
        ) => root.addEventListener(type, handler, {capture: true});
        on("pointerdown", (event) => this.#down(event));
        on("pointermove", (event) => this.#move(event));
        on("pointerup", (event) => this.#up(event));
        on("pointercancel", (event) => this.#up(event));
    }

    /** @param {PointerEvent} event */
    #down(event) {
        if (event.pointerType === "pen") this.#hasPen = this.#isPenDown = true;
        if (event.pointerType !== "touch") return;
        this.#places.set(event.pointerId, this.#work.viewPoint(event));
        if (!this.#isMoving && (this.#hasPen || this.#places.size > 1)) {
            this.#isMoving = true;
            this.#takeFromTools(event.pointerId);
        }
        if (this.#isMoving) event.stopImmediatePropagation();
    }

    /** @param {PointerEvent} event */
    #move(event) {
        const before = this.#places.get(event.pointerId);
        if (!before) return;
        const now = this.#work.viewPoint(event);
        this.#places.set(event.pointerId, now);
        if (!this.#isMoving) return;
        event.stopImmediatePropagation();
        if (this.#isPenDown) return; // the palm
        const others = [...this.#places].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
        const share = 1 / (others.length + 1); // each finger moves the image by its part
        this.#work.pan((now.x - before.x) * share, (now.y - before.y) * share);
        if (others.length !== 1) return;
        const [other] = others;
        const factor = distance(now, other) / Math.max(1, distance(before, other));
        this.#work.zoom({x: (now.x + other.x) / 2, y: (now.y + other.y) / 2, frame: "view"}, factor);
    }

    /** @param {PointerEvent} event */
    #up(event) {
        if (event.pointerType === "pen") this.#isPenDown = false;
        if (!this.#places.delete(event.pointerId)) return;
        if (this.#isMoving) event.stopImmediatePropagation();
        if (this.#places.size === 0) this.#isMoving = false;
    }

    /** What the first finger began with a tool is given up. @param {number} exceptId */
    #takeFromTools(exceptId) {
        const places = new Map(this.#places);
        this.#places.clear(); // what is sent now is for the tools
        this.#isMoving = false;
        for (const pointerId of places.keys()) {
            if (pointerId !== exceptId)
                this.#root.dispatchEvent(
                    new PointerEvent("pointercancel", {pointerId, pointerType: "touch"}),
                );
        }
        this.#places = places;
        this.#isMoving = true;
    }
}

/**
 * @param {ViewPoint} a
 * @param {ViewPoint} b
 */
function distance(a, b) {
    return Math.hypot(a.x - b.x, a.y - b.y);
}
