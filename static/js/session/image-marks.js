/**
 * What people say of images (done, skipped, flagged), on its way to the server: one mark after the other, so that none
 * overtakes the one before it. A mark lies in the journal until the server has it, as an unsaved mask does.
 */

/** @import {ImageMarks} from "../core/types.d.ts" */
/** @import {SaveStatus} from "./autosave.js" */
/** @import {Journal} from "./journal.js" */
/** @import {ImageRow} from "./ports.d.ts" */

/**
 * The marks of one image that the server does not have yet.
 *
 * @typedef {object} UnsavedMarks
 * @property {number} imageId
 * @property {string} name of the image
 * @property {ImageMarks} base what the server has, as far as is known
 * @property {readonly Partial<ImageMarks>[]} waiting in the order they were made
 */

/** @typedef {Exclude<SaveStatus["reason"], "refused" | "conflict">} Trouble */

const RECENT_MS = 15_000; // longer than a scene takes to come

/** @param {ImageMarks} image @returns {ImageMarks} */
export function marksOf({state, skipReason, skipNote, isFlagged, flagNote}) {
    return {state, skipReason, skipNote, isFlagged, flagNote};
}

export class MarksToSave {
    /** An image is marked like this now. @type {(imageId: number, marks: Partial<ImageRow>) => void} */
    onShown = () => {};
    /** The server has refused a mark, and never takes it. @type {(image: {id: number, name: string}, error: unknown) => void} */
    onRefused = () => {};
    /** A mark of an earlier page is not sent: the image was marked otherwise since. @type {(image: {id: number, name: string}) => void} */
    onOutdated = () => {};

    #journal;
    #server;
    #pause;
    #onStatus;
    /** What the server said a moment ago: a scene that was asked for before does not have it. @type {Map<number, {marks: Partial<ImageRow>, at: number}>} */
    #recent = new Map();
    #isRunning = false;
    /** The status that was told last. */
    #told = "";
    /** @type {Trouble} */
    #trouble = "";
    /** Images that were marked on this page: what waits for others was left by an earlier one. @type {Set<number>} */
    #own = new Set();
    /** Called when nothing waits any more, or has to wait longer. @type {(() => void)[]} */
    #onSettled = [];

    /**
     * @param {Pick<Journal, "all" | "get" | "put" | "remove" | "retry" | "isWorking" | "keeping">} journal
     * @param {object} server
     * @param {(imageId: number, marks: Partial<ImageMarks>) => Promise<ImageRow>} server.save gives the image as it is then
     * @param {(imageId: number) => Promise<ImageRow>} server.look gives the image as it is
     * @param {(error: unknown) => Trouble} server.troubleOf why trying again may help; "": the server refuses
     * @param {(attempt: number) => Promise<void>} pause before trying again; attempts are counted from 0
     * @param {() => void} onStatus
     */
    constructor(journal, server, pause, onStatus) {
        this.#journal = journal;
        this.#server = server;
        this.#pause = pause;
        this.#onStatus = onStatus;
    }

    /** Takes up what an earlier page, or a tab that was closed, could not save. */
    resume() {
        for (const {imageId, waiting} of this.#all) this.onShown(imageId, merged(waiting));
        void this.#run();
    }

    /** Resolves when the server has everything, or has refused it, or cannot be asked now. @returns {Promise<void>} */
    get settled() {
        if (this.#all.length === 0 || this.#trouble) return Promise.resolve();
        return new Promise((resolve) => this.#onSettled.push(resolve));
    }

    /** How they are kept on this computer has changed. */
    noteKeeping() {
        this.#tell();
    }

    /** @returns {SaveStatus} */
    get status() {
        const count = this.#all.reduce((sum, {waiting}) => sum + waiting.length, 0);
        const reason = count === 0 ? "" : this.#trouble;
        const keeping = this.#journal.isWorking ? this.#journal.keeping("mark") : "failed";
        return {state: count === 0 ? "saved" : reason ? "unsaved" : "saving", count, reason, keeping};
    }

    /**
     * @param {ImageRow} image as it is
     * @param {Partial<ImageMarks>} marks what is left out stays
     */
    send(image, marks) {
        const {id: imageId, name} = image;
        const {base, waiting} = this.#of(imageId) ?? {base: marksOf(image), waiting: []};
        this.#keep({imageId, name, base, waiting: [...waiting, marks]});
        this.#own.add(imageId);
        this.onShown(imageId, marks);
        void this.#run(); // at once: the page may be left in the next moment
    }

    /**
     * An image as it will be when the server has everything: what was fetched may be older than a mark.
     *
     * @template {ImageRow} Row
     * @param {Row} image
     * @returns {Row}
     */
    overlay(image) {
        for (const [id, {at}] of this.#recent) if (Date.now() - at > RECENT_MS) this.#recent.delete(id);
        return {...image, ...this.#recent.get(image.id)?.marks, ...merged(this.#of(image.id)?.waiting ?? [])};
    }

    async #run() {
        this.#tell();
        if (this.#isRunning) return;
        this.#isRunning = true;
        try {
            for (let attempt = 0, [record] = this.#all; record; [record] = this.#all) {
                const {imageId, waiting} = record;
                try {
                    if (!this.#own.has(imageId) && !(await this.#isStillWanted(record))) continue;
                    const image = await this.#server.save(imageId, merged(waiting));
                    const {flaggedBy, flaggedAt} = image;
                    this.#trouble = "";
                    attempt = 0;
                    this.#recent.set(imageId, {
                        marks: {...marksOf(image), flaggedBy, flaggedAt},
                        at: Date.now(),
                    });
                    this.#answered(imageId, waiting.length, marksOf(image), {flaggedBy, flaggedAt});
                } catch (error) {
                    this.#trouble = this.#server.troubleOf(error);
                    if (this.#trouble) {
                        this.#tell();
                        this.#endWaiting();
                        await this.#pause(attempt++);
                        this.#journal.retry();
                    } else {
                        attempt = 0;
                        this.#answered(imageId, waiting.length, record.base);
                        this.onRefused({id: imageId, name: record.name}, error);
                    }
                }
            }
        } finally {
            this.#isRunning = false;
        }
        this.#endWaiting();
        this.#tell();
    }

    #endWaiting() {
        for (const resolve of this.#onSettled.splice(0)) resolve();
    }

    /**
     * Marks have no versions: what an earlier page left may have arrived all the same, or others may have marked the image
     * since. Then it is forgotten.
     *
     * @param {UnsavedMarks} record
     */
    async #isStillWanted({imageId, name, base, waiting}) {
        const image = await this.#server.look(imageId);
        if (this.#own.has(imageId)) return true; // marked anew meanwhile
        const now = marksOf(image);
        if (isSame(now, base)) return true;
        this.#trouble = "";
        this.#journal.remove("mark", imageId);
        this.onShown(imageId, now);
        if (!isSame(now, {...base, ...merged(waiting)})) this.onOutdated({id: imageId, name});
        return false;
    }

    /**
     * @param {number} imageId
     * @param {number} count of its marks that have an answer now
     * @param {ImageMarks} base what the server has
     * @param {Partial<ImageRow>} more that it says of the image
     */
    #answered(imageId, count, base, more = {}) {
        const record = /** @type {UnsavedMarks} */ (this.#of(imageId));
        const waiting = record.waiting.slice(count);
        if (waiting.length > 0) this.#keep({...record, base, waiting});
        else this.#journal.remove("mark", imageId);
        this.onShown(imageId, {...base, ...merged(waiting), ...more});
    }

    #tell() {
        const told = JSON.stringify(this.status);
        if (told === this.#told) return; // a page draws a lot for each status
        this.#told = told;
        this.#onStatus();
    }

    get #all() {
        return /** @type {UnsavedMarks[]} */ (this.#journal.all("mark"));
    }

    /** @param {number} imageId */
    #of(imageId) {
        return /** @type {UnsavedMarks | null} */ (this.#journal.get("mark", imageId));
    }

    /** @param {UnsavedMarks} record */
    #keep(record) {
        void this.#journal.put("mark", record.imageId, record);
    }
}

/** @param {readonly Partial<ImageMarks>[]} marks @returns {Partial<ImageMarks>} */
function merged(marks) {
    return Object.assign({}, ...marks);
}

/** @param {ImageMarks} a @param {ImageMarks} b */
function isSame(a, b) {
    return JSON.stringify(marksOf(a)) === JSON.stringify(marksOf(b));
}
