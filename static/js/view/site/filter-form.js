/** The filters above a list: a change sends them, and those that are empty stay out of the address. */

/** @param {HTMLFormElement} form */
export function sendFilters(form) {
    const fields = [...form.elements].filter(
        (field) => field instanceof HTMLInputElement || field instanceof HTMLSelectElement,
    );
    form.addEventListener("change", () => form.requestSubmit());
    form.addEventListener("submit", () => {
        for (const field of fields) field.disabled = !field.value;
    });
    // Coming back by the browser's back button brings the page as it was left: with its fields off.
    addEventListener("pageshow", () => {
        for (const field of fields) field.disabled = false;
    });
}

const TYPING_PAUSE_MS = 250;

/**
 * What is typed is found without Enter, and without loading the page anew.
 *
 * @param {HTMLInputElement} field of the filters
 * @param {() => Promise<void>} draw shows what the address asks for now
 */
export function searchAsOneTypes(field, draw) {
    let timer = 0;
    field.addEventListener("input", () => {
        clearTimeout(timer);
        timer = window.setTimeout(() => {
            const address = new URL(location.href);
            if (field.value) address.searchParams.set(field.name, field.value);
            else address.searchParams.delete(field.name);
            address.searchParams.delete("page");
            history.replaceState(null, "", address);
            void draw().catch(() => field.form?.requestSubmit()); // the page itself says what is wrong
        }, TYPING_PAUSE_MS);
    });
    // Leaving the field is no other search.
    field.addEventListener("change", (event) => event.stopPropagation());
}
