/**
 * One act may change several masks: pixels go from one to another. What a mask loses is sent only when the server has the
 * mask that got it, so that a conflict, or a refusal, in the middle of an act loses nothing.
 */

/** @import {Annotation, ChangeSet} from "../core/types.d.ts" */
/** @import {Unsaved} from "./unsaved-records.js" */

/** @typedef {{id: string, imageId: number, desired: Annotation | null, before: Annotation | null, after: readonly string[]}} Wish */

/**
 * What an act wants of each mask, and which other masks the server has to have first: new masks before changed ones, both
 * before deleted ones.
 *
 * @param {ChangeSet} changes
 * @returns {Wish[]}
 */
export function wishesOf({created, updated, deleted}) {
    const made = created.map(({id}) => id);
    const written = [...made, ...updated.map(({after}) => after.id)];
    return [
        ...created.map((one) => wish(one, one, null, [])),
        ...updated.map(({before, after}) => wish(after, after, before, made)),
        ...deleted.map((one) => wish(one, null, one, written)),
    ];
}

/**
 * What a record waits for, once one more act has changed its mask.
 *
 * @param {readonly string[]} earlier what it waited for before
 * @param {Wish} wished
 * @param {ReadonlySet<string>} act ids of all masks of the act: it says anew which of them goes first
 * @returns {readonly string[]}
 */
export function waitingFor(earlier, {after}, act) {
    return [...new Set([...earlier.filter((id) => !act.has(id)), ...after])];
}

/**
 * The record to send next.
 *
 * @param {readonly Unsaved[]} records all of them, in their order
 * @param {(id: string) => boolean} isHeld a person has to decide about it first
 * @returns {Unsaved | null}
 */
export function nextOf(records, isHeld) {
    const byId = new Map(records.map((record) => [record.id, record]));
    const waitsFor = (/** @type {Unsaved} */ {after = []}) => after.flatMap((id) => byId.get(id) ?? []);
    /** @type {(record: Unsaved, seen: ReadonlySet<string>) => boolean} */
    const isStuck = (record, seen) =>
        isHeld(record.id) ||
        waitsFor(record).some(
            (other) => !seen.has(other.id) && isStuck(other, new Set([...seen, record.id])),
        );
    const free = records.filter((record) => !isStuck(record, new Set()));
    // Acts upon acts may wait for each other in a ring: then any of them may begin.
    return free.find((record) => waitsFor(record).length === 0) ?? free[0] ?? null;
}

/**
 * The records that come to nothing with another one, which was given up: with them, those that wait for them.
 *
 * @param {readonly Unsaved[]} records
 * @param {string} id of the one that was given up
 * @returns {Unsaved[]}
 */
export function givenUpWith(records, id) {
    const gone = new Set([id]);
    /** @type {Unsaved[]} */
    const found = [];
    for (let isMore = true; isMore;) {
        const more = records.filter(
            (record) => !gone.has(record.id) && record.after?.some((other) => gone.has(other)),
        );
        more.forEach((record) => gone.add(record.id));
        found.push(...more);
        isMore = more.length > 0;
    }
    return found;
}

/**
 * @param {Annotation} annotation
 * @param {Annotation | null} desired
 * @param {Annotation | null} before
 * @param {readonly string[]} after
 * @returns {Wish}
 */
function wish({id, imageId}, desired, before, after) {
    return {id, imageId, desired, before, after};
}
