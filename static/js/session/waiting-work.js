/** What workbenches have left on this computer: changes that the server does not have yet, and masks that were begun. */

/** @import {Shelf} from "./ports.d.ts" */

/**
 * @typedef {object} WaitingWork
 * @property {ReadonlyMap<number, number>} unsaved how many changes wait, of an image's masks and of its marks, by image
 * @property {ReadonlySet<number>} drafts images on which a mask was begun
 */

/**
 * @param {Pick<Shelf, "below">} shelf the journal's
 * @param {string} username whose work
 * @returns {Promise<WaitingWork>} of all tabs, those that are open too
 */
export async function waitingWork(shelf, username) {
    /** @type {Map<number, number>} */
    const unsaved = new Map();
    /** @type {Set<number>} */
    const drafts = new Set();
    for (const {key, value} of await shelf.below([username])) {
        const [, , kind, id] = key;
        if (kind === "draft") drafts.add(Number(id));
        const imageId = /** @type {{imageId?: number} | null} */ (value)?.imageId;
        if ((kind === "unsaved" || kind === "mark") && imageId !== undefined)
            unsaved.set(imageId, (unsaved.get(imageId) ?? 0) + 1);
    }
    return {unsaved, drafts};
}

/**
 * The work that waits both times: what a workbench is just saving is gone the second time.
 *
 * @param {WaitingWork} before
 * @param {WaitingWork} now
 * @returns {WaitingWork}
 */
export function stillWaiting(before, now) {
    const unsaved = [...now.unsaved].flatMap(([imageId, count]) => {
        const least = Math.min(count, before.unsaved.get(imageId) ?? 0);
        return least > 0 ? [/** @type {[number, number]} */ ([imageId, least])] : [];
    });
    return {unsaved: new Map(unsaved), drafts: now.drafts};
}
