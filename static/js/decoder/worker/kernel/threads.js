/** The further threads of a WebAssembly kernel: started once, woken for every run, all on the kernel's shared memory. */

// More threads than this make decoders of this size no faster and take cores from the page.
const MAX_THREADS = 4;
const HELPER_START_MS = 5000;
// A run takes some ten milliseconds. A helper that has said nothing for so long is dead, with the work it took.
const HELPER_ANSWER_MS = 5000;

const NONE_LEFT = 1 << 30; // above any number of units

/**
 * Where the threads find what they work through: operations, or one job. In each of them some words say how far the work is, the
 * first of which is what is left to take.
 *
 * @typedef {object} SharedWork
 * @property {number} control byte offset of two words that are free for this
 * @property {number} list byte offset of what all threads work through
 * @property {number} ownList byte offset of as much room, for this thread's when the helpers are given up
 * @property {number} words of the list
 * @property {number} operationWords of one operation
 * @property {readonly number[]} progress which of an operation's words say how far the work is
 */

export class KernelThreads {
    /** @type {Worker[]} */
    #helpers = [];
    /** @type {Int32Array} generation, finished helpers */
    #control;
    #work;
    #isAlone = false;

    /**
     * @param {WebAssembly.Memory} memory shared
     * @param {SharedWork} work
     */
    constructor(memory, work) {
        this.#control = new Int32Array(memory.buffer, work.control, 2);
        this.#work = work;
        this.memory = memory;
    }

    /** This thread and the helpers. */
    get count() {
        return 1 + this.#helpers.length;
    }

    /** Byte offset of the list to write and to work through. */
    get list() {
        return this.#isAlone ? this.#work.ownList : this.#work.list;
    }

    /**
     * @param {string} url helper.js
     * @param {WebAssembly.Module} module
     * @param {string} call the export that does a share of the work
     * @param {number[]} args what it is called with
     */
    async start(url, module, call, args) {
        const helper = new Worker(url, {type: "module"});
        const ready = new Promise((resolve) => {
            helper.onmessage = () => resolve(true);
            helper.onerror = () => resolve(false);
            setTimeout(() => resolve(false), HELPER_START_MS);
        });
        helper.postMessage({module, memory: this.memory, control: this.#control.byteOffset, call, args});
        // Without its helper the kernel is slower, not wrong.
        if (await ready) this.#helpers.push(helper);
        else helper.terminate();
    }

    /**
     * Has the list worked through by all threads. Where a helper does not do its share, the helpers are given up and this
     * thread does everything again: operations that add to a map add to what an earlier one of the same list has written.
     *
     * @param {(list: number) => number | void} doShare the kernel's export; not 0: a unit that another thread took is missing
     */
    work(doShare) {
        if (!this.#attempt(doShare) && !this.#attempt(doShare))
            throw new Error("the decoder's kernel does not come to an end");
    }

    /**
     * Ends the helpers; the kernel goes on with one thread.
     *
     * `terminate()` does not wait until a thread has ended, and a helper that was only late (a machine that was asleep) may
     * run on for a moment. So this thread goes on with a copy of the list, and in the old one nothing is left to take. What
     * remains possible: such a helper ends the one unit that it had begun. It writes what this thread writes too, unless that
     * unit adds to a map or this thread is at another prompt by then: a part of one answer may then be wrong.
     */
    close() {
        for (const helper of this.#helpers) helper.terminate();
        this.#helpers = [];
        if (this.#isAlone) return;
        const {list, ownList, words, operationWords, progress} = this.#work;
        const shared = new Int32Array(this.memory.buffer, list, words);
        new Int32Array(this.memory.buffer, ownList, words).set(shared);
        for (let at = 0; at < words; at += operationWords) Atomics.store(shared, at + progress[0], NONE_LEFT);
        this.#isAlone = true;
    }

    /**
     * @param {(list: number) => number | void} doShare
     * @returns {boolean} is everything done? If not, the helpers are given up.
     */
    #attempt(doShare) {
        const {words, operationWords, progress} = this.#work;
        const list = new Int32Array(this.memory.buffer, this.list, words);
        for (let at = 0; at < words; at += operationWords) {
            for (const word of progress) list[at + word] = 0;
        }
        this.#wake();
        let isDone = false;
        try {
            isDone = !doShare(this.list) && this.#join();
        } finally {
            if (!isDone) this.close(); // also after an error: they may be in the middle of the list
        }
        return isDone;
    }

    #wake() {
        if (this.#helpers.length === 0) return;
        Atomics.store(this.#control, 1, 0);
        Atomics.add(this.#control, 0, 1);
        Atomics.notify(this.#control, 0);
    }

    /** Waits until every helper has done its share. @returns {boolean} false: one does not answer */
    #join() {
        for (;;) {
            const finished = Atomics.load(this.#control, 1);
            if (finished >= this.#helpers.length) return true;
            if (Atomics.wait(this.#control, 1, finished, HELPER_ANSWER_MS) === "timed-out") return false;
        }
    }
}

/** Threads share memory, which browsers only give to cross-origin isolated pages. */
export function usefulThreads() {
    return self.crossOriginIsolated ? Math.min(MAX_THREADS, navigator.hardwareConcurrency) : 1;
}

/**
 * The build of a kernel that this browser can run: relaxed SIMD before plain; null: neither.
 *
 * @param {Map<string, Uint8Array>} files a decoder package's
 * @param {string} name of the kernel, before `-relaxed.wasm`
 * @returns {BufferSource | null}
 */
export function runnableBuild(files, name) {
    const builds = [`${name}-relaxed.wasm`, `${name}-plain.wasm`].map((file) => files.get(file));
    return (
        /** @type {BufferSource | undefined} */ (
            builds.find((build) => build && WebAssembly.validate(/** @type {BufferSource} */ (build)))
        ) ?? null
    );
}
