/** Values in IndexedDB, by keys that are paths. */

/** @import {Shelf, ShelfChanges, ShelfKey} from "../session/ports.d.ts" */

const DATABASE = "maskwright";
const VERSION = 1;
const STORES = /** @type {const} */ (["journal", "histories"]);
const OPENS_WITHIN_MS = 5000;

/**
 * One store of the database. Its transactions take their turns in the order in which they were begun.
 *
 * @implements {Shelf}
 */
export class BrowserShelf {
    #store;
    /** @type {Promise<IDBDatabase> | null} */
    #database = null;

    /** @param {typeof STORES[number]} store */
    constructor(store) {
        this.#store = store;
    }

    /** @param {ShelfKey} key */
    async below(key) {
        const store = await this.#begin("readonly");
        const [keys, values] = await Promise.all([
            answerOf(store.getAllKeys(rangeBelow(key))),
            answerOf(store.getAll(rangeBelow(key))),
        ]);
        return keys.map((each, k) => ({key: /** @type {ShelfKey} */ (each), value: values[k]}));
    }

    /** @param {ShelfKey} key */
    async keysBelow(key) {
        const store = await this.#begin("readonly");
        return /** @type {ShelfKey[]} */ (await answerOf(store.getAllKeys(rangeBelow(key))));
    }

    /**
     * @param {ShelfChanges} changes
     * @param {{isStrict?: boolean}} options
     */
    async write({put = [], remove = []}, {isStrict = false} = {}) {
        const store = await this.#begin("readwrite", isStrict ? "strict" : "relaxed");
        const {transaction} = store;
        const done = endOf(transaction);
        try {
            for (const key of remove) store.delete(rangeBelow(key));
            for (const [key, value] of put) store.put(value, [...key]);
            transaction.commit(); // goes to the browser at once: a page that ends now no longer ends the transaction
        } catch (error) {
            done.catch(() => {}); // it is told once
            throw error;
        }
        await done;
    }

    /**
     * @param {IDBTransactionMode} mode
     * @param {IDBTransactionDurability} durability strict: done means that it is on the disk, not only with the system
     */
    async #begin(mode, durability = "relaxed") {
        this.#database ??= this.#open();
        const opened = this.#database;
        const database = await opened;
        try {
            return database.transaction(this.#store, mode, {durability}).objectStore(this.#store);
        } catch (error) {
            if (this.#database === opened) this.#database = null; // its connection has ended: the next one opens another
            throw error;
        }
    }

    /** @returns {Promise<IDBDatabase>} */
    #open() {
        const opening = new Promise((resolve, reject) => {
            // Some browsers leave the question open when their storage is damaged.
            const timer = setTimeout(
                () => reject(new Error("The browser's storage does not answer.")),
                OPENS_WITHIN_MS,
            );
            const request = indexedDB.open(DATABASE, VERSION);
            request.onupgradeneeded = () => {
                for (const name of STORES) request.result.createObjectStore(name);
            };
            request.onerror = () => reject(request.error);
            request.onsuccess = () => {
                clearTimeout(timer);
                const database = request.result;
                const forget = () => {
                    if (this.#database === opening) this.#database = null;
                };
                database.onclose = forget; // the person has cleared the site's data, or the disk is gone
                database.onversionchange = () => {
                    forget();
                    database.close();
                };
                resolve(database);
            };
        });
        opening.catch(() => {
            if (this.#database === opening) this.#database = null; // the next one tries again
        });
        return opening;
    }
}

/** The key itself and all that begin with it: an array stands behind every text and number. @param {ShelfKey} key */
function rangeBelow(key) {
    return IDBKeyRange.bound([...key], [...key, []]);
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function answerOf(request) {
    return new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
}

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
function endOf(transaction) {
    return new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error ?? new Error("The transaction was given up."));
    });
}
