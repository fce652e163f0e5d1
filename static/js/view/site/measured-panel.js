/** What the file that a form describes will hold and what it cannot, before it is made. */

import {element, find} from "../elements.js";
import {plural, sentence} from "../words.js";

/** @import {ExportReport} from "../../core/types.d.ts" */

// A project of so many masks is measured at every change; a larger one when somebody asks.
const MOST_MASKS_BY_ITSELF = 500;
const WAIT_MS = 400;

export class MeasuredPanel {
    #place;
    #text;
    #button;
    #measure;
    #timer = 0;
    #running = new AbortController();

    /**
     * @param {HTMLFormElement} form
     * @param {(signal: AbortSignal) => Promise<ExportReport>} measure
     */
    constructor(form, measure) {
        this.#measure = measure;
        this.#place = find("[data-measured]", HTMLElement, form);
        this.#text = find("[data-measured-text]", HTMLElement, this.#place);
        this.#button = find("[data-measure]", HTMLButtonElement, this.#place);
        this.#button.addEventListener("click", () => this.#now());
        form.addEventListener("input", () => this.refresh());
    }

    /** What is said is of other choices: it is measured again, or can be. */
    refresh() {
        this.stop();
        this.#say("What the file will hold and what it cannot.");
        const isSmall = Number(this.#place.dataset.masks) <= MOST_MASKS_BY_ITSELF;
        this.#button.hidden = isSmall;
        if (isSmall) this.#timer = window.setTimeout(() => this.#now(), WAIT_MS);
    }

    /** Nobody looks any more. */
    stop() {
        clearTimeout(this.#timer);
        this.#running.abort();
    }

    async #now() {
        this.stop();
        this.#running = new AbortController();
        const {signal} = this.#running;
        this.#button.disabled = true;
        this.#say("Measuring…");
        try {
            const report = await this.#measure(signal);
            if (!signal.aborted) this.#show(report);
        } catch (error) {
            if (!signal.aborted) this.#say(sentence(error));
        } finally {
            this.#button.disabled = false;
        }
    }

    /** @param {ExportReport} report */
    #show(report) {
        const parts = Object.entries(report.splits).map(([name, count]) => `${name} ${count}`);
        const held = [plural(report.images, "image"), plural(report.annotations, "mask"), ...parts].join(
            ", ",
        );
        const lines = [held, ...report.measured.sentences, ...report.notes].map((line) =>
            element("li", {}, line),
        );
        this.#text.replaceChildren(element("ul", {class: "small"}, ...lines));
        this.#button.hidden = true;
    }

    /** @param {string} text */
    #say(text) {
        this.#text.replaceChildren(element("p", {class: "small quiet"}, text));
    }
}
