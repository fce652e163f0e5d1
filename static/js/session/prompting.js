/** Points, boxes and the choice among the decoder's candidates: how the open prompt is made and changed. */

import {NO_CHANGES} from "../core/annotation-document.js";
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
import {idsOf} from "./draft.js";

/** @import {ImageBox, ImagePoint, PointLabel, Prompt} from "../core/types.d.ts" */
/** @import {Mark} from "../core/prompt-marks.js" */
/** @import {Effort} from "./effort.js" */
/** @import {OpenImage} from "./open-image.js" */
/** @import {FinishedMask} from "./ports.d.ts" */
/** @import {Settings} from "./preferences.js" */
/** @import {Turns} from "./turns.js" */
/** @import {Workbench} from "./workbench.js" */

export class Prompting {
    #bench;
    #turns;
    #effort;
    #opened;
    #settings;
    #onRefuse;

    /**
     * @param {Pick<Workbench, "draft" | "prompts" | "accepting" | "canPrompt" | "canPreview" | "canRemoveStep">} bench
     * @param {{turns: Turns, effort: Effort, opened: OpenImage, settings: () => Pick<Settings, "quickMode">,
     *   onRefuse: (text: string) => void}} parts
     */
    constructor(bench, {turns, effort, opened, settings, onRefuse}) {
        this.#bench = bench;
        this.#turns = turns;
        this.#effort = effort;
        this.#opened = opened;
        this.#settings = settings;
        this.#onRefuse = onRefuse;
    }

    get canPreview() {
        return this.#bench.canPreview;
    }

    /**
     * Decodes ahead for a button that went down.
     *
     * @param {ImagePoint} point
     * @param {PointLabel} label
     */
    anticipate(point, label) {
        if (this.#bench.canPrompt && !this.#turns.isBusy) this.#bench.prompts.anticipate(point, label);
    }

    /** The mask that a click there would show; null: unknown. @param {ImagePoint} point */
    async preview(point) {
        return this.#bench.canPreview ? this.#bench.prompts.preview(point) : null;
    }

    /** The masks that a click there offers, from the part to the whole. @param {ImagePoint} point */
    async nestedAt(point) {
        return this.#bench.canPreview ? this.#bench.prompts.nestedAt(point) : [];
    }

    /**
     * @param {ImagePoint} point
     * @param {PointLabel} label
     * @param {number} timeStamp of the pointer event
     * @param {number | null} maskIndex the output that was chosen before the click; null: the decoder's best
     */
    addPoint(point, label, timeStamp, maskIndex = null) {
        const {x, y} = point;
        if (label === FOREGROUND) this.#bench.accepting.acceptBefore({x0: x, y0: y, x1: x, y1: y});
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
        this.#bench.accepting.acceptBefore(box);
        this.#addStep((prompt) => withBox(prompt, box), timeStamp);
    }

    /**
     * @param {Mark} mark of the prompt
     * @param {ImagePoint} place where it is now
     * @param {number} timeStamp of the pointer event
     */
    moveMark(mark, place, timeStamp) {
        this.#change((prompt) => withMarkMoved(prompt, mark, place, this.#opened.size), timeStamp);
    }

    /**
     * @param {Mark} mark of the prompt: its step is taken away
     * @param {number} timeStamp of the pointer event
     */
    removeMark({index}, timeStamp) {
        if (this.#bench.prompts.prompt.steps.length === 1) this.removeLastStep();
        else this.#change((prompt) => withoutStep(prompt, index), timeStamp);
    }

    removeLastStep() {
        if (!this.#bench.canRemoveStep) return;
        this.#turns.after(() => {
            const {draft, prompts} = this.#bench;
            const {prompt} = prompts;
            const left = withoutLastStep(prompt);
            const base = isEmpty(left) ? baseOf(prompt) : null;
            const isAsSaved = base?.segmentation.counts === draft.edited?.segmentation.counts;
            draft.change({prompt: left, handMade: base && !isAsSaved ? base : null});
        });
    }

    /** @param {number} direction 1 the next candidate, -1 the one before */
    cycleCandidate(direction) {
        const {candidates, shown} = this.#bench.prompts;
        const at = candidates.findIndex((candidate) => candidate === shown);
        if (at < 0) return;
        this.chooseCandidate(candidates[(at + direction + candidates.length) % candidates.length].index);
    }

    /** The next larger or smaller one of the candidates. @param {number} direction 1 larger, -1 smaller */
    chooseNested(direction) {
        const next = this.#bench.prompts.nextNested(direction);
        if (next) this.chooseCandidate(next.index);
    }

    /** @param {number} index of the decoder's output */
    chooseCandidate(index) {
        const {prompt, candidates} = this.#bench.prompts;
        if (!this.#bench.canPrompt || !candidates.some((candidate) => candidate.index === index)) return;
        this.#bench.draft.change({prompt: withLastChoice(prompt, index), handMade: null});
    }

    /**
     * @param {(prompt: Prompt) => Prompt} withStep
     * @param {number} timeStamp
     */
    #addStep(withStep, timeStamp) {
        this.#turns.after(() => {
            const {draft, prompts, accepting, canPrompt} = this.#bench;
            if (!canPrompt) return;
            const {prompt, region, bundle} = prompts;
            const base = this.#base;
            if (base && bundle?.takesMask === false) {
                this.#onRefuse(
                    `${bundle.title || bundle.name} cannot go on from a mask: draw on it, or begin anew.`,
                );
                return;
            }
            this.#effort.addClick(isEmpty(prompt));
            const made = base ? {steps: withBase(withStep(EMPTY_PROMPT).steps, base)} : withStep(prompt);
            const next = placed(made, region);
            const selectedIds = idsOf(draft.edited?.id); // a mask that was only looked at is left alone
            draft.change({prompt: next, handMade: null, selectedIds}, NO_CHANGES, timeStamp);
            if (this.#settings().quickMode && selectedIds.length === 0 && next.steps.length === 1 && !base)
                void accepting.acceptQuickly();
        });
    }

    /**
     * @param {(prompt: Prompt) => Prompt} change
     * @param {number} timeStamp
     */
    #change(change, timeStamp) {
        this.#turns.after(() => {
            const {draft, prompts, canRemoveStep} = this.#bench;
            if (!canRemoveStep || draft.handMade) return;
            this.#effort.addClick(false);
            draft.change({prompt: placed(change(prompts.prompt), prompts.region)}, NO_CHANGES, timeStamp);
        });
    }

    /** What a first step goes on from, rather than replaces: a mask that no prompt has made. @returns {FinishedMask | null} */
    get #base() {
        const {draft, prompts} = this.#bench;
        const {handMade, edited} = draft;
        if (handMade) return handMade;
        if (!edited || edited.prompt || !isEmpty(prompts.prompt)) return null;
        const {segmentation, area, bbox, predictedIou, stabilityScore} = edited;
        return {segmentation, area, bbox, predictedIou, stabilityScore};
    }
}
