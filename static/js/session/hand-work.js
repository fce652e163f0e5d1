/**
 * Changes of a mask by hand: strokes, shapes, and what reshapes it as a whole. No decoder is needed, unless the mask is a
 * prompt's and has to be finished first.
 */

import {columnsOf, combined, emptyColumns, rleOf} from "../core/edit/columns.js";
import {EMPTY_PROMPT} from "../core/prompt.js";
import {NO_WORK, idsOf} from "./draft.js";
import {RESHAPES} from "./reshaping.js";

/** @import {Rle} from "../core/types.d.ts" */
/** @import {Columns, Spans} from "../core/edit/columns.js" */
/** @import {FinishedMask} from "./ports.d.ts" */
/** @import {Effort} from "./effort.js" */
/** @import {Locks} from "./locks.js" */
/** @import {Reshape} from "./reshaping.js" */
/** @import {OpenImage} from "./open-image.js" */
/** @import {Turns} from "./turns.js" */
/** @import {Workbench} from "./workbench.js" */

/** What changes one mask into another of the same image. @typedef {(columns: Columns) => Columns} Change */

export class HandWork {
    #bench;
    #turns;
    #locks;
    #effort;
    #opened;
    #onChange;

    /**
     * @param {Pick<Workbench, "draft" | "prompts" | "selection" | "canDraw" | "edit">} bench
     * @param {{turns: Turns, locks: Locks, effort: Effort, opened: OpenImage, onChange: () => void}} parts
     */
    constructor(bench, {turns, locks, effort, opened, onChange}) {
        this.#bench = bench;
        this.#turns = turns;
        this.#locks = locks;
        this.#effort = effort;
        this.#opened = opened;
        this.#onChange = onChange;
    }

    /**
     * A stroke or a shape drawn by hand changes the draft, or begins one. What is erased while a mask is only looked at is
     * erased from that mask, which is edited from then on.
     *
     * @param {ReadonlyMap<number, Spans>} spans by column
     * @param {boolean} isErasing
     */
    paint(spans, isErasing) {
        if (spans.size > 0) this.change((columns) => combined(columns, spans, isErasing), isErasing);
    }

    /** @param {Reshape} name changes the draft, else the mask that is looked at, which is edited from then on */
    reshape(name) {
        this.change((columns) => RESHAPES[name](columns, this.#opened.size.height), true);
    }

    /** What a change would go on from, as it is on screen; null: nothing. A prompt's mask comes as its candidate. */
    get target() {
        const {draft, prompts, selection} = this.#bench;
        if (draft.handMade) return draft.handMade;
        if (this.#isPrompt) return prompts.shown;
        return draft.edited ?? (draft.isEmpty ? selection.annotation : null);
    }

    /** The same at image size. @returns {Promise<Pick<FinishedMask, "segmentation" | "bbox"> | null>} */
    async finished() {
        const {draft, prompts, selection} = this.#bench;
        if (draft.handMade) return draft.handMade;
        if (this.#isPrompt) return prompts.finishOrTell();
        return draft.edited ?? (draft.isEmpty ? selection.annotation : null);
    }

    /**
     * One step of the history. A change that leaves every pixel as it was is none: the prompt and its scores stay.
     *
     * @param {Change} change
     * @param {boolean} needsMask it begins no new object
     */
    change(change, needsMask) {
        this.#turns.after(() => {
            const {draft, prompts, selection, canDraw} = this.#bench;
            if (!canDraw) return;
            if (this.#isPrompt) {
                this.#turns.start(async () => {
                    const finished = await prompts.finishOrTell();
                    if (finished) this.#show(finished.segmentation, change);
                }, this.#onChange);
                return;
            }
            const isLookedAt = needsMask && draft.isEmpty && !draft.edited;
            const saved = isLookedAt ? selection.annotation : draft.edited;
            if (isLookedAt && !this.#locks.areAllFree(selection.annotations.slice(0, 1))) return;
            const mask = draft.handMade ?? saved;
            if (mask || !needsMask) this.#show(mask?.segmentation ?? null, change, isLookedAt);
        });
    }

    /** Whether the mask on screen is a prompt's, that is not finished yet. */
    get #isPrompt() {
        const {draft} = this.#bench;
        return !draft.isEmpty && !draft.handMade && (!draft.edited || draft.isWorkedOn);
    }

    /**
     * @param {Rle | null} before null: no pixel
     * @param {Change} change
     * @param {boolean} isLookedAt it is the mask that is looked at
     */
    #show(before, change, isLookedAt = false) {
        const {size} = this.#opened;
        const mask = rleOf(change(before ? columnsOf(before) : emptyColumns(size)), size.height);
        if (before ? mask.segmentation.counts === before.counts : mask.area === 0) return;
        if (isLookedAt) this.#bench.edit();
        const {draft} = this.#bench;
        this.#effort.addClick(draft.isEmpty);
        if (mask.area === 0 && draft.edited === null) draft.change({...NO_WORK});
        else {
            draft.change({
                prompt: EMPTY_PROMPT, // another click goes on from the mask, and a step taken back would not fit it
                handMade: {...mask, predictedIou: null, stabilityScore: null},
                selectedIds: idsOf(draft.edited?.id),
            });
        }
    }
}
