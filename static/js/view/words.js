/** Sentences for people that every page says alike. */

/** @import {ImageMarks} from "../core/types.d.ts" */

/**
 * A sentence for people: the fields' own where the server named fields.
 *
 * @param {unknown} error
 */
export function sentence(error) {
    if (!(error instanceof Error)) return String(error);
    const details = [...fieldSentences(error).values()];
    return details.length ? details.join(" ") : error.message;
}

/**
 * What the server says about single fields.
 *
 * @param {unknown} error
 * @returns {ReadonlyMap<string, string>} sentences by the fields' names
 */
export function fieldSentences(error) {
    const fields =
        error instanceof Error && "fields" in error
            ? /** @type {Record<string, string[]>} */ (error.fields)
            : {};
    return new Map(Object.entries(fields).map(([name, details]) => [name, [details].flat().join(" ")]));
}

const UNITS = /** @type {const} */ ([
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
]);

/**
 * @param {string} time ISO 8601
 * @param {number} now as Date.now() gives it
 * @returns {string} "5 minutes ago"
 */
export function ago(time, now = Date.now()) {
    const seconds = (now - Date.parse(time)) / 1000;
    for (const [unit, length] of UNITS) {
        if (seconds >= length) return `${plural(Math.floor(seconds / length), unit)} ago`;
    }
    return "just now";
}

/**
 * @param {number} count
 * @param {string} word
 */
export function plural(count, word) {
    return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/**
 * queued: of those that are missing; seconds: of one worker for all of them, null: nobody knows yet.
 *
 * @typedef {{missing: number, queued: number, seconds: number | null}} EmbeddingNeeds
 */

/** What a project would have to wait for with a model. @param {EmbeddingNeeds} needs */
export function embeddingNeeds({missing, queued, seconds}) {
    if (missing === 0) return "Every image is ready for this model.";
    const images = missing === 1 ? "1 image needs" : `${missing} images need`;
    const time = seconds === null ? "" : `, ${aboutTime(seconds)} of one worker`;
    const waiting = queued === 0 ? "" : queued >= missing ? ", queued" : `, ${queued} of them queued`;
    return `${images} an embedding of this model${waiting}${time}.`;
}

/** @param {number} seconds */
function aboutTime(seconds) {
    if (seconds < 90) return `about ${plural(Math.max(1, Math.round(seconds)), "second")}`;
    if (seconds < 5400) return `about ${plural(Math.round(seconds / 60), "minute")}`;
    return `about ${plural(Math.round(seconds / 3600), "hour")}`;
}

const SKIP_REASONS = {
    blurred: "blurred",
    nothing: "nothing to annotate",
    unsure: "not sure what to annotate",
};

/** Why an image is skipped, as models/image.py says it; empty where it is not. @param {ImageMarks} image */
export function skippedBecause({skipReason, skipNote}) {
    if (skipReason === "" || skipReason === "other") return skipNote;
    return [SKIP_REASONS[skipReason], skipNote].filter(Boolean).join(": ");
}
