/** Asks for the note of a flag, or that the flag goes. */

import {closeByClick, find} from "../elements.js";
import {ask} from "../site/feedback.js";

/** @typedef {{isFlagged: boolean, flagNote: string}} Flag */

export class FlagDialog {
    #dialog;
    #note;

    /** @param {HTMLDialogElement} dialog partials/flag_dialog.html */
    constructor(dialog) {
        this.#dialog = dialog;
        this.#note = find("[name=note]", HTMLInputElement, dialog);
        find("[data-remove]", HTMLElement, dialog).addEventListener("click", () => dialog.close("remove"));
        closeByClick(dialog);
    }

    /**
     * @param {{title: string, text: string, submit: string, mayRemove: boolean, note: string}} words
     * @returns {Promise<Flag | null>} null: all stays as it is
     */
    async ask({title, text, submit, mayRemove, note}) {
        find("[data-title]", HTMLElement, this.#dialog).textContent = title;
        find("[data-text]", HTMLElement, this.#dialog).textContent = text;
        find("[data-submit]", HTMLElement, this.#dialog).textContent = submit;
        find("[data-remove]", HTMLElement, this.#dialog).hidden = !mayRemove;
        this.#note.value = note;
        const answer = await ask(this.#dialog);
        if (answer === "flag") return {isFlagged: true, flagNote: this.#note.value.trim()};
        return answer === "remove" ? {isFlagged: false, flagNote: ""} : null;
    }
}
