/**
 * What the annotator does with one image: prompts, accepts, looks at masks, edits them, deletes, undoes. Whoever shows it
 * listens to `onChange` and reads its parts.
 *
 * A draft belongs to a new object until `edit` takes up a saved mask. It is kept from its first click on, and comes back
 * when its image is opened again.
 */

import {AnnotationDocument, NO_CHANGES} from "../core/annotation-document.js";
import {isDeletionOf} from "../core/history-end.js";
import {candidateExtent} from "../core/candidate-mask.js";
import {withMarkMoved, withoutStep} from "../core/prompt-marks.js";
import {
    EMPTY_PROMPT,
    FOREGROUND,
    baseOf,
    isEmpty,
    withBase,
    withBox,
    withLastChoice,
    withPoint,
    withoutLastStep,
} from "../core/prompt.js";
import {placed} from "../core/regions.js";
import {Answering} from "./answering.js";
import {Combining} from "./combining.js";
import {Copying} from "./copying.js";
import {Draft, NO_WORK, idsOf} from "./draft.js";
import {DraftKeeper} from "./draft-keeper.js";
import {Effort} from "./effort.js";
import {HandWork} from "./hand-work.js";
import {HistoryKeeper} from "./history-keeper.js";
import {Locks} from "./locks.js";
import {MovingPrompts} from "./moving-prompts.js";
import {Naming} from "./naming.js";
import {ObjectNumbers} from "./object-numbers.js";
import {settled} from "./overlaps.js";
import {PromptSession} from "./prompt-session.js";
import {Selection} from "./selection.js";
import {Several} from "./several.js";
import {Turns} from "./turns.js";
import {Visibility} from "./visibility.js";

/** @import {Annotation, Category, DecoderImage, ImageBox, ImagePoint, ImageSize, OverlapPolicy, PointLabel, Prompt} from "../core/types.d.ts" */
/** @import {Mark} from "../core/prompt-marks.js" */
/** @import {Clock, Decoder, DraftMask, FinishedMask} from "./ports.d.ts" */
/** @import {CopiedMasks} from "./copied-masks.js" */
/** @import {KeptDrafts} from "./kept-drafts.js" */
/** @import {KeptHistories} from "./kept-histories.js" */
/** @import {Piece} from "./news.js" */
/** @import {Settings} from "./preferences.js" */
/** @import {LastCategory} from "./last-category.js" */
/** @import {PromptEvents} from "./prompt-session.js" */

/**
 * @typedef {object} MaskEvents
 * @property {(annotation: Annotation) => void} onQuick a mask was saved without anybody having looked at it
 * @property {() => void} onCategoryMissing a mask cannot be saved without one
 * @property {(text: string) => void} onSay what was done that is not seen, or why nothing was
 * @property {(text: string) => void} [onRefuse] why something that the person wanted was not done; left out: said as `onSay`
 * @property {(ids: readonly string[]) => void} onHistory of an earlier visit: these were deleted in it, and can come back
 * @property {(annotations: readonly Annotation[]) => void} onDelete they are about to leave the document
 */
/** @typedef {PromptEvents & MaskEvents} WorkbenchEvents */
/** Where a point or a box is, in image pixels. @typedef {{x0: number, y0: number, x1: number, y1: number}} Extent */

/**
 * @typedef {object} WorkbenchWorld
 * @property {Clock} now
 * @property {() => string} newId a UUID
 * @property {KeptDrafts} drafts
 * @property {KeptHistories | null} histories null: undo ends with the page
 * @property {LastCategory} lastCategory
 * @property {CopiedMasks} copied
 * @property {() => Pick<Settings, "farClickAccepts" | "quickMode">} settings
 */

const FAR_SHARE = 0.5; // of the mask's longer side
const FAR_SHARE_OF_IMAGE = 0.05; // of the image's

export class Workbench {
    document = new AnnotationDocument();
    selection = new Selection(this.document);
    prompts;
    draft;
    hand;
    moving;
    several;
    combining;
    copying;
    naming;
    answering;
    visibility;
    numbers = new ObjectNumbers();

    #username;
    #keeper;
    #histories;
    #events;
    #effort;
    #accepting = new Turns();
    #locks;
    #lastCategory;
    #settings;
    #projectId = 0;
    #imageId = 0;
    /** @type {ImageSize} */
    #size = {height: 1, width: 1};
    /** @type {readonly Category[]} */
    #categories = [];
    /** @type {number | null} */
    #categoryId = null;
    /** @type {OverlapPolicy} */
    #overlap = "allow";
    #mayAnnotate = false;
    /** Whether no prompt may begin: the saved masks could not be fetched, and the object may be among them. */
    #isHeld = false;
    /**
     * @param {string} username
     * @param {WorkbenchWorld} world
     * @param {WorkbenchEvents} events
     */
    constructor(username, {now, newId, drafts, histories = null, lastCategory, copied, settings}, events) {
        this.#username = username;
        this.#lastCategory = lastCategory;
        this.#settings = settings;
        this.#keeper = new DraftKeeper(drafts, newId);
        const onChange = () => {
            this.#noteDraft();
            events.onChange();
        };
        this.#events = {...events, onChange};
        this.#effort = new Effort(now);
        this.prompts = new PromptSession(this.#events);
        this.draft = new Draft(this.document, this.prompts, this.selection);
        this.#histories = new HistoryKeeper(this.draft.history, histories);
        this.#locks = new Locks(events.onRefuse ?? events.onSay);
        const parts = {
            ...{turns: this.#accepting, locks: this.#locks, effort: this.#effort, size: () => this.#size},
            onChange: () => this.#events.onChange(),
        };
        this.hand = new HandWork(this, parts);
        this.moving = new MovingPrompts(this, parts);
        this.visibility = new Visibility(this.selection, events.onChange);
        this.answering = new Answering(this, {turns: this.#accepting, onSay: events.onSay});
        this.naming = new Naming(this, {turns: this.#accepting, onSay: events.onSay});
        const byHand = {
            turns: this.#accepting,
            freshOnes: (/** @type {number} */ count) => this.#freshOnes(newId, count),
        };
        this.combining = new Combining(this, {...byHand, locks: this.#locks, onSay: events.onSay});
        this.copying = new Copying(this, {
            ...{...byHand, copied, events},
            place: () => ({
                ...{projectId: this.#projectId, imageId: this.#imageId},
                ...{size: this.#size, categories: this.#categories},
            }),
        });
        this.several = new Several(this, {
            afterEditing: (action) => this.#afterEditing(action),
            onChange: events.onChange,
        });
    }

    /** Ids of the categories that were used last in this project, the last one first. */
    get recentCategories() {
        return this.#lastCategory.recentOf(this.#projectId);
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

    /** Whether there is a mask that was begun, or changed, and not accepted. */
    get isOpen() {
        return this.draft.isWorkedOn && !this.isAccepting;
    }

    get canPrompt() {
        return this.#mayAnnotate && this.prompts.hasImage && !this.#keeper.isWaiting && !this.#isHeld;
    }

    /** Whether a click now would begin a prompt, and the decoder is free to say what it would give. */
    get canPreview() {
        const isWorking = !this.draft.isEmpty || this.draft.edited !== null;
        return this.canPrompt && !isWorking && !this.prompts.isDecoding && !this.isAccepting;
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
        const isWorking = !this.draft.isEmpty || this.draft.edited !== null;
        return this.#mayAnnotate && isWorking && (this.canPrompt || this.draft.handMade !== null);
    }

    get canEdit() {
        return this.#mayAnnotate && this.selection.id !== null && this.draft.edited === null;
    }

    /** Whether a mask may be drawn: that needs no decoder. */
    get canDraw() {
        return this.#mayAnnotate && !this.#keeper.isWaiting && !this.#isHeld;
    }

    /** Whether there is a mask to change: the draft, the edited one, or the one that is looked at. */
    get canReshape() {
        return this.canDraw && (this.shownMask !== null || this.selection.id !== null);
    }

    /** Whether saved masks may be changed as they are: none is being edited. */
    get canChangeSaved() {
        return this.#mayAnnotate && this.draft.edited === null;
    }

    get canRemove() {
        return this.#mayAnnotate && this.selection.id !== null;
    }

    /** Of the mask being edited, else of the draft, else of the selected mask, else of the next one. */
    get category() {
        const id = this.#labelled[0]?.categoryId ?? this.#categoryId;
        return this.#categories.find((category) => category.id === id) ?? null;
    }

    /** The saved masks that a category is picked for; none: it is for the next one. */
    get #labelled() {
        const {edited, isEmpty: isNothingBegun} = this.draft;
        if (edited) return [edited];
        return isNothingBegun ? this.selection.annotations : [];
    }

    /**
     * Another image, with what is known of it so far.
     *
     * @param {object} options
     * @param {number} options.projectId
     * @param {number} options.imageId
     * @param {ImageSize} options.size
     * @param {Decoder | null} options.decoder
     * @param {DecoderImage | null} options.image null: it cannot be prompted
     * @param {readonly Category[]} options.categories
     * @param {OverlapPolicy} [options.overlap]
     * @param {boolean} options.mayAnnotate
     */
    open({projectId, imageId, size, decoder, image, categories, overlap = "allow", mayAnnotate}) {
        this.#overlap = overlap;
        this.#imageId = imageId;
        this.#size = size;
        this.#categories = categories;
        this.#mayAnnotate = mayAnnotate;
        if (projectId !== this.#projectId) this.#categoryId = this.#lastCategory.of(projectId);
        this.#projectId = projectId;
        if (!this.#isCategory(this.#categoryId)) this.#categoryId = categories[0]?.id ?? null;
        this.#isHeld = false;
        this.numbers.open();
        this.#keeper.open(imageId, mayAnnotate);
        this.#histories.open(imageId, mayAnnotate);
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
        this.#histories.whenRead(() => {
            const gone = this.#histories.take(this.document);
            if (gone.length > 0) this.#events.onHistory(gone);
            this.#restoreDraft();
            this.#events.onChange();
        });
    }

    /**
     * The end of a conflict, or of an act that was given up.
     *
     * @param {string} id
     * @param {Annotation | null} annotation null: deleted
     */
    replaceFromServer(id, annotation) {
        if (annotation && annotation.imageId !== this.#imageId) return; // its image is not on screen
        const wasEdited = this.draft.edited?.id === id;
        this.takeNews([{id, annotation}]);
        if (wasEdited) this.draft.replace(NO_WORK);
    }

    /**
     * Changes that the server has, of the image on screen. A history that no longer fits them is forgotten.
     *
     * @param {readonly Piece[]} pieces none of them is being edited
     */
    takeNews(pieces) {
        const changed = pieces.map(({id, annotation}) => ({
            before: this.document.get(id),
            after: annotation,
        }));
        this.document.apply(
            {
                created: changed.flatMap(({before, after}) => (!before && after ? [after] : [])),
                updated: changed.flatMap(({before, after}) => (before && after ? [{before, after}] : [])),
                deleted: changed.flatMap(({before, after}) => (before && !after ? [before] : [])),
            },
            "server",
        );
        this.#histories.check(this.document);
        this.#events.onChange();
    }

    /**
     * @param {string} id of an annotation
     * @param {number} imageId its image
     * @param {number} number that the server has given it
     */
    noteNumber(id, imageId, number) {
        if (imageId === this.#imageId) this.numbers.note(id, number);
    }

    /** @param {boolean} isHeld no prompt may begin now */
    holdPrompts(isHeld) {
        this.#isHeld = isHeld;
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

    /** The masks that a click there offers, from the part to the whole. @param {ImagePoint} point */
    async nestedAt(point) {
        return this.canPreview ? this.prompts.nestedAt(point) : [];
    }

    /**
     * @param {ImagePoint} point
     * @param {PointLabel} label
     * @param {number} timeStamp of the pointer event
     * @param {number | null} maskIndex the output that was chosen before the click; null: the decoder's best
     */
    addPoint(point, label, timeStamp, maskIndex = null) {
        if (label === FOREGROUND) this.#acceptBefore({x0: point.x, y0: point.y, x1: point.x, y1: point.y});
        this.#addStep((prompt) => {
            const next = withPoint(prompt, point, label);
            return maskIndex !== null && isEmpty(prompt) ? withLastChoice(next, maskIndex) : next;
        }, timeStamp);
    }

    /**
     * @param {ImageBox} box
     * @param {number} timeStamp of the pointer event
     */
    setBox(box, timeStamp) {
        this.#acceptBefore(box);
        this.#addStep((prompt) => withBox(prompt, box), timeStamp);
    }

    /**
     * @param {Mark} mark of the prompt
     * @param {ImagePoint} place where it is now
     * @param {number} timeStamp of the pointer event
     */
    moveMark(mark, place, timeStamp) {
        this.#changePrompt((prompt) => withMarkMoved(prompt, mark, place, this.#size), timeStamp);
    }

    /**
     * @param {Mark} mark of the prompt: its step is taken away
     * @param {number} timeStamp of the pointer event
     */
    removeMark({index}, timeStamp) {
        if (this.prompts.prompt.steps.length === 1) this.removeLastStep();
        else this.#changePrompt((prompt) => withoutStep(prompt, index), timeStamp);
    }

    removeLastStep() {
        if (!this.canRemoveStep) return;
        this.#accepting.after(() => {
            const {prompt} = this.prompts;
            const left = withoutLastStep(prompt);
            const base = isEmpty(left) ? baseOf(prompt) : null;
            const {edited} = this.draft;
            const isAsSaved = base?.segmentation.counts === edited?.segmentation.counts;
            this.draft.change({prompt: left, handMade: base && !isAsSaved ? base : null});
        });
    }

    /** Clears the draft, and ends editing: the mask stays as it was saved. With neither: selects nothing any more. */
    cancel() {
        if (!this.canCancel) return;
        this.#accepting.after(() => {
            const {edited} = this.draft;
            const isWorking = !this.draft.isEmpty || edited !== null;
            if (edited && this.draft.isWorkedOn)
                this.#events.onSay("The mask is again as it was saved. Ctrl+Z goes on.");
            this.#leaveDraft(isWorking ? this.selection.id : null);
        });
    }

    /** @param {number} direction 1 the next candidate, -1 the one before */
    cycleCandidate(direction) {
        const {candidates, shown} = this.prompts;
        const at = candidates.findIndex((candidate) => candidate === shown);
        if (at < 0) return;
        this.chooseCandidate(candidates[(at + direction + candidates.length) % candidates.length].index);
    }

    /** The next larger or smaller one of the candidates. @param {number} direction 1 larger, -1 smaller */
    chooseNested(direction) {
        const next = this.prompts.nextNested(direction);
        if (next) this.chooseCandidate(next.index);
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
        this.#accepting.after(() => this.#startAccepting());
    }

    /**
     * Accepts the open draft, as Enter would.
     *
     * @param {number} predictedIou what is estimated lower than this stays a draft
     * @returns {Promise<boolean>} whether nothing is open now
     */
    async acceptOpen(predictedIou = 0) {
        await this.settle();
        if (!this.draft.isWorkedOn) return true;
        await this.prompts.settle();
        const {shownMask} = this;
        const estimate = shownMask?.handMade ? 1 : (shownMask?.candidate?.predictedIou ?? -1);
        if (!this.canAccept || estimate < predictedIou) return false;
        this.accept();
        await this.settle();
        return !this.draft.isWorkedOn;
    }

    /**
     * The project's categories are others now.
     *
     * @param {readonly Category[]} categories all of them
     * @param {number} [pickedId] a new one, which is picked for the next mask
     */
    takeCategories(categories, pickedId) {
        this.#categories = categories;
        if (pickedId !== undefined) {
            this.#categoryId = pickedId;
            this.#lastCategory.note(this.#projectId, pickedId);
        } else if (!this.#isCategory(this.#categoryId)) this.#categoryId = categories[0]?.id ?? null;
        this.#events.onChange();
    }

    /**
     * Changes the category of all selected masks; where none is, picks that of the next one. Correcting an old mask says
     * nothing about what is drawn next.
     *
     * @param {number} index of the category
     */
    pickCategory(index) {
        const category = this.#categories[index];
        if (!category || !this.#mayAnnotate) return;
        this.#accepting.after(() => {
            // Several that were selected beside an open draft are meant, not the draft.
            const isBeside = this.selection.isSeveral && !this.draft.edited && !this.draft.isEmpty;
            const labelled = isBeside ? this.selection.annotations : this.#labelled;
            if (labelled.length === 0) {
                this.#categoryId = category.id;
                this.#lastCategory.note(this.#projectId, category.id);
            }
            const others = labelled.filter(({categoryId}) => categoryId !== category.id);
            const updated = this.#locks
                .free(others)
                .map((before) => ({before, after: {...before, categoryId: category.id}}));
            if (updated.length > 0) this.draft.change({}, {...NO_CHANGES, updated});
            else this.#events.onChange();
        });
    }

    /** @param {string | null} id a saved mask to look at; null: none. A mask that was edited is accepted first */
    select(id) {
        if (id === this.selection.id && !this.selection.isSeveral) return;
        this.#afterEditing(() => this.draft.select(idsOf(id)));
    }

    /** @param {string | null} id a saved mask, whose prompt is continued; what was begun before is accepted first */
    edit(id = this.selection.id) {
        const wanted = this.document.get(id);
        if (!wanted || !this.#mayAnnotate || id === this.draft.edited?.id) return;
        if (!this.#locks.areAllFree([wanted])) return;
        this.#accepting.after(() => {
            if (this.draft.isWorkedOn) this.accept();
            this.#accepting.after(() => {
                if (id === null || this.draft.isWorkedOn || !this.document.get(id)) return;
                this.draft.edit(id);
                this.#effort.begin();
            });
        });
    }

    /** @param {string} [id] deletes this mask; without one all that are selected */
    remove(id) {
        const ids = id === undefined ? this.selection.ids : [id];
        if (!this.#mayAnnotate) return;
        this.#accepting.after(() => {
            const deleted = this.#locks.free(ids.flatMap((each) => this.document.get(each) ?? []));
            if (deleted.length === 0) return; // deleted twice while a mask was being accepted
            this.#events.onDelete(deleted);
            const work = deleted.some((each) => each.id === this.draft.edited?.id) ? NO_WORK : {};
            this.draft.change(work, {...NO_CHANGES, deleted});
        });
    }

    /**
     * Takes a delete back, whatever was done since.
     *
     * @param {...Annotation} annotations of one image
     * @returns {boolean} false: they belong to another image than the one on screen
     */
    bringBack(...annotations) {
        if (annotations.some(({imageId}) => imageId !== this.#imageId)) return false;
        this.#accepting.after(() => {
            if (this.#isLastDeleted(annotations)) return this.draft.undo();
            const created = annotations.filter(({id}) => !this.document.get(id)); // an undo may have been faster
            if (created.length > 0) this.draft.change({}, {...NO_CHANGES, created});
        });
        return true;
    }

    /**
     * A deletion on an image that is no longer on screen was taken back: its history goes on from before it.
     *
     * @param {...Annotation} annotations of that image
     */
    noteBroughtBack(...annotations) {
        this.#histories.stepBack(
            annotations[0].imageId,
            annotations.map(({id}) => id),
        );
    }

    // --- helpers, in call order ---

    /** Whether nothing was done since these were deleted: undo brings them back. @param {readonly Annotation[]} annotations */
    #isLastDeleted(annotations) {
        const {entries, place} = this.draft.history;
        const last = entries[place - 1];
        return (
            last !== undefined &&
            isDeletionOf(
                last.changes,
                annotations.map(({id}) => id),
            )
        );
    }

    /**
     * @param {(prompt: Prompt) => Prompt} withStep
     * @param {number} timeStamp
     */
    #addStep(withStep, timeStamp) {
        this.#accepting.after(() => {
            if (!this.canPrompt) return;
            const {prompt} = this.prompts;
            this.#effort.addClick(isEmpty(prompt));
            const base = this.#base;
            const made = base ? {steps: withBase(withStep(EMPTY_PROMPT).steps, base)} : withStep(prompt);
            const next = placed(made, this.prompts.region);
            const selectedIds = idsOf(this.draft.edited?.id); // a mask that was only looked at is left alone
            this.draft.change({prompt: next, handMade: null, selectedIds}, NO_CHANGES, timeStamp);
            if (this.#settings().quickMode && selectedIds.length === 0 && next.steps.length === 1 && !base)
                void this.#acceptQuickly();
        });
    }

    /** Accepts what one click or one box gave, if nothing else was done until its mask was there. */
    async #acceptQuickly() {
        const {prompt} = this.prompts;
        await this.prompts.settle();
        const isSame = this.prompts.prompt.steps.length === 1 && sameStep(this.prompts.prompt, prompt);
        if (!isSame || !this.shownMask || !this.canAccept) return;
        this.#accepting.after(() => this.#startAccepting((made) => this.#events.onQuick(made)));
    }

    /** A beginning far from the mask on screen is the next object's, if the person works so. @param {Extent} begun */
    #acceptBefore(begun) {
        if (this.#settings().farClickAccepts && this.#isFarOff(begun)) this.accept();
    }

    /** Whether all of a place lies far from the mask on screen, which is finished as it is. @param {Extent} place */
    #isFarOff({x0, y0, x1, y1}) {
        const {candidate} = this.shownMask ?? {};
        const {bundle} = this.prompts;
        if (!candidate || !bundle || this.draft.edited || this.prompts.isDecoding) return false;
        const extent = candidateExtent(candidate, this.#size, bundle);
        if (!extent) return false;
        const [x, y, width, height] = extent;
        const away = Math.max(x - x1, x0 - (x + width), y - y1, y0 - (y + height));
        const side = Math.max(this.#size.height, this.#size.width);
        return away > Math.max(FAR_SHARE * Math.max(width, height), FAR_SHARE_OF_IMAGE * side);
    }

    /**
     * @param {(prompt: Prompt) => Prompt} change
     * @param {number} timeStamp
     */
    #changePrompt(change, timeStamp) {
        this.#accepting.after(() => {
            if (!this.canRemoveStep || this.draft.handMade) return;
            this.#effort.addClick(false);
            const prompt = placed(change(this.prompts.prompt), this.prompts.region);
            this.draft.change({prompt}, NO_CHANGES, timeStamp);
        });
    }

    /** What a first step goes on from, rather than replaces: a mask that no prompt has made. @returns {FinishedMask | null} */
    get #base() {
        const {handMade, edited} = this.draft;
        if (handMade) return handMade;
        if (!edited || edited.prompt || !isEmpty(this.prompts.prompt)) return null;
        const {segmentation, area, bbox, predictedIou, stabilityScore} = edited;
        return {segmentation, area, bbox, predictedIou, stabilityScore};
    }

    /**
     * Does it when no mask is being edited: changes of the one that is are accepted first.
     *
     * @param {() => void} action
     */
    #afterEditing(action) {
        this.#accepting.after(() => {
            if (!this.draft.edited) return action();
            if (this.draft.isWorkedOn) this.accept();
            else this.#leaveDraft(null);
            this.#accepting.after(() => {
                if (!this.draft.edited) action(); // else it could not be accepted, which is said
            });
        });
    }

    /** @param {string | null} selectedId */
    #leaveDraft(selectedId) {
        this.draft.leave(selectedId);
        this.#effort.begin();
    }

    /** @param {(annotation: Annotation) => void} onSaved */
    #startAccepting(onSaved = () => {}) {
        this.#accepting.start(async () => {
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
        await this.prompts.settle();
        const before = this.draft.edited;
        if (!this.draft.isWorkedOn) {
            this.#leaveDraft(null);
            return null;
        }
        const after = await this.#annotation(before);
        if (!after || this.draft.edited !== before) return null; // "theirs" was taken meanwhile
        const {annotation, updated, refusal} = settled(this.#overlap, after, this.document.annotations);
        if (refusal) {
            this.#events.onProblem(refusal);
            return null;
        }
        const changes = before
            ? {...NO_CHANGES, updated: [{before, after: annotation}, ...updated]}
            : {...NO_CHANGES, created: [annotation], updated};
        this.draft.change(NO_WORK, changes);
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
        const {category, shownMask} = this;
        if (!shownMask) return null;
        const {handMade} = shownMask;
        const {prompt} = this.prompts;
        if (!category) {
            this.#events.onCategoryMissing();
            return null;
        }
        const mask = handMade ?? (await this.prompts.finishOrTell());
        if (!mask) return null;
        if (mask.area === 0) {
            this.#events.onProblem("This mask is empty: delete the object, or add something to it.");
            return null;
        }
        return {
            ...{name: before?.name ?? "", color: before?.color ?? "", isLocked: before?.isLocked ?? false},
            rank: before?.rank ?? null,
            id: before?.id ?? this.#keeper.id,
            imageId: this.#imageId,
            categoryId: category.id,
            segmentation: mask.segmentation,
            area: mask.area,
            bbox: mask.bbox,
            // A prompt that a correction by hand began with, or went on from, does not give this mask by itself.
            prompt: handMade || baseOf(prompt) ? null : prompt,
            predictedIou: mask.predictedIou,
            stabilityScore: mask.stabilityScore,
            bundleDigest: handMade ? "" : this.prompts.bundleDigest,
            author: before?.author ?? this.#username,
            createdAt: before?.createdAt ?? new Date().toISOString(),
            ...this.#effort.costOnTopOf(before),
        };
    }

    /**
     * For masks that are made without the model, in this order.
     *
     * @param {() => string} newId
     * @param {number} count
     */
    #freshOnes(newId, count) {
        const now = Date.now();
        return Array.from({length: count}, (_, k) => ({
            ...{id: newId(), author: this.#username, createdAt: new Date(now + k).toISOString()},
        }));
    }

    /** @param {number | null} id */
    #isCategory(id) {
        return this.#categories.some((category) => category.id === id);
    }

    #noteDraft() {
        this.#keeper.note(this.draft, () => ({
            categoryId: this.#categoryId,
            cost: this.#effort.costOnTopOf(null),
        }));
    }

    #restoreDraft() {
        const kept = this.#keeper.take(this.document);
        if (!kept) return;
        const {prompt, handMade, editedId, categoryId, cost} = kept;
        if (editedId === null && this.#isCategory(categoryId)) this.#categoryId = categoryId;
        this.#effort.resume(cost);
        this.draft.restore({prompt, handMade, editedId, selectedIds: idsOf(editedId)});
    }
}

/**
 * @param {Prompt} a
 * @param {Prompt} b
 * @returns {boolean} whether they begin alike, whatever the decoder chose
 */
function sameStep({steps: [a]}, {steps: [b]}) {
    return JSON.stringify({...a, maskIndex: null}) === JSON.stringify({...b, maskIndex: null});
}
