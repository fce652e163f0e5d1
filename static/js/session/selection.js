/**
 * Which saved masks are being looked at. The first one is the primary one: it is the one that editing takes up, and that the
 * others are merged into. A mask that leaves the document is selected no more.
 */

/** @import {AnnotationDocument} from "../core/annotation-document.js" */
/** @import {Annotation} from "../core/types.d.ts" */

export class Selection {
    #document;
    /** In the order they were selected. @type {ReadonlySet<string>} */
    #ids = new Set();

    /** @param {AnnotationDocument} document */
    constructor(document) {
        this.#document = document;
        document.subscribe(() => this.set(this.ids));
    }

    /** The primary one; null: none is selected. */
    get id() {
        const [first = null] = this.#ids;
        return first;
    }

    /** The primary one first. @returns {readonly string[]} */
    get ids() {
        return [...this.#ids];
    }

    get annotation() {
        return this.#document.get(this.id) ?? null;
    }

    /** The primary one first. @returns {Annotation[]} */
    get annotations() {
        return this.ids.flatMap((id) => this.#document.get(id) ?? []);
    }

    get isSeveral() {
        return this.#ids.size > 1;
    }

    /** @param {string} id */
    has(id) {
        return this.#ids.has(id);
    }

    /** @param {readonly string[]} ids the primary one first; those that the document does not have are left out */
    set(ids) {
        this.#ids = new Set(ids.filter((id) => this.#document.get(id)));
    }
}
