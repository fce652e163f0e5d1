/** How far the project is and how one's own day goes, when one asks for it; up to date while it is open. */

import {find} from "../elements.js";

/** @import {Progress} from "../../session/ports.d.ts" */

const REFRESH_MS = 15_000;

export class ProgressPanel {
    #root;
    #opener;
    #fetch;
    #timer = 0;

    /**
     * @param {HTMLElement} root a popover
     * @param {HTMLElement} opener stands above it
     * @param {() => Promise<Progress>} fetch
     */
    constructor(root, opener, fetch) {
        this.#root = root;
        this.#opener = opener;
        this.#fetch = fetch;
        root.addEventListener("toggle", () => this.#follow());
        opener.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays: Enter saves a mask
    }

    toggle() {
        this.#root.togglePopover();
    }

    /** Something that it counts has changed. */
    refreshSoon() {
        if (this.#isOpen) this.#after(500);
    }

    get #isOpen() {
        return this.#root.matches(":popover-open");
    }

    #follow() {
        clearTimeout(this.#timer);
        this.#opener.setAttribute("aria-expanded", String(this.#isOpen));
        if (!this.#isOpen) return;
        const {left} = this.#opener.getBoundingClientRect();
        this.#root.style.left = `${Math.max(8, left - 8)}px`;
        void this.#refresh();
    }

    /** @param {number} delayMs */
    #after(delayMs) {
        clearTimeout(this.#timer);
        this.#timer = window.setTimeout(() => void this.#refresh(), delayMs);
    }

    async #refresh() {
        try {
            this.#draw(await this.#fetch());
        } catch {
            // The server is away: what is shown stays, and the next time tries again.
        }
        if (this.#isOpen) this.#after(REFRESH_MS);
    }

    /** @param {Progress} progress */
    #draw(progress) {
        const {imageCount, doneCount, skippedCount, openCount, maskCount} = progress;
        const texts = {
            done: `${doneCount} of ${imageCount}`,
            skipped: String(skippedCount),
            open: String(openCount),
            masks: String(maskCount),
            seconds: figure(progress.medianSeconds, " s"),
            clicks: figure(progress.medianClicks, ""),
        };
        for (const [name, text] of Object.entries(texts))
            find(`[data-figure=${name}]`, HTMLElement, this.#root).textContent = text;
        const share = (/** @type {number} */ count) => `${imageCount ? (100 * count) / imageCount : 0}%`;
        const bar = find("[data-bar]", HTMLElement, this.#root);
        bar.style.setProperty("--done", share(doneCount));
        bar.style.setProperty("--skipped", share(skippedCount));
    }
}

/**
 * @param {number | null} value
 * @param {string} unit
 */
function figure(value, unit) {
    return value === null ? "–" : `${Number(value.toFixed(1))}${unit}`;
}
