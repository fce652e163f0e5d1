/**
 * What a click here would give, while no prompt is being made: decodes where the pointer rests. A click there has its mask
 * at once, since that was decoded already.
 *
 * On its way the pointer asks for nothing: masks that flicker by help nobody, and a click at the end of the way would have
 * to wait for the last of them.
 */

/** @import {Candidate, ImagePoint} from "../../types.d.ts" */
/** @import {Workbench} from "./workbench.js" */

const STORAGE_KEY = "maskwright.preview";
const REST_MS = 40;
const REST_PX = 3; // CSS pixels; a hand is never quite still

export class HoverPreview {
    #workbench;
    #covers;
    #onShow;
    /** Where the pointer is. @type {ImagePoint | null} */
    #point = null;
    /** Where it has been near for a while. @type {ImagePoint | null} */
    #resting = null;
    #timer = 0;
    #isDecoding = false;
    /** @type {Candidate | null} */
    #shown = null;
    #isOn = localStorage.getItem(STORAGE_KEY) !== "off";

    /**
     * @param {Workbench} workbench
     * @param {(candidate: Candidate, point: ImagePoint) => boolean} covers
     * @param {(candidate: Candidate | null) => void} onShow null: nothing is to be shown any more
     */
    constructor(workbench, covers, onShow) {
        this.#workbench = workbench;
        this.#covers = covers;
        this.#onShow = onShow;
    }

    toggle() {
        this.#isOn = !this.#isOn;
        localStorage.setItem(STORAGE_KEY, this.#isOn ? "on" : "off");
        if (!this.#isOn) this.leave();
    }

    /**
     * @param {ImagePoint} point the pixel under the pointer
     * @param {number} scale CSS pixels to an image pixel
     */
    move(point, scale) {
        if (!this.#isOn || !this.#workbench.canPreview) return;
        if (point.x === this.#point?.x && point.y === this.#point.y) return;
        this.#point = point;
        if (this.#shown && !this.#covers(this.#shown, point)) this.#show(null); // it is of something else
        if (this.#timer && this.#resting && Math.hypot(point.x - this.#resting.x, point.y - this.#resting.y) * scale <= REST_PX) return;
        clearTimeout(this.#timer);
        this.#resting = point;
        this.#timer = setTimeout(() => void this.#decode(), REST_MS);
    }

    /** The pointer is elsewhere, or a prompt has begun. */
    leave() {
        clearTimeout(this.#timer);
        this.#timer = 0;
        this.#point = null;
        this.#resting = null;
        this.#show(null);
    }

    /** One at a time, and always for the pointer's newest place. */
    async #decode() {
        this.#timer = 0;
        if (this.#isDecoding) return;
        this.#isDecoding = true;
        for (let point = this.#point; point && this.#workbench.canPreview; ) {
            const candidate = await this.#workbench.preview(point);
            if (this.#timer || !this.#point || !this.#workbench.canPreview) break; // it moves again, or is gone
            this.#show(candidate);
            if (point === this.#point) break;
            point = this.#point;
        }
        this.#isDecoding = false;
    }

    /** @param {Candidate | null} candidate */
    #show(candidate) {
        this.#shown = candidate;
        this.#onShow(candidate);
    }
}
