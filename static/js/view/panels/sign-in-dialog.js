/** The way back in for a person who was signed out: a dialog on the page, under which the work goes on as it stands. */

import {find} from "../elements.js";
import {sentence} from "../words.js";

export class SignInDialog {
    #dialog;

    /**
     * @param {HTMLDialogElement} dialog its form has the user name, which cannot be another, and a password
     * @param {(password: string) => Promise<void>} signIn rejects with why not
     */
    constructor(dialog, signIn) {
        this.#dialog = dialog;
        const form = find("form", HTMLFormElement, dialog);
        const password = find("[name=password]", HTMLInputElement, dialog);
        const problem = find("[data-form-error]", HTMLElement, dialog);
        const submit = find("[type=submit]", HTMLButtonElement, dialog);
        find("[data-close]", HTMLElement, dialog).addEventListener("click", () => dialog.close());
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            submit.disabled = true;
            problem.textContent = "";
            signIn(password.value)
                .then(
                    () => dialog.close(),
                    (error) => (problem.textContent = sentence(error)),
                )
                .finally(() => {
                    submit.disabled = false;
                    password.value = "";
                });
        });
    }

    show() {
        if (!this.#dialog.open) this.#dialog.showModal();
    }

    hide() {
        this.#dialog.close();
    }
}
