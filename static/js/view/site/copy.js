/** Text that a person takes along. */

/**
 * Copies a field's text where the browser lets us (only https and localhost have a clipboard), and selects it, so that a person
 * can.
 *
 * @param {HTMLInputElement} field
 * @returns {Promise<boolean>} whether it is copied
 */
export async function copyFrom(field) {
    field.focus();
    field.select();
    if (!navigator.clipboard) return false;
    return navigator.clipboard.writeText(field.value).then(
        () => true,
        () => false,
    );
}
