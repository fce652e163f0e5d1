/**
 * What the annotator does with one image: prompts, accepts, looks at masks, edits them, deletes, undoes. Whoever shows it
 * listens to `onChange` and reads its parts.
 *
 * A draft belongs to a new object until `edit` takes up a saved mask. It is kept from its first click on, and comes back
 * when its image is opened again.
 */

import {AnnotationDocument, NO_CHANGES} from "../core/annotation-document.js";
import {isDeletionOf} from "../core/history-end.js";
import {isEmpty} from "../core/prompt.js";
import {Accepting} from "./accepting.js";
import {Answering} from "./answering.js";
import {Arrivals} from "./arrivals.js";
import {Combining} from "./combining.js";
import {Copying} from "./copying.js";
import {Draft, NO_WORK, idsOf} from "./draft.js";
import {DraftKeeper} from "./draft-keeper.js";
import {Effort} from "./effort.js";
import {HandWork} from "./hand-work.js";
import {HistoryKeeper} from "./history-keeper.js";
import {Labelling} from "./labelling.js";
import {Locks} from "./locks.js";
import {MovingPrompts} from "./moving-prompts.js";
import {Naming} from "./naming.js";
import {ObjectNumbers} from "./object-numbers.js";
import {OpenImage} from "./open-image.js";
import {Prompting} from "./prompting.js";
import {PromptSession} from "./prompt-session.js";
import {Selection} from "./selection.js";
import {Several} from "./several.js";
import {Turns} from "./turns.js";
import {Visibility} from "./visibility.js";

/** @import {Annotation, Category, DecoderImage, ImageSize, OverlapPolicy} from "../core/types.d.ts" */
/** @import {Clock, Decoder, DraftMask} from "./ports.d.ts" */
/** @import {CopiedMasks} from "./copied-masks.js" */
/** @import {KeptDrafts} from "./kept-drafts.js" */
/** @import {KeptHistories} from "./kept-histories.js" */
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

export class Workbench {
    document = new AnnotationDocument();
    selection = new Selection(this.document);
    prompts;
    draft;
    prompting;
    accepting;
    labelling;
    arrivals;
    hand;
    moving;
    several;
    combining;
    copying;
    naming;
    answering;
    visibility;
    numbers = new ObjectNumbers();

    #keeper;
    #histories;
    #events;
    #effort;
    #turns = new Turns();
    #locks;
    #opened = new OpenImage();

    /**
     * @param {string} username
     * @param {WorkbenchWorld} world
     * @param {WorkbenchEvents} events
     */
    constructor(username, {now, newId, drafts, histories = null, lastCategory, copied, settings}, events) {
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
        const {onSay, onRefuse = onSay} = events;
        this.#locks = new Locks(onRefuse);
        const parts = {
            ...{turns: this.#turns, locks: this.#locks, effort: this.#effort, opened: this.#opened},
            ...{keeper: this.#keeper, histories: this.#histories, settings, onSay, onRefuse, onChange},
            events: this.#events,
            freshOnes: (/** @type {number} */ count) => freshOnes(username, newId, count),
        };
        this.prompting = new Prompting(this, parts);
        this.accepting = new Accepting(this, {...parts, username});
        this.labelling = new Labelling(this, {...parts, lastCategory});
        this.arrivals = new Arrivals(this, parts);
        this.hand = new HandWork(this, parts);
        this.moving = new MovingPrompts(this, parts);
        this.answering = new Answering(this, {...parts, now});
        this.naming = new Naming(this, parts);
        this.combining = new Combining(this, parts);
        this.copying = new Copying(this, {...parts, copied});
        this.visibility = new Visibility(this.selection, events.onChange);
        this.several = new Several(this, {
            afterEditing: (action) => this.accepting.afterEditing(action),
            onChange: events.onChange,
        });
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
        return this.shownMask ? this.labelling.category : null;
    }

    /** Whether there is a mask that was begun, or changed, and not accepted. */
    get isOpen() {
        return this.draft.isWorkedOn && !this.accepting.isBusy;
    }

    get canPrompt() {
        return (
            this.#opened.mayAnnotate &&
            this.prompts.hasImage &&
            !this.#keeper.isWaiting &&
            !this.#opened.isHeld
        );
    }

    /** Whether a click now would begin a prompt, and the decoder is free to say what it would give. */
    get canPreview() {
        const isWorking = !this.draft.isEmpty || this.draft.edited !== null;
        return this.canPrompt && !isWorking && !this.prompts.isDecoding && !this.accepting.isBusy;
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
        return this.#opened.mayAnnotate && isWorking && (this.canPrompt || this.draft.handMade !== null);
    }

    get canEdit() {
        return this.#opened.mayAnnotate && this.selection.id !== null && this.draft.edited === null;
    }

    /** Whether a mask may be drawn: that needs no decoder. */
    get canDraw() {
        return this.#opened.mayAnnotate && !this.#keeper.isWaiting && !this.#opened.isHeld;
    }

    /** Whether there is a mask to change: the draft, the edited one, or the one that is looked at. */
    get canReshape() {
        return this.canDraw && (this.shownMask !== null || this.selection.id !== null);
    }

    /** Whether saved masks may be changed as they are: none is being edited. */
    get canChangeSaved() {
        return this.#opened.mayAnnotate && this.draft.edited === null;
    }

    get canRemove() {
        return this.#opened.mayAnnotate && this.selection.id !== null;
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
        const isOtherProject = projectId !== this.#opened.projectId;
        Object.assign(this.#opened, {projectId, imageId, size, overlap, mayAnnotate, isHeld: false});
        this.labelling.open(categories, isOtherProject);
        this.numbers.open();
        this.#keeper.open(imageId, mayAnnotate);
        this.#histories.open(imageId, mayAnnotate);
        this.visibility.open();
        this.draft.open();
        this.document.reset([]);
        this.prompts.open(decoder, image);
    }

    /**
     * @param {string} id of an annotation
     * @param {number} imageId its image
     * @param {number} number that the server has given it
     */
    noteNumber(id, imageId, number) {
        if (imageId === this.#opened.imageId) this.numbers.note(id, number);
    }

    /** @param {boolean} isHeld no prompt may begin now */
    holdPrompts(isHeld) {
        this.#opened.isHeld = isHeld;
    }

    /** Resolves when a mask that is being accepted is in the document. */
    async settle() {
        await this.#turns.settle();
    }

    /** Clears the draft, and ends editing: the mask stays as it was saved. With neither: selects nothing any more. */
    cancel() {
        if (!this.canCancel) return;
        this.#turns.after(() => {
            const {edited} = this.draft;
            const isWorking = !this.draft.isEmpty || edited !== null;
            if (edited && this.draft.isWorkedOn)
                this.#events.onSay("The mask is again as it was saved. Ctrl+Z goes on.");
            this.accepting.leaveDraft(isWorking ? this.selection.id : null);
        });
    }

    undo() {
        this.#turns.after(() => this.draft.undo());
    }

    redo() {
        this.#turns.after(() => this.draft.redo());
    }

    /** @param {string | null} id a saved mask to look at; null: none. A mask that was edited is accepted first */
    select(id) {
        if (id === this.selection.id && !this.selection.isSeveral) return;
        this.accepting.afterEditing(() => this.draft.select(idsOf(id)));
    }

    /** @param {string | null} id a saved mask, whose prompt is continued; what was begun before is accepted first */
    edit(id = this.selection.id) {
        const wanted = this.document.get(id);
        if (!wanted || !this.#opened.mayAnnotate || id === this.draft.edited?.id) return;
        if (!this.#locks.areAllFree([wanted])) return;
        this.#turns.after(() => {
            if (this.draft.isWorkedOn) this.accepting.accept();
            this.#turns.after(() => {
                if (id === null || this.draft.isWorkedOn || !this.document.get(id)) return;
                this.draft.edit(id);
                this.#effort.begin();
            });
        });
    }

    /** @param {string} [id] deletes this mask; without one all that are selected */
    remove(id) {
        const ids = id === undefined ? this.selection.ids : [id];
        if (!this.#opened.mayAnnotate) return;
        this.#turns.after(() => {
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
        if (annotations.some(({imageId}) => imageId !== this.#opened.imageId)) return false;
        this.#turns.after(() => {
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

    #noteDraft() {
        this.#keeper.note(this.draft, () => ({
            categoryId: this.labelling.nextId,
            cost: this.#effort.costOnTopOf(null),
        }));
    }
}

/**
 * For masks that are made without the model, in this order.
 *
 * @param {string} author
 * @param {() => string} newId
 * @param {number} count
 */
function freshOnes(author, newId, count) {
    const now = Date.now();
    return Array.from({length: count}, (_, k) => ({
        ...{id: newId(), author, createdAt: new Date(now + k).toISOString()},
    }));
}
