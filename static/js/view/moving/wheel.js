/**
 * What a wheel event means: zoom or move. A mouse's wheel zooms and a trackpad's two fingers move the image, unless the person
 * has set that the wheel always does the one or the other. A pinch, or the wheel with Ctrl, zooms in any case.
 *
 * Browsers do not say which device an event comes from. A wheel turns in large whole steps, or reports lines; fingers
 * report small or broken steps, and often both directions. One turn or swipe is from one device, so events that follow one
 * another closely count as the first one did.
 */

/** @typedef {"recognise" | "zoom" | "pan"} WheelHabit */
/** @typedef {Pick<WheelEvent, "deltaX" | "deltaY" | "deltaMode" | "ctrlKey" | "metaKey" | "shiftKey" | "timeStamp">} Turn */
/** @typedef {{factor: number, dx: number, dy: number}} WheelMeaning factor 1: only moved; dx and dy in CSS pixels */

const ZOOM_PER_PX = 0.0015;
const PINCH_ZOOM_PER_PX = 0.009; // a pinch comes in smaller steps
const LINE_PX = 16;
const PAGE_PX = 400;
const LEAST_STEP_PX = 40; // of a mouse's wheel: Chromium's is 100 or more, Firefox's and Safari's with lines 48
const PAUSE_MS = 300; // between two turns

export class Wheel {
    /** @type {WheelHabit} */
    habit = "recognise";
    #isTrackpad = false;
    #lastAt = -Infinity;

    /** @param {Turn} turn @returns {WheelMeaning} */
    read(turn) {
        const unit = turn.deltaMode === 1 ? LINE_PX : turn.deltaMode === 2 ? PAGE_PX : 1;
        const [x, y] = [turn.deltaX * unit, turn.deltaY * unit];
        const isTrackpad = this.#recognise(turn);
        if (turn.ctrlKey || turn.metaKey) {
            const isPinch = turn.deltaMode === 0 && Math.abs(y) < LEAST_STEP_PX;
            return {factor: Math.exp(-y * (isPinch ? PINCH_ZOOM_PER_PX : ZOOM_PER_PX)), dx: 0, dy: 0};
        }
        // With Shift some browsers turn the wheel sideways themselves.
        if (turn.shiftKey) return {factor: 1, dx: -(x || y), dy: 0};
        const pans = this.habit === "pan" || (this.habit === "recognise" && isTrackpad);
        if (pans) return {factor: 1, dx: noMinus(-x), dy: noMinus(-y)};
        return {factor: Math.exp(-y * ZOOM_PER_PX), dx: noMinus(-x), dy: 0};
    }

    /** @param {Turn} turn whether fingers on a trackpad made it */
    #recognise({deltaX, deltaY, deltaMode, shiftKey, ctrlKey, timeStamp}) {
        const isSameTurn = timeStamp - this.#lastAt < PAUSE_MS;
        this.#lastAt = timeStamp;
        const isSideways = deltaX !== 0 && !shiftKey;
        if (deltaMode !== 0) this.#isTrackpad = false;
        else if (isSideways) this.#isTrackpad = true;
        else if (!isSameTurn && !shiftKey && !ctrlKey && deltaY !== 0)
            this.#isTrackpad = Math.abs(deltaY) < LEAST_STEP_PX;
        return this.#isTrackpad;
    }
}

/** @param {number} value */
function noMinus(value) {
    return value === 0 ? 0 : value;
}
