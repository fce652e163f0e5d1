/** The worker: takes requests one after the other, answers each exactly once. */

import {finishMask, stabilityScore} from "../core/mask.js";
import {DecoderError} from "./protocol.js";
import {messageOf, outputOf} from "./worker/decode.js";
import {pasted, stepsIn, textOf} from "../core/regions.js";
import {DecoderChoice} from "./worker/decoder-choice.js";
import {readEmbedding} from "./worker/files/embedding-file.js";
import {chainOf} from "./worker/image-chain.js";
import {OneGraphSession} from "./worker/one-graph/session.js";

/** @import {Bundle, ImageSize, PromptStep, Region} from "../core/types.d.ts" */
/** @import {DecodeReply, DecodeRequest, DecoderUrls, FinishReply, FinishRequest, LoadReply, LoadRequest, ReplyValue, SetImageRequest, WorkerReply, WorkerRequest} from "./protocol.js" */
/** @import {PromptChain} from "./worker/prompt-chain.js" */
/** @import {ImageFeeds, LoadSession, Session} from "./worker/session.d.ts" */

// The one on screen, the next one, the one before. SAM's embeddings are 4 MB each, with what its session makes of them
// 32 MB.
const KEPT_IMAGES = 3;
// Of an image that is not on screen, of 1 MB each: enough to go on where one was.
const KEPT_DECODES_ELSEWHERE = 8;

/** @type {{urls: DecoderUrls, bundle: Bundle, session: DecoderChoice} | null} */
let loaded = null;
/**
 * Images and regions of them, the least recently used first. The feeds' size is the region's; the prompts of its chain are
 * in its pixels.
 *
 * @type {Map<string, {imageSize: ImageSize, region?: Region, feeds: ImageFeeds, chain: PromptChain}>}
 */
const images = new Map();
let isWarm = false;
const BUSY_MS = 10_000;
const MOST_BEATS = 30; // five minutes: what takes longer hangs, and is begun anew by another worker

/** @type {Promise<void>} */
let queue = Promise.resolve();

self.addEventListener("message", (/** @type {MessageEvent<WorkerRequest>} */ event) => {
    queue = queue.then(() => answer(event.data));
});

/** @param {WorkerRequest} request */
async function answer(request) {
    /** @type {WorkerReply} */
    let reply;
    let beats = 0;
    const beat = setInterval(() => {
        if (++beats <= MOST_BEATS) self.postMessage({id: request.id, isBusy: true});
    }, BUSY_MS);
    try {
        reply = {id: request.id, value: await handle(request)};
    } catch (error) {
        const code = error instanceof DecoderError ? error.code : "decode_failed";
        reply = {id: request.id, error: {code, message: messageOf(error)}};
    }
    clearInterval(beat);
    self.postMessage(reply, {transfer: buffersOf(reply.value)});
}

/**
 * @param {WorkerRequest} request
 * @returns {Promise<ReplyValue>}
 */
async function handle(request) {
    switch (request.kind) {
        case "load":
            return load(request);
        case "setImage":
            return setImage(request);
        case "decode":
            return decode(request);
        case "finish":
            return finish(request);
    }
}

/**
 * @param {LoadRequest} request
 * @returns {Promise<LoadReply>}
 */
async function load({urls, bundle}) {
    const session = new DecoderChoice(
        (await loadFamilySession(urls, bundle)) ?? (await OneGraphSession.load(urls, bundle)),
    );
    loaded = {urls, bundle, session};
    return {executionProvider: session.executionProvider, threads: session.threads};
}

/**
 * The session of the bundle's own family, where the bundle's row names one.
 *
 * @param {DecoderUrls} urls
 * @param {Bundle} bundle
 * @returns {Promise<Session | null>} null: there is none for this bundle, or it cannot run here
 * @throws {DecoderError} bundle_mismatch
 */
async function loadFamilySession(urls, bundle) {
    if (!bundle.sessionUrl || !bundle.fastDecoderUrl) return null;
    try {
        /** @type {{loadSession: LoadSession}} */
        const {loadSession} = await import(bundle.sessionUrl);
        return await loadSession(urls, bundle);
    } catch (error) {
        if (error instanceof DecoderError && error.code === "bundle_mismatch") throw error;
        // The decoder of one graph gives the same masks.
        console.warn("The decoder package is not used:", error);
        return null;
    }
}

/**
 * @param {SetImageRequest} request
 * @returns {Promise<null>}
 */
async function setImage({imageKey, imageSize, region, embedding: bytes}) {
    const {urls, bundle, session} = ready();
    const embedding = readEmbedding(bytes);
    if (embedding.bundleDigest !== bundle.digest) {
        throw new DecoderError(
            "bundle_mismatch",
            `This image's embedding was made by the model ${embedding.bundleDigest.slice(0, 12)}, the decoder belongs to ` +
                `${bundle.digest.slice(0, 12)}. Reload the page to get both from the same model.`,
        );
    }
    const {wholeSize} = embedding;
    const isOfRegion = embedding.region === (region ? textOf(region) : "");
    if (!isOfRegion || wholeSize.height !== imageSize.height || wholeSize.width !== imageSize.width) {
        throw new DecoderError(
            "embedding_invalid",
            "The embedding is another image's, or of another part of it. Reload the page.",
        );
    }
    // Room is made first: what is kept of an image is large.
    images.delete(imageKey);
    for (const oldest of images.keys()) {
        if (images.size < KEPT_IMAGES) break;
        images.delete(oldest);
    }
    // As soon as the embedding is here, so that the first click finds it done.
    await session.prepare(embedding);
    if (!isWarm) {
        // The first run of a session allocates its memory; done here, it is not felt at the first click.
        const probe = centrePrompt(embedding.imageSize);
        await session.decode(embedding, probe, null);
        isWarm = true;
        void OneGraphSession.loadWebgpu(urls, bundle).then((gpu) => {
            // In turn with the requests: two runs at once would share one WASM stack.
            if (gpu) queue = queue.then(() => session.moveIfBetter(gpu, embedding, probe));
        });
    }
    images.set(imageKey, {
        ...{imageSize, region},
        feeds: embedding,
        chain: chainOf(session, bundle, embedding, {imageSize, region}),
    });
    return null;
}

/**
 * @param {DecodeRequest} request
 * @returns {Promise<DecodeReply>}
 */
async function decode({imageKey, steps}) {
    const {bundle} = ready();
    const {chain, region} = imageOf(imageKey);
    const {decode, order, maskIndices, runs} = await chain.decode(region ? stepsIn(steps, region) : steps);
    const shown = order.includes(maskIndices[steps.length - 1])
        ? order
        : [...order, maskIndices[steps.length - 1]];
    const candidates = shown.map((index) => {
        const logits = outputOf(decode, index).slice(); // a copy: the chain keeps its own
        return {
            ...(region && {region}),
            index,
            logits,
            predictedIou: decode.iouPredictions[index],
            stabilityScore: stabilityScore(logits, bundle.maskThreshold),
        };
    });
    return {candidates, maskIndices, runs};
}

/**
 * @param {FinishRequest} request
 * @returns {Promise<FinishReply>}
 */
async function finish({imageKey, steps}) {
    const {bundle} = ready();
    const {chain, feeds, imageSize, region} = imageOf(imageKey);
    const {decode, maskIndices} = await chain.decode(region ? stepsIn(steps, region) : steps);
    const index = maskIndices[steps.length - 1];
    const mask = finishMask(outputOf(decode, index), feeds.imageSize, bundle);
    return {
        ...mask,
        ...(region && pasted(mask.segmentation, region, imageSize, steps[0].base)),
        predictedIou: decode.iouPredictions[index],
    };
}

function ready() {
    if (!loaded) throw new DecoderError("decoder_unavailable", "The decoder is not loaded.");
    return loaded;
}

/** @param {string} imageKey */
function imageOf(imageKey) {
    const image = images.get(imageKey);
    if (!image) throw new DecoderError("image_not_loaded", "The image's embedding is not in the worker.");
    images.delete(imageKey);
    for (const {chain} of images.values()) chain.keepNewest(KEPT_DECODES_ELSEWHERE);
    images.set(imageKey, image);
    return image;
}

/**
 * @param {ImageSize} imageSize
 * @returns {PromptStep[]}
 */
function centrePrompt({height, width}) {
    const point = /** @type {const} */ ({x: width / 2, y: height / 2, frame: "image"});
    return [{kind: "point", point, label: 1, maskIndex: null}];
}

/** @param {ReplyValue | undefined} value */
function buffersOf(value) {
    return value && "candidates" in value
        ? value.candidates.map(({logits}) => /** @type {ArrayBuffer} */ (logits.buffer))
        : [];
}
