/** The categories that a person used last in a project, so that a reload or the next morning does not begin with another one. */

/** @import {KeyStore} from "./ports.d.ts" */

const KEPT = 8;

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
        return this.recentOf(projectId)[0] ?? null;
    }

    /** @param {number} projectId @returns {number[]} the last one first */
    recentOf(projectId) {
        const text = this.#storage.getItem(this.#prefix + projectId) ?? "";
        return text
            .split(",")
            .map(Number)
            .filter((id) => id > 0);
    }

    /**
     * @param {number} projectId
     * @param {number} categoryId
     */
    note(projectId, categoryId) {
        const others = this.recentOf(projectId).filter((id) => id !== categoryId);
        try {
            this.#storage.setItem(this.#prefix + projectId, [categoryId, ...others].slice(0, KEPT).join());
        } catch {
            // The storage is full or off: it lasts as long as the page.
        }
    }
}
