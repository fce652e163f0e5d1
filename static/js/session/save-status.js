/** How far the server has what a person did: masks, and what was said of images. */

/** @import {SaveStatus} from "./autosave.js" */
/** @import {Keeping} from "./journal.js" */

/** @type {readonly Keeping[]} the worst one first */
const KEEPINGS = ["failed", "writing", "kept"];
/** @type {readonly SaveStatus["state"][]} */
const STATES = ["unsaved", "saving", "saved"];

/** What waits for these goes on by itself, or once the person has signed in. @type {readonly SaveStatus["reason"][]} */
const PASSING = ["signed_out", "offline", "server"];

/**
 * Two of them as one: the worse one counts.
 *
 * @param {SaveStatus} masks
 * @param {SaveStatus} marks
 * @returns {SaveStatus}
 */
export function together(masks, marks) {
    return {
        state: worst(STATES, masks.state, marks.state),
        count: masks.count + marks.count,
        reason:
            [masks, marks].find(({reason}) => PASSING.includes(reason))?.reason ??
            (masks.reason || marks.reason),
        keeping: worst(KEEPINGS, masks.keeping, marks.keeping),
    };
}

/**
 * @template {string} Word
 * @param {readonly Word[]} words the worst one first
 * @param {Word} a
 * @param {Word} b
 */
function worst(words, a, b) {
    return words[Math.min(words.indexOf(a), words.indexOf(b))];
}
