/**
 * A further thread of a WebAssembly kernel: waits for work, does its share, says so; threads.js starts it.
 */

onmessage = async ({data: {module, memory, control, call, args}}) => {
    const {exports} = await WebAssembly.instantiate(/** @type {WebAssembly.Module} */ (module), {
        env: {memory},
    });
    const work = /** @type {(...args: number[]) => void} */ (exports[call]);
    const words = new Int32Array(memory.buffer, control, 2); // generation, finished helpers
    let generation = Atomics.load(words, 0);
    postMessage("ready");
    for (;;) {
        Atomics.wait(words, 0, generation);
        generation = Atomics.load(words, 0);
        work(...args);
        Atomics.add(words, 1, 1);
        Atomics.notify(words, 1);
    }
};
