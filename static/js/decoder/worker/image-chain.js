/** The prompts on one image, decoded by whichever session the bundle has: the decoder's edge, where each is looked at. */

import {logitsOfMask} from "../../core/mask-input.js";
import {croppedTo} from "../../core/regions.js";
import {checkBase, checkPrompt} from "./check-prompt.js";
import {PromptChain} from "./prompt-chain.js";

/** @import {Bundle, ImageSize, Region} from "../../core/types.d.ts" */
/** @import {ImageFeeds, Session} from "./session.d.ts" */

/**
 * @param {Pick<Session, "decode">} session
 * @param {Bundle} bundle
 * @param {ImageFeeds} feeds
 * @param {{imageSize: ImageSize, region?: Region}} place size of the whole image, and which part of it the feeds are of
 * @returns {PromptChain} takes steps in the feeds' pixels. Errors: prompt_malformed, and the session's
 */
export function chainOf(session, bundle, feeds, {imageSize, region}) {
    return new PromptChain(
        async (steps, maskInput) => {
            checkPrompt(steps, maskInput, feeds.imageSize, bundle);
            return session.decode(feeds, steps, maskInput);
        },
        bundle.outputs,
        (mask) => {
            checkBase(mask, imageSize);
            return logitsOfMask(region ? croppedTo(mask, region) : mask, bundle);
        },
    );
}
