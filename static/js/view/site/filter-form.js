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
