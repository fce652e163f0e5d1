/** A drag moves the image. */

/** @import {Stage} from "../stage.js" */

export class HandTool {
    #stage;
    /** @type {AbortController | null} */
    #listeners = null;

    /** @param {Stage} stage */
    constructor(stage) {
        this.#stage = stage;
    }

    enable() {
        this.#listeners = new AbortController();
        this.#stage.root.addEventListener(
            "pointerdown",
            (event) => {
                if (event.button === 0) this.#stage.dragImage(event);
            },
            {signal: this.#listeners.signal},
        );
    }

    disable() {
        this.#listeners?.abort();
    }
}
