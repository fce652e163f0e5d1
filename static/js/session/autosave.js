/**
 * Brings the server to what the person sees, one annotation at a time, and loses nothing on the way.
 *
 * For each annotation that differs there is one record: what it should be. It lies in the journal until the server has
 * it; what a page that was closed or crashed has left is sent by the next one. Ids come from the client and every write
 * names its version, so a repeated save is harmless.
 */

import {givenUpWith, nextOf, waitingFor, wishesOf} from "./acts.js";

/** @import {Annotation, ChangeSet} from "../core/types.d.ts" */
/** @import {AnnotationStore, SaveProblem, ServerAnnotation} from "./ports.d.ts" */
/** @import {Keeping} from "./journal.js" */
/** @import {Wish} from "./acts.js" */
/** @import {Known, Unsaved, UnsavedRecords} from "./unsaved-records.js" */

/**
 * @typedef {object} Conflict
 * @property {string} id
 * @property {number} imageId
 * @property {Annotation | null} mine null: deleted
 * @property {Annotation | null} theirs null: deleted
 * @property {number} version
 * @property {string | null} changedBy who wrote theirs
 * @property {string} changedAt as ISO 8601
 */
/** @typedef {{id: string, message: string}} Refusal */

/**
 * @typedef {object} SaveStatus
 * @property {"saved" | "saving" | "unsaved"} state unsaved: there is something that cannot be saved right now
 * @property {number} count masks, or marks of images, that the server does not have yet
 * @property {"" | "offline" | "signed_out" | "server" | "refused" | "conflict"} reason
 * @property {Keeping} keeping whether those lie on this computer, so that neither a crash nor a closed page takes them away
 */

/**
 * @typedef {object} AutosaveEvents
 * @property {(status: SaveStatus) => void} onStatus
 * @property {(conflict: Conflict) => void} onConflict somebody else changed the same annotation
 * @property {(annotation: Annotation, number: number) => void} [onNumber] the server has said its number
 * @property {(imageId: number) => void} [onSaved] the server has a change of a mask of this image
 * @property {(refusal: Refusal) => void} onRefusal the server will never take it as it is
 * @property {(id: string) => void} [onDecided] of a mask that was refused, or in conflict: it is wanted otherwise now
 * @property {(id: string, before: Annotation | null) => void} [onGivenUp] it is again what it was before an act of which
 *   another part was given up
 */

/** @typedef {{imageId: number, desired: Annotation | null, version: number, at: number}} Recent */

const RECENT_MS = 15_000; // longer than a list takes to come

export class Autosave {
    #server;
    #unsaved;
    #pause;
    #events;
    /** @type {Map<string, Known>} */
    #known = new Map();
    /** @type {Map<string, Conflict>} */
    #conflicts = new Map();
    /** @type {Map<string, Refusal>} */
    #refusals = new Map();
    /** What was saved a moment ago: a list that was asked for before does not have it. @type {Map<string, Recent>} */
    #recent = new Map();
    /** Deleted by an earlier page: wanting one back restores it, if the server ever had it. @type {Set<string>} */
    #mayBeDeleted = new Set();
    #isRunning = false;
    /** The status that was told last. */
    #told = "";
    /** @type {SaveStatus["reason"]} */
    #trouble = "";

    /**
     * @param {AnnotationStore} server
     * @param {UnsavedRecords} unsaved
     * @param {(attempt: number) => Promise<void>} pause before trying again; attempts are counted from 0
     * @param {AutosaveEvents} events
     */
    constructor(server, unsaved, pause, events) {
        this.#server = server;
        this.#unsaved = unsaved;
        this.#pause = pause;
        this.#events = events;
    }

    /** Takes up what an earlier page, or a tab that was closed, could not save. */
    resume(records = this.#unsaved.all) {
        for (const {id, known} of records) {
            if (known) this.#known.set(id, known);
        }
        void this.#run();
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
            const known = this.#known.get(row.annotation.id);
            const isNews = !known || row.version >= known.version; // else the list is older than a save of ours
            if (isNews && !this.#unsaved.get(row.annotation.id)) this.#remember(row);
        }
        this.#forgetContents(new Set(annotations.keys()));
        for (const [id, {imageId: itsImage, desired, version, at}] of this.#recent) {
            if (Date.now() - at > RECENT_MS) {
                this.#recent.delete(id);
                continue;
            }
            const row = listed.find(({annotation}) => annotation.id === id);
            if (itsImage !== imageId || (row && row.version >= version)) continue;
            if (desired) annotations.set(id, desired);
            else annotations.delete(id);
        }
        for (const {id, imageId: itsImage, desired} of this.#unsaved.all) {
            if (itsImage !== imageId) continue;
            if (desired) annotations.set(id, desired);
            else annotations.delete(id);
        }
        return [...annotations.values()];
    }

    /** Of other images only the versions count: a day's masks would fill the memory. @param {ReadonlySet<string>} ids on screen */
    #forgetContents(ids) {
        for (const [id, known] of this.#known)
            if (known.content && !ids.has(id) && !this.#unsaved.get(id))
                this.#known.set(id, {...known, content: ""});
    }

    /** @param {ChangeSet} changes of the user, one act; saved at once */
    submit(changes) {
        const wishes = wishesOf(changes);
        const act = new Set(wishes.map(({id}) => id));
        for (const wish of wishes) this.#want(wish, act);
        void this.#run();
    }

    /** What the server does not have yet. */
    get waiting() {
        return this.#unsaved.all;
    }

    /** @param {string} id */
    isSaved(id) {
        return this.#unsaved.get(id) === null;
    }

    /**
     * @param {string} id
     * @param {"mine" | "theirs"} choice
     */
    resolveConflict(id, choice) {
        const conflict = this.#conflicts.get(id);
        if (!conflict) return;
        this.#conflicts.delete(id);
        const content = conflict.theirs ? this.#server.contentOf(conflict.theirs) : "";
        this.#known.set(id, {version: conflict.version, isDeleted: conflict.theirs === null, content});
        if (choice === "theirs") this.#giveUp(id);
        void this.#run();
    }

    /** What others made of masks of an image, over which a person has not decided yet. @param {number} imageId */
    theirsOn(imageId) {
        return [...this.#conflicts.values()].flatMap((conflict) =>
            conflict.imageId === imageId && conflict.theirs ? [conflict.theirs] : [],
        );
    }

    /** @param {ServerAnnotation} row whether the server has more of it than this page: somebody else changed it */
    isNews({annotation: {id}, version}) {
        const known = this.#known.get(id);
        return !this.#unsaved.get(id) && (!known || version > known.version);
    }

    /** @param {ServerAnnotation} row that is shown now as the server has it */
    noteListed(row) {
        this.#remember(row);
    }

    /** @param {ServerAnnotation} row that the server lists as deleted: wanting it back restores it */
    noteDeleted({annotation, version}) {
        if (this.#unsaved.get(annotation.id)) return; // what is known here is newer
        this.#known.set(annotation.id, {version, isDeleted: true, content: ""});
    }

    /** @param {readonly string[]} ids deleted by an earlier page, which undo may bring back */
    expectDeleted(ids) {
        for (const id of ids) this.#mayBeDeleted.add(id);
    }

    /** @param {Annotation} annotation was deleted, of an image that is no longer on screen */
    bringBack(annotation) {
        const {id, imageId} = annotation;
        this.#want({id, imageId, desired: annotation, before: null, after: []}, new Set([id]));
        void this.#run();
    }

    /** @param {string} id tries once more what was refused */
    retryRefused(id) {
        this.#refusals.delete(id);
        void this.#run();
    }

    /** @param {string} id gives up what was refused */
    discardRefused(id) {
        this.#refusals.delete(id);
        this.#giveUp(id);
        void this.#run();
    }

    /** How its records are kept has changed. */
    noteKeeping() {
        this.#tell();
    }

    /** @returns {SaveStatus} */
    get status() {
        const {count, keeping} = this.#unsaved;
        const held = this.#conflicts.size > 0 ? "conflict" : this.#refusals.size > 0 ? "refused" : "";
        const reason = count === 0 ? "" : this.#trouble || held;
        return {state: count === 0 ? "saved" : reason ? "unsaved" : "saving", count, reason, keeping};
    }

    /**
     * @param {Wish} wish
     * @param {ReadonlySet<string>} act ids of all masks of the act
     */
    #want(wish, act) {
        const {id, imageId, desired} = wish;
        const earlier = this.#unsaved.get(id);
        if (this.#refusals.delete(id)) this.#events.onDecided?.(id);
        const known = this.#known.get(id) ?? null;
        const mayBeDeleted = earlier?.mayBeDeleted || this.#mayBeDeleted.has(id);
        const after = waitingFor(earlier?.after ?? [], wish, act).filter(
            (other) => act.has(other) || this.#unsaved.get(other),
        );
        const before = earlier?.after ? (earlier.before ?? null) : wish.before;
        this.#unsaved.keep({
            ...{id, imageId, desired, known, isSent: earlier?.isSent ?? false, mayBeDeleted},
            ...(after.length > 0 ? {after, before} : {}),
        });
    }

    /** @param {string} id of what is not saved any more; parts of its act that would lose something go back with it */
    #giveUp(id) {
        const others = givenUpWith(this.#unsaved.all, id);
        this.#unsaved.forget(id);
        for (const {before = null, ...other} of others) {
            this.#conflicts.delete(other.id);
            this.#refusals.delete(other.id);
            this.#events.onDecided?.(other.id);
            this.#unsaved.keep({...other, desired: before, after: []});
            this.#events.onGivenUp?.(other.id, before);
        }
    }

    async #run() {
        this.#tell();
        if (this.#isRunning) return;
        this.#isRunning = true;
        try {
            await this.#sendAll();
        } finally {
            this.#isRunning = false;
        }
        this.#tell();
    }

    async #sendAll() {
        for (let attempt = 0; ;) {
            const record = this.#next();
            if (!record) break;
            const problem = await this.#send(record).then(
                () => null,
                (error) => this.#server.problemOf(error),
            );
            if (problem?.kind === "passing") {
                this.#trouble = problem.reason;
                this.#tell();
                await this.#pause(attempt++);
                this.#unsaved.retry();
            } else {
                attempt = 0;
                this.#trouble = ""; // the server has answered
                if (problem?.kind === "conflict") this.#conflict(record, problem);
                if (problem?.kind === "refused") this.#refuse(record, problem.message);
            }
            this.#tell();
        }
    }

    #next() {
        return nextOf(this.#unsaved.all, (id) => this.#conflicts.has(id) || this.#refusals.has(id));
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
            if (known && !known.isDeleted && known.content === this.#server.contentOf(desired))
                return this.#unsaved.forget(id);
            if (!known) {
                this.#unsaved.keep({...record, isSent: true});
                this.#remember(await this.#server.create(desired), desired);
                this.#noteRecent(record);
            } else if (known.isDeleted) {
                this.#remember(await this.#server.restore(id));
                this.#noteRecent(record);
            } else {
                this.#remember(await this.#server.update(desired, known.version), desired);
                this.#noteRecent(record);
            }
            return;
        }
        if (known?.isDeleted || (!known && !record.isSent)) return this.#unsaved.forget(id);
        await this.#server.remove(id, known?.version ?? null);
        this.#known.set(id, {version: (known?.version ?? 1) + 1, isDeleted: true, content: ""});
        this.#noteRecent(record);
    }

    /** @param {Unsaved} record that the server has now */
    #noteRecent({id, imageId, desired}) {
        const version = this.#known.get(id)?.version ?? 1;
        this.#recent.set(id, {imageId, desired, version, at: Date.now()});
        this.#events.onSaved?.(imageId);
    }

    /**
     * @param {Pick<ServerAnnotation, "annotation" | "version" | "number">} row
     * @param {Annotation} sent what the row was made of: the server may write a number in another way
     */
    #remember({annotation, version, number}, sent = annotation) {
        this.#events.onNumber?.(annotation, number);
        this.#known.set(annotation.id, {version, isDeleted: false, content: this.#server.contentOf(sent)});
    }

    /**
     * @param {Unsaved} record
     * @param {SaveProblem & {kind: "conflict"}} problem
     */
    #conflict({id, imageId, desired, mayBeDeleted}, {current, isDeleted}) {
        const {annotation, version, changedBy, changedAt} = current;
        if (!this.#known.has(id) && isDeleted && mayBeDeleted) {
            this.#known.set(id, {version, isDeleted: true, content: ""}); // it is restored now
            return;
        }
        if (!this.#known.has(id) && version === 1 && !isDeleted) {
            // Our own first save, whose answer got lost, and which was changed since.
            this.#remember(current);
            return;
        }
        const theirs = isDeleted ? null : annotation;
        const conflict = {id, imageId, mine: desired, theirs, version, changedBy, changedAt};
        this.#conflicts.set(id, conflict);
        this.#events.onConflict(conflict);
    }

    /**
     * @param {Unsaved} record
     * @param {string} message
     */
    #refuse({id}, message) {
        const refusal = {id, message};
        this.#refusals.set(id, refusal);
        this.#events.onRefusal(refusal);
    }

    #tell() {
        const {status} = this;
        const told = JSON.stringify(status);
        if (told === this.#told) return; // a page draws a lot for each status
        this.#told = told;
        this.#events.onStatus(status);
    }
}
