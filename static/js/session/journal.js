/**
 * What this tab keeps on this computer: changes of masks and marks of images that the server does not have yet, and drafts.
 *
 * It is read into memory when the page begins, so that whoever asks is answered at once. Every change is written behind,
 * in the order it was made, and counts as kept only when the browser says that it is on the disk. Each tab keeps entries
 * of its own; those of a tab that was closed, or crashed, are taken over: at once what belongs to the image that is opened,
 * the rest by the first tab that notices, when the other one has not come back.
 */

import {readOld} from "./old-journal.js";

/** @import {KeyStore, Shelf, ShelfKey, Tabs} from "./ports.d.ts" */

/** @typedef {"unsaved" | "mark" | "draft"} Kind */
/** @typedef {{kind: Kind, id: string | number, value: unknown}} Entry */
/** failed: something cannot be kept, and lasts as long as the page. @typedef {"kept" | "writing" | "failed"} Keeping */

export class Journal {
    /** How what is kept stands has changed. */
    onChange = () => {};
    /** Entries of a tab that has gone are this one's now. @type {(entries: readonly Entry[]) => void} */
    onTaken = () => {};
    /** Whether an entry of another tab can become this one's now. @type {(entry: Entry) => boolean} */
    mayTake = () => true;
    /** The disk is full: gives up what matters less. @type {() => Promise<void>} */
    makeRoom = async () => {};

    #shelf;
    #tabs;
    #username;
    /** @type {Record<Kind, Map<string | number, unknown>>} in the order they came */
    #entries = {unsaved: new Map(), mark: new Map(), draft: new Map()};
    #writing = {unsaved: 0, mark: 0, draft: 0};
    /** What could not be written. @type {Record<Kind, Set<string | number>>} */
    #failed = {unsaved: new Set(), mark: new Set(), draft: new Set()};
    /** Whether the browser keeps nothing, as far as is known. */
    #isOff = false;
    #hasMadeRoom = false;
    /** Whether what this tab kept before is still to be read. */
    #isUnread = false;
    /** That reading, while it goes on. @type {Promise<Entry[]> | null} */
    #reading = null;
    /** Whether a closed tab has left something that could not be taken yet. */
    #isSomethingLeft = false;

    /**
     * @param {Shelf} shelf
     * @param {Tabs} tabs
     * @param {string} username whose work this is
     */
    constructor(shelf, tabs, username) {
        this.#shelf = shelf;
        this.#tabs = tabs;
        this.#username = username;
    }

    /** Whether the browser keeps what is given to it. */
    get isWorking() {
        return !this.#isOff && Object.values(this.#failed).every(({size}) => size === 0);
    }

    /** @param {Kind} kind @returns {Keeping} */
    keeping(kind) {
        if (this.#isOff || this.#failed[kind].size > 0) return "failed";
        return this.#writing[kind] > 0 ? "writing" : "kept";
    }

    /**
     * Reads what this tab kept before its page was loaded anew, and takes over what closed tabs have left of an image.
     *
     * @param {number} imageId
     * @param {KeyStore} old where the version before kept its journal
     * @returns {Promise<number>} how many changes are damaged: they cannot be read, and are gone
     */
    async open(imageId, old) {
        this.#tabs.onGone = () => void this.lookAround();
        this.#isUnread = true;
        try {
            const keys = this.#shelf.keysBelow([this.#username]);
            keys.catch(() => {}); // it is awaited below
            await this.#tabs.begin();
            await this.#readOwn();
            await this.#takeOverAll(await keys, (entry) => imageOf(entry) === imageId);
        } catch {
            this.#isOff = true;
        }
        const {entries, damaged} = readOld(old, this.#username);
        for (const {kind, id, value, forget} of entries) {
            if (this.#entries[kind].has(id)) forget();
            else void this.put(kind, id, value).then((isKept) => isKept && forget());
        }
        this.onChange();
        return damaged;
    }

    /** @param {Kind} kind @returns {unknown[]} in the order they came */
    all(kind) {
        return [...this.#entries[kind].values()];
    }

    /**
     * @param {Kind} kind
     * @param {string | number} id
     */
    get(kind, id) {
        return this.#entries[kind].get(id) ?? null;
    }

    /**
     * @param {Kind} kind
     * @param {string | number} id
     * @param {unknown} value
     * @returns {Promise<boolean>} whether it is on the disk
     */
    async put(kind, id, value) {
        this.#entries[kind].set(id, value);
        return this.#write(kind, id);
    }

    /**
     * @param {Kind} kind
     * @param {string | number} id
     */
    remove(kind, id) {
        this.#entries[kind].delete(id);
        this.#failed[kind].delete(id);
        const remove = () => this.#shelf.write({remove: [this.#key(kind, id)]});
        const removal = this.#isUnread ? this.#readLate().then(remove) : remove();
        removal.then(
            () => {
                this.retry(); // there is room again
                if (this.#isSomethingLeft) void this.lookAround();
            },
            () => {}, // if it stays on the disk, it is taken up once more: masks have versions, marks are compared first
        );
    }

    /** Writes once more what could not be written. */
    retry() {
        for (const kind of /** @type {const} */ (["unsaved", "mark", "draft"]))
            for (const id of this.#failed[kind]) void this.#write(kind, id);
    }

    /** Takes over what tabs have left that were closed since. */
    async lookAround() {
        try {
            if (this.#isUnread) await this.#readLate();
            const keys = await this.#shelf.keysBelow([this.#username]);
            const taken = await this.#takeOverAll(keys, this.mayTake);
            if (taken.length > 0) this.onTaken(taken);
        } catch {
            // It stays where it is, for the next time.
        }
    }

    /**
     * @param {readonly ShelfKey[]} keys of all entries
     * @param {(entry: Entry) => boolean} mayTake
     * @returns {Promise<Entry[]>} what was taken
     */
    async #takeOverAll(keys, mayTake) {
        const others = new Set(keys.map(([, tab]) => String(tab)));
        others.delete(this.#tabs.id);
        this.#isSomethingLeft = false;
        return (await Promise.all([...others].map((tab) => this.#takeOver(tab, mayTake)))).flat();
    }

    /**
     * Two tabs' changes of the same mask stay apart, and are saved one after the other, so that the second is told of the
     * first.
     *
     * @param {string} tab
     * @param {(entry: Entry) => boolean} mayTake
     * @returns {Promise<Entry[]>} what was taken
     */
    async #takeOver(tab, mayTake) {
        /** @type {Entry[]} */
        let taken = [];
        await this.#tabs.ifGone(tab, async () => {
            const left = await this.#shelf.below([this.#username, tab]);
            const taking = left.filter(({key, value}) => {
                const entry = entryOf(key, value);
                return !this.#entries[entry.kind]?.has(entry.id) && mayTake(entry);
            });
            if (taking.length < left.length) this.#isSomethingLeft = true;
            if (taking.length === 0) return;
            taken = taking.map(({key, value}) => entryOf(key, value));
            for (const entry of taken) this.#remember(entry); // now, so that what is newer comes after the transaction
            await this.#shelf.write(
                {
                    put: taken.map(({kind, id, value}) => [this.#key(kind, id), value]),
                    remove: taking.map(({key}) => key),
                },
                {isStrict: true},
            );
        });
        return taken;
    }

    /**
     * Reads what this tab kept before its page was loaded anew.
     *
     * @returns {Promise<Entry[]>} what was not known here yet
     */
    #readOwn() {
        this.#reading ??= this.#shelf
            .below([this.#username, this.#tabs.id])
            .then(async (kept) => {
                const entries = kept.map(({key, value}) => entryOf(key, value));
                const [older, unknown] = [true, false].map((isThere) =>
                    entries.filter(({kind, id}) => (this.#entries[kind]?.has(id) ?? false) === isThere),
                );
                // Something newer came before the reading: the older one stays beside it, as if another tab had left it.
                if (older.length > 0)
                    await this.#shelf.write(
                        {
                            put: older.map(({kind, id, value}) => [
                                [this.#username, `${this.#tabs.id}-before`, kind, id],
                                value,
                            ]),
                        },
                        {isStrict: true},
                    );
                for (const entry of unknown) this.#remember(entry);
                this.#isUnread = this.#isOff = false;
                if (older.length > 0) this.#isSomethingLeft = true;
                return unknown;
            })
            .finally(() => (this.#reading = null));
        return this.#reading;
    }

    /** The reading at the beginning has failed: nothing is written over what was kept before that is known. */
    async #readLate() {
        const isFirst = this.#reading === null;
        const unknown = await this.#readOwn();
        if (isFirst && unknown.length > 0) this.onTaken(unknown);
    }

    /** @param {Entry} entry */
    #remember({kind, id, value}) {
        this.#entries[kind]?.set(id, value);
    }

    /**
     * @param {Kind} kind
     * @param {string | number} id
     */
    async #write(kind, id) {
        const value = this.#entries[kind].get(id);
        const before = this.keeping(kind);
        this.#writing[kind]++;
        if (this.keeping(kind) !== before) this.onChange();
        let isKept = true;
        try {
            if (this.#isUnread) await this.#readLate();
            await this.#shelf.write({put: [[this.#key(kind, id), value]]}, {isStrict: kind !== "draft"});
            this.#failed[kind].delete(id);
            this.#isOff = false;
            this.#hasMadeRoom = false;
        } catch {
            isKept = false;
            if (this.#entries[kind].get(id) === value) this.#failed[kind].add(id);
        }
        this.#writing[kind]--;
        this.onChange();
        if (!isKept && !this.#hasMadeRoom) {
            this.#hasMadeRoom = true;
            void this.makeRoom().then(() => this.retry());
        }
        return isKept;
    }

    /**
     * @param {Kind} kind
     * @param {string | number} id
     * @returns {ShelfKey}
     */
    #key(kind, id) {
        return [this.#username, this.#tabs.id, kind, id];
    }
}

/**
 * @param {ShelfKey} key
 * @param {unknown} value
 * @returns {Entry}
 */
function entryOf([, , kind, id], value) {
    return {kind: /** @type {Kind} */ (kind), id, value};
}

/** @param {Entry} entry @returns {unknown} the id of the image that it belongs to */
function imageOf({kind, id, value}) {
    return kind === "draft" ? id : /** @type {{imageId?: number} | null} */ (value)?.imageId;
}
