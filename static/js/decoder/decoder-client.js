/**
 * The page's side of the decoder worker.
 *
 * One decode runs at a time; of those that wait only the newest is kept. A worker that crashes is replaced, and what was
 * asked of it is asked again.
 */

import {decodeKey} from "../core/prompt.js";
import {DecoderError} from "./protocol.js";

/** @import {Bundle, DecoderImage, PromptStep} from "../core/types.d.ts" */
/** @import {DecodeReply, DecoderUrls, FinishReply, LoadReply, ReplyValue, WorkerReply} from "./protocol.js" */

const MAX_RESTARTS = 3; // in a row, without an answer in between
// A worker that is busy says so every few seconds, while it downloads for example; silence means that it died without a word.
const SILENCE_MS = 60_000;

/** @typedef {DecodeReply & {durationMs: number}} TimedReply */

/** Asked of a worker that crashed before it answered. */
class WorkerCrashed extends Error {}

export class DecoderClient {
    #workerUrl;
    #urls;
    #bundle;
    #onRestart;
    /** @type {Worker | null} */
    #worker = null;
    /** @type {Promise<LoadReply> | null} */
    #loading = null;
    /** @type {Map<number, {resolve: (value: ReplyValue) => void, reject: (error: Error) => void, timer: number}>} */
    #outstanding = new Map();
    /** @type {Map<string, Promise<unknown>>} images the worker has or is being given */
    #images = new Map();
    #nextId = 1;
    #restarts = 0;
    #isEnded = false;
    /** @type {Promise<unknown> | null} */
    #running = null;
    /** @type {{supersede: () => void} | null} */
    #waiting = null;
    /** The last decode that was asked for. @type {{key: string, reply: Promise<TimedReply | null>} | null} */
    #latest = null;

    /**
     * @param {string} workerUrl
     * @param {DecoderUrls} urls
     * @param {Bundle} bundle
     * @param {() => void} onRestart called when a crashed worker was replaced
     */
    constructor(workerUrl, urls, bundle, onRestart = () => {}) {
        this.#workerUrl = workerUrl;
        this.#urls = urls;
        this.#bundle = bundle;
        this.#onRestart = onRestart;
    }

    get bundle() {
        return this.#bundle;
    }

    /** Another one takes its place: the worker and its memory go. */
    end() {
        this.#isEnded = true;
        this.#replace();
    }

    /**
     * Starts the worker and loads the decoder, once.
     *
     * @throws {DecoderError}
     */
    async load() {
        return this.#survivingCrashes(() => this.#load());
    }

    /**
     * Gives the worker an image ahead of its first decode.
     *
     * @param {DecoderImage} image
     */
    async prepare(image) {
        return this.#survivingCrashes(() => this.#ensureImage(image));
    }

    /**
     * Asked twice in a row for the same, it decodes once.
     *
     * @param {DecoderImage} image
     * @param {readonly PromptStep[]} steps
     * @returns {Promise<TimedReply | null>} null: a newer decode took this one's place
     * @throws {DecoderError}
     */
    async decode(image, steps) {
        const key = `${image.key} ${decodeKey(steps)}`;
        if (this.#latest?.key === key) return this.#latest.reply;
        const latest = {key, reply: this.#decodeInTurn(image, steps)};
        this.#latest = latest;
        try {
            return await latest.reply;
        } catch (error) {
            if (this.#latest === latest) this.#latest = null; // so that another try is possible
            throw error;
        }
    }

    /**
     * The full-size mask of a prompt whose choices are all made.
     *
     * @param {DecoderImage} image
     * @param {readonly PromptStep[]} steps
     * @returns {Promise<FinishReply>}
     * @throws {DecoderError}
     */
    async finishMask(image, steps) {
        return this.#survivingCrashes(async () => {
            await this.#ensureImage(image);
            return /** @type {Promise<FinishReply>} */ (
                this.#request({kind: "finish", imageKey: image.key, steps})
            );
        });
    }

    /**
     * @param {DecoderImage} image
     * @param {readonly PromptStep[]} steps
     * @returns {Promise<TimedReply | null>}
     */
    async #decodeInTurn(image, steps) {
        this.#waiting?.supersede();
        this.#waiting = null;
        if (this.#running) {
            const turn = await this.#waitForTurn();
            if (!turn) return null;
        }
        let start = 0;
        const reply = this.#survivingCrashes(async () => {
            await this.#ensureImage(image);
            start = performance.now();
            return /** @type {Promise<DecodeReply>} */ (
                this.#request({kind: "decode", imageKey: image.key, steps})
            );
        });
        const settled = reply
            .catch(() => {})
            .finally(() => {
                if (this.#running === settled) this.#running = null;
            });
        this.#running = settled;
        const value = await reply;
        const end = performance.now();
        if (value.runs > 0) performance.measure("decode", {start, end, detail: {runs: value.runs}});
        return {...value, durationMs: end - start};
    }

    /** @returns {Promise<boolean>} false: a newer decode came */
    async #waitForTurn() {
        /** @type {Promise<boolean>} */
        const superseded = new Promise((resolve) => {
            this.#waiting = {supersede: () => resolve(false)};
        });
        const mine = this.#waiting;
        const free = Promise.resolve(this.#running).then(() => true);
        const isMyTurn = await Promise.race([superseded, free]);
        if (isMyTurn && this.#waiting === mine) {
            this.#waiting = null;
            return true;
        }
        return false;
    }

    /**
     * @param {DecoderImage} image
     */
    async #ensureImage(image) {
        let sending = this.#images.get(image.key);
        if (!sending) {
            sending = this.#sendImage(image);
            this.#images.set(image.key, sending);
            sending.catch(() => {
                if (this.#images.get(image.key) === sending) this.#images.delete(image.key);
            });
        }
        await sending;
    }

    /** @param {DecoderImage} image */
    async #sendImage(image) {
        try {
            await this.#sendEmbedding(image, false);
        } catch (error) {
            if (!(error instanceof DecoderError && error.code === "embedding_invalid")) throw error;
            // The browser may have kept damaged bytes, or the server's disk may have damaged them: asked like this, the
            // server looks, and makes the embedding anew.
            await this.#sendEmbedding(image, true);
        }
    }

    /**
     * @param {DecoderImage} image
     * @param {boolean} isAnew past all caches
     */
    async #sendEmbedding({key, size, region, fetchEmbedding}, isAnew) {
        const [embedding] = await Promise.all([fetchEmbedding(isAnew), this.#load()]);
        await this.#request({kind: "setImage", imageKey: key, imageSize: size, region, embedding}, [
            embedding,
        ]);
    }

    /**
     * @template T
     * @param {() => Promise<T>} work
     * @returns {Promise<T>}
     */
    async #survivingCrashes(work) {
        for (let resent = 0; ;) {
            if (this.#isEnded) throw new DecoderError("decoder_ended", "Another decoder answers now.");
            try {
                const value = await work();
                this.#restarts = 0;
                return value;
            } catch (error) {
                const isForgotten = error instanceof DecoderError && error.code === "image_not_loaded";
                if (isForgotten) {
                    this.#images.clear(); // the worker keeps only a few images: send it again
                    resent++;
                } else if (!(error instanceof WorkerCrashed)) throw error;
                if (Math.max(this.#restarts, resent) > MAX_RESTARTS) {
                    throw new DecoderError("worker_crashed", "The decoder keeps crashing. Reload the page.");
                }
            }
        }
    }

    async #load() {
        this.#loading ??= this.#start();
        try {
            return await this.#loading;
        } catch (error) {
            this.#loading = null; // so that another try is possible
            throw error;
        }
    }

    async #start() {
        const worker = new Worker(this.#workerUrl, {type: "module"});
        this.#worker = worker;
        worker.addEventListener("message", (/** @type {MessageEvent<WorkerReply>} */ event) =>
            this.#settle(event.data),
        );
        worker.addEventListener("error", (event) => {
            event.preventDefault();
            if (this.#worker === worker) this.#replace();
        });
        worker.addEventListener("messageerror", () => this.#worker === worker && this.#replace());
        try {
            return /** @type {LoadReply} */ (
                await this.#request({kind: "load", urls: this.#urls, bundle: this.#bundle})
            );
        } catch (error) {
            worker.terminate(); // the next try begins another one
            throw error;
        }
    }

    /** Throws the worker away; whoever waited for it asks the next one. */
    #replace() {
        this.#restarts++;
        this.#worker?.terminate();
        this.#worker = null;
        this.#loading = null;
        this.#latest = null;
        this.#images.clear();
        const lost = [...this.#outstanding.values()];
        this.#outstanding.clear();
        for (const {reject, timer} of lost) {
            clearTimeout(timer);
            reject(new WorkerCrashed("the decoder worker crashed"));
        }
        if (!this.#isEnded) this.#onRestart();
    }

    /**
     * @param {{kind: string, [field: string]: unknown}} request
     * @param {Transferable[]} transfer
     * @returns {Promise<ReplyValue>}
     */
    async #request(request, transfer = []) {
        const worker = this.#worker;
        if (!worker) throw new WorkerCrashed("the decoder worker is gone");
        const id = this.#nextId++;
        return new Promise((resolve, reject) => {
            this.#outstanding.set(id, {resolve, reject, timer: this.#watch(worker)});
            worker.postMessage({...request, id}, transfer);
        });
    }

    /** @param {Worker} worker has to say something within a time */
    #watch(worker) {
        return setTimeout(() => this.#worker === worker && this.#replace(), SILENCE_MS);
    }

    /** @param {WorkerReply} reply */
    #settle({id, value, error, isBusy}) {
        const waiting = this.#outstanding.get(id);
        if (!waiting) return;
        if (isBusy && this.#worker) {
            // What is queued behind it waits with it.
            for (const each of this.#outstanding.values()) {
                clearTimeout(each.timer);
                each.timer = this.#watch(this.#worker);
            }
            return;
        }
        this.#outstanding.delete(id);
        clearTimeout(waiting.timer);
        if (error) waiting.reject(new DecoderError(error.code, error.message));
        else waiting.resolve(value ?? null);
    }
}
