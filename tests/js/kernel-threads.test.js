import assert from "node:assert/strict";
import test from "node:test";

import {KernelThreads} from "../../static/js/decoder/worker/kernel/threads.js";
import {keepHelpers, loseHelpers} from "./lost-helper.js";

const OPERATION = {words: 5, next: 2, done: 3, units: 4};
const [LIST, OWN_LIST, COUNT] = [64, 256, 3];

/** Threads over a list of three operations, each of four units. */
async function openThreads(helpers) {
    const memory = new WebAssembly.Memory({initial: 1, maximum: 1, shared: true});
    const words = COUNT * OPERATION.words;
    const progress = [OPERATION.next, OPERATION.done];
    const work = {
        control: 1024,
        list: LIST,
        ownList: OWN_LIST,
        words,
        operationWords: OPERATION.words,
        progress,
    };
    const threads = new KernelThreads(memory, work);
    const list = new Int32Array(memory.buffer, threads.list, words);
    for (let k = 0; k < COUNT; k++) list.set([k, OPERATION.units, 7, 7, 100 + k], k * OPERATION.words); // 7: of a run before
    for (let k = 0; k < helpers; k++) await threads.start("helper.js", null, "run", [LIST]);
    return {memory, threads};
}

/** A share as threads.h does it; 1 where another thread has taken a unit, without the wait. */
function doShare(memory, doUnit) {
    return (at) => {
        const list = new Int32Array(memory.buffer, at, COUNT * OPERATION.words);
        for (let k = 0; k < COUNT; k++) {
            const [next, done] = [k * OPERATION.words + OPERATION.next, k * OPERATION.words + OPERATION.done];
            while (list[next] < OPERATION.units) {
                doUnit(at, k, list[next]++);
                list[done]++;
            }
            if (list[done] < OPERATION.units) return 1;
        }
        return 0;
    };
}

test("a helper that dies with a unit has everything done again, on a list it does not know", async () => {
    const seen = loseHelpers(() => OPERATION.words + OPERATION.next); // of the second operation
    const {memory, threads} = await openThreads(2);
    assert.equal(threads.count, 3);
    const done = [];
    threads.work(doShare(memory, (at, operation, unit) => done.push(`${at} ${operation} ${unit}`)));
    keepHelpers();

    const everything = [0, 1, 2].flatMap((operation) =>
        [0, 1, 2, 3].map((unit) => `${OWN_LIST} ${operation} ${unit}`),
    );
    assert.deepEqual(
        done.filter((unit) => unit.startsWith(`${OWN_LIST} `)),
        everything,
    );
    assert.equal(
        done.filter((unit) => unit.startsWith(`${LIST} `)).length,
        4 + 3,
        "up to the unit that was missing",
    );
    assert.deepEqual([threads.count, seen.terminated], [1, 2]);
    assert.equal(threads.list, OWN_LIST);
    assert.deepEqual(
        [...new Int32Array(memory.buffer, OWN_LIST, 2)],
        [0, OPERATION.units],
        "the copy is the same list",
    );
    for (let k = 0; k < COUNT; k++) {
        assert.ok(
            seen.list[k * OPERATION.words + OPERATION.next] > OPERATION.units,
            "one that is only late finds nothing to take",
        );
    }

    done.length = 0;
    threads.work(doShare(memory, (at, operation, unit) => done.push(`${at} ${operation} ${unit}`)));
    assert.deepEqual(done, everything, "and so it goes on");
});

test("after an error the helpers are gone, and the next run does all of it", async () => {
    const seen = loseHelpers(() => OPERATION.next);
    seen.taken = 1; // these take nothing
    const {memory, threads} = await openThreads(1);
    keepHelpers();
    assert.throws(
        () =>
            threads.work(() => {
                throw new RangeError("out of bounds");
            }),
        /out of bounds/,
    );
    assert.deepEqual([threads.count, seen.terminated], [1, 1]);
    let units = 0;
    threads.work(doShare(memory, () => units++));
    assert.equal(units, COUNT * OPERATION.units);
});

test("a share that never ends well is an error, not an endless loop", async () => {
    const {threads} = await openThreads(0);
    assert.throws(() => threads.work(() => 1), /does not come to an end/);
});
