/** Adds a category without leaving the workbench: a button that becomes a field, for managers. */

import {find} from "../elements.js";
import {sentence} from "../words.js";

export class NewCategory {
    #button;
    #form;
    #field;
    #error;
    #add;

    /**
     * @param {HTMLElement} root the page has its parts for managers alone
     * @param {(name: string) => Promise<void>} add
     */
    constructor(root, add) {
        this.#add = add;
        this.#button = find("[data-open-new-category]", HTMLButtonElement, root);
        this.#form = find("[data-new-category]", HTMLFormElement, root);
        this.#field = find("input", HTMLInputElement, this.#form);
        this.#error = find("[data-new-category-error]", HTMLElement, root);
        this.#button.addEventListener("click", () => this.#open());
        this.#form.addEventListener("submit", (event) => {
            event.preventDefault();
            void this.#submit();
        });
        this.#field.addEventListener("input", () => this.#say(""));
        this.#field.addEventListener("keydown", (event) => {
            if (event.key === "Escape") this.#close();
            event.stopPropagation(); // the workbench has other things to do with these keys
        });
        this.#field.addEventListener("blur", () => {
            if (this.#field.value.trim() === "" && !this.#field.disabled) this.#close();
        });
    }

    #open() {
        this.#button.hidden = true;
        this.#form.hidden = false;
        this.#field.focus();
    }

    #close() {
        this.#field.value = "";
        this.#say("");
        this.#form.hidden = true;
        this.#button.hidden = false;
    }

    /** @param {string} error */
    #say(error) {
        this.#error.textContent = error;
        this.#error.hidden = error === "";
        this.#field.setAttribute("aria-invalid", String(error !== ""));
    }

    async #submit() {
        const name = this.#field.value.trim();
        if (name === "" || this.#field.disabled) return;
        this.#field.disabled = true;
        try {
            await this.#add(name);
            this.#field.disabled = false;
            this.#close();
        } catch (error) {
            this.#field.disabled = false;
            this.#say(sentence(error));
            this.#field.focus();
        }
    }
}
