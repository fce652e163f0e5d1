/** Asks why images are skipped. A digit answers at once, so that a bad image costs two keys. */

import {closeByClick, find, findAll} from "../elements.js";
import {ask} from "../site/feedback.js";

/** @import {SkipReason} from "../../core/types.d.ts" */

/** @typedef {{skipReason: SkipReason, skipNote: string}} Skip */

export class SkipDialog {
    #dialog;
    #note;
    #reasons;
    #submit;

    /** @param {HTMLDialogElement} dialog partials/skip_dialog.html */
    constructor(dialog) {
        this.#dialog = dialog;
        this.#note = find("[name=note]", HTMLInputElement, dialog);
        this.#reasons = findAll("[name=reason]", HTMLInputElement, dialog);
        this.#submit = find("[data-submit]", HTMLButtonElement, dialog);
        dialog.addEventListener("change", () => this.#requireWords());
        dialog.addEventListener("keydown", (event) => this.#key(event));
        closeByClick(dialog);
    }

    /**
     * @param {string} title
     * @param {{skipReason: string, skipNote: string}} [before] chosen when the dialog opens
     * @returns {Promise<Skip | null>} null: they are not to be skipped
     */
    async ask(title, before = {skipReason: "", skipNote: ""}) {
        find("[data-title]", HTMLElement, this.#dialog).textContent = title;
        for (const radio of this.#reasons) radio.checked = radio.value === before.skipReason;
        this.#note.value = before.skipNote;
        this.#requireWords();
        const answer = ask(this.#dialog);
        (this.#chosen ?? this.#reasons[0]).focus();
        if ((await answer) !== "skip" || !this.#chosen) return null;
        return {
            skipReason: /** @type {SkipReason} */ (this.#chosen.value),
            skipNote: this.#note.value.trim(),
        };
    }

    get #chosen() {
        return this.#reasons.find(({checked}) => checked);
    }

    /** Another reason than those of the list is said in words. */
    #requireWords() {
        const isOther = this.#chosen?.value === "other";
        this.#note.required = isOther;
        this.#note.pattern = isOther ? ".*\\S.*" : ".*";
        this.#note.placeholder = isOther ? "Why is it skipped?" : "Not needed";
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        if (event.target === this.#note || event.ctrlKey || event.metaKey || event.altKey) return;
        const radio = this.#reasons[Number(event.key) - 1];
        if (!radio) return;
        event.preventDefault();
        radio.checked = true;
        this.#requireWords();
        if (radio.value === "other") this.#note.focus();
        else this.#submit.click();
    }
}
