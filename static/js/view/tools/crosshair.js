/**
 * A place on the image that the arrow keys move, for prompting without a pointer: it is there while the stage has the focus of
 * the keyboard.
 */

/** @import {ImagePoint} from "../../core/types.d.ts" */
/** @import {Stage} from "../stage.js" */

const STEP_PX = 4; // CSS pixels
const LARGE_STEP_PX = 40; // with Shift
/** @type {Record<string, readonly [number, number]>} */
const WAYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

export class Crosshair {
    #stage;
    #onMove;
    /** @type {ImagePoint | null} */
    #place = null;

    /**
     * @param {Stage} stage
     * @param {(place: ImagePoint | null) => void} onMove null: it is gone
     */
    constructor(stage, onMove) {
        this.#stage = stage;
        this.#onMove = onMove;
        const {root} = stage;
        root.addEventListener("keydown", (event) => this.#key(event));
        root.addEventListener("blur", () => this.#set(null));
        root.addEventListener("pointerdown", () => this.#set(null));
    }

    /** The pixel under it; null: it is not shown. @returns {ImagePoint | null} */
    get pixel() {
        if (!this.#place) return null;
        return {x: Math.floor(this.#place.x), y: Math.floor(this.#place.y), frame: "image"};
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        const way = WAYS[event.key];
        if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        event.stopPropagation(); // the arrows go to other images elsewhere
        const {imageSize, view} = this.#stage;
        const step = (event.shiftKey ? LARGE_STEP_PX : STEP_PX) / view.scale;
        const from = this.#place ?? {x: imageSize.width / 2, y: imageSize.height / 2};
        const within = (/** @type {number} */ value, /** @type {number} */ length) =>
            Math.min(Math.max(value, 0), length - 0.5);
        this.#set({
            x: within(from.x + (this.#place ? way[0] * step : 0), imageSize.width),
            y: within(from.y + (this.#place ? way[1] * step : 0), imageSize.height),
            frame: "image",
        });
    }

    /** @param {ImagePoint | null} place */
    #set(place) {
        if (place === this.#place) return;
        this.#place = place;
        this.#onMove(place);
    }
}
