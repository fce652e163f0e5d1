import assert from "node:assert/strict";
import test from "node:test";

import {ObjectNumbers} from "../../static/js/session/object-numbers.js";

test("an object has the server's number, and until that is known the next one that is free", () => {
    const numbers = new ObjectNumbers();
    numbers.note("a", 2);
    numbers.note("b", 7);
    assert.deepEqual(
        ["a", "b", "new", "newer", "new"].map((id) => numbers.of(id)),
        [2, 7, 8, 9, 8],
    );
    numbers.note("new", 9); // somebody else was faster
    assert.deepEqual(
        ["new", "third"].map((id) => numbers.of(id)),
        [9, 10],
    );
    numbers.open();
    assert.equal(numbers.of("other"), 1);
});
