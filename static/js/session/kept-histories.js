/**
 * The undo histories of images, on this computer: one entry for each step, so that a step costs what it holds and not what
 * the whole history holds. Each tab writes its own; that of a tab that has ended is taken over when its image is opened.
 */

import {isDeletionOf} from "../core/history-end.js";

/** @import {HistoryChange} from "../core/history.js" */
/** @import {HistoryEntry} from "./draft.js" */
/** @import {Shelf, ShelfKey, Tabs} from "./ports.d.ts" */

/** @typedef {{entries: HistoryEntry[], place: number, first: number}} KeptHistory */
/** Of a history: where it stands, and when that was. @typedef {{place: number, at: number}} Head */

const KEPT_MS = 14 * 24 * 60 * 60 * 1000;
const KEPT_IMAGES = 100;

export class KeptHistories {
    #shelf;
    #tabs;
    #username;

    /**
     * @param {Shelf} shelf
     * @param {Tabs} tabs
     * @param {string} username whose steps these are
     */
    constructor(shelf, tabs, username) {
        this.#shelf = shelf;
        this.#tabs = tabs;
        this.#username = username;
    }

    /** @param {number} imageId @returns {Promise<KeptHistory | null>} null: there is none, or it cannot be read */
    async of(imageId) {
        try {
            const heads = await this.#shelf.below([this.#username, "heads", imageId]);
            heads.sort((a, b) => headOf(b.value).at - headOf(a.value).at);
            for (const {key, value} of heads) {
                const tab = String(key[3]);
                const isMine = tab === this.#tabs.id;
                const kept = await (isMine
                    ? this.#read(imageId, tab, headOf(value))
                    : this.#takeOver(imageId, tab, headOf(value)));
                if (kept) return kept;
                if (isMine) this.forget(imageId);
            }
        } catch {
            // Undo begins with what is done from now on.
        }
        return null;
    }

    /**
     * @param {number} imageId
     * @param {HistoryChange<HistoryEntry>} change
     */
    note(imageId, {gone, added, place}) {
        this.#write({
            remove: gone.map((number) => this.#step(imageId, number)),
            put: [
                ...(added ? [/** @type {const} */ ([this.#step(imageId, added[0]), added[1]])] : []),
                this.#headAt(imageId, place),
            ],
        });
    }

    /**
     * Keeps this one in place of what was kept.
     *
     * @param {number} imageId
     * @param {KeptHistory} history
     */
    replace(imageId, history) {
        this.#write(this.#asWhole(imageId, history));
    }

    /**
     * The last step of an image counts as undone, if it deleted just these.
     *
     * @param {number} imageId
     * @param {readonly string[]} ids
     */
    async stepBack(imageId, ids) {
        const [head] = await this.#shelf.below([this.#username, "heads", imageId, this.#tabs.id]);
        const kept = head ? await this.#read(imageId, this.#tabs.id, headOf(head.value)) : null;
        const last = kept?.entries[kept.place - 1];
        if (!kept || !last || !isDeletionOf(last.changes, ids)) return;
        await this.#shelf.write({put: [this.#headAt(imageId, kept.first + kept.place - 1)]});
    }

    /** @param {number} imageId */
    forget(imageId) {
        this.#write({remove: this.#allOf(imageId, this.#tabs.id)});
    }

    /** Gives all of them up: there is no room for what matters more. */
    async forgetAll() {
        await this.#shelf.write({remove: [[this.#username]]});
    }

    /** Forgets those that nobody has gone on with for long, and the oldest where there are many. */
    async tidy(now = Date.now()) {
        const heads = await this.#shelf.below([this.#username, "heads"]);
        heads.sort((a, b) => headOf(b.value).at - headOf(a.value).at);
        const old = heads.filter(({value}, k) => k >= KEPT_IMAGES || now - headOf(value).at > KEPT_MS);
        if (old.length === 0) return;
        await this.#shelf.write({
            remove: old.flatMap(({key}) => this.#allOf(Number(key[2]), String(key[3]))),
        });
    }

    /**
     * @param {number} imageId
     * @param {string} tab
     * @param {Head} head
     * @returns {Promise<KeptHistory | null>} null: a part of it is missing
     */
    async #read(imageId, tab, {place}) {
        const steps = await this.#shelf.below([this.#username, "steps", imageId, tab]);
        const numbers = steps.map(({key}) => Number(key[4]));
        const first = numbers[0] ?? place;
        const isWhole = numbers.every((number, k) => number === first + k);
        if (!isWhole || place < first || place > first + steps.length) return null;
        const entries = steps.map(({value}) => /** @type {HistoryEntry} */ (value));
        return {entries, place: place - first, first};
    }

    /**
     * @param {number} imageId
     * @param {string} tab
     * @param {Head} head
     * @returns {Promise<KeptHistory | null>} null: that tab is open
     */
    async #takeOver(imageId, tab, head) {
        /** @type {KeptHistory | null} */
        let kept = null;
        await this.#tabs.ifGone(tab, async () => {
            kept = await this.#read(imageId, tab, head);
            const {remove, put} = kept ? this.#asWhole(imageId, kept) : {remove: [], put: []};
            await this.#shelf.write({remove: [...remove, ...this.#allOf(imageId, tab)], put});
        });
        return kept;
    }

    /**
     * @param {number} imageId
     * @param {KeptHistory} history
     */
    #asWhole(imageId, {entries, place, first}) {
        const steps = entries.map(
            (entry, k) => /** @type {const} */ ([this.#step(imageId, first + k), entry]),
        );
        return {
            remove: this.#allOf(imageId, this.#tabs.id),
            put: [...steps, this.#headAt(imageId, first + place)],
        };
    }

    /**
     * @param {number} imageId
     * @param {number} place
     * @returns {readonly [ShelfKey, Head]}
     */
    #headAt(imageId, place) {
        return [[this.#username, "heads", imageId, this.#tabs.id], {place, at: Date.now()}];
    }

    /**
     * @param {number} imageId
     * @param {number} number
     * @returns {ShelfKey}
     */
    #step(imageId, number) {
        return [this.#username, "steps", imageId, this.#tabs.id, number];
    }

    /**
     * @param {number} imageId
     * @param {string} tab
     * @returns {ShelfKey[]}
     */
    #allOf(imageId, tab) {
        return ["heads", "steps"].map((kind) => [this.#username, kind, imageId, tab]);
    }

    /** @param {Parameters<Shelf["write"]>[0]} changes */
    #write(changes) {
        this.#shelf.write(changes).catch(() => {}); // steps are lost then, and no mask
    }
}

/** @param {unknown} value */
function headOf(value) {
    return /** @type {Head} */ (value);
}
