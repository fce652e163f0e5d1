import assert from "node:assert/strict";
import test from "node:test";

import {LastCategory} from "../../static/js/session/last-category.js";
import {HandMadeStorage} from "./hand-made.js";

/** What an account keeps, which several browsers share. */
function accountOf() {
    const kept = new Map();
    const noted = [];
    return {
        noted,
        of: (projectId) => kept.get(projectId) ?? null,
        note: (projectId, categoryId) => (kept.set(projectId, categoryId), noted.push(categoryId)),
    };
}

test("the last category is there at another machine, those before it on this one", () => {
    const account = accountOf();
    const here = new LastCategory(new HandMadeStorage(), "ann", account);
    for (const id of [4, 5, 4, 6]) here.note(3, id);
    assert.deepEqual(here.recentOf(3), [6, 4, 5]);
    const there = new LastCategory(new HandMadeStorage(), "ann", account);
    assert.deepEqual([there.of(3), there.recentOf(3), there.of(9)], [6, [6], null]);
    there.note(3, 7);
    assert.deepEqual(here.recentOf(3), [7, 6, 4, 5]);
});

test("the account is told of a change, not of each use", () => {
    const account = accountOf();
    const last = new LastCategory(new HandMadeStorage(), "ann", account);
    for (const id of [4, 4, 4, 5, 5]) last.note(3, id);
    assert.deepEqual(account.noted, [4, 5]);
});
