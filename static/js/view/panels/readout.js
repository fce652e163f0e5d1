/** The figures below the stage: the pixel under the pointer, and how large the box or the object is that one is busy with. */

import {isInside} from "../../core/frames.js";
import {find} from "../elements.js";

/** @import {Bbox, ImageBox, ImagePoint} from "../../core/types.d.ts" */
/** @import {Stage} from "../stage.js" */

export class Readout {
    /** Where the pointer is; null: not on the image. @type {ImagePoint | null} */
    place = null;
    #figures = find("[data-coordinates]", HTMLElement);
    #extent = find("[data-extent]", HTMLElement);
    /** @type {ImageBox | null} */
    #box = null;
    /** @type {Bbox | null} */
    #object = null;

    /** @param {Stage} stage */
    constructor(stage) {
        const {root} = stage;
        root.addEventListener("pointermove", (event) => {
            const point = stage.imagePoint(event);
            const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
            this.place = isInside(point, stage.imageSize) ? point : null;
            this.#figures.textContent = this.place ? `x ${x}  y ${y}` : "";
        });
        root.addEventListener("pointerleave", () => {
            this.place = null;
            this.#figures.textContent = "";
        });
    }

    /** @param {ImageBox | null} box as it is drawn; null: none is */
    showBox(box) {
        this.#box = box;
        this.#render();
    }

    /** @param {Bbox | null} bbox of the selected object; null: there is none, or several */
    showObject(bbox) {
        this.#object = bbox;
        this.#render();
    }

    #render() {
        const [box, object] = [this.#box, this.#object];
        const size = box ? [box.x1 - box.x0, box.y1 - box.y0] : object?.slice(2);
        const text = size ? size.join(" × ") : "";
        if (this.#extent.textContent !== text) this.#extent.textContent = text;
    }
}
