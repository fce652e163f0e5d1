/**
 * What is being worked on, for a new object or for a saved mask that is being edited, and the way back to what was there
 * before. Selecting a mask is looking at it: neither the draft nor the mask changes by that.
 *
 * A draft is a prompt, whose mask the decoder finishes when it is accepted, or a mask made by hand, which is finished
 * already and is saved without a prompt. One user action is one entry of the history: the change of the document and the draft before and after it.
 */

import {NO_CHANGES, asOfNow, inverse, withLookedAt} from "../core/annotation-document.js";
import {History} from "../core/history.js";
import {EMPTY_PROMPT, isEmpty} from "../core/prompt.js";
import {isSame} from "../core/regions.js";

/** @import {AnnotationDocument} from "../core/annotation-document.js" */
/** @import {ChangeSet, Prompt} from "../core/types.d.ts" */
/** @import {FinishedMask} from "./ports.d.ts" */
/** @import {PromptSession} from "./prompt-session.js" */
/** @import {Selection} from "./selection.js" */

/**
 * @typedef {object} Work
 * @property {Prompt} prompt
 * @property {FinishedMask | null} handMade takes the place of the prompt's mask
 * @property {string | null} editedId the saved mask that the draft is to replace; null: it is a new object's
 * @property {readonly string[]} selectedIds the primary one first; an edited mask is selected too, alone
 */
/** @typedef {{changes: ChangeSet, before: Work, after: Work}} HistoryEntry */

const STEPS = 200;
const WEIGHT = 4_000_000; // characters of RLE

/** @type {Work} */
export const NO_WORK = Object.freeze({
    prompt: EMPTY_PROMPT,
    handMade: null,
    editedId: null,
    selectedIds: [],
});

export class Draft {
    #document;
    #prompts;
    #selection;
    /** @type {History<HistoryEntry>} */
    history = new History({limit: STEPS, maxWeight: WEIGHT, weigh});
    /** @type {FinishedMask | null} */
    #handMade = null;
    /** @type {string | null} */
    #editedId = null;

    /**
     * @param {AnnotationDocument} document
     * @param {PromptSession} prompts
     * @param {Selection} selection
     */
    constructor(document, prompts, selection) {
        this.#document = document;
        this.#prompts = prompts;
        this.#selection = selection;
    }

    get handMade() {
        return this.#handMade;
    }

    /** The saved mask being edited; null: the draft is a new object's. */
    get edited() {
        return this.#document.get(this.#editedId) ?? null;
    }

    /** @returns {Work} */
    get work() {
        const editedId = this.edited?.id ?? null;
        return {
            prompt: this.#prompts.prompt,
            handMade: this.#handMade,
            editedId,
            selectedIds: this.#selection.ids,
        };
    }

    /** Whether there is nothing yet that could become a mask. */
    get isEmpty() {
        return isEmpty(this.#prompts.prompt) && this.#handMade === null;
    }

    /** Whether it differs from the edited mask as it was saved, or from nothing. */
    get isWorkedOn() {
        const stored = this.edited?.prompt ?? EMPTY_PROMPT;
        const {steps, region} = this.#prompts.prompt;
        const isSamePrompt =
            isSame(stored.region, region) && JSON.stringify(stored.steps) === JSON.stringify(steps);
        return this.#handMade !== null || !isSamePrompt;
    }

    get canUndo() {
        return this.history.canUndo;
    }

    get canRedo() {
        return this.history.canRedo;
    }

    /** Another image. */
    open() {
        this.history.clear();
        this.#handMade = null;
        this.#editedId = null;
    }

    /** Puts this in its place; nothing that could be undone. @param {Work} work */
    replace(work) {
        this.#show(work, null);
    }

    /** Takes up a draft of an earlier visit: where the history ends with it that is no new step. @param {Work} work */
    restore(work) {
        const {entries, place} = this.history;
        const last = place > 0 ? entries[place - 1].after : NO_WORK;
        if (isSameWork(last, work)) this.replace(work);
        else this.change(work);
    }

    /**
     * One user action.
     *
     * @param {Partial<Work>} work
     * @param {ChangeSet} asked
     * @param {number | null} timeStamp of the pointer event
     */
    change(work, asked = NO_CHANGES, timeStamp = null) {
        const before = this.work;
        const after = {...before, ...work};
        const changes = asked === NO_CHANGES ? NO_CHANGES : withLookedAt(asked);
        if (changes !== NO_CHANGES) this.#document.apply(changes); // if that fails, nothing has happened
        this.history.push({changes, before, after});
        this.#show(after, timeStamp);
    }

    /** The decoder gives another mask for the same prompt now: undo shows the one that was there. @param {FinishedMask} mask */
    noteReplaced(mask) {
        const after = this.work;
        this.history.push({
            changes: NO_CHANGES,
            before: {...after, prompt: EMPTY_PROMPT, handMade: mask},
            after,
        });
    }

    /** Looking at masks, or at none, is nothing to undo. @param {readonly string[]} ids the primary one first */
    select(ids) {
        this.replace({...this.work, selectedIds: ids});
    }

    /** @param {string} id takes up a saved mask again, with its prompt */
    edit(id) {
        const prompt = this.#document.get(id)?.prompt ?? EMPTY_PROMPT;
        this.#leaveFor({prompt, handMade: null, editedId: id, selectedIds: [id]});
    }

    /** @param {string | null} selectedId what is selected afterwards */
    leave(selectedId) {
        this.#leaveFor({...NO_WORK, selectedIds: idsOf(selectedId)});
    }

    undo() {
        const {entries, place} = this.history;
        const entry = entries[place - 1];
        if (!entry) return;
        this.#apply(inverse(entry.changes));
        this.history.undo();
        this.#show(entry.before, null);
    }

    redo() {
        const {entries, place} = this.history;
        const entry = entries[place];
        if (!entry) return;
        this.#apply(entry.changes);
        this.history.redo();
        this.#show(entry.after, null);
    }

    /** @param {ChangeSet} changes of an earlier moment */
    #apply(changes) {
        this.#document.apply(asOfNow(changes, (id) => this.#document.get(id)));
    }

    /** A draft that was worked on can be brought back by undo. @param {Work} next */
    #leaveFor(next) {
        if (this.isWorkedOn) this.change(next);
        else this.replace(next);
    }

    /**
     * @param {Work} work
     * @param {number | null} timeStamp
     */
    #show({prompt, handMade, editedId, selectedIds}, timeStamp) {
        this.#handMade = handMade;
        this.#editedId = editedId;
        this.#selection.set(selectedIds);
        this.#prompts.show(prompt, timeStamp);
    }
}

/** One or none as a list. @param {string | null | undefined} id @returns {readonly string[]} */
export function idsOf(id) {
    return id ? [id] : [];
}

/** Roughly how much room it takes. @param {HistoryEntry} entry */
function weigh({changes: {created, updated, deleted}, before, after}) {
    const masks = [...created, ...deleted, ...updated.flatMap((each) => [each.before, each.after])];
    const bases = [before, after].flatMap(({prompt: {steps}, handMade}) => [handMade, steps[0]?.base]);
    return [...masks, ...bases].reduce((sum, mask) => sum + (mask?.segmentation.counts.length ?? 0), 0);
}

/** @param {Work} a @param {Work} b whether they are the same draft, whatever the decoder chose and whatever is selected */
function isSameWork(a, b) {
    /** @param {Work} work */
    const text = ({prompt, handMade, editedId}) =>
        JSON.stringify([
            prompt.steps.map((step) => ({...step, maskIndex: null})),
            prompt.region,
            handMade,
            editedId,
        ]);
    return text(a) === text(b);
}
