/** pocket's kernel as a session; nothing of onnxruntime-web is loaded for it. */

import {buildPromptTensors} from "../../../core/prompt.js";
import {checkFinite, decodeFailed} from "../decode.js";
import {fetchPackage} from "../files/decoder-package.js";
import {checkTensors} from "../files/embedding-file.js";
import {usefulThreads} from "../kernel/threads.js";
import {PocketKernel} from "./kernel.js";

/** @import {Bundle} from "../../../core/types.d.ts" */
/** @import {ImageFeeds, LoadSession, Session} from "../session.d.ts" */

/** @type {LoadSession} */
export async function loadSession(urls, bundle) {
    const {files} = await fetchPackage(bundle);
    const options = {inputSide: bundle.inputSide, threads: usefulThreads(), helperUrl: urls.kernelHelper};
    const kernel = await PocketKernel.open(files, options);
    return kernel && new PocketSession(bundle, kernel);
}

/** @implements {Session} */
class PocketSession {
    executionProvider = /** @type {const} */ ("wasm");
    #bundle;
    #kernel;

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

    /** @type {Session["prepare"]} */
    async prepare(image) {
        this.#setImage(image);
    }

    /** @type {Session["decode"]} */
    async decode(image, steps, maskInput) {
        this.#setImage(image);
        const prompt = buildPromptTensors(steps, image.imageSize, this.#bundle);
        try {
            const answer = this.#kernel.decode({
                coords: prompt.pointCoords,
                labels: prompt.pointLabels,
                maskInput,
            });
            checkFinite(answer.logits, answer.iouPredictions);
            return answer;
        } catch (error) {
            throw decodeFailed(error);
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
