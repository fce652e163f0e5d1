/**
 * What a click here would give, while no prompt is being made: decodes where the pointer is, one decode at a time, always
 * for its newest place. A click where it rests has its mask at once, since that was decoded already.
 */

/** @import {Candidate, ImagePoint} from "../../types.d.ts" */
/** @import {Workbench} from "./workbench.js" */

const STORAGE_KEY = "maskwright.preview";

export class HoverPreview {
    #workbench;
    #onShow;
    /** Where the pointer is. @type {ImagePoint | null} */
    #point = null;
    #isFollowing = false;
    #isOn = localStorage.getItem(STORAGE_KEY) !== "off";

    /**
     * @param {Workbench} workbench
     * @param {(candidate: Candidate | null) => void} onShow null: nothing is to be shown any more
     */
    constructor(workbench, onShow) {
        this.#workbench = workbench;
        this.#onShow = onShow;
    }

    toggle() {
        this.#isOn = !this.#isOn;
        localStorage.setItem(STORAGE_KEY, this.#isOn ? "on" : "off");
        if (!this.#isOn) this.leave();
    }

    /** @param {ImagePoint} point the pixel under the pointer */
    move(point) {
        if (!this.#isOn || !this.#workbench.canPreview) return;
        if (point.x === this.#point?.x && point.y === this.#point.y) return;
        this.#point = point;
        if (!this.#isFollowing) void this.#follow();
    }

    /** The pointer is elsewhere, or a prompt has begun. */
    leave() {
        this.#point = null;
        this.#onShow(null);
    }

    async #follow() {
        this.#isFollowing = true;
        for (let point = this.#point; point; ) {
            const candidate = await this.#workbench.preview(point);
            if (!this.#point || !this.#workbench.canPreview) break;
            this.#onShow(candidate);
            if (point === this.#point) break;
            point = this.#point;
        }
        this.#isFollowing = false;
    }
}
