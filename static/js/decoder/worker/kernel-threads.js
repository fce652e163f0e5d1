/** The further threads of a WebAssembly kernel: started once, woken for every run, all on the kernel's shared memory. */

const HELPER_START_MS = 5000;
// A run takes some ten milliseconds. A helper that has said nothing for so long is dead, with the work it took.
const HELPER_ANSWER_MS = 5000;

export class KernelThreads {
    /** @type {Worker[]} */
    #helpers = [];
    /** @type {Int32Array} generation, finished helpers */
    #control;

    /**
     * @param {WebAssembly.Memory} memory shared
     * @param {number} control where in it two words are free for this
     */
    constructor(memory, control) {
        this.#control = new Int32Array(memory.buffer, control, 2);
        this.memory = memory;
    }

    /** This thread and the helpers. */
    get count() {
        return 1 + this.#helpers.length;
    }

    /**
     * @param {string} url kernel-helper.js
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

    wake() {
        if (this.#helpers.length === 0) return;
        Atomics.store(this.#control, 1, 0);
        Atomics.add(this.#control, 0, 1);
        Atomics.notify(this.#control, 0);
    }

    /** Waits until every helper has done its share. */
    join() {
        for (;;) {
            const finished = Atomics.load(this.#control, 1);
            if (finished >= this.#helpers.length) return;
            if (Atomics.wait(this.#control, 1, finished, HELPER_ANSWER_MS) === "timed-out") {
                this.close(); // the next run is this thread's alone
                throw new Error("a helper of the decoder's kernel does not answer; it is not used any more");
            }
        }
    }

    /** Ends the helpers; the kernel goes on with one thread. */
    close() {
        for (const helper of this.#helpers) helper.terminate();
        this.#helpers = [];
    }
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
    return /** @type {BufferSource | undefined} */ (builds.find((build) => build && WebAssembly.validate(/** @type {BufferSource} */ (build)))) ?? null;
}
