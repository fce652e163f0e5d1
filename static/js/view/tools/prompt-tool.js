/** Points and boxes: left click foreground, right or Alt-click background, drag a box. */

import {BACKGROUND, FOREGROUND} from "../../core/prompt.js";
import {isInside, pixelAt} from "../../core/frames.js";
import {Tool} from "./tool.js";

/** @import {Mark} from "../../core/prompt-marks.js" */
/** @import {ImageBox, ImagePoint, ImageSize, PointLabel, ViewPoint} from "../../core/types.d.ts" */
/** @import {Stage} from "../stage.js" */
/** @import {Listen} from "./tool.js" */

const TURN_PX = 40; // of a wheel for one mask
const DRAG_FROM_PX = 5; // CSS pixels; less is a click with an unsteady hand

/**
 * @typedef {object} PromptToolEvents
 * @property {(point: ImagePoint | null) => void} onHover the mouse is over this pixel, no button down; null: elsewhere
 * @property {(point: ImagePoint, label: PointLabel) => void} onPress the button went down: maybe a click
 * @property {(point: ImagePoint, label: PointLabel, timeStamp: number) => void} onPoint
 * @property {(box: ImageBox | null, pointer: ImagePoint | null) => void} onDraftBox the box as it is drawn; null: it is done or
 *   given up
 * @property {(box: ImageBox, timeStamp: number) => void} onBox
 * @property {(direction: number) => void} onTurn Alt and the wheel: 1 a larger mask, -1 a smaller one
 * @property {() => void} onMode whether plain clicks leave out has changed
 * @property {(place: ViewPoint) => Mark | null} markAt the prompt's mark there
 * @property {(mark: Mark, place: ImagePoint | null) => void} onDraftMark it is being dragged to there; null: no longer
 * @property {(mark: Mark, place: ImagePoint, timeStamp: number) => void} onMoveMark
 * @property {(mark: Mark, timeStamp: number) => void} onRemoveMark a click on a point of the prompt
 * @property {(point: ImagePoint, isBesides: boolean) => void} onSelect Ctrl-click; isBesides: with Shift, the others stay selected
 * @property {(point: ImagePoint) => void} onEdit Ctrl-double-click
 */

export class PromptTool extends Tool {
    /** @override */
    cursor = "crosshair";
    #isLeavingOut = false;
    #events;
    /** @type {{event: PointerEvent, point: ImagePoint, mark: Mark | null} | null} */
    #press = null;
    #isDragging = false;
    /** How far the wheel was turned since the last mask. */
    #turned = 0;

    /**
     * @param {Stage} stage
     * @param {PromptToolEvents} events
     */
    constructor(stage, events) {
        super(stage);
        this.#events = events;
    }

    /** @override @param {Listen} on */
    listen(on) {
        super.listen(on);
        on("pointerdown", (event) => this.#down(event));
        on("pointermove", (event) => this.#move(event));
        on("pointerup", (event) => this.#up(event));
        on("pointerleave", () => this.#events.onHover(null));
        on("wheel", (event) => this.#turn(event));
        on("dblclick", (event) => {
            if ((event.ctrlKey || event.metaKey) && !event.shiftKey)
                this.#events.onEdit(this.stage.imagePoint(event));
        });
    }

    /** @override */
    disable() {
        super.disable();
        this.#events.onHover(null);
    }

    /** Whether a plain click leaves out instead: for fingers, which have neither a right button nor Alt. */
    get isLeavingOut() {
        return this.#isLeavingOut;
    }

    toggleLeavingOut() {
        this.#isLeavingOut = !this.#isLeavingOut;
        this.#events.onMode();
    }

    get isDragging() {
        return this.#isDragging;
    }

    /** Gives up the box being drawn. @override */
    cancel() {
        const wasDragging = this.#isDragging;
        const mark = this.#press?.mark;
        this.#press = null;
        this.#isDragging = false;
        if (wasDragging && mark) this.#events.onDraftMark(mark, null);
        else if (wasDragging) this.#events.onDraftBox(null, null);
        return wasDragging;
    }

    /** @param {PointerEvent} event */
    #down(event) {
        const {imageSize} = this.stage;
        const place = this.stage.imagePoint(event);
        if (event.button === 0 && (event.ctrlKey || event.metaKey)) {
            this.#events.onSelect(place, event.shiftKey);
            return;
        }
        if (event.button === 2) {
            this.cancel();
            if (isInside(place, imageSize))
                this.#events.onPoint(pixelAt(place, imageSize), BACKGROUND, event.timeStamp);
            return;
        }
        if (event.button !== 0) return;
        const mark = event.altKey ? null : this.#events.markAt(this.stage.viewPoint(event));
        this.#press = {event, point: place, mark};
        this.stage.root.setPointerCapture(event.pointerId);
        if (!mark?.isPoint && isInside(place, imageSize))
            this.#events.onPress(pixelAt(place, imageSize), this.#labelOf(event));
    }

    /** @param {PointerEvent} event */
    #move(event) {
        if (event.pointerType === "mouse" && event.buttons === 0 && !this.stage.isPanning) this.#hover(event);
        if (!this.#press || event.pointerId !== this.#press.event.pointerId || this.#press.event.altKey)
            return;
        const {clientX, clientY} = this.#press.event;
        if (Math.hypot(event.clientX - clientX, event.clientY - clientY) >= DRAG_FROM_PX)
            this.#isDragging = true;
        if (!this.#isDragging) return;
        const {mark} = this.#press;
        if (mark) this.#events.onDraftMark(mark, this.stage.imagePoint(event));
        else this.#events.onDraftBox(this.#boxTo(event), this.stage.imagePoint(event));
    }

    /** A step of a wheel, or as far a swipe on a trackpad, is one mask. @param {WheelEvent} event */
    #turn(event) {
        if (!event.altKey || event.ctrlKey) return;
        this.#turned += event.deltaMode === 0 ? event.deltaY : event.deltaY * TURN_PX;
        if (Math.abs(this.#turned) < TURN_PX) return;
        this.#events.onTurn(this.#turned < 0 ? 1 : -1);
        this.#turned = 0;
    }

    /** @param {PointerEvent} event */
    #hover(event) {
        const {imageSize} = this.stage;
        const place = this.stage.imagePoint(event);
        const isOnMark = this.#events.markAt(this.stage.viewPoint(event)) !== null;
        this.stage.root.style.setProperty("--tool-cursor", isOnMark ? "grab" : this.cursor);
        this.#events.onHover(isInside(place, imageSize) ? pixelAt(place, imageSize) : null);
    }

    /** @param {PointerEvent} event */
    #up(event) {
        if (!this.#press || event.pointerId !== this.#press.event.pointerId) return;
        const {event: press, point, mark} = this.#press;
        const wasDragging = this.#isDragging;
        const box = wasDragging && !mark ? this.#boxTo(event) : null;
        this.cancel();
        if (mark && wasDragging)
            return this.#events.onMoveMark(mark, this.stage.imagePoint(event), event.timeStamp);
        if (mark?.isPoint) return this.#events.onRemoveMark(mark, event.timeStamp);
        if (box) {
            if (box.x1 > box.x0 && box.y1 > box.y0) this.#events.onBox(box, event.timeStamp);
        } else if (isInside(point, this.stage.imageSize)) {
            this.#events.onPoint(pixelAt(point, this.stage.imageSize), this.#labelOf(press), event.timeStamp);
        }
    }

    /** @param {PointerEvent} event */
    #labelOf(event) {
        return event.altKey || this.isLeavingOut ? BACKGROUND : FOREGROUND;
    }

    /**
     * @param {PointerEvent} event
     * @returns {ImageBox | null}
     */
    #boxTo(event) {
        return (
            this.#press && boxBetween(this.#press.point, this.stage.imagePoint(event), this.stage.imageSize)
        );
    }
}

/**
 * @param {ImagePoint} a
 * @param {ImagePoint} b
 * @param {ImageSize} imageSize
 * @returns {ImageBox} whole pixels, inside the image
 */
function boxBetween(a, b, imageSize) {
    const within = (/** @type {number} */ value, /** @type {number} */ length) =>
        Math.min(Math.max(Math.round(value), 0), length);
    const [ax, bx] = [within(a.x, imageSize.width), within(b.x, imageSize.width)];
    const [ay, by] = [within(a.y, imageSize.height), within(b.y, imageSize.height)];
    return {
        x0: Math.min(ax, bx),
        y0: Math.min(ay, by),
        x1: Math.max(ax, bx),
        y1: Math.max(ay, by),
        frame: "image",
    };
}
