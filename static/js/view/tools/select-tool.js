/** A click selects the saved mask there, with Ctrl or Shift beside the others; a double click edits it. */

import {Tool} from "./tool.js";

/** @import {ImagePoint} from "../../core/types.d.ts" */
/** @import {Stage} from "../stage.js" */
/** @import {Listen} from "./tool.js" */

export class SelectTool extends Tool {
    #events;

    /**
     * @param {Stage} stage
     * @param {{onSelect: (point: ImagePoint, isBesides: boolean) => void, onEdit: (point: ImagePoint) => void,
     *   onHover: (point: ImagePoint | null) => void}} events isBesides: the others stay selected
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
            if (event.button === 0) this.#events.onSelect(this.stage.imagePoint(event), isBesides(event));
        });
        on("pointermove", (event) => this.#events.onHover(this.stage.imagePoint(event)));
        on("pointerleave", () => this.#events.onHover(null));
        on("dblclick", (event) => {
            if (!isBesides(event)) this.#events.onEdit(this.stage.imagePoint(event));
        });
    }
}

/** @param {MouseEvent} event */
function isBesides({shiftKey, ctrlKey, metaKey}) {
    return shiftKey || ctrlKey || metaKey;
}
