/** Which decoder answers the prompts of the image on screen: that of a small bundle first, then that of the project's own. */

import {EMPTY_PROMPT, isEmpty, withoutChoices} from "../core/prompt.js";

/** @import {DecoderImage} from "../core/types.d.ts" */
/** @import {Decoder, FinishedMask} from "./ports.d.ts" */
/** @import {Turns} from "./turns.js" */
/** @import {Workbench} from "./workbench.js" */

/** A mask that another one has taken the place of. @typedef {{mask: FinishedMask, at: number}} Replaced at: where the history was */

export class Answering {
    #bench;
    #turns;
    #onSay;

    /**
     * @param {Pick<Workbench, "draft" | "prompts">} bench
     * @param {{turns: Turns, onSay: (text: string) => void}} parts
     */
    constructor(bench, {turns, onSay}) {
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
                resolve(isReplaced ? {mask, at: draft.history.end} : null);
            }),
        );
    }

    /** The mask that was replaced is the draft again, if nothing has been done since. @param {Replaced} replaced */
    takeBack({mask, at}) {
        this.#turns.after(() => {
            const {draft} = this.#bench;
            if (draft.history.end === at) draft.change({prompt: EMPTY_PROMPT, handMade: mask});
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
