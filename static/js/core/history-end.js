/** Which state of the annotations a history ends with, and whether that is the one that is there. */

/** @import {Annotation, ChangeSet} from "./types.d.ts" */

/**
 * @param {readonly ChangeSet[]} changes the oldest first
 * @param {number} place how many of them are done, the others are undone
 * @returns {Map<string, Annotation | null>} of every annotation that they speak of; null: it is not there
 */
export function endOf(changes, place) {
    /** @type {Map<string, Annotation | null>} */
    const end = new Map();
    for (const {created, updated, deleted} of changes.slice(0, place)) {
        for (const annotation of created) end.set(annotation.id, annotation);
        for (const {after} of updated) end.set(after.id, after);
        for (const {id} of deleted) end.set(id, null);
    }
    // What was undone last is nearest to the end: an annotation is what the first undone change began with.
    for (const {created, updated, deleted} of changes.slice(place).reverse()) {
        const before = [
            ...created.map(({id}) => /** @type {const} */ ([id, null])),
            ...updated.map(({before}) => /** @type {const} */ ([before.id, before])),
            ...deleted.map((annotation) => /** @type {const} */ ([annotation.id, annotation])),
        ];
        for (const [id, annotation] of before) end.set(id, annotation);
    }
    return end;
}

/**
 * Whether undo and redo would find what they start from. Of a mask that was only changed the changed parts count: the others
 * stay as they are when the change is undone.
 *
 * @param {readonly ChangeSet[]} changes the oldest first
 * @param {number} place how many of them are done
 * @param {(id: string) => Annotation | undefined} annotationOf what is there
 */
export function fits(changes, place, annotationOf) {
    const parts = partsOf(changes);
    return [...endOf(changes, place)].every(([id, expected]) => {
        const found = annotationOf(id);
        if (!expected || !found) return !expected && !found;
        if (found.isLocked && !expected.isLocked) return false; // nothing changes what somebody has locked since
        return [...(parts.get(id) ?? [])].every((part) => PARTS[part](expected) === PARTS[part](found));
    });
}

/** What people make of an annotation; estimates, effort and times the server may write in another way. */
const PARTS = {
    mask: (/** @type {Annotation} */ {segmentation}) => segmentation.counts,
    category: (/** @type {Annotation} */ {categoryId}) => categoryId,
    name: (/** @type {Annotation} */ {name}) => name ?? "",
    color: (/** @type {Annotation} */ {color}) => color ?? "",
    lock: (/** @type {Annotation} */ {isLocked}) => Boolean(isLocked),
    rank: (/** @type {Annotation} */ {rank}) => rank ?? null,
    check: (/** @type {Annotation} */ {isToCheck}) => Boolean(isToCheck),
};
/** @typedef {keyof typeof PARTS} Part */
const ALL_PARTS = /** @type {Part[]} */ (Object.keys(PARTS));
/** Where a mask stands in the list has nothing to do with whether it can be deleted, or be there again. */
const OF_A_WHOLE_MASK = ALL_PARTS.filter((part) => part !== "rank");

/** @param {readonly ChangeSet[]} changes @returns {Map<string, Set<Part>>} which parts of each annotation they write */
function partsOf(changes) {
    /** @type {Map<string, Set<Part>>} */
    const all = new Map();
    const add = (/** @type {string} */ id, /** @type {readonly Part[]} */ parts) =>
        all.set(id, new Set([...(all.get(id) ?? []), ...parts]));
    for (const {created, updated, deleted} of changes) {
        for (const {id} of [...created, ...deleted]) add(id, OF_A_WHOLE_MASK);
        for (const {before, after} of updated)
            add(
                after.id,
                ALL_PARTS.filter((part) => PARTS[part](before) !== PARTS[part](after)),
            );
    }
    return all;
}

/**
 * @param {ChangeSet} changes
 * @param {readonly string[]} ids
 * @returns {boolean} whether the change deleted just these
 */
export function isDeletionOf({created, updated, deleted}, ids) {
    const isAlone = created.length === 0 && updated.length === 0;
    return isAlone && deleted.length === ids.length && deleted.every(({id}) => ids.includes(id));
}
