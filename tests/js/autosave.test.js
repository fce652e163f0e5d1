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
    deleted,
    journalOf,
    settle,
    updated,
} from "./hand-made.js";

/** A page's autosave; another page may share its server and its browser. */
function page({
    server = new HandMadeServer(),
    shelf = new HandMadeShelf(),
    browser = new Map(),
    old = new HandMadeStorage(),
} = {}) {
    const waiting = new HandMadePause();
    const [conflicts, refusals, decided] = [[], [], []];
    const tabs = new HandMadeTabs(browser);
    void tabs.begin();
    const journal = journalOf(shelf, tabs);
    const autosave = new Autosave(new AnnotationServer(server), new UnsavedRecords(journal), waiting.pause, {
        onStatus: () => {},
        onConflict: (conflict) => conflicts.push(conflict),
        onRefusal: (refusal) => refusals.push(refusal),
        onDecided: (id) => decided.push(id),
    });
    /** As a page begins: reads what was left, and sends it. */
    const begin = async () => {
        const damaged = await journal.open(7, old);
        autosave.resume();
        await settle();
        return damaged;
    };
    return {server, shelf, browser, tabs, waiting, journal, autosave, conflicts, refusals, decided, begin};
}

const rowsOf = ({rows}) => [...rows.values()].filter(({isDeleted}) => !isDeleted);

test("what is made, changed and deleted reaches the server in that order, and nothing stays behind", async () => {
    const {autosave, server, shelf} = page();
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
    assert.deepEqual(autosave.status, {state: "saved", count: 0, reason: "", keeping: "kept"});
    assert.deepEqual(shelf.ids, []);
});

test("what was made offline lies on this computer and is sent when the server is back", async () => {
    const {autosave, server, shelf, waiting} = page();
    server.trouble = "offline";
    autosave.submit(created(annotationOf("a")));
    await settle();
    assert.deepEqual(autosave.status, {state: "unsaved", count: 1, reason: "offline", keeping: "kept"});
    autosave.submit(created(annotationOf("b")));
    await settle();
    assert.equal(autosave.status.count, 2);
    assert.deepEqual(shelf.ids, ["a", "b"]);
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
    assert.deepEqual(autosave.status, {state: "unsaved", count: 1, reason: "signed_out", keeping: "kept"});
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
    assert.deepEqual(autosave.status, {state: "unsaved", count: 1, reason: "conflict", keeping: "kept"});
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
    const {autosave, server, conflicts, shelf} = await inConflict();
    const asked = server.asked.length;
    autosave.resolveConflict("a", "theirs");
    await settle();
    assert.equal(server.asked.length, asked);
    assert.deepEqual(shelf.ids, []);
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
    const {autosave, server, refusals, shelf} = page();
    autosave.submit(created(annotationOf("bad", {counts: "refused"}), annotationOf("good")));
    await settle();
    assert.deepEqual(refusals, [{id: "bad", message: "The mask is malformed."}]);
    assert.deepEqual(
        rowsOf(server).map(({id}) => id),
        ["good"],
    );
    assert.deepEqual(autosave.status, {state: "unsaved", count: 1, reason: "refused", keeping: "kept"});
    autosave.retryRefused("bad");
    await settle();
    assert.equal(refusals.length, 2);
    autosave.discardRefused("bad");
    assert.equal(autosave.status.state, "saved");
    assert.deepEqual(shelf.ids, []);
});

test("with a full disk the records stay in memory, which is said, and are kept as soon as there is room", async () => {
    const {autosave, server, shelf, journal, waiting} = page();
    let madeRoom = 0;
    journal.makeRoom = async () => void madeRoom++;
    shelf.trouble = "QuotaExceededError";
    server.trouble = "offline";
    autosave.submit(created(annotationOf("a"), annotationOf("b")));
    await settle();
    assert.deepEqual(shelf.ids, []);
    assert.deepEqual([autosave.status.count, autosave.status.keeping, madeRoom], [2, "failed", 1]);
    shelf.trouble = "";
    await waiting.over(); // it tries the server again, and the disk
    assert.deepEqual([shelf.ids.sort(), autosave.status.keeping], [["a", "b"], "kept"]);
    server.trouble = "";
    await waiting.over();
    assert.equal(rowsOf(server).length, 2);
    assert.deepEqual([autosave.status.state, shelf.ids], ["saved", []]);
});

test("a record counts as kept only when the browser says that it lies on the disk", async () => {
    const {autosave, server, shelf} = page();
    const write = shelf.write.bind(shelf);
    const held = [];
    shelf.write = (changes) => new Promise((resolve) => held.push(() => resolve(write(changes))));
    server.trouble = "offline";
    autosave.submit(created(annotationOf("a")));
    await settle();
    assert.equal(autosave.status.keeping, "writing");
    for (const onDisk of held) onDisk();
    await settle();
    assert.equal(autosave.status.keeping, "kept");
});

test("a browser that keeps nothing says so before anything is made, and masks are saved all the same", async () => {
    const {autosave, server, shelf, begin, journal} = page();
    shelf.trouble = "SecurityError";
    await begin();
    assert.deepEqual([journal.isWorking, autosave.status.keeping], [false, "failed"]);
    autosave.submit(created(annotationOf("a")));
    await settle();
    assert.deepEqual([rowsOf(server).length, autosave.status.state], [1, "saved"]);
});

test("the next page sends what a page that crashed could not, and shows it over what the server lists", async () => {
    const first = page();
    const {server, shelf} = first;
    const [kept, changed, gone] = ["kept", "changed", "gone"].map((id) => annotationOf(id));
    first.autosave.submit(created(kept, changed, gone));
    await settle();
    server.trouble = "offline";
    first.autosave.submit(updated(changed, {...changed, categoryId: 2}));
    first.autosave.submit(deleted(gone));
    first.autosave.submit(created(annotationOf("new"), annotationOf("elsewhere", {imageId: 8})));
    await settle(); // and here the page crashes
    first.tabs.end();

    const next = page(first);
    const listed = await listOf(server);
    await next.begin();
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
    assert.deepEqual(shelf.ids, []);
});

test("a page that goes on from another's record finds the change that came in between", async () => {
    const first = page();
    const {server} = first;
    const a = annotationOf("a");
    first.autosave.submit(created(a));
    await settle();
    server.trouble = "offline";
    first.autosave.submit(updated(a, {...a, categoryId: 2}));
    await settle(); // and here the page crashes
    first.tabs.end();
    server.change("a", {clicks: 77});
    const next = page(first);
    await next.begin();
    next.autosave.overlay(7, await listOf(server)); // it lists version 2; the record started from 1
    server.trouble = "";
    await next.waiting.over();
    assert.deepEqual(
        next.conflicts.map(({id, version}) => [id, version]),
        [["a", 2]],
    );
});

test("records of another user stay where they are", async () => {
    const first = page();
    const bob = {id: "x", imageId: 7, desired: annotationOf("x"), known: null, isSent: false};
    await first.shelf.write({put: [[["bob", "gone", "unsaved", "x"], bob]]});
    await first.begin();
    assert.deepEqual([first.server.asked, first.shelf.ids], [[], ["x"]]);
});

// --- several tabs ---

test("each tab sends its own changes, once, and takes over those of a tab that is closed", async () => {
    const first = page();
    const {server} = first;
    server.trouble = "offline";
    await first.begin();
    first.autosave.submit(created(annotationOf("a"), annotationOf("b")));
    await settle();
    const second = page(first);
    await second.begin();
    second.autosave.submit(created(annotationOf("c")));
    await settle();
    assert.deepEqual([first.autosave.status.count, second.autosave.status.count], [2, 1]);
    const taken = [];
    second.journal.onTaken = (entries) => {
        taken.push(...entries.map(({id}) => id));
        second.autosave.resume(entries.map(({value}) => value));
    };
    server.asked = [];
    first.tabs.end();
    await settle();
    assert.deepEqual([taken, second.autosave.status.count], [["a", "b"], 3]);
    server.trouble = "";
    await second.waiting.over();
    assert.deepEqual(server.asked, ["POST", "POST", "POST"]);
    assert.deepEqual(
        rowsOf(server).map(({id}) => id),
        ["c", "a", "b"],
    );
    assert.deepEqual(first.shelf.ids, []);
});

test("of two tabs that change the same mask the second is told of the first, whichever is closed", async () => {
    const first = page();
    const {server} = first;
    const a = annotationOf("a");
    first.autosave.submit(created(a));
    await settle();
    const second = page(first);
    second.autosave.overlay(7, await listOf(server));
    second.journal.onTaken = (entries) => second.autosave.resume(entries.map(({value}) => value));
    server.trouble = "offline";
    first.autosave.submit(updated(a, {...a, categoryId: 2}));
    second.autosave.submit(updated(a, {...a, categoryId: 3}));
    await settle();
    first.tabs.end();
    await second.journal.lookAround();
    assert.equal(first.shelf.ids.length, 2, "neither has taken the other's place");
    server.trouble = "";
    await second.waiting.over();
    await settle();
    assert.equal(rowsOf(server)[0].category, 3);
    const [{mine, theirs}] = second.conflicts;
    assert.deepEqual([mine.categoryId, theirs.categoryId], [2, 3], "asked, not overwritten");
});

// --- the journal of the version before ---

test("what the version before kept is sent once, and a damaged record is said", async () => {
    const old = new HandMadeStorage();
    const key = (id) => `maskwright.unsaved.ann.${id}`;
    const record = {id: "b", imageId: 7, desired: annotationOf("b"), known: null, isSent: false};
    old.setItem(key("b"), JSON.stringify(record));
    old.setItem(key("a"), JSON.stringify(record).slice(0, 40));
    for (const [id, text] of [
        ["n", "null"],
        ["m", "{}"],
        ["o", '{"id": "another"}'],
    ])
        old.setItem(key(id), text);
    old.setItem("maskwright.unsaved.ann.other.x", "of somebody who is called ann.other");
    const first = page({old});
    first.server.trouble = "offline";
    assert.equal(await first.begin(), 4);
    assert.deepEqual([first.shelf.ids, old.keys], [["b"], ["maskwright.unsaved.ann.other.x"]]);
    first.server.trouble = "";
    await first.waiting.over();
    assert.deepEqual(
        rowsOf(first.server).map(({id}) => id),
        ["b"],
    );
    assert.deepEqual([first.autosave.status.state, await page({...first, old}).begin()], ["saved", 0]);
});

test("where nothing can be kept the journal of the version before stays until it is sent", async () => {
    const old = new HandMadeStorage();
    const record = {id: "b", imageId: 7, desired: annotationOf("b"), known: null, isSent: false};
    old.setItem("maskwright.unsaved.ann.b", JSON.stringify(record));
    const first = page({old});
    first.shelf.trouble = "full";
    first.server.trouble = "offline";
    await first.begin();
    assert.deepEqual([old.keys.length, first.autosave.status.count], [1, 1]);
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
    const autosave = new Autosave(store, new UnsavedRecords(journalOf()), new HandMadePause().pause, {
        onStatus() {},
        onConflict: (conflict) => conflicts.push(conflict),
        onRefusal() {},
    });
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

test("a mask that an earlier page deleted comes back by undo, without a question, also over a crash", async () => {
    const first = page();
    const {server} = first;
    first.autosave.submit(created(annotationOf("a")));
    first.autosave.submit(deleted(annotationOf("a")));
    await settle();
    first.tabs.end();
    const next = page(first);
    await next.begin();
    next.autosave.expectDeleted(["a", "never-sent"]);
    server.trouble = "offline";
    next.autosave.submit(created({...annotationOf("a"), clicks: 5}, annotationOf("never-sent")));
    await settle();
    next.tabs.end();
    server.trouble = "";
    const last = page(first);
    await last.begin();
    assert.deepEqual([first.conflicts, next.conflicts, last.conflicts], [[], [], []]);
    assert.deepEqual(
        rowsOf(server).map(({id, clicks}) => [id, clicks]),
        [
            ["a", 5],
            ["never-sent", 1],
        ],
    );
    assert.equal(last.autosave.status.state, "saved");
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

test("what was refused is decided when the mask is wanted otherwise", async () => {
    const {autosave, refusals, decided} = page();
    autosave.submit(created(annotationOf("bad", {counts: "refused"})));
    await settle();
    assert.deepEqual([refusals.length, decided], [1, []]);
    autosave.submit(updated(annotationOf("bad", {counts: "refused"}), annotationOf("bad")));
    await settle();
    assert.deepEqual([decided, autosave.status.state], [["bad"], "saved"]);
});

test("of images that are not on screen the contents are not kept in memory, and what is wanted is saved all the same", async () => {
    const {autosave, server} = page();
    const [a, b] = [annotationOf("a"), annotationOf("b", {imageId: 8})];
    autosave.submit(created(a));
    await settle();
    autosave.overlay(8, []);
    autosave.submit(updated(a, {...a, categoryId: 2}));
    autosave.submit(created(b));
    await settle();
    assert.deepEqual(
        rowsOf(server).map(({id, category}) => [id, category]),
        [
            ["a", 2],
            ["b", 1],
        ],
    );
});
