/** The panel that says how masks and picture are shown and moved, and the filter over the picture. */

import {find, findAll} from "../elements.js";

/** @import {Sight, SightSettings} from "../../session/sight.js" */

/** Rows of a colour matrix: which channels a shown one is made of. @type {Record<SightSettings["channel"], number[][]>} */
const CHANNELS = {
    all: [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
    ],
    red: Array(3).fill([1, 0, 0]),
    green: Array(3).fill([0, 1, 0]),
    blue: Array(3).fill([0, 0, 1]),
};

export class SightPanel {
    #root;
    #sight;
    #stage;
    #onMoving;
    /** @type {Readonly<SightSettings> | null} */
    #shown = null;

    /**
     * @param {HTMLElement} root a popover with a field for each setting, named as it
     * @param {HTMLElement} stage whose picture the filter lies over
     * @param {Sight} sight
     * @param {(settings: Readonly<SightSettings>) => void} onMoving how the image is moved is another one
     */
    constructor(root, stage, sight, onMoving) {
        this.#root = root;
        this.#stage = stage;
        this.#sight = sight;
        this.#onMoving = onMoving;
        root.addEventListener("input", ({target}) => {
            if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement)
                sight.change({[target.name]: valueOf(target)});
        });
        find("[data-reset]", HTMLButtonElement, root).addEventListener("click", () => sight.reset());
    }

    toggle() {
        this.#root.togglePopover();
    }

    render() {
        const {settings} = this.#sight;
        if (settings === this.#shown) return;
        this.#shown = settings;
        for (const field of findAll("[name]", HTMLElement, this.#root)) {
            const value = settings[/** @type {keyof SightSettings} */ (field.getAttribute("name"))];
            if (field instanceof HTMLInputElement && field.type === "checkbox")
                field.checked = Boolean(value);
            else if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement)
                field.value = String(value);
        }
        this.#onMoving(settings);
        this.#stage.toggleAttribute("data-adjusted", isAdjusted(settings));
        find("[data-matrix]", SVGElement, document.body).setAttribute("values", matrixOf(settings));
        for (const node of findAll("[data-gamma]", SVGElement, document.body))
            node.setAttribute("exponent", String(1 / settings.gamma));
    }
}

/** @param {HTMLInputElement | HTMLSelectElement} field */
function valueOf(field) {
    if (field instanceof HTMLSelectElement) return field.value;
    return field.type === "checkbox" ? field.checked : Number(field.value);
}

/** @param {Readonly<SightSettings>} settings */
function isAdjusted({brightness, contrast, gamma, isInverted, channel}) {
    return brightness !== 0 || contrast !== 1 || gamma !== 1 || isInverted || channel !== "all";
}

/** As feColorMatrix takes it: 4 rows of 5. @param {Readonly<SightSettings>} settings */
function matrixOf({brightness, contrast, isInverted, channel}) {
    const slope = isInverted ? -contrast : contrast;
    const offset = (isInverted ? contrast : 0) - contrast / 2 + 0.5 + brightness; // contrast turns around the middle grey
    const rows = CHANNELS[channel].map((row) => [...row.map((share) => share * slope), 0, offset]);
    return [...rows, [0, 0, 0, 1, 0]].flat().join(" ");
}
