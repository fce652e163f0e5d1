/**
 * The categories that a person used last in a project, so that a reload or the next morning does not begin with another one.
 * The account keeps the last one, which is there at every machine; this browser keeps those before it.
 */

/** @import {KeyStore} from "./ports.d.ts" */

const KEPT = 8;

/**
 * What the account keeps: the last category by project.
 *
 * @typedef {{of: (projectId: number) => number | null, note: (projectId: number, categoryId: number) => void}} Account
 */

/** @type {Account} */
const NO_ACCOUNT = {of: () => null, note() {}};

export class LastCategory {
    #storage;
    #prefix;
    #account;

    /**
     * @param {KeyStore} storage
     * @param {string} username
     * @param {Account} [account]
     */
    constructor(storage, username, account = NO_ACCOUNT) {
        this.#storage = storage;
        this.#prefix = `maskwright.category.${username}.`;
        this.#account = account;
    }

    /** @param {number} projectId @returns {number | null} null: none so far */
    of(projectId) {
        return this.recentOf(projectId)[0] ?? null;
    }

    /** @param {number} projectId @returns {number[]} the last one first */
    recentOf(projectId) {
        const text = this.#storage.getItem(this.#prefix + projectId) ?? "";
        const here = text
            .split(",")
            .map(Number)
            .filter((id) => id > 0);
        const last = this.#account.of(projectId);
        return last === null ? here : [last, ...here.filter((id) => id !== last)];
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
        if (this.#account.of(projectId) !== categoryId) this.#account.note(projectId, categoryId);
    }
}
