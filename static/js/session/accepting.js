/** The draft becomes a saved mask: by Enter, by itself in quick mode, or because one goes on to something else. */

import {NO_CHANGES} from "../core/annotation-document.js";
import {candidateExtent} from "../core/candidate-mask.js";
import {baseOf} from "../core/prompt.js";
import {NO_WORK} from "./draft.js";
import {settled} from "./overlaps.js";

/** @import {Annotation, Prompt} from "../core/types.d.ts" */
/** @import {DraftKeeper} from "./draft-keeper.js" */
/** @import {Effort} from "./effort.js" */
/** @import {OpenImage} from "./open-image.js" */
/** @import {Settings} from "./preferences.js" */
/** @import {Turns} from "./turns.js" */
/** @import {Workbench, WorkbenchEvents} from "./workbench.js" */

/** Where a point or a box is, in image pixels. @typedef {{x0: number, y0: number, x1: number, y1: number}} Extent */

const NOTHING_FOUND = "Nothing found here; zoom in with G (or another point).";
const FAR_SHARE = 0.5; // of the mask's longer side
const FAR_SHARE_OF_IMAGE = 0.05; // of the image's

export class Accepting {
    #bench;
    #username;
    #turns;
    #effort;
    #keeper;
    #opened;
    #events;
    #settings;

    /**
     * @param {Pick<Workbench, "document" | "draft" | "prompts" | "labelling" | "answering" | "shownMask" | "canAccept">} bench
     * @param {object} parts
     * @param {string} parts.username
     * @param {Turns} parts.turns
     * @param {Effort} parts.effort
     * @param {DraftKeeper} parts.keeper
     * @param {OpenImage} parts.opened
     * @param {Pick<WorkbenchEvents, "onChange" | "onProblem" | "onQuick" | "onCategoryMissing">} parts.events
     * @param {() => Pick<Settings, "farClickAccepts">} parts.settings
     */
    constructor(bench, {username, turns, effort, keeper, opened, events, settings}) {
        this.#bench = bench;
        this.#username = username;
        this.#turns = turns;
        this.#effort = effort;
        this.#keeper = keeper;
        this.#opened = opened;
        this.#events = events;
        this.#settings = settings;
    }

    /** Whether a mask is on its way into the document. */
    get isBusy() {
        return this.#turns.isBusy;
    }

    /** Saves the mask on screen; the next object's draft can begin. */
    accept() {
        if (!this.#bench.canAccept) return;
        this.#turns.after(() => {
            this.#bench.answering.showWhatWasSeen();
            this.#start();
        });
    }

    /**
     * Accepts the open draft, as Enter would.
     *
     * @param {number} predictedIou what is estimated lower than this stays a draft
     * @returns {Promise<boolean>} whether nothing is open now
     */
    async acceptOpen(predictedIou = 0) {
        await this.#turns.settle();
        const {draft, prompts} = this.#bench;
        if (!draft.isWorkedOn) return true;
        await prompts.settle();
        const {shownMask, canAccept} = this.#bench;
        const estimate = shownMask?.handMade ? 1 : (shownMask?.candidate?.predictedIou ?? -1);
        if (!canAccept || estimate < predictedIou) return false;
        this.accept();
        await this.#turns.settle();
        return !draft.isWorkedOn;
    }

    /** Accepts what one click or one box gave, if nothing else was done until its mask was there. */
    async acceptQuickly() {
        const {prompts} = this.#bench;
        const {prompt} = prompts;
        await prompts.settle();
        const isSame = prompts.prompt.steps.length === 1 && isSameStep(prompts.prompt, prompt);
        if (!isSame || !this.#bench.shownMask || !this.#bench.canAccept) return;
        this.#turns.after(() => this.#start((made) => this.#events.onQuick(made)));
    }

    /** A beginning far from the mask on screen is the next object's, if the person works so. @param {Extent} begun */
    acceptBefore(begun) {
        if (this.#settings().farClickAccepts && this.#isFarOff(begun)) this.accept();
    }

    /**
     * Does it when no mask is being edited: changes of the one that is are accepted first.
     *
     * @param {() => void} action
     */
    afterEditing(action) {
        const {draft} = this.#bench;
        this.#turns.after(() => {
            if (!draft.edited) return action();
            if (draft.isWorkedOn) this.accept();
            else this.leaveDraft(null);
            this.#turns.after(() => {
                if (!draft.edited) action(); // else it could not be accepted, which is said
            });
        });
    }

    /** @param {string | null} selectedId */
    leaveDraft(selectedId) {
        this.#bench.draft.leave(selectedId);
        this.#effort.begin();
    }

    /** Whether all of a place lies far from the mask on screen, which is finished as it is. @param {Extent} place */
    #isFarOff({x0, y0, x1, y1}) {
        const {draft, prompts, shownMask} = this.#bench;
        const {size} = this.#opened;
        const {bundle} = prompts;
        if (!shownMask?.candidate || !bundle || draft.edited || prompts.isDecoding) return false;
        const extent = candidateExtent(shownMask.candidate, size, bundle);
        if (!extent) return false;
        const [x, y, width, height] = extent;
        const away = Math.max(x - x1, x0 - (x + width), y - y1, y0 - (y + height));
        const side = Math.max(size.height, size.width);
        return away > Math.max(FAR_SHARE * Math.max(width, height), FAR_SHARE_OF_IMAGE * side);
    }

    /** @param {(annotation: Annotation) => void} onSaved */
    #start(onSaved = () => {}) {
        this.#turns.start(async () => {
            try {
                const annotation = await this.#accept();
                if (annotation) onSaved(annotation);
            } catch (error) {
                this.#events.onProblem(error instanceof Error ? error.message : String(error));
            }
        }, this.#events.onChange);
        this.#events.onChange();
    }

    /** @returns {Promise<Annotation | null>} what is in the document now; null: nothing new */
    async #accept() {
        const {document, draft, prompts} = this.#bench;
        await prompts.settle();
        const before = draft.edited;
        if (!draft.isWorkedOn) {
            this.leaveDraft(null);
            return null;
        }
        const after = await this.#annotation(before);
        if (!after || draft.edited !== before) return null; // "theirs" was taken meanwhile
        const {annotation, updated, refusal} = settled(this.#opened.overlap, after, document.annotations);
        if (refusal) {
            this.#events.onProblem(refusal);
            return null;
        }
        const changes = before
            ? {...NO_CHANGES, updated: [{before, after: annotation}, ...updated]}
            : {...NO_CHANGES, created: [annotation], updated};
        draft.change(NO_WORK, changes);
        this.#effort.begin();
        return annotation;
    }

    /**
     * The draft as an annotation.
     *
     * @param {Annotation | null} before the one being edited
     * @returns {Promise<Annotation | null>} null: it cannot be one, which is said already
     */
    async #annotation(before) {
        const {labelling, prompts, shownMask} = this.#bench;
        const {category} = labelling;
        if (!shownMask) return null;
        const {handMade} = shownMask;
        const origin = this.#bench.answering.originOf(handMade);
        const {prompt, bundleDigest} = origin ?? prompts;
        if (!category) {
            this.#events.onCategoryMissing();
            return null;
        }
        const mask = handMade ?? (await prompts.finishOrTell());
        if (!mask) return null;
        if (mask.area === 0) {
            this.#events.onProblem(
                before ? "This mask is empty: delete the object, or add something to it." : NOTHING_FOUND,
            );
            return null;
        }
        return {
            ...{name: before?.name ?? "", color: before?.color ?? "", isLocked: before?.isLocked ?? false},
            rank: before?.rank ?? null,
            importedFrom: before?.importedFrom ?? "",
            id: before?.id ?? this.#keeper.id,
            imageId: this.#opened.imageId,
            categoryId: category.id,
            segmentation: mask.segmentation,
            area: mask.area,
            bbox: mask.bbox,
            // A prompt that a correction by hand began with, or went on from, does not give this mask by itself.
            prompt: (handMade && !origin) || baseOf(prompt) ? null : prompt,
            predictedIou: mask.predictedIou,
            stabilityScore: mask.stabilityScore,
            bundleDigest: handMade && !origin ? "" : bundleDigest,
            author: before?.author ?? this.#username,
            createdAt: before?.createdAt ?? new Date().toISOString(),
            ...this.#effort.costOnTopOf(before),
        };
    }
}

/**
 * @param {Prompt} a
 * @param {Prompt} b
 * @returns {boolean} whether they begin alike, whatever the decoder chose
 */
function isSameStep({steps: [a]}, {steps: [b]}) {
    return JSON.stringify({...a, maskIndex: null}) === JSON.stringify({...b, maskIndex: null});
}
