/** How wide the brush and the eraser are; the browser remembers it. */

/** @import {KeyStore} from "../../session/ports.d.ts" */

const STORAGE_KEY = "maskwright.brush";
const [SMALLEST, LARGEST] = [1, 400]; // radius in image pixels
const STEP = 1.25;

export class BrushSize {
    /** Radius in image pixels. */
    radius = 12;
    #storage;
    #onChange;

    /**
     * @param {KeyStore} storage
     * @param {() => void} onChange
     */
    constructor(storage, onChange) {
        this.#storage = storage;
        this.#onChange = onChange;
        const known = Number(storage.getItem(STORAGE_KEY));
        if (known >= SMALLEST && known <= LARGEST) this.radius = known;
    }

    /** @param {number} direction 1 wider, -1 narrower */
    change(direction) {
        const wished = this.radius * STEP ** direction;
        const rounded = direction > 0 ? Math.ceil(wished) : Math.floor(wished); // small ones change too
        this.radius = Math.min(LARGEST, Math.max(SMALLEST, rounded));
        try {
            this.#storage.setItem(STORAGE_KEY, String(this.radius));
        } catch {
            // The storage is full or off: it lasts as long as the page.
        }
        this.#onChange();
    }
}
