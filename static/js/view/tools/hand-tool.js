/** A drag moves the image. */

import {Tool} from "./tool.js";

/** @import {Listen} from "./tool.js" */

export class HandTool extends Tool {
    /** @override */
    cursor = "grab";

    /** @override @param {Listen} on */
    listen(on) {
        super.listen(on);
        on("pointerdown", (event) => {
            if (event.button === 0) this.stage.dragImage(event);
        });
    }
}
