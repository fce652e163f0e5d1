/**
 * What the annotator does with one image: prompts, accepts, selects, deletes, undoes. Whoever shows it listens to
 * `onChange` and reads its parts.
 */

import {AnnotationDocument, NO_CHANGES} from "../core/annotation-document.js";
import {isEmpty, withBox, withLastChoice, withPoint, withoutLastStep} from "../core/prompt.js";
import {Draft, NO_WORK} from "./draft.js";
import {Effort} from "./effort.js";
import {PromptSession} from "./prompt-session.js";
import {Selection} from "./selection.js";
import {Turns} from "./turns.js";
import {Visibility} from "./visibility.js";

/** @import {Annotation, Category, DecoderImage, ImageBox, ImagePoint, PointLabel, Prompt} from "../core/types.d.ts" */
/** @import {Clock, Decoder, DraftMask, FinishedMask} from "./ports.d.ts" */
/** @import {PromptEvents} from "./prompt-session.js" */

/** @typedef {PromptEvents & {onCategoryMissing: () => void}} WorkbenchEvents onCategoryMissing: a mask cannot be saved without one */

export class Workbench {
    document = new AnnotationDocument();
    selection = new Selection(this.document);
    prompts;
    draft;
    visibility;

    #username;
    #newId;
    #events;
    #effort;
    #accepting = new Turns();
    #imageId = 0;
    /** @type {readonly Category[]} */
    #categories = [];
    /** @type {number | null} */
    #categoryId = null;
    #mayAnnotate = false;

    /**
     * @param {string} username
     * @param {{now: Clock, newId: () => string}} world newId: a UUID
     * @param {WorkbenchEvents} events
     */
    constructor(username, {now, newId}, events) {
        this.#username = username;
        this.#newId = newId;
        this.#events = events;
        this.#effort = new Effort(now);
        this.prompts = new PromptSession(events);
        this.draft = new Draft(this.document, this.prompts, this.selection);
        this.visibility = new Visibility(events.onChange);
    }

    /** Whether a mask is on its way into the document. */
    get isAccepting() {
        return this.#accepting.isBusy;
    }

    /** The mask on screen that is not saved yet; null: there is none. @returns {DraftMask | null} */
    get shownMask() {
        const {handMade} = this.draft;
        if (handMade) return {handMade, candidate: null};
        const {prompt, shown} = this.prompts;
        return shown && !isEmpty(prompt) ? {handMade: null, candidate: shown} : null;
    }

    /** What `shownMask` would be saved as; null: there is nothing to save, or no category for it. */
    get savedAs() {
        return this.shownMask ? this.category : null;
    }

    get canPrompt() {
        return this.#mayAnnotate && this.prompts.hasImage;
    }

    /** Whether a click now would begin a prompt, and the decoder is free to say what it would give. */
    get canPreview() {
        return this.canPrompt && !this.canCancel && !this.prompts.isDecoding && !this.isAccepting;
    }

    get canRemoveStep() {
        return this.canPrompt && !isEmpty(this.prompts.prompt);
    }

    get canCycle() {
        return this.prompts.shown !== null && this.prompts.candidates.length > 1;
    }

    get canCancel() {
        return !this.draft.isEmpty || this.selection.id !== null;
    }

    get canAccept() {
        return this.#mayAnnotate && this.canCancel && (this.canPrompt || this.draft.handMade !== null);
    }

    get canRemove() {
        return this.#mayAnnotate && this.selection.id !== null;
    }

    /** Of the selected mask, else of the next one. */
    get category() {
        const id = this.selection.annotation?.categoryId ?? this.#categoryId;
        return this.#categories.find((category) => category.id === id) ?? null;
    }

    /**
     * Another image, with what is known of it so far.
     *
     * @param {object} options
     * @param {number} options.imageId
     * @param {Decoder | null} options.decoder
     * @param {DecoderImage | null} options.image null: it cannot be prompted
     * @param {readonly Category[]} options.categories
     * @param {boolean} options.mayAnnotate
     */
    open({imageId, decoder, image, categories, mayAnnotate}) {
        this.#imageId = imageId;
        this.#categories = categories;
        this.#mayAnnotate = mayAnnotate;
        if (!categories.some(({id}) => id === this.#categoryId)) this.#categoryId = categories[0]?.id ?? null;
        this.visibility.open();
        this.draft.open();
        this.document.reset([]);
        this.prompts.open(decoder, image);
    }

    /** @param {readonly Annotation[]} annotations the image's, as saved; what was made since it was opened stays */
    showSaved(annotations) {
        const made = this.document.annotations;
        const madeIds = new Set(made.map(({id}) => id));
        this.document.reset([...annotations.filter(({id}) => !madeIds.has(id)), ...made]);
        this.#events.onChange();
    }

    /**
     * Somebody else's change, or the end of a conflict: the history before it no longer fits.
     *
     * @param {string} id
     * @param {Annotation | null} annotation null: deleted
     */
    replaceFromServer(id, annotation) {
        const before = this.document.get(id);
        const wasSelected = this.selection.id === id;
        this.draft.forgetHistory();
        if (before && annotation) {
            this.document.apply({...NO_CHANGES, updated: [{before, after: annotation}]}, "server");
        } else if (before) this.document.apply({...NO_CHANGES, deleted: [before]}, "server");
        else if (annotation) this.document.apply({...NO_CHANGES, created: [annotation]}, "server");
        if (wasSelected) this.draft.replace(NO_WORK);
        else this.#events.onChange();
    }

    /** Resolves when a mask that is being accepted is in the document. */
    async settle() {
        await this.#accepting.settle();
    }

    // --- the draft ---

    /**
     * Decodes ahead for a button that went down.
     *
     * @param {ImagePoint} point
     * @param {PointLabel} label
     */
    anticipate(point, label) {
        if (this.canPrompt && !this.isAccepting) this.prompts.anticipate(point, label);
    }

    /** The mask that a click there would show; null: unknown. @param {ImagePoint} point */
    async preview(point) {
        return this.canPreview ? this.prompts.preview(point) : null;
    }

    /**
     * @param {ImagePoint} point
     * @param {PointLabel} label
     * @param {number} timeStamp of the pointer event
     */
    addPoint(point, label, timeStamp) {
        this.#addStep((prompt) => withPoint(prompt, point, label), timeStamp);
    }

    /**
     * @param {ImageBox} box
     * @param {number} timeStamp of the pointer event
     */
    setBox(box, timeStamp) {
        this.#addStep((prompt) => withBox(prompt, box), timeStamp);
    }

    removeLastStep() {
        if (!this.canRemoveStep) return;
        this.#accepting.after(() =>
            this.draft.change({prompt: withoutLastStep(this.prompts.prompt), handMade: null}),
        );
    }

    /** @param {FinishedMask} mask drawn or corrected by hand: it takes the place of the prompt's mask */
    showHandMade(mask) {
        if (!this.#mayAnnotate) return;
        this.#accepting.after(() => {
            this.#effort.addClick(this.draft.isEmpty);
            this.draft.change({handMade: mask});
        });
    }

    /** Clears the draft; for a selected mask: lets go of it as it was saved. */
    cancel() {
        if (this.canCancel) this.#accepting.after(() => this.#leaveDraft(null));
    }

    /** @param {number} direction 1 the next candidate, -1 the one before */
    cycleCandidate(direction) {
        const {candidates, shown} = this.prompts;
        const at = candidates.findIndex((candidate) => candidate === shown);
        if (at < 0) return;
        this.chooseCandidate(candidates[(at + direction + candidates.length) % candidates.length].index);
    }

    /** @param {number} index of the decoder's output */
    chooseCandidate(index) {
        const {prompt, candidates} = this.prompts;
        if (!this.canPrompt || !candidates.some((candidate) => candidate.index === index)) return;
        this.draft.change({prompt: withLastChoice(prompt, index), handMade: null});
    }

    undo() {
        this.#accepting.after(() => this.draft.undo());
    }

    redo() {
        this.#accepting.after(() => this.draft.redo());
    }

    // --- masks ---

    /** Saves the mask on screen; the next object's draft can begin. */
    accept() {
        if (!this.canAccept) return;
        if (this.draft.isEmpty) {
            this.cancel();
            return;
        }
        this.#accepting.after(() => {
            this.#accepting.start(() => this.#accept(), this.#events.onChange);
            this.#events.onChange();
        });
    }

    /** @param {number} index of the category: changes the selected mask's, else picks the next one's */
    pickCategory(index) {
        const category = this.#categories[index];
        if (!category || !this.#mayAnnotate) return;
        this.#accepting.after(() => {
            this.#categoryId = category.id;
            const before = this.selection.annotation;
            if (before && before.categoryId !== category.id) {
                const after = {...before, categoryId: category.id};
                this.draft.change({}, {...NO_CHANGES, updated: [{before, after}]});
            } else this.#events.onChange();
        });
    }

    /** @param {string | null} id selects a saved mask, whose prompt can then be continued; null selects none */
    select(id) {
        if (id !== this.selection.id) this.#accepting.after(() => this.#leaveDraft(id));
    }

    /** @param {string | null} id deletes a mask; null the selected one */
    remove(id = this.selection.id) {
        if (!this.document.get(id) || !this.#mayAnnotate) return;
        this.#accepting.after(() => {
            const annotation = this.document.get(id);
            if (!annotation) return; // deleted twice while a mask was being accepted
            const work = annotation.id === this.selection.id ? NO_WORK : {};
            this.draft.change(work, {...NO_CHANGES, deleted: [annotation]});
        });
    }

    // --- helpers, in call order ---

    /**
     * @param {(prompt: Prompt) => Prompt} withStep
     * @param {number} timeStamp
     */
    #addStep(withStep, timeStamp) {
        this.#accepting.after(() => {
            if (!this.canPrompt) return;
            const {prompt} = this.prompts;
            this.#effort.addClick(isEmpty(prompt));
            this.draft.change({prompt: withStep(prompt), handMade: null}, NO_CHANGES, timeStamp);
        });
    }

    /** @param {string | null} selectedId */
    #leaveDraft(selectedId) {
        this.draft.leave(selectedId);
        this.#effort.begin();
    }

    async #accept() {
        await this.prompts.settle();
        const before = this.selection.annotation;
        if (!this.draft.isWorkedOn) {
            this.#leaveDraft(null);
            return;
        }
        const after = await this.#annotation(before);
        if (!after) return;
        const changes = before
            ? {...NO_CHANGES, updated: [{before, after}]}
            : {...NO_CHANGES, created: [after]};
        this.draft.change(NO_WORK, changes);
        this.#effort.begin();
    }

    /**
     * The draft as an annotation.
     *
     * @param {Annotation | null} before the selected one
     * @returns {Promise<Annotation | null>} null: it cannot be one, which is said already
     */
    async #annotation(before) {
        const {category, shownMask} = this;
        if (!shownMask) return null;
        const {handMade} = shownMask;
        const {prompt} = this.prompts;
        if (!category) {
            this.#events.onCategoryMissing();
            return null;
        }
        let mask;
        try {
            mask = handMade ?? (await this.prompts.finish());
        } catch (error) {
            this.#events.onProblem(error instanceof Error ? error.message : String(error));
            return null;
        }
        if (!mask) return null;
        if (mask.area === 0) {
            this.#events.onProblem("This mask is empty; add a point on the object.");
            return null;
        }
        return {
            id: before?.id ?? this.#newId(),
            imageId: this.#imageId,
            categoryId: category.id,
            segmentation: mask.segmentation,
            area: mask.area,
            bbox: mask.bbox,
            // The prompt that a correction by hand began with decodes to another mask: it is not this one's.
            prompt: handMade ? null : prompt,
            predictedIou: mask.predictedIou,
            stabilityScore: mask.stabilityScore,
            bundleDigest: handMade ? "" : this.prompts.bundleDigest,
            author: before?.author ?? this.#username,
            createdAt: before?.createdAt ?? new Date().toISOString(),
            ...this.#effort.costOnTopOf(before),
        };
    }
}
