import assert from "node:assert/strict";
import test from "node:test";

import {FLOAT, Struct, WORD} from "../../static/js/decoder/worker/kernel/struct.js";

const Inner = new Struct({data: WORD, scale: FLOAT});
const Outer = new Struct({kind: WORD, first: Inner, second: Inner, count: WORD});

test("a struct's fields follow each other, those of a struct within as well", () => {
    assert.equal(Outer.words, 6);
    assert.deepEqual(
        ["kind", "first", "second", "count"].map((name) => Outer.at(name)),
        [0, 1, 3, 5],
    );
});

test("what is written lies where C reads it; what is left out is zero, whatever lay there", () => {
    const memory = new Int32Array(new ArrayBuffer(4 * 12), 8, 9).fill(7);
    Outer.write(memory, 2, {kind: 3, second: {data: 4096, scale: 1.5}, count: -1});
    const floats = new Float32Array(memory.buffer, memory.byteOffset, memory.length);
    assert.deepEqual([...memory.slice(0, 6)], [7, 7, 3, 0, 0, 4096]);
    assert.equal(floats[6], 1.5);
    assert.deepEqual([...memory.slice(7)], [-1, 7]);
});
