/**
 * How masks and the picture are shown and moved; the browser remembers it, since screen and mouse are this machine's. Nothing of
 * it changes a mask.
 */

import {OBJECT_ORDERS} from "../core/object-order.js";

/** @import {ObjectOrder} from "../core/object-order.js" */
/** @import {KeyStore} from "./ports.d.ts" */

const STORAGE_KEY = "maskwright.sight";
const OPACITY_STEP = 0.15;

/**
 * @typedef {object} SightSettings
 * @property {"category" | "instance"} colorBy
 * @property {boolean} isOutlineOnly
 * @property {number} opacity of the masks' fill, 0 to 1
 * @property {number} brightness of the picture, -0.5 to 0.5; 0 as it is
 * @property {number} contrast 0.25 to 4; 1 as it is
 * @property {number} gamma 0.25 to 4; 1 as it is, more makes dark parts lighter
 * @property {boolean} isInverted
 * @property {"all" | "red" | "green" | "blue"} channel
 * @property {ObjectOrder} objectOrder of the list
 * @property {boolean} hasPictures of the objects in the list
 * @property {boolean} hasMinimap the whole picture in a corner, while a part of it is on the stage
 * @property {"recognise" | "zoom" | "pan"} wheel what it does; recognise: a mouse's zooms, a trackpad's pans
 */

/** @type {Readonly<SightSettings>} */
export const USUAL = Object.freeze({
    colorBy: "category",
    isOutlineOnly: false,
    opacity: 0.45,
    brightness: 0,
    contrast: 1,
    gamma: 1,
    isInverted: false,
    channel: "all",
    objectOrder: "newest",
    hasPictures: true,
    hasMinimap: true,
    wheel: "recognise",
});

export class Sight {
    /** @type {Readonly<SightSettings>} */
    settings = USUAL;
    #storage;
    #onChange;

    /**
     * @param {KeyStore} storage
     * @param {() => void} onChange
     */
    constructor(storage, onChange) {
        this.#storage = storage;
        this.#onChange = onChange;
        const known = {...USUAL, ...sensible(storage.getItem(STORAGE_KEY))};
        const {objectOrder} = known.objectOrder in OBJECT_ORDERS ? known : USUAL;
        this.settings = {...known, objectOrder};
    }

    /** @param {Partial<SightSettings>} settings */
    change(settings) {
        this.settings = {...this.settings, ...settings};
        try {
            this.#storage.setItem(STORAGE_KEY, JSON.stringify(this.settings));
        } catch {
            // The storage is full or off: it lasts as long as the page.
        }
        this.#onChange();
    }

    reset() {
        this.change(USUAL);
    }

    toggleInstances() {
        this.change({colorBy: this.settings.colorBy === "category" ? "instance" : "category"});
    }

    toggleOutline() {
        this.change({isOutlineOnly: !this.settings.isOutlineOnly});
    }

    /** @param {number} direction 1 more, -1 less */
    changeOpacity(direction) {
        const wished = this.settings.opacity + OPACITY_STEP * direction;
        this.change({opacity: Math.min(1, Math.max(0, Math.round(wished * 100) / 100))});
    }
}

/**
 * @param {string | null} text
 * @returns {Partial<SightSettings>} what in it is of the kind that it should be
 */
function sensible(text) {
    try {
        const known = JSON.parse(text ?? "{}");
        return Object.fromEntries(
            Object.entries(USUAL)
                .filter(([name, usual]) => typeof known[name] === typeof usual && !Number.isNaN(known[name]))
                .map(([name]) => [name, known[name]]),
        );
    } catch {
        return {};
    }
}
