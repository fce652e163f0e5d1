/** A click selects the saved mask there. */

/** @import {ImagePoint} from "../../core/types.d.ts" */
/** @import {Stage} from "../stage.js" */

export class SelectTool {
    #stage;
    #onSelect;
    /** @type {AbortController | null} */
    #listeners = null;

    /**
     * @param {Stage} stage
     * @param {(point: ImagePoint) => void} onSelect
     */
    constructor(stage, onSelect) {
        this.#stage = stage;
        this.#onSelect = onSelect;
    }

    enable() {
        this.#listeners = new AbortController();
        this.#stage.root.addEventListener(
            "pointerdown",
            (event) => {
                if (event.button === 0) this.#onSelect(this.#stage.imagePoint(event));
            },
            {signal: this.#listeners.signal},
        );
    }

    disable() {
        this.#listeners?.abort();
    }
}
