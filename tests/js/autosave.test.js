import assert from "node:assert/strict";
import test from "node:test";

import {AnnotationServer} from "../../static/js/api/annotations.js";
import {Autosave} from "../../static/js/session/autosave.js";
import {UnsavedRecords} from "../../static/js/session/unsaved-records.js";
import {
    HandMadePause,
    HandMadeServer,
    HandMadeStorage,
    annotationOf,
    created,
    deleted,
    settle,
    updated,
} from "./hand-made.js";

/** A page's autosave; another page may share its server and its storage. */
function page({server = new HandMadeServer(), storage = new HandMadeStorage()} = {}) {
    const waiting = new HandMadePause();
    const [conflicts, refusals, damaged] = [[], [], []];
    const records = new UnsavedRecords(storage, "ann");
    const autosave = new Autosave(new AnnotationServer(server), records, waiting.pause, {
        onStatus: () => {},
        onConflict: (conflict) => conflicts.push(conflict),
        onRefusal: (refusal) => refusals.push(refusal),
        onDamaged: (count) => damaged.push(count),
    });
    return {server, storage, waiting, autosave, conflicts, refusals, damaged};
}

const rowsOf = ({rows}) => [...rows.values()].filter(({isDeleted}) => !isDeleted);

test("what is made, changed and deleted reaches the server in that order, and nothing stays behind", async () => {
    const {autosave, server, storage} = page();
    const [a, b] = [annotationOf("a"), annotationOf("b")];
    autosave.submit(created(a, b));
    await settle();
    autosave.submit(updated(a, {...a, categoryId: 2}));
    autosave.submit(deleted(b));
    await settle();
    assert.deepEqual(server.asked, ["POST", "POST", "PATCH 1", "DELETE 1"]);
    assert.deepEqual(
        rowsOf(server).map(({id, category}) => [id, category]),
        [["a", 2]],
    );
    assert.deepEqual(autosave.status, {state: "saved", count: 0, reason: ""});
    assert.deepEqual(storage.keys, []);
});

test("what was made offline lies in the storage and is sent when the server is back", async () => {
    const {autosave, server, storage, waiting} = page();
    server.trouble = "offline";
    autosave.submit(created(annotationOf("a")));
    await settle();
    assert.deepEqual(autosave.status, {state: "unsaved", count: 1, reason: "offline"});
    autosave.submit(created(annotationOf("b")));
    await settle();
    assert.equal(autosave.status.count, 2);
    assert.deepEqual(storage.keys, ["maskwright.unsaved.ann.a", "maskwright.unsaved.ann.b"]);
    await waiting.over();
    server.trouble = "broken";
    await waiting.over();
    assert.equal(autosave.status.reason, "server");
    assert.deepEqual(waiting.attempts, [0, 1, 2]);
    server.trouble = "";
    await waiting.over();
    assert.equal(autosave.status.state, "saved");
    assert.deepEqual(
        rowsOf(server).map(({id}) => id),
        ["a", "b"],
    );
});

test("a sign-in that ended is said, and what waits for it is sent afterwards", async () => {
    const {autosave, server, waiting} = page();
    server.trouble = "signed out";
    autosave.submit(created(annotationOf("a")));
    await settle();
    assert.deepEqual(autosave.status, {state: "unsaved", count: 1, reason: "signed_out"});
    server.trouble = "";
    await waiting.over();
    assert.equal(autosave.status.state, "saved");
});

test("what changes while it is being saved is saved afterwards, from the version that came of it", async () => {
    const {autosave, server} = page();
    const a = annotationOf("a");
    server.isHolding = true;
    autosave.submit(created(a));
    autosave.submit(updated(a, {...a, categoryId: 2}));
    autosave.submit(updated(a, {...a, categoryId: 3}));
    await settle();
    assert.equal(server.held.length, 1, "one request at a time");
    await server.answerNext();
    assert.equal(autosave.isSaved("a"), false);
    await server.answerNext();
    assert.deepEqual(server.asked, ["POST", "PATCH 1"], "the choice in between is never sent");
    assert.equal(rowsOf(server)[0].category, 3);
    assert.equal(autosave.status.state, "saved");
});

test("an undo while the mask is being saved deletes it again, and a redo restores it", async () => {
    const {autosave, server} = page();
    const a = annotationOf("a");
    server.isHolding = true;
    autosave.submit(created(a));
    autosave.submit(deleted(a));
    await settle();
    await server.answerNext();
    autosave.submit(created(a)); // the redo comes while the delete is on its way
    await server.answerNext();
    await server.answerNext();
    assert.deepEqual(server.asked, ["POST", "DELETE 1", "POST restore"]);
    assert.equal(rowsOf(server).length, 1);
    assert.equal(autosave.status.state, "saved");
});

test("a mask that is undone before anything was sent never reaches the server", async () => {
    const {autosave, server, waiting} = page();
    const [a, b] = [annotationOf("a"), annotationOf("b")];
    server.trouble = "offline";
    autosave.submit(created(a)); // its request is out
    autosave.submit(created(b));
    autosave.submit(deleted(b));
    await settle();
    server.trouble = "";
    await waiting.over();
    assert.deepEqual(
        rowsOf(server).map(({id}) => id),
        ["a"],
    );
    assert.equal(server.rows.has("b"), false);
});

test("a save whose answer got lost is repeated without harm, also when it was changed since", async () => {
    for (const change of [false, true]) {
        const {autosave, server, waiting, conflicts} = page();
        const a = annotationOf("a");
        server.isHolding = true;
        autosave.submit(created(a));
        await settle();
        if (change) autosave.submit(updated(a, {...a, categoryId: 2}));
        server.held.shift().loseAnswer();
        server.isHolding = false;
        await settle();
        await waiting.over();
        assert.equal(rowsOf(server)[0].category, change ? 2 : 1);
        assert.deepEqual(conflicts, []);
        assert.equal(autosave.status.state, "saved");
    }
});

test("a delete of a mask whose first save never answered takes it away whatever became of it", async () => {
    for (const wasTaken of [true, false]) {
        const {autosave, server, waiting} = page();
        const a = annotationOf("a");
        server.isHolding = true;
        if (!wasTaken) server.trouble = "offline";
        autosave.submit(created(a));
        await settle();
        server.held.shift().loseAnswer();
        server.isHolding = false;
        await settle();
        autosave.submit(deleted(a));
        server.trouble = "";
        await waiting.over();
        assert.deepEqual(rowsOf(server), []);
        assert.equal(server.asked.at(-1), "DELETE");
        assert.equal(autosave.status.state, "saved");
    }
});

/** Both have the annotation at version 1; somebody else changed it, and here another category was picked. */
async function inConflict(change = {clicks: 77}) {
    const world = page();
    const {autosave, server} = world;
    const a = annotationOf("a");
    autosave.submit(created(a));
    await settle();
    server.change("a", change);
    const mine = {...a, categoryId: 2};
    autosave.submit(updated(a, mine));
    await settle();
    assert.deepEqual(autosave.status, {state: "unsaved", count: 1, reason: "conflict"});
    assert.equal(world.conflicts.length, 1);
    return {...world, mine};
}

test("a conflict waits for a person; mine is sent over theirs", async () => {
    const {autosave, server, conflicts} = await inConflict();
    const {theirs, imageId} = conflicts[0];
    assert.equal(theirs.clicks, 77);
    assert.deepEqual([autosave.theirsOn(imageId), autosave.theirsOn(imageId + 1)], [[theirs], []]);
    assert.equal(rowsOf(server)[0].category, 1, "nothing was overwritten");
    autosave.resolveConflict("a", "mine");
    await settle();
    const [row] = rowsOf(server);
    assert.deepEqual([row.category, row.clicks, row.version], [2, 1, 3]);
    assert.equal(autosave.status.state, "saved");
});

test("a conflict resolved with theirs sends nothing more, and the next change starts from it", async () => {
    const {autosave, server, conflicts, storage} = await inConflict();
    const asked = server.asked.length;
    autosave.resolveConflict("a", "theirs");
    await settle();
    assert.equal(server.asked.length, asked);
    assert.deepEqual(storage.keys, []);
    const {theirs} = conflicts[0];
    autosave.submit(updated(theirs, {...theirs, categoryId: 3}));
    await settle();
    assert.equal(server.asked.at(-1), "PATCH 2");
    assert.deepEqual(
        rowsOf(server).map(({category, clicks}) => [category, clicks]),
        [[3, 77]],
    );
});

test("mine against a mask that somebody deleted brings it back", async () => {
    const {autosave, server, conflicts} = await inConflict({isDeleted: true});
    assert.equal(conflicts[0].theirs, null);
    autosave.resolveConflict("a", "mine");
    await settle();
    assert.deepEqual(server.asked.slice(-2), ["POST restore", "PATCH 3"]);
    assert.equal(rowsOf(server)[0].category, 2);
});

test("a server that answers again is no longer away, whatever it answers", async () => {
    const {autosave, server, waiting} = page();
    server.trouble = "signed out";
    autosave.submit(created(annotationOf("bad", {counts: "refused"})));
    await settle();
    assert.equal(autosave.status.reason, "signed_out");
    server.trouble = "";
    await waiting.over();
    assert.equal(autosave.status.reason, "refused");
});

test("a conflict holds up nothing else, and what is changed meanwhile is part of mine", async () => {
    const {autosave, server, mine} = await inConflict();
    autosave.submit(created(annotationOf("b")));
    autosave.submit(updated(mine, {...mine, categoryId: 4}));
    await settle();
    assert.deepEqual(
        rowsOf(server).map(({id, category}) => [id, category]),
        [
            ["a", 1],
            ["b", 1],
        ],
    );
    autosave.resolveConflict("a", "mine");
    await settle();
    assert.equal(rowsOf(server)[0].category, 4);
});

test("what the server refuses is kept until the person decides, and holds up nothing else", async () => {
    const {autosave, server, refusals, storage} = page();
    autosave.submit(created(annotationOf("bad", {counts: "refused"}), annotationOf("good")));
    await settle();
    assert.deepEqual(refusals, [{id: "bad", message: "The mask is malformed."}]);
    assert.deepEqual(
        rowsOf(server).map(({id}) => id),
        ["good"],
    );
    assert.deepEqual(autosave.status, {state: "unsaved", count: 1, reason: "refused"});
    autosave.retryRefused("bad");
    await settle();
    assert.equal(refusals.length, 2);
    autosave.discardRefused("bad");
    assert.equal(autosave.status.state, "saved");
    assert.deepEqual(storage.keys, []);
});

test("with a full storage the records stay in memory and are sent", async () => {
    const {autosave, server, storage, waiting} = page();
    storage.limit = 10;
    server.trouble = "offline";
    autosave.submit(created(annotationOf("a")));
    await settle();
    assert.deepEqual(storage.keys, []);
    assert.equal(autosave.status.count, 1);
    server.trouble = "";
    await waiting.over();
    assert.equal(rowsOf(server).length, 1);
    assert.equal(autosave.status.state, "saved");
});

test("the next page sends what a page that crashed could not, and shows it over what the server lists", async () => {
    const first = page();
    const {server, storage} = first;
    const [kept, changed, gone] = ["kept", "changed", "gone"].map((id) => annotationOf(id));
    first.autosave.submit(created(kept, changed, gone));
    await settle();
    server.trouble = "offline";
    first.autosave.submit(updated(changed, {...changed, categoryId: 2}));
    first.autosave.submit(deleted(gone));
    first.autosave.submit(created(annotationOf("new"), annotationOf("elsewhere", {imageId: 8})));
    await settle(); // and here the page crashes

    const next = page({server, storage});
    const listed = await listOf(server);
    next.autosave.resume();
    await settle();
    const shown = next.autosave.overlay(7, listed);
    assert.deepEqual(
        shown.map(({id, categoryId}) => [id, categoryId]),
        [
            ["kept", 1],
            ["changed", 2],
            ["new", 1],
        ],
    );
    server.trouble = "";
    await next.waiting.over();
    await settle();
    assert.deepEqual(
        rowsOf(server)
            .map(({id, category}) => [id, category])
            .sort(),
        [
            ["changed", 2],
            ["elsewhere", 1],
            ["kept", 1],
            ["new", 1],
        ],
    );
    assert.deepEqual(storage.keys, []);
});

test("a page that goes on from another's record finds the change that came in between", async () => {
    const first = page();
    const {server, storage} = first;
    const a = annotationOf("a");
    first.autosave.submit(created(a));
    await settle();
    server.trouble = "offline";
    first.autosave.submit(updated(a, {...a, categoryId: 2}));
    await settle(); // and here the page crashes
    server.change("a", {clicks: 77});
    const next = page({server, storage});
    next.autosave.resume();
    await settle();
    next.autosave.overlay(7, await listOf(server)); // it lists version 2; the record started from 1
    server.trouble = "";
    await next.waiting.over();
    assert.deepEqual(
        next.conflicts.map(({id, version}) => [id, version]),
        [["a", 2]],
    );
});

test("records of another user stay where they are", async () => {
    const {autosave, storage, server} = page();
    storage.setItem("maskwright.unsaved.bob.x", JSON.stringify({id: "x"}));
    autosave.resume();
    await settle();
    assert.deepEqual(server.asked, []);
    assert.equal(storage.keys.length, 1);
});

test("a damaged record in the storage is said once, and the others are sent", async () => {
    const first = page();
    const {server, storage} = first;
    server.trouble = "offline";
    first.autosave.submit(created(annotationOf("a"), annotationOf("b")));
    await settle(); // and here the page crashes, in the middle of a write
    const key = (id) => `maskwright.unsaved.ann.${id}`;
    storage.setItem(key("a"), storage.getItem(key("a")).slice(0, 40));
    for (const [id, text] of [
        ["n", "null"],
        ["m", "{}"],
        ["o", '{"id": "another"}'],
    ])
        storage.setItem(key(id), text);

    server.trouble = "";
    const next = page({server, storage});
    next.autosave.resume();
    await settle();
    assert.deepEqual(next.damaged, [4]);
    assert.deepEqual(
        rowsOf(server).map(({id}) => id),
        ["b"],
    );
    assert.equal(next.autosave.status.state, "saved");

    const later = page({server, storage});
    later.autosave.resume();
    assert.deepEqual(later.damaged, []);
});

/** What a page that opens the image is told. */
async function listOf(server) {
    const rows = rowsOf(server);
    const http = {json: async () => ({results: structuredClone(rows), next: null})};
    return new AnnotationServer(http).list(7);
}

test("a mask deleted in an earlier session is restored when it is wanted back, and nothing else is sent", async () => {
    const server = new HandMadeServer();
    const store = new AnnotationServer(server);
    await store.create(annotationOf("a"));
    await store.remove("a", 1);
    const conflicts = [];
    const autosave = new Autosave(
        store,
        new UnsavedRecords(new HandMadeStorage(), "ann"),
        new HandMadePause().pause,
        {onStatus() {}, onConflict: (conflict) => conflicts.push(conflict), onRefusal() {}, onDamaged() {}},
    );
    const {version, ...row} = server.rows.get("a");
    autosave.noteDeleted({...row, annotation: annotationOf("a"), version});
    server.asked = [];
    autosave.bringBack(annotationOf("a"));
    await settle();
    assert.deepEqual(server.asked, ["POST restore"]);
    assert.deepEqual(
        [server.rows.get("a").isDeleted, autosave.status.state, conflicts],
        [false, "saved", []],
    );
});

test("a list that was asked for before a save and answers after it does not hide what was saved", async () => {
    const {autosave, server} = page();
    autosave.submit(created(annotationOf("a")));
    await settle();
    assert.equal(autosave.status.state, "saved");
    const shown = (listed, imageId = 7) =>
        autosave.overlay(imageId, listed).map(({categoryId}) => categoryId);
    assert.deepEqual([shown([]), shown([], 8)], [[1], []]);
    const first = {annotation: annotationOf("a"), version: 1, changedBy: "ann", changedAt: ""};
    autosave.submit(updated(annotationOf("a"), {...annotationOf("a"), categoryId: 2}));
    await settle();
    assert.deepEqual(shown([first]), [2]);
    autosave.submit(updated({...annotationOf("a"), categoryId: 2}, {...annotationOf("a"), categoryId: 3}));
    await settle();
    assert.deepEqual(
        [server.asked.at(-1), autosave.status.state],
        ["PATCH 2", "saved"],
        "no conflict with oneself",
    );
    autosave.submit(deleted(annotationOf("a")));
    await settle();
    assert.deepEqual(shown([first]), [], "a delete is not taken back either");
});
