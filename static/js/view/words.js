/** Sentences for people that every page says alike. */

/**
 * A sentence for people: the fields' own where the server named fields.
 *
 * @param {unknown} error
 */
export function sentence(error) {
    if (!(error instanceof Error)) return String(error);
    const fields = "fields" in error ? /** @type {Record<string, string[]>} */ (error.fields) : {};
    const details = Object.values(fields).flat();
    return details.length ? details.join(" ") : error.message;
}

/**
 * @param {number} count
 * @param {string} word
 */
export function plural(count, word) {
    return `${count} ${word}${count === 1 ? "" : "s"}`;
}
