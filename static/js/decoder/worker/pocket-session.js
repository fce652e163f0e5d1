/** pocket's kernel behind the same methods as `DecoderSession`; nothing of onnxruntime-web is loaded for it. */

import {buildPromptTensors} from "../../core/prompt.js";
import {DecoderError} from "../protocol.js";
import {fetchPackage} from "./decoder-package.js";
import {checkFinite, messageOf, usefulThreads} from "./decoder-session.js";
import {checkTensors} from "./embedding-file.js";
import {PocketKernel} from "./pocket-kernel.js";

/** @import {Bundle, PromptStep} from "../../types.d.ts" */
/** @import {DecoderUrls} from "../protocol.js" */
/** @import {ImageFeeds} from "./decoder-session.js" */
/** @import {Decode} from "./prompt-chain.js" */

export class PocketSession {
    executionProvider = /** @type {const} */ ("wasm");
    #bundle;
    #kernel;

    /**
     * @param {DecoderUrls} urls
     * @param {Bundle} bundle
     * @returns {Promise<PocketSession | null>} null: there is no kernel for this bundle, or it cannot run here
     * @throws {DecoderError} bundle_mismatch
     */
    static async load(urls, bundle) {
        if (!bundle.fastDecoderUrl) return null;
        try {
            const {files} = await fetchPackage(bundle.fastDecoderUrl, bundle);
            const options = {
                inputSide: bundle.inputSide,
                threads: usefulThreads(),
                helperUrl: urls.kernelHelper,
            };
            const kernel = await PocketKernel.open(files, options);
            return kernel && new PocketSession(bundle, kernel);
        } catch (error) {
            if (error instanceof DecoderError && error.code === "bundle_mismatch") throw error;
            // The decoder of one graph gives the same masks.
            console.warn("The decoder's kernel is not used:", error);
            return null;
        }
    }

    /**
     * @param {Bundle} bundle
     * @param {PocketKernel} kernel
     */
    constructor(bundle, kernel) {
        this.#bundle = bundle;
        this.#kernel = kernel;
    }

    get threads() {
        return this.#kernel.threads;
    }

    /**
     * @param {ImageFeeds} image
     * @throws {DecoderError} embedding_invalid
     */
    async prepare(image) {
        this.#setImage(image);
    }

    /**
     * @param {ImageFeeds} image
     * @param {readonly PromptStep[]} steps
     * @param {Float32Array | null} maskInput (lowResSide, lowResSide) logits of the step before
     * @returns {Promise<Decode>}
     * @throws {DecoderError} embedding_invalid, decode_failed, not_finite
     */
    async decode(image, steps, maskInput) {
        this.#setImage(image);
        const prompt = buildPromptTensors(steps, image.imageSize, this.#bundle.inputSide);
        try {
            const answer = this.#kernel.decode({
                coords: prompt.pointCoords,
                labels: prompt.pointLabels,
                maskInput,
            });
            checkFinite(answer.logits, answer.iouPredictions);
            return answer;
        } catch (error) {
            if (error instanceof DecoderError) throw error;
            throw new DecoderError("decode_failed", `The decoder failed: ${messageOf(error)}`);
        }
    }

    /** @param {ImageFeeds} image */
    #setImage(image) {
        checkTensors(image.tensors, this.#kernel.embedding);
        this.#kernel.setImage(
            image,
            Object.fromEntries([...image.tensors].map(([name, {values}]) => [name, values])),
        );
    }
}
