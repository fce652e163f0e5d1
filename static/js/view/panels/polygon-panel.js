/** How many corners a mask's polygons have, and how well they stand for it. */

import {find} from "../elements.js";
import {plural} from "../words.js";

const [FINEST, COARSEST] = [0.4, 60]; // image pixels

export class PolygonPanel {
    #root;
    #slider;
    #figures;

    /**
     * @param {HTMLElement} root
     * @param {{onTolerance: () => void, onUse: () => void, onDropPieces: (area: number) => void}} events
     */
    constructor(root, {onTolerance, onUse, onDropPieces}) {
        this.#root = root;
        this.#slider = find("[name=tolerance]", HTMLInputElement, root);
        this.#figures = find("[data-polygon-figures]", HTMLElement, root);
        const least = find("[name=least]", HTMLInputElement, root);
        this.#slider.addEventListener("input", onTolerance);
        find("[data-use-polygon]", HTMLButtonElement, root).addEventListener("click", onUse);
        find("[data-drop-pieces]", HTMLButtonElement, root).addEventListener("click", () => {
            if (least.reportValidity()) onDropPieces(least.valueAsNumber);
        });
        root.addEventListener("click", ({target, detail}) => {
            // After the mouse the keys are the image's again: Enter accepts the mask. Who came here by keys stays.
            if (target instanceof HTMLButtonElement && detail > 0) target.blur();
        });
    }

    /** How far the outline may lie from the lines between corners, in image pixels. */
    get tolerance() {
        return FINEST * (COARSEST / FINEST) ** (this.#slider.valueAsNumber / 100);
    }

    /** @param {{points: number, corners: number, iou: number}} figures */
    show({points, corners, iou}) {
        this.#root.hidden = false;
        const match = (Math.floor(iou * 1000) / 1000).toFixed(3); // 1.000 is said of the mask itself only
        this.#figures.textContent = `${points} → ${plural(corners, "point")}, IoU ${match}`;
    }

    hide() {
        this.#root.hidden = true;
    }
}
