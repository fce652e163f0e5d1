/**
 * What a click here would give, while no prompt is being made: decodes where the pointer rests. A click there has its mask
 * at once, since that was decoded already.
 *
 * On its way the pointer asks for nothing: masks that flicker by help nobody, and a click at the end of the way would have
 * to wait for the last of them.
 */

import {nextNested} from "../core/candidates.js";

/** @import {Candidate, ImagePoint} from "../core/types.d.ts" */
/** @import {KeyStore, Timers} from "./ports.d.ts" */

const STORAGE_KEY = "maskwright.preview";
const REST_MS = 40;
const REST_PX = 3; // CSS pixels; a hand is never quite still

/**
 * Of the workbench.
 *
 * @typedef {object} PreviewSource
 * @property {boolean} canPreview
 * @property {(point: ImagePoint) => Promise<Candidate | null>} preview null: unknown
 * @property {(point: ImagePoint) => Promise<readonly Candidate[]>} nestedAt all masks there, from the part to the whole
 */

/** @typedef {{candidate: Candidate, point: ImagePoint, isChosen?: true}} Previewed point: where it was decoded for; isChosen: by the person */

export class Preview {
    #source;
    #covers;
    #onShow;
    #storage;
    #timers;
    /** Where the pointer is. @type {ImagePoint | null} */
    #point = null;
    #scale = 1;
    /** Where it has been near since the timer was started. @type {ImagePoint | null} */
    #resting = null;
    #timer = 0;
    #isDecoding = false;
    /** Raised when the pointer leaves: what was decoded before is of no use then, maybe of another image. */
    #visit = 0;
    /** @type {Previewed | null} */
    #shown = null;
    #isOn;

    /**
     * @param {PreviewSource} source
     * @param {(candidate: Candidate, point: ImagePoint) => boolean} covers
     * @param {(candidate: Candidate | null) => void} onShow null: nothing is to be shown any more
     * @param {{storage: KeyStore, timers: Timers}} world
     */
    constructor(source, covers, onShow, {storage, timers}) {
        this.#source = source;
        this.#covers = covers;
        this.#onShow = onShow;
        this.#storage = storage;
        this.#timers = timers;
        this.#isOn = storage.getItem(STORAGE_KEY) !== "off";
    }

    toggle() {
        this.#isOn = !this.#isOn;
        this.#storage.setItem(STORAGE_KEY, this.#isOn ? "on" : "off");
        if (!this.#isOn) this.leave();
    }

    /**
     * @param {ImagePoint} point the pixel under the pointer
     * @param {number} scale CSS pixels to an image pixel
     */
    move(point, scale) {
        if (!this.#isOn || !this.#source.canPreview) return;
        if (point.x === this.#point?.x && point.y === this.#point.y) return;
        this.#point = point;
        this.#scale = scale;
        if (this.#shown && !this.#suits(this.#shown, point)) this.#show(null);
        if (this.#timer && this.#resting && this.#isNear(point, this.#resting)) return;
        this.#timers.stop(this.#timer);
        this.#resting = point;
        this.#timer = this.#timers.start(() => void this.#decode(), REST_MS);
    }

    /**
     * Shows the next larger or smaller mask of the place that the pointer rests on.
     *
     * @param {number} direction 1 larger, -1 smaller
     */
    async turn(direction) {
        const before = this.#shown;
        if (!before) return;
        const next = nextNested(await this.#source.nestedAt(before.point), before.candidate.index, direction);
        if (next && this.#shown === before)
            this.#show({candidate: next, point: before.point, isChosen: true});
    }

    /** The decoder's output that the person has turned to there; null: none. @param {ImagePoint} point */
    choiceAt(point) {
        const shown = this.#shown;
        return shown?.isChosen && this.#isNear(shown.point, point) ? shown.candidate.index : null;
    }

    /** A button went down: what is decoded next is for that. */
    press() {
        this.#timers.stop(this.#timer);
        this.#timer = 0;
    }

    /** The pointer is elsewhere, or a prompt has begun. */
    leave() {
        this.press();
        this.#visit++;
        this.#point = null;
        this.#resting = null;
        this.#show(null);
    }

    /** One at a time, and always for the pointer's newest place. */
    async #decode() {
        this.#timer = 0;
        if (this.#isDecoding) return;
        this.#isDecoding = true;
        for (let point = this.#point; point && this.#source.canPreview;) {
            const visit = this.#visit;
            const candidate = await this.#source.preview(point);
            const isWanted = candidate !== null && visit === this.#visit && this.#source.canPreview;
            if (isWanted && this.#point && this.#suits({candidate, point}, this.#point))
                this.#show({candidate, point});
            if (this.#timer || point === this.#point) break; // it moves again, and will be asked for then
            point = this.#point;
        }
        this.#isDecoding = false;
    }

    /**
     * Whether a mask tells something about a place: it was decoded for it, or covers it.
     *
     * @param {Previewed} shown
     * @param {ImagePoint} place
     */
    #suits({candidate, point}, place) {
        return this.#isNear(point, place) || this.#covers(candidate, place);
    }

    /**
     * @param {ImagePoint} a
     * @param {ImagePoint} b
     */
    #isNear(a, b) {
        return Math.hypot(a.x - b.x, a.y - b.y) * this.#scale <= REST_PX;
    }

    /** @param {Previewed | null} shown */
    #show(shown) {
        this.#shown = shown;
        this.#onShow(shown?.candidate ?? null);
    }
}
