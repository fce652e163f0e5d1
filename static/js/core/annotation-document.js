/**
 * The annotations of one image. Everything that changes goes through `apply` as one change set, which layers, panels,
 * history and autosave all read.
 */

/** @import {Annotation, ChangeSet} from "./types.d.ts" */

/** @typedef {"user" | "server"} Origin who made the change: only the user's are saved */

/** @type {ChangeSet} */
export const NO_CHANGES = Object.freeze({created: [], updated: [], deleted: []});

export class AnnotationDocument {
    /** @type {Map<string, Annotation>} */
    #annotations = new Map();
    /** @type {Set<(changes: ChangeSet, origin: Origin) => void>} */
    #listeners = new Set();

    /** In the order they were made. */
    get annotations() {
        return [...this.#annotations.values()];
    }

    /** @param {string | null} id */
    get(id) {
        return id === null ? undefined : this.#annotations.get(id);
    }

    /** @param {(changes: ChangeSet, origin: Origin) => void} listener called after every change */
    subscribe(listener) {
        this.#listeners.add(listener);
    }

    /**
     * Puts other annotations in place of all: another image was opened.
     *
     * @param {readonly Annotation[]} annotations
     */
    reset(annotations) {
        const deleted = this.annotations;
        this.#annotations = new Map(inOrder(annotations).map((annotation) => [annotation.id, annotation]));
        this.#tell({created: this.annotations, updated: [], deleted}, "server");
    }

    /**
     * @param {ChangeSet} changes
     * @param {Origin} origin
     * @throws {Error} the changes do not fit what is there; nothing is changed then
     */
    apply(changes, origin = "user") {
        for (const {id} of changes.created) {
            if (this.#annotations.has(id)) throw new Error(`annotation ${id} is there already`);
        }
        for (const id of [
            ...changes.updated.map(({after}) => after.id),
            ...changes.deleted.map(({id}) => id),
        ]) {
            if (!this.#annotations.has(id)) throw new Error(`there is no annotation ${id}`);
        }
        for (const {id} of changes.deleted) this.#annotations.delete(id);
        for (const {after} of changes.updated) this.#annotations.set(after.id, after);
        for (const annotation of changes.created) this.#annotations.set(annotation.id, annotation);
        if (changes.created.length > 0) {
            this.#annotations = new Map(
                inOrder(this.annotations).map((annotation) => [annotation.id, annotation]),
            );
        }
        this.#tell(changes, origin);
    }

    /**
     * @param {ChangeSet} changes
     * @param {Origin} origin
     */
    #tell(changes, origin) {
        for (const listener of this.#listeners) listener(changes, origin);
    }
}

/**
 * Whoever changes an imported mask's pixels or category has looked at it.
 *
 * @param {ChangeSet} changes as a person asks for them
 * @returns {ChangeSet}
 */
export function withLookedAt(changes) {
    const updated = changes.updated.map(({before, after}) => {
        const isOther =
            before.categoryId !== after.categoryId ||
            before.segmentation.counts !== after.segmentation.counts;
        return after.isToCheck && isOther ? {before, after: {...after, isToCheck: false}} : {before, after};
    });
    return {...changes, updated};
}

/**
 * What undoes a change set.
 *
 * @param {ChangeSet} changes
 * @returns {ChangeSet}
 */
export function inverse(changes) {
    return {
        created: changes.deleted,
        updated: changes.updated.map(({before, after}) => ({before: after, after: before})),
        deleted: changes.created,
    };
}

/**
 * A change set for annotations as they are now: an update puts in place what it changed then, and leaves what was changed
 * since.
 *
 * @param {ChangeSet} changes
 * @param {(id: string) => Annotation | undefined} annotationOf what is there
 * @returns {ChangeSet}
 */
export function asOfNow(changes, annotationOf) {
    const updated = changes.updated.map(({before, after}) => {
        const now = annotationOf(after.id) ?? before;
        return {before: now, after: {...now, ...differences(before, after)}};
    });
    return {...changes, updated};
}

/**
 * @param {Annotation} before
 * @param {Annotation} after
 * @returns {Partial<Annotation>} what is other in `after`
 */
function differences(before, after) {
    const fields = /** @type {(keyof Annotation)[]} */ ([
        ...new Set([...Object.keys(before), ...Object.keys(after)]),
    ]);
    const changed = fields.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
    return Object.fromEntries(changed.map((field) => [field, after[field]]));
}

/** @param {readonly Annotation[]} annotations */
function inOrder(annotations) {
    return [...annotations].sort((a, b) =>
        a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0,
    );
}
