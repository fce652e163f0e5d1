/**
 * What the server does not have yet, one record for each annotation. The records lie in the browser's storage, so that a
 * page that was closed or crashed leaves them to the next one.
 */

/** @import {Annotation} from "../core/types.d.ts" */
/** @import {KeyStore} from "./ports.d.ts" */

/** What the server has of an annotation, as far as we know. @typedef {{version: number, isDeleted: boolean, content: string}} Known */

/**
 * What an annotation should be.
 *
 * @typedef {object} Unsaved
 * @property {string} id
 * @property {number} imageId
 * @property {Annotation | null} desired null: deleted
 * @property {Known | null} known
 * @property {boolean} isSent the server may have it although it never said so
 */

export class UnsavedRecords {
    #storage;
    #prefix;
    /** @type {Map<string, Unsaved>} in the order they came */
    #records = new Map();

    /**
     * @param {KeyStore} storage
     * @param {string} username whose changes these are
     */
    constructor(storage, username) {
        this.#storage = storage;
        this.#prefix = `maskwright.unsaved.${username}.`;
    }

    get count() {
        return this.#records.size;
    }

    get all() {
        return [...this.#records.values()];
    }

    /** @param {string} id */
    get(id) {
        return this.#records.get(id) ?? null;
    }

    /**
     * Takes up what an earlier page could not save.
     *
     * @returns {number} how many records were damaged: they cannot be read, and are gone from the storage
     */
    read() {
        let damaged = 0;
        const keys = Array.from({length: this.#storage.length}, (_, k) => this.#storage.key(k) ?? "");
        for (const key of keys.filter((key) => key.startsWith(this.#prefix))) {
            const record = parsed(this.#storage.getItem(key));
            if (record && this.#prefix + record.id === key) this.#records.set(record.id, record);
            else {
                this.#storage.removeItem(key);
                damaged++;
            }
        }
        return damaged;
    }

    /** @param {Unsaved} record */
    keep(record) {
        this.#records.set(record.id, record);
        try {
            this.#storage.setItem(this.#prefix + record.id, JSON.stringify(record));
        } catch {
            // The storage is full or off. The record stays in memory, and leaving the page asks first.
        }
    }

    /** @param {string} id */
    forget(id) {
        this.#records.delete(id);
        this.#storage.removeItem(this.#prefix + id);
    }
}

/** @param {string | null} text @returns {Unsaved | null} null: it is cut off, or nothing that `keep` wrote */
function parsed(text) {
    try {
        return JSON.parse(text ?? "null");
    } catch {
        return null;
    }
}
