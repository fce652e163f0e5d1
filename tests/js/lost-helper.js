// A helper thread that comes, takes a unit of the first run that it is woken for, and is never heard of again.

const notify = Atomics.notify;

/**
 * Makes every helper that a kernel starts such a one, while it is opened; says what became of them.
 *
 * @param {(list: Int32Array) => number} nextWord which word of the list says what is left to take of the unit's operation
 */
export function loseHelpers(nextWord) {
    const seen = {started: 0, terminated: 0, taken: 0, list: /** @type {Int32Array | null} */ (null)};
    globalThis.crossOriginIsolated = true;
    globalThis.Worker = class {
        postMessage({memory, control, args}) {
            seen.started++;
            seen.list = new Int32Array(memory.buffer, args[0]);
            // The kernel wakes its helpers before it begins: the unit is gone then.
            Atomics.notify = (words, index, count) => {
                if (words.byteOffset === control && seen.taken === 0) {
                    seen.taken = 1 + Atomics.add(seen.list, nextWord(seen.list), 1);
                }
                return notify(words, index, count);
            };
            queueMicrotask(() => this.onmessage());
        }

        terminate() {
            seen.terminated++;
        }
    };
    return seen;
}

export function keepHelpers() {
    Atomics.notify = notify;
    delete globalThis.Worker;
    delete globalThis.crossOriginIsolated;
}
