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
 * @param {ReadonlyMap<string, Annotation | null>} end
 * @param {(id: string) => Annotation | undefined} annotationOf what is there
 * @returns {boolean} whether undo and redo would find what they start from
 */
export function isEnd(end, annotationOf) {
    return [...end].every(([id, expected]) => {
        const found = annotationOf(id);
        if (!expected || !found) return !expected && !found;
        // What a person made of it, which an undo would write back; estimates, effort and times the server may write in
        // another way.
        return (
            expected.categoryId === found.categoryId &&
            expected.segmentation.counts === found.segmentation.counts &&
            (expected.name ?? "") === (found.name ?? "") &&
            (expected.color ?? "") === (found.color ?? "") &&
            Boolean(expected.isLocked) === Boolean(found.isLocked)
        );
    });
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
