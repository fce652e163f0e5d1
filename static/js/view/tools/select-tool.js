/** A click selects the saved mask there. */

import {Tool} from "./tool.js";

/** @import {ImagePoint} from "../../core/types.d.ts" */
/** @import {Stage} from "../stage.js" */
/** @import {Listen} from "./tool.js" */

export class SelectTool extends Tool {
    #onSelect;

    /**
     * @param {Stage} stage
     * @param {(point: ImagePoint) => void} onSelect
     */
    constructor(stage, onSelect) {
        super(stage);
        this.#onSelect = onSelect;
    }

    /** @override @param {Listen} on */
    listen(on) {
        super.listen(on);
        on("pointerdown", (event) => {
            if (event.button === 0) this.#onSelect(this.stage.imagePoint(event));
        });
    }
}
