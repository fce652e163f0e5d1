/**
 * Brings the server to what the person sees, one annotation at a time, and loses nothing on the way.
 *
 * For each annotation that differs there is one record: what it should be. It lies in the browser's storage until the
 * server has it; a page that was closed or crashed sends it when it is opened again. Ids come from the client and every
 * write names its version, so a repeated save is harmless.
 */

import {ApiError, isPassing, pause, retryDelayMs} from "./http.js";
import {
    annotationFromWire,
    contentToWire,
    createAnnotation,
    deleteAnnotation,
    restoreAnnotation,
    updateAnnotation,
} from "./annotations.js";

/** @import {Annotation, ChangeSet} from "../core/types.d.ts" */
/** @import {AnnotationWire, ServerAnnotation} from "./annotations.js" */
/** @import {Http} from "./http.js" */

/** What the server has of an annotation, as far as we know. @typedef {{version: number, isDeleted: boolean, content: string}} Known */

/**
 * What an annotation should be, kept until the server has it.
 *
 * @typedef {object} Unsaved
 * @property {string} id
 * @property {number} imageId
 * @property {Annotation | null} desired null: deleted
 * @property {Known | null} known
 * @property {boolean} isSent the server may have it although it never said so
 */

/** @typedef {{id: string, mine: Annotation | null, theirs: Annotation | null, version: number}} Conflict null: deleted */
/** @typedef {{id: string, message: string}} Refusal */

/**
 * @typedef {object} SaveStatus
 * @property {"saved" | "saving" | "unsaved"} state unsaved: there is something that cannot be saved right now
 * @property {number} count annotations the server does not have yet
 * @property {"" | "offline" | "signed_out" | "server" | "refused" | "conflict"} reason
 */

export class Autosave {
    #http;
    #storage;
    #prefix;
    #onStatus;
    #onConflict;
    #onRefusal;
    /** @type {Map<string, Known>} */
    #known = new Map();
    /** @type {Map<string, Unsaved>} in the order they came */
    #unsaved = new Map();
    /** @type {Map<string, Conflict>} */
    #conflicts = new Map();
    /** @type {Map<string, Refusal>} */
    #refusals = new Map();
    #isRunning = false;
    /** @type {SaveStatus["reason"]} */
    #trouble = "";

    /**
     * @param {object} options
     * @param {Http} options.http
     * @param {Storage} options.storage
     * @param {string} options.username whose unsaved changes these are
     * @param {(status: SaveStatus) => void} options.onStatus
     * @param {(conflict: Conflict) => void} options.onConflict somebody else changed the same annotation
     * @param {(refusal: Refusal) => void} options.onRefusal the server will never take it as it is
     */
    constructor({http, storage, username, onStatus, onConflict, onRefusal}) {
        this.#http = http;
        this.#storage = storage;
        this.#prefix = `maskwright.unsaved.${username}.`;
        this.#onStatus = onStatus;
        this.#onConflict = onConflict;
        this.#onRefusal = onRefusal;
    }

    /** Takes up what an earlier page could not save. */
    resume() {
        for (let k = 0; k < this.#storage.length; k++) {
            const key = this.#storage.key(k);
            if (!key?.startsWith(this.#prefix)) continue;
            const record = JSON.parse(this.#storage.getItem(key) ?? "null");
            if (record) this.#unsaved.set(record.id, record);
        }
        for (const {id, known} of this.#unsaved.values()) {
            if (known) this.#known.set(id, known);
        }
        this.#run();
    }

    /**
     * What the server listed, with what it does not have yet laid over it.
     *
     * @param {number} imageId
     * @param {readonly ServerAnnotation[]} listed
     * @returns {Annotation[]}
     */
    overlay(imageId, listed) {
        const annotations = new Map(listed.map(({annotation}) => [annotation.id, annotation]));
        for (const row of listed) {
            // What an unsaved change started from stays: if the server has moved on meanwhile, it will say so.
            if (!this.#unsaved.has(row.annotation.id)) this.#remember(row);
        }
        for (const {id, imageId: itsImage, desired} of this.#unsaved.values()) {
            if (itsImage !== imageId) continue;
            if (desired) annotations.set(id, desired);
            else annotations.delete(id);
        }
        return [...annotations.values()];
    }

    /** @param {ChangeSet} changes of the user; saved at once */
    submit({created, updated, deleted}) {
        for (const annotation of created) this.#want(annotation.id, annotation.imageId, annotation);
        for (const {after} of updated) this.#want(after.id, after.imageId, after);
        for (const annotation of deleted) this.#want(annotation.id, annotation.imageId, null);
        this.#run();
    }

    /** @param {string} id */
    isSaved(id) {
        return !this.#unsaved.has(id);
    }

    /**
     * @param {string} id
     * @param {"mine" | "theirs"} choice
     */
    resolveConflict(id, choice) {
        const conflict = this.#conflicts.get(id);
        if (!conflict) return;
        this.#conflicts.delete(id);
        const content = conflict.theirs ? contentOf(conflict.theirs) : "";
        this.#known.set(id, {version: conflict.version, isDeleted: conflict.theirs === null, content});
        if (choice === "theirs") this.#forget(id);
        this.#run();
    }

    /** @param {string} id tries once more what was refused */
    retryRefused(id) {
        this.#refusals.delete(id);
        this.#run();
    }

    /** @param {string} id gives up what was refused */
    discardRefused(id) {
        this.#refusals.delete(id);
        this.#forget(id);
        this.#tell();
    }

    get status() {
        return this.#statusNow();
    }

    /**
     * @param {string} id
     * @param {number} imageId
     * @param {Annotation | null} desired
     */
    #want(id, imageId, desired) {
        const before = this.#unsaved.get(id);
        this.#refusals.delete(id);
        const known = this.#known.get(id) ?? null;
        this.#keep({id, imageId, desired, known, isSent: before?.isSent ?? false});
    }

    async #run() {
        this.#tell();
        if (this.#isRunning) return;
        this.#isRunning = true;
        for (let attempt = 0; ;) {
            const record = this.#next();
            if (!record) break;
            try {
                await this.#send(record);
                attempt = 0;
                this.#trouble = "";
            } catch (error) {
                const status = error instanceof ApiError ? error.status : 0;
                if (isPassing(error) || status === 401) {
                    this.#trouble = status === 401 ? "signed_out" : status ? "server" : "offline";
                    this.#tell();
                    await pause(retryDelayMs(attempt++));
                } else if (error instanceof ApiError && error.body.current) {
                    this.#conflict(record, error);
                } else {
                    this.#refuse(record, error);
                }
            }
            this.#tell();
        }
        this.#isRunning = false;
        this.#tell();
    }

    #next() {
        for (const record of this.#unsaved.values()) {
            if (!this.#conflicts.has(record.id) && !this.#refusals.has(record.id)) return record;
        }
        return null;
    }

    /**
     * One request that brings the server nearer to `record`.
     *
     * @param {Unsaved} record
     */
    async #send(record) {
        const {id, desired} = record;
        const known = this.#known.get(id) ?? null;
        if (desired) {
            if (known && !known.isDeleted && known.content === contentOf(desired))
                return this.#settle(record);
            if (!known) {
                this.#keep({...record, isSent: true});
                this.#remember(await createAnnotation(this.#http, desired), desired);
            } else if (known.isDeleted) {
                this.#remember(await restoreAnnotation(this.#http, id));
            } else {
                this.#remember(await updateAnnotation(this.#http, desired, known.version), desired);
            }
            return;
        }
        if (known?.isDeleted || (!known && !record.isSent)) return this.#settle(record);
        try {
            await deleteAnnotation(this.#http, id, known?.version ?? null);
        } catch (error) {
            if (!(error instanceof ApiError && error.status === 404)) throw error;
        }
        this.#known.set(id, {version: (known?.version ?? 1) + 1, isDeleted: true, content: ""});
    }

    /**
     * The server has it, unless more was wanted meanwhile.
     *
     * @param {Unsaved} record
     */
    #settle(record) {
        if (this.#unsaved.get(record.id)?.desired === record.desired) this.#forget(record.id);
    }

    /**
     * @param {ServerAnnotation} row
     * @param {Annotation} sent what the row was made of: the server may write a number in another way
     */
    #remember({annotation, version}, sent = annotation) {
        this.#known.set(annotation.id, {version, isDeleted: false, content: contentOf(sent)});
    }

    /**
     * @param {Unsaved} record
     * @param {ApiError} error
     */
    #conflict(record, error) {
        const {annotation, version} = annotationFromWire(/** @type {AnnotationWire} */ (error.body.current));
        const isDeleted = error.code === "annotation_deleted";
        if (!this.#known.has(record.id) && version === 1 && !isDeleted) {
            // Our own first save, whose answer got lost, and which was changed since.
            this.#known.set(record.id, {version, isDeleted: false, content: contentOf(annotation)});
            return;
        }
        const conflict = {
            id: record.id,
            mine: record.desired,
            theirs: isDeleted ? null : annotation,
            version,
        };
        this.#conflicts.set(record.id, conflict);
        this.#onConflict(conflict);
    }

    /**
     * @param {Unsaved} record
     * @param {unknown} error
     */
    #refuse(record, error) {
        const refusal = {id: record.id, message: error instanceof Error ? error.message : String(error)};
        this.#refusals.set(record.id, refusal);
        this.#onRefusal(refusal);
    }

    /** @param {Unsaved} record */
    #keep(record) {
        this.#unsaved.set(record.id, record);
        try {
            this.#storage.setItem(this.#prefix + record.id, JSON.stringify(record));
        } catch {
            // The storage is full or off. The record stays in memory, and leaving the page asks first.
        }
    }

    /** @param {string} id */
    #forget(id) {
        this.#unsaved.delete(id);
        this.#storage.removeItem(this.#prefix + id);
    }

    #tell() {
        this.#onStatus(this.#statusNow());
    }

    /** @returns {SaveStatus} */
    #statusNow() {
        const count = this.#unsaved.size;
        if (count === 0) return {state: "saved", count, reason: ""};
        if (this.#trouble) return {state: "unsaved", count, reason: this.#trouble};
        if (this.#conflicts.size > 0) return {state: "unsaved", count, reason: "conflict"};
        if (this.#refusals.size > 0) return {state: "unsaved", count, reason: "refused"};
        return {state: "saving", count, reason: ""};
    }
}

/** @param {Annotation} annotation */
function contentOf(annotation) {
    return JSON.stringify(contentToWire(annotation));
}
