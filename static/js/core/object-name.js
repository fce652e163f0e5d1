/** Names that people give to single objects. */

export const LONGEST_NAME = 80; // the server's limit

/** One line, as the server keeps it. @param {string} text as it was typed */
export function objectName(text) {
    return text.replace(/\s+/g, " ").trim().slice(0, LONGEST_NAME);
}
