/** Which decoder answers the prompts of the image on screen: that of a small bundle first, then that of the project's own. */

import {isEmpty, withoutChoices} from "../core/prompt.js";

/** @import {DecoderImage, Prompt} from "../core/types.d.ts" */
/** @import {Decoder, FinishedMask} from "./ports.d.ts" */
/** @import {Turns} from "./turns.js" */
/** @import {Workbench} from "./workbench.js" */

/** A mask that another one has taken the place of. @typedef {{mask: FinishedMask, at: number}} Replaced at: where the history was then */

/** The prompt and the bundle that gave a mask. @typedef {{prompt: Prompt, bundleDigest: string}} Origin */

// Sooner than this nobody has seen a new mask and answered it: a key that is pressed meant the one before.
const SEEN_AFTER_MS = 300;

export class Answering {
    #bench;
    #turns;
    #onSay;
    #now;
    /** @type {{at: number, time: number} | null} */
    #replaced = null;
    /** Of masks that were replaced: what had given them. @type {WeakMap<FinishedMask, Origin>} */
    #origins = new WeakMap();

    /**
     * @param {Pick<Workbench, "draft" | "prompts">} bench
     * @param {{turns: Turns, now: () => number, onSay: (text: string) => void}} parts
     */
    constructor(bench, {turns, now, onSay}) {
        this.#now = now;
        this.#bench = bench;
        this.#turns = turns;
        this.#onSay = onSay;
    }

    /**
     * Another decoder answers from now on, which has been given the image already. A prompt that is open is decoded anew;
     * a mask that is being accepted stays the one that was on screen.
     *
     * @param {Decoder} decoder
     * @param {DecoderImage} image the one on screen; else nothing happens
     * @returns {Promise<Replaced | null>} the mask that was on screen; null: none was
     */
    async change(decoder, image) {
        const {prompts, draft} = this.#bench;
        const begun = draft.history.end;
        await this.#decodeAhead(decoder, image);
        const origin = {prompt: prompts.prompt, bundleDigest: prompts.bundleDigest};
        const mask = prompts.shown && !draft.handMade ? await prompts.finish().catch(() => null) : null;
        // What waits for a mask waits for the decoder that is to be replaced, perhaps for minutes: now this one gives it.
        if (prompts.isDecoding && prompts.imageKey === image.key) {
            prompts.answerWith(decoder, image);
            return null;
        }
        return new Promise((resolve) =>
            this.#turns.after(() => {
                const isOpen = prompts.imageKey === image.key;
                if (isOpen) prompts.answerWith(decoder, image);
                const isSame = draft.history.end === begun; // else the mask on screen is another one
                const isReplaced = isOpen && mask !== null && isSame && !isEmpty(prompts.prompt);
                if (!isReplaced) return resolve(null);
                this.#origins.set(mask, origin);
                draft.noteReplaced(mask);
                this.#replaced = {at: draft.history.end, time: this.#now()};
                resolve({mask, at: draft.history.end});
            }),
        );
    }

    /** @param {FinishedMask | null} mask of a draft @returns {Origin | null} null: it was made by hand, or nobody knows any more */
    originOf(mask) {
        return (mask && this.#origins.get(mask)) ?? null;
    }

    /** Whoever accepts at this moment has seen the mask that was replaced: that one is the draft again. */
    showWhatWasSeen() {
        const {draft} = this.#bench;
        const {at, time} = this.#replaced ?? {at: -1, time: 0};
        if (draft.history.end === at && this.#now() - time < SEEN_AFTER_MS) draft.undo();
    }

    /** The mask that was replaced is the draft again, if nothing has been done since. @param {Replaced} replaced */
    takeBack({at}) {
        this.#turns.after(() => {
            const {draft} = this.#bench;
            if (draft.history.end === at) draft.undo();
            else this.#onSay("You have gone on since: that mask cannot be taken back any more.");
        });
    }

    /** So that no moment goes by without a mask on screen. @param {Decoder} decoder @param {DecoderImage} image */
    async #decodeAhead(decoder, image) {
        const {steps, region} = withoutChoices(this.#bench.prompts.prompt);
        if (steps.length === 0) return;
        const part = region && image.partOf ? image.partOf(region) : image;
        await decoder.decode(part, steps).catch(() => null); // decoding it once more will tell
    }
}
