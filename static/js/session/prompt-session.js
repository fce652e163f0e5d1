/**
 * The prompt being made, and the mask candidates that the decoder gives for it.
 *
 * An answer to a prompt that has changed since is dropped. What the decoder chose is written into the prompt, so that the
 * same steps give the same mask again.
 */

import {areEmpty, distinct, nextNested, smallestFirst} from "../core/candidates.js";
import {placed, textOf} from "../core/regions.js";
import {
    EMPTY_PROMPT,
    FOREGROUND,
    decodeKey,
    withLastChoice,
    withMaskIndices,
    withPoint,
    withoutChoices,
} from "../core/prompt.js";

/** @import {Candidate, DecoderImage, ImagePoint, PointLabel, Prompt, Region} from "../core/types.d.ts" */
/** @import {Decoder, FinishedMask} from "./ports.d.ts" */

/**
 * @typedef {object} PromptEvents
 * @property {() => void} onChange
 * @property {(message: string) => void} onProblem a sentence for the person
 * @property {(pressedAt: number) => void} onMask the mask for a pointer event (its timestamp) is there to be painted
 */

export class PromptSession {
    /** Where new prompts are answered, when they lie in it; null: in the whole image. @type {Region | null} */
    region = null;
    #events;
    /** @type {Decoder | null} */
    #decoder = null;
    /** @type {DecoderImage | null} */
    #image = null;
    #prompt = EMPTY_PROMPT;
    /** @type {readonly Candidate[]} */
    #candidates = [];
    /** @type {Candidate | null} */
    #shown = null;
    #isNothingFound = false;
    #decodedKey = "";
    #revision = 0;
    /** @type {Promise<void> | null} */
    #decoding = null;
    #tellReplaced = () => {}; // of the decoder, to who waits for a decode

    /** @param {PromptEvents} events */
    constructor(events) {
        this.#events = events;
    }

    get prompt() {
        return this.#prompt;
    }

    /** Those that differ to the eye; none where nothing was found. */
    get candidates() {
        return this.isNothingFound ? [] : this.#candidates;
    }

    /** Whether the decoder answered that nothing is there. */
    get isNothingFound() {
        return this.#isNothingFound;
    }

    /** The candidate on screen. */
    get shown() {
        return this.#shown;
    }

    get isDecoding() {
        return this.#decoding !== null;
    }

    get hasImage() {
        return this.#image !== null;
    }

    /** Of the decoder; null: there is none. */
    get bundle() {
        return this.#decoder?.bundle ?? null;
    }

    get bundleDigest() {
        return this.#decoder?.bundle.digest ?? "";
    }

    /**
     * Another image, with an empty prompt.
     *
     * @param {Decoder | null} decoder
     * @param {DecoderImage | null} image null: it cannot be prompted
     */
    open(decoder, image) {
        this.#decoder = decoder;
        this.#image = image;
        this.region = null;
        this.show(EMPTY_PROMPT);
    }

    /** Names the image that is prompted; null: there is none. */
    get imageKey() {
        return this.#image?.key ?? null;
    }

    /**
     * Another decoder answers for the same image. The open prompt is decoded anew, and what it offers is its own.
     *
     * @param {Decoder} decoder
     * @param {DecoderImage} image
     */
    answerWith(decoder, image) {
        this.#decoder = decoder;
        this.#image = image;
        this.region = null; // it was the other decoder's, and may take long with this one
        this.#prompt = withoutChoices(this.#prompt);
        this.#candidates = [];
        this.#isNothingFound = false;
        this.#shown = null;
        this.decodeAgain();
        this.#tellReplaced();
    }

    /**
     * The prompt is this one now: decodes what is new in it.
     *
     * @param {Prompt} prompt
     * @param {number | null} timeStamp of the pointer event that made it
     */
    show(prompt, timeStamp = null) {
        if (prompt === this.#prompt) {
            this.#events.onChange();
            return;
        }
        this.#prompt = prompt;
        this.#decodeWhatIsNew(timeStamp);
    }

    /** Asks the decoder once more for what is on screen: its worker is another one now. */
    decodeAgain() {
        this.#decodedKey = "";
        this.#decodeWhatIsNew(null);
    }

    /**
     * Decodes ahead for a button that went down: if it becomes a click, its mask is (nearly) there.
     *
     * @param {ImagePoint} point
     * @param {PointLabel} label
     */
    anticipate(point, label) {
        if (this.#decoding || !this.#image) return;
        const prompt = placed(withPoint(this.#prompt, point, label), this.region);
        this.#decoder?.decode(this.#partFor(prompt, this.#image), prompt.steps).catch(() => {}); // the click will tell
    }

    /**
     * @param {ImagePoint} point
     * @returns {Promise<Candidate | null>} the mask that a first click there would show; null: unknown
     */
    async preview(point) {
        if (!this.#image || !this.#decoder) return null;
        const prompt = placed(withPoint(EMPTY_PROMPT, point, FOREGROUND), this.region);
        const part = this.#partFor(prompt, this.#image);
        const answer = await this.#decoder.decode(part, prompt.steps).catch(() => null); // the click will tell
        return answer?.candidates[0] ?? null;
    }

    /**
     * @param {ImagePoint} point
     * @returns {Promise<readonly Candidate[]>} the masks that a first click there offers, from the part to the whole; none: unknown
     */
    async nestedAt(point) {
        if (!this.#image || !this.#decoder) return [];
        const prompt = placed(withPoint(EMPTY_PROMPT, point, FOREGROUND), this.region);
        const part = this.#partFor(prompt, this.#image);
        const size = part.region ?? part.size;
        const {bundle} = this.#decoder;
        const answer = await this.#decoder.decode(part, prompt.steps).catch(() => null);
        return answer ? smallestFirst(distinct(answer.candidates, null, size, bundle), size, bundle) : [];
    }

    /** The candidate that is the next larger or smaller one; null: there is none. @param {number} direction 1 larger, -1 smaller */
    nextNested(direction) {
        if (!this.#image || !this.#decoder || !this.#shown) return null;
        const size = this.#prompt.region ?? this.#image.size;
        const ordered = smallestFirst(this.#candidates, size, this.#decoder.bundle);
        return nextNested(ordered, this.#shown.index, direction);
    }

    /** Gives the decoder a region of the image ahead of the first prompt there. @param {Region} region */
    async prepare(region) {
        const part = this.#image?.partOf?.(region);
        if (part) await this.#decoder?.prepare(part);
    }

    /** Has a region of the image made that may be needed soon. @param {Region} region */
    foresee(region) {
        this.#image?.foresee?.(region);
    }

    /** Resolves when no decode is under way; a decode whose decoder was replaced meanwhile is not waited for. */
    async settle() {
        while (this.#decoding) {
            const replaced = new Promise((resolve) => {
                this.#tellReplaced = () => resolve(null);
            });
            await Promise.race([this.#decoding, replaced]);
        }
    }

    /** @returns {Promise<FinishedMask | null>} the mask on screen at image size; null: there is none */
    async finish() {
        if (!this.#image || !this.#decoder || !this.#shown) return null;
        return this.#decoder.finishMask(this.#partFor(this.#prompt, this.#image), this.#prompt.steps);
    }

    /** @returns {Promise<FinishedMask | null>} what `finish` gives; null too when that failed, which is said */
    async finishOrTell() {
        try {
            await this.settle();
            return await this.finish();
        } catch (error) {
            this.#events.onProblem(error instanceof Error ? error.message : String(error));
            return null;
        }
    }

    /** @param {number | null} timeStamp */
    #decodeWhatIsNew(timeStamp) {
        const revision = ++this.#revision;
        const key = keyOf(this.#prompt);
        if (key === "" || key === this.#decodedKey) {
            this.#decoding = null;
            this.#showCandidates(key === "" ? [] : this.#candidates, key);
            return;
        }
        if (this.#decoder && this.#image) {
            const decoding = this.#decode(this.#decoder, this.#image, revision, timeStamp).finally(() => {
                if (this.#decoding === decoding) this.#decoding = null;
            });
            this.#decoding = decoding;
        }
        this.#events.onChange();
    }

    /**
     * @param {Decoder} decoder
     * @param {DecoderImage} image
     * @param {number} revision
     * @param {number | null} timeStamp
     */
    async #decode(decoder, image, revision, timeStamp) {
        let answer;
        try {
            const part = this.#partFor(this.#prompt, image);
            // A region may be long in coming, of a mask that is taken up again: until then other decodes have their turn.
            if (part !== image) await decoder.prepare(part);
            if (revision !== this.#revision) return;
            answer = await decoder.decode(part, this.#prompt.steps);
        } catch (error) {
            if (revision !== this.#revision) return;
            this.#decoding = null;
            this.#showCandidates([], "");
            this.#events.onProblem(error instanceof Error ? error.message : String(error));
            return;
        }
        if (!answer || revision !== this.#revision) return; // the prompt has changed since
        this.#decoding = null;
        // The answer may have been asked for before the last choice was made: that choice is the person's.
        const lastChoice = this.#prompt.steps.at(-1)?.maskIndex ?? null;
        this.#prompt = withMaskIndices(this.#prompt, answer.maskIndices);
        if (lastChoice !== null) this.#prompt = withLastChoice(this.#prompt, lastChoice);
        // With the choices filled in, the same decode has another key.
        this.#showCandidates(answer.candidates, keyOf(this.#prompt));
        if (timeStamp !== null) this.#events.onMask(timeStamp);
    }

    /**
     * @param {readonly Candidate[]} candidates
     * @param {string} key
     */
    #showCandidates(candidates, key) {
        const chosen = this.#prompt.steps.at(-1)?.maskIndex ?? null;
        this.#candidates =
            this.#image && this.#decoder
                ? distinct(candidates, chosen, this.#prompt.region ?? this.#image.size, this.#decoder.bundle)
                : candidates;
        this.#isNothingFound =
            this.#image !== null &&
            this.#decoder !== null &&
            areEmpty(this.#candidates, this.#prompt.region ?? this.#image.size, this.#decoder.bundle);
        this.#decodedKey = key;
        this.#shown = this.#candidates.find(({index}) => index === chosen) ?? this.#candidates[0] ?? null;
        if (this.#shown && chosen === null) this.#prompt = withLastChoice(this.#prompt, this.#shown.index);
        this.#events.onChange();
    }

    /**
     * What a prompt is answered in: its region, or the whole image.
     *
     * @param {Prompt} prompt
     * @param {DecoderImage} image
     * @returns {DecoderImage}
     */
    #partFor({region}, image) {
        return region && image.partOf ? image.partOf(region) : image;
    }
}

/** Names what is decoded for a prompt; empty: nothing. @param {Prompt} prompt */
function keyOf({steps, region}) {
    if (steps.length === 0) return "";
    return region ? `${textOf(region)} ${decodeKey(steps)}` : decodeKey(steps);
}
