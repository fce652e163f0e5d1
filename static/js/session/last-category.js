/** The category that a person used last in a project, so that a reload or the next morning does not begin with another one. */

/** @import {KeyStore} from "./ports.d.ts" */

export class LastCategory {
    #storage;
    #prefix;

    /**
     * @param {KeyStore} storage
     * @param {string} username
     */
    constructor(storage, username) {
        this.#storage = storage;
        this.#prefix = `maskwright.category.${username}.`;
    }

    /** @param {number} projectId @returns {number | null} null: none so far */
    of(projectId) {
        return Number(this.#storage.getItem(this.#prefix + projectId)) || null;
    }

    /**
     * @param {number} projectId
     * @param {number} categoryId
     */
    note(projectId, categoryId) {
        try {
            this.#storage.setItem(this.#prefix + projectId, String(categoryId));
        } catch {
            // The storage is full or off: it lasts as long as the page.
        }
    }
}
