/** What a mask costs its annotator: seconds and clicks. */

/** @import {Clock} from "./ports.d.ts" */

/** @typedef {{timeSpentS: number, clicks: number}} Cost */

export class Effort {
    #now;
    #startedAt = 0;
    #clicks = 0;

    /** @param {Clock} now */
    constructor(now) {
        this.#now = now;
    }

    /** The next mask begins. */
    begin() {
        this.#startedAt = this.#now();
        this.#clicks = 0;
    }

    /** Goes on with a mask that has cost something already. @param {Cost} cost */
    resume({timeSpentS, clicks}) {
        this.#startedAt = this.#now() - timeSpentS * 1000;
        this.#clicks = clicks;
    }

    /** @param {boolean} isFirst of its prompt: looking for the object before it does not count as time */
    addClick(isFirst) {
        if (isFirst) this.#startedAt = this.#now();
        this.#clicks++;
    }

    /**
     * @param {Cost | null} before what the mask had cost when it was last saved
     * @returns {Cost} seconds with one decimal
     */
    costOnTopOf(before) {
        const tenths = (before?.timeSpentS ?? 0) * 10 + (this.#now() - this.#startedAt) / 100;
        return {timeSpentS: Math.round(tenths) / 10, clicks: (before?.clicks ?? 0) + this.#clicks};
    }
}
