/**
 * What is being worked on, for a new object or for the selected mask, and the way back to what was there before.
 *
 * A draft is a prompt, whose mask the decoder finishes when it is accepted, or a mask made by hand, which is finished
 * already and is saved without a prompt. One user action is one entry of the history: the change of the document and the draft before and after it.
 */

import {NO_CHANGES, inverse} from "../core/annotation-document.js";
import {History} from "../core/history.js";
import {EMPTY_PROMPT, isEmpty} from "../core/prompt.js";

/** @import {AnnotationDocument} from "../core/annotation-document.js" */
/** @import {ChangeSet, Prompt} from "../core/types.d.ts" */
/** @import {FinishedMask} from "./ports.d.ts" */
/** @import {PromptSession} from "./prompt-session.js" */
/** @import {Selection} from "./selection.js" */

/**
 * @typedef {object} Work
 * @property {Prompt} prompt
 * @property {FinishedMask | null} handMade takes the place of the prompt's mask
 * @property {string | null} selectedId
 */
/** @typedef {{changes: ChangeSet, before: Work, after: Work}} HistoryEntry */

/** @type {Work} */
export const NO_WORK = Object.freeze({prompt: EMPTY_PROMPT, handMade: null, selectedId: null});

export class Draft {
    #document;
    #prompts;
    #selection;
    /** @type {History<HistoryEntry>} */
    #history = new History();
    /** @type {FinishedMask | null} */
    #handMade = null;

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

    /** Whether there is nothing yet that could become a mask. */
    get isEmpty() {
        return isEmpty(this.#prompts.prompt) && this.#handMade === null;
    }

    /** Whether it differs from the selected mask as it was saved. */
    get isWorkedOn() {
        const stored = this.#selection.annotation?.prompt ?? EMPTY_PROMPT;
        const {steps} = this.#prompts.prompt;
        return this.#handMade !== null || JSON.stringify(stored.steps) !== JSON.stringify(steps);
    }

    get canUndo() {
        return this.#history.canUndo;
    }

    get canRedo() {
        return this.#history.canRedo;
    }

    /** Another image. */
    open() {
        this.#history.clear();
        this.#handMade = null;
    }

    /** What was done before no longer fits the document. */
    forgetHistory() {
        this.#history.clear();
    }

    /** Puts this in its place; nothing that could be undone. @param {Work} work */
    replace(work) {
        this.#show(work, null);
    }

    /**
     * One user action.
     *
     * @param {Partial<Work>} work
     * @param {ChangeSet} changes
     * @param {number | null} timeStamp of the pointer event
     */
    change(work, changes = NO_CHANGES, timeStamp = null) {
        const before = {
            prompt: this.#prompts.prompt,
            handMade: this.#handMade,
            selectedId: this.#selection.id,
        };
        const after = {...before, ...work};
        this.#history.push({changes, before, after});
        if (changes !== NO_CHANGES) this.#document.apply(changes);
        this.#show(after, timeStamp);
    }

    /** @param {string | null} selectedId what is selected instead, with its prompt */
    leave(selectedId) {
        const prompt = this.#document.get(selectedId)?.prompt ?? EMPTY_PROMPT;
        const next = {prompt, handMade: null, selectedId};
        // A draft that was worked on can be brought back by undo; looking at saved masks is nothing to undo.
        if (this.isWorkedOn) this.change(next);
        else this.replace(next);
    }

    undo() {
        const entry = this.#history.undo();
        if (!entry) return;
        this.#document.apply(inverse(entry.changes));
        this.#show(entry.before, null);
    }

    redo() {
        const entry = this.#history.redo();
        if (!entry) return;
        this.#document.apply(entry.changes);
        this.#show(entry.after, null);
    }

    /**
     * @param {Work} work
     * @param {number | null} timeStamp
     */
    #show({prompt, handMade, selectedId}, timeStamp) {
        this.#handMade = handMade;
        this.#selection.set(selectedId);
        this.#prompts.show(prompt, timeStamp);
    }
}
