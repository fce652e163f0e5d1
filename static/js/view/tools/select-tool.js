/** A click selects the saved mask there, a double click edits it. */

import {Tool} from "./tool.js";

/** @import {ImagePoint} from "../../core/types.d.ts" */
/** @import {Stage} from "../stage.js" */
/** @import {Listen} from "./tool.js" */

export class SelectTool extends Tool {
    #events;

    /**
     * @param {Stage} stage
     * @param {{onSelect: (point: ImagePoint) => void, onEdit: (point: ImagePoint) => void,
     *   onHover: (point: ImagePoint | null) => void}} events
     */
    constructor(stage, events) {
        super(stage);
        this.#events = events;
    }

    /** @override */
    disable() {
        super.disable();
        this.#events.onHover(null);
    }

    /** @override @param {Listen} on */
    listen(on) {
        super.listen(on);
        on("pointerdown", (event) => {
            if (event.button === 0) this.#events.onSelect(this.stage.imagePoint(event));
        });
        on("pointermove", (event) => this.#events.onHover(this.stage.imagePoint(event)));
        on("pointerleave", () => this.#events.onHover(null));
        on("dblclick", (event) => this.#events.onEdit(this.stage.imagePoint(event)));
    }
}
