/** The format that a form chooses, and the format's own options. */

import {find, findAll} from "../elements.js";

export class FormatChoice {
    #format;
    #fieldsets;

    /** @param {HTMLFormElement} form one fieldset for each format; only the chosen one is shown */
    constructor(form) {
        this.#format = find("[name=format]", HTMLSelectElement, form);
        this.#fieldsets = findAll("fieldset[data-format]", HTMLFieldSetElement, form);
        form.addEventListener("change", () => this.#show());
        this.#show(); // the browser may bring back an earlier choice when the page is loaded again
    }

    get name() {
        return this.#format.value;
    }

    /** What is chosen, as the API takes it. @returns {Record<string, string | boolean>} */
    get options() {
        const chosen = this.#fieldsets.find((fieldset) => fieldset.dataset.format === this.name);
        return chosen ? optionsIn(chosen) : {};
    }

    #show() {
        for (const fieldset of this.#fieldsets) {
            fieldset.disabled = fieldset.hidden = fieldset.dataset.format !== this.name;
            const options = optionsIn(fieldset);
            for (const place of findAll("[data-only-with]", HTMLElement, fieldset)) {
                const [other, ...values] = (place.dataset.onlyWith ?? "").split(" ");
                place.hidden = !values.includes(String(options[other]));
            }
        }
    }
}

/** @param {HTMLFieldSetElement} fieldset */
function optionsIn(fieldset) {
    /** @type {Record<string, string | boolean>} */
    const options = {};
    for (const input of fieldset.querySelectorAll("input")) {
        const name = input.dataset.option;
        if (!name) continue;
        if (input.type === "checkbox") options[name] = input.checked;
        else if (input.checked) options[name] = input.value;
    }
    return options;
}
