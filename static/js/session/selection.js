/** Which saved mask is being looked at. A mask that leaves the document is selected no more. */

/** @import {AnnotationDocument} from "../core/annotation-document.js" */

export class Selection {
    #document;
    /** @type {string | null} */
    #id = null;

    /** @param {AnnotationDocument} document */
    constructor(document) {
        this.#document = document;
        document.subscribe(() => this.set(this.#id));
    }

    get id() {
        return this.#id;
    }

    get annotation() {
        return this.#document.get(this.#id) ?? null;
    }

    /** @param {string | null} id null: none */
    set(id) {
        this.#id = this.#document.get(id) ? id : null;
    }
}
