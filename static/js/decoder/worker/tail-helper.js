/**
 * A further thread of the tail kernel: waits for a job, takes tiles until none is left, says so; tail-kernel.js starts it.
 */

onmessage = async ({data: {module, memory, control, job, scratch}}) => {
    const {exports} = await WebAssembly.instantiate(/** @type {WebAssembly.Module} */ (module), {env: {memory}});
    const runTail = /** @type {(job: number, scratch: number) => void} */ (exports.run_tail);
    const words = new Int32Array(memory.buffer, control, 2); // generation, finished helpers
    let generation = Atomics.load(words, 0);
    postMessage("ready");
    for (;;) {
        Atomics.wait(words, 0, generation);
        generation = Atomics.load(words, 0);
        runTail(job, scratch);
        Atomics.add(words, 1, 1);
        Atomics.notify(words, 1);
    }
};
