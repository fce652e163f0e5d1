// Acts that change several masks: what one of them loses is not sent before another one has it.

import assert from "node:assert/strict";
import test from "node:test";

import {AnnotationServer} from "../../static/js/api/annotations.js";
import {Autosave} from "../../static/js/session/autosave.js";
import {UnsavedRecords} from "../../static/js/session/unsaved-records.js";
import {
    HandMadePause,
    HandMadeServer,
    HandMadeShelf,
    HandMadeStorage,
    HandMadeTabs,
    annotationOf,
    created,
    journalOf,
    settle,
} from "./hand-made.js";

function page({server = new HandMadeServer(), shelf = new HandMadeShelf(), browser = new Map()} = {}) {
    const [conflicts, givenUp] = [[], []];
    const tabs = new HandMadeTabs(browser);
    void tabs.begin();
    const journal = journalOf(shelf, tabs);
    const waiting = new HandMadePause();
    const autosave = new Autosave(new AnnotationServer(server), new UnsavedRecords(journal), waiting.pause, {
        onStatus: () => {},
        onConflict: (conflict) => conflicts.push(conflict),
        onRefusal: () => {},
        onGivenUp: (id, before) => givenUp.push([id, before?.categoryId ?? null]),
    });
    return {server, shelf, tabs, waiting, journal, autosave, conflicts, givenUp};
}

const [A, B] = [annotationOf("a"), annotationOf("b")];
const wider = (annotation, categoryId = 9) => ({...annotation, categoryId});
/** B's pixels become A's. */
const MERGE = {created: [], updated: [{before: A, after: wider(A)}], deleted: [B]};
const live = ({rows}) => [...rows.values()].filter(({isDeleted}) => !isDeleted).map(({id}) => id);

/** A page on which a and b are saved, somebody else has changed a, and both were merged. */
async function mergedInConflict() {
    const made = page();
    made.autosave.submit(created(A, B));
    await settle();
    made.server.change("a", {category: 5});
    made.autosave.submit(MERGE);
    await settle();
    return made;
}

test("what was merged into a mask that is in conflict stays on the server", async () => {
    const {server, conflicts, autosave} = await mergedInConflict();
    assert.deepEqual([conflicts.length, live(server), autosave.status.count], [1, ["a", "b"], 2]);
    assert.equal(autosave.status.reason, "conflict");
});

test("with mine the whole act is done, with theirs nothing of it", async () => {
    const mine = await mergedInConflict();
    mine.autosave.resolveConflict("a", "mine");
    await settle();
    assert.deepEqual([live(mine.server), mine.server.rows.get("a").category], [["a"], 9]);
    const theirs = await mergedInConflict();
    theirs.autosave.resolveConflict("a", "theirs");
    await settle();
    assert.deepEqual([live(theirs.server), theirs.server.rows.get("a").category], [["a", "b"], 5]);
    assert.deepEqual(theirs.givenUp, [["b", B.categoryId]]);
    assert.deepEqual([theirs.autosave.status.state, theirs.shelf.ids], ["saved", []]);
});

test("a mask loses pixels to a part only when the server has the part", async () => {
    const {server, autosave, givenUp} = page();
    autosave.submit(created(A));
    await settle();
    const part = annotationOf("part", {counts: "refused"});
    autosave.submit({created: [part], updated: [{before: A, after: wider(A)}], deleted: []});
    await settle();
    assert.deepEqual(server.rows.get("a").category, A.categoryId);
    // Another change of the same mask does not send what it lost.
    autosave.submit({created: [], updated: [{before: wider(A), after: wider(A, 8)}], deleted: []});
    await settle();
    assert.deepEqual(server.rows.get("a").category, A.categoryId);
    autosave.discardRefused("part");
    await settle();
    assert.deepEqual(givenUp, [["a", A.categoryId]]);
    assert.deepEqual([autosave.status.state, server.rows.get("a").category], ["saved", A.categoryId]);
});

test("the next page knows what waits for what", async () => {
    const first = await mergedInConflict();
    first.tabs.close?.();
    const next = page({server: first.server, shelf: first.shelf});
    await next.journal.open(7, new HandMadeStorage());
    next.autosave.resume();
    await settle();
    assert.deepEqual([next.conflicts.length, live(next.server)], [1, ["a", "b"]]);
    next.autosave.resolveConflict("a", "theirs");
    await settle();
    assert.deepEqual([live(next.server), next.givenUp], [["a", "b"], [["b", B.categoryId]]]);
});

test("acts upon acts, made offline, are all sent in the end", async () => {
    const {server, autosave, waiting} = page();
    autosave.submit(created(A, B));
    await settle();
    server.trouble = "offline";
    autosave.submit(MERGE);
    autosave.submit({created: [B], updated: [{before: wider(A), after: A}], deleted: []}); // undone
    autosave.submit(MERGE); // done again
    await settle();
    server.trouble = "";
    await waiting.over();
    await settle();
    assert.deepEqual([live(server), server.rows.get("a").category], [["a"], 9]);
    assert.equal(autosave.status.state, "saved");
});
