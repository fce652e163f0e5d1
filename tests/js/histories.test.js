import assert from "node:assert/strict";
import test from "node:test";

import {History} from "../../static/js/core/history.js";
import {endOf, fits} from "../../static/js/core/history-end.js";
import {KeptHistories} from "../../static/js/session/kept-histories.js";
import {HandMadeShelf, HandMadeTabs, annotationOf, created, deleted, settle, updated} from "./hand-made.js";
import {bench, idsOf} from "./hand-made-bench.js";

// --- the list ---

test("entries keep their numbers, and what goes beyond the bounds is forgotten, the oldest first", () => {
    const history = new History({limit: 3, maxWeight: 10, weigh: (entry) => entry});
    const said = [];
    history.onChange = (change) => said.push(change);
    for (const entry of [1, 2, 3]) history.push(entry);
    history.undo();
    history.undo();
    history.push(4); // 2 and 3 can no longer be redone
    assert.deepEqual(history.entries, [1, 4]);
    assert.deepEqual(said.slice(3), [
        {gone: [], added: null, place: 2},
        {gone: [], added: null, place: 1},
        {gone: [2], added: [1, 4], place: 2},
    ]);
    history.push(1);
    history.push(1);
    assert.deepEqual([history.entries, history.first], [[4, 1, 1], 1], "three at most");
    history.push(8);
    assert.deepEqual([history.entries, said.at(-1).gone], [[1, 1, 8], [1]]);
    history.push(8);
    assert.deepEqual([history.entries, history.first, history.place], [[8], 5, 1], "a heavy one alone");
});

test("a history ends with what its changes made, those that were undone taken back", () => {
    const [a, b, c] = ["a", "b", "c"].map((id) => annotationOf(id));
    const other = {...a, categoryId: 2};
    const changes = [created(a, b), updated(a, other), deleted(b), deleted(c)];
    const end = (place) => Object.fromEntries(endOf(changes, place));
    assert.deepEqual(end(4), {a: other, b: null, c: null});
    assert.deepEqual(end(1), {a, b, c});
    assert.deepEqual(end(0), {a: null, b: null, c});
    const there =
        (...rows) =>
        (id) =>
            rows.find((row) => row.id === id);
    assert.equal(fits(changes, 4, there(other)), true);
    assert.equal(fits(changes, 4, there({...other, timeSpentS: 9}, annotationOf("d"))), true);
    assert.equal(fits(changes, 4, there(a)), false, "another category");
    for (const theirs of [{name: "mug"}, {color: "#123456"}, {isLocked: true}])
        assert.equal(fits(changes, 4, there({...other, ...theirs})), false, "an undo would take it back");
    assert.equal(fits(changes, 4, there(other, b)), false, "somebody restored it");
    assert.equal(fits(changes, 1, there(a, b)), false, "somebody deleted it");
});

// --- over a reload ---

const MASKS = ["a", "b"].map((id) => annotationOf(id));
const stroke = (column) => new Map([[column, [0, 3]]]);
const areaOf = ({draft}) => draft.handMade?.area ?? 0;

/** A page whose tab is one of `browser`; another page may share its shelf. */
function pageOn({shelf = new HandMadeShelf(), browser = new Map(), masks = MASKS, tab} = {}) {
    const tabs = new HandMadeTabs(browser, tab);
    void tabs.begin();
    const histories = new KeptHistories(shelf, tabs, "ann");
    return {...bench({masks, histories}), shelf, browser, tabs, histories, tab: tabs.id};
}

/** Deletes b, paints twice, and takes the second stroke back. */
async function workedOn(options) {
    const first = pageOn(options);
    await settle();
    first.workbench.remove("b");
    first.workbench.paint = (spans) => first.workbench.hand.paint(spans, false);
    first.workbench.paint(stroke(2));
    first.workbench.paint(stroke(4));
    first.workbench.undo();
    await settle();
    return first;
}

test("after a reload undo and redo go on where they were", async () => {
    const first = await workedOn();
    const {workbench, said} = pageOn({...first, masks: [MASKS[0]]});
    await settle();
    assert.deepEqual([workbench.draft.canUndo, workbench.draft.canRedo], [true, true]);
    assert.deepEqual(said.history, [["b"]], "the server may have it as deleted");
    workbench.redo();
    assert.equal(areaOf(workbench), 6);
    workbench.undo();
    assert.equal(areaOf(workbench), 3);
    workbench.undo();
    assert.equal(areaOf(workbench), 0);
    workbench.undo();
    assert.deepEqual([idsOf(workbench), workbench.draft.canUndo], [["a", "b"], false]);
    workbench.redo();
    assert.deepEqual(idsOf(workbench), ["a"]);
    await settle();
    const last = pageOn({...first, masks: [MASKS[0]]});
    await settle();
    last.workbench.redo();
    assert.equal(areaOf(last.workbench), 3);
});

test("the history of an image is there when one comes back to it, and not that of another one", async () => {
    const {workbench, open} = await workedOn();
    open(8);
    workbench.arrivals.showSaved([]);
    await settle();
    assert.deepEqual([workbench.draft.canUndo, workbench.draft.canRedo], [false, false]);
    open(7);
    workbench.arrivals.showSaved([MASKS[0]]);
    await settle();
    assert.equal(workbench.draft.canRedo, true);
    workbench.redo();
    assert.equal(areaOf(workbench), 6);
});

test("the history is thrown away when somebody else has changed what it speaks of, and only then", async () => {
    const mine = MASKS[0];
    const others = [mine, annotationOf("new")];
    const unchanged = pageOn({...(await workedOn()), masks: others});
    await settle();
    assert.equal(unchanged.workbench.draft.canUndo, true);
    const first = await workedOn();
    const restored = pageOn({...first, masks: MASKS});
    await settle();
    assert.equal(restored.workbench.draft.canUndo, false);
    await settle();
    assert.deepEqual(first.shelf.ids, []);
});

test("what is done before the saved masks are known comes after the earlier steps", async () => {
    const first = await workedOn();
    const {workbench, open} = pageOn({...first, masks: [MASKS[0]]});
    open(7);
    workbench.hand.paint(stroke(1), false);
    workbench.arrivals.showSaved([MASKS[0]]);
    await settle();
    workbench.undo();
    workbench.undo();
    workbench.undo();
    assert.deepEqual(idsOf(workbench), ["a", "b"]);
    await settle();
    const last = pageOn({...first, masks: MASKS});
    await settle();
    assert.deepEqual([last.workbench.draft.canUndo, last.workbench.draft.canRedo], [false, true]);
});

test("another open tab's history stays its own; that of a closed one is taken over", async () => {
    const first = await workedOn();
    const second = pageOn({shelf: first.shelf, browser: first.browser, masks: [MASKS[0]]});
    await settle();
    assert.equal(second.workbench.draft.canUndo, false);
    first.tabs.end();
    const third = pageOn({shelf: first.shelf, browser: first.browser, masks: [MASKS[0]]});
    await settle();
    assert.deepEqual([third.workbench.draft.canUndo, third.workbench.draft.canRedo], [true, true]);
    const keys = await first.shelf.keysBelow(["ann"]);
    assert.deepEqual(new Set(keys.map((key) => key[3])), new Set([third.tab]));
});

test("a history with a missing step is not used, and old ones are forgotten", async () => {
    const first = await workedOn();
    await first.shelf.write({remove: [["ann", "steps", 7, first.tab, 2]]});
    const {workbench, histories, shelf} = pageOn({...first, masks: [MASKS[0]]});
    await settle();
    assert.deepEqual([workbench.draft.canUndo, shelf.ids], [false, []]);
    workbench.remove("a");
    await settle();
    await histories.tidy();
    assert.equal(shelf.ids.length, 2);
    await histories.tidy(Date.now() + 15 * 24 * 3600 * 1000);
    assert.deepEqual(shelf.ids, []);
});

test("a deletion that was taken back from another image's page is undone in its history too", async () => {
    const {workbench, open} = pageOn();
    await settle();
    const [a, b] = MASKS;
    workbench.hand.paint(stroke(2), false);
    workbench.undo();
    workbench.remove("b");
    await settle();
    open(8);
    workbench.arrivals.showSaved([]);
    workbench.noteBroughtBack({...b, imageId: 7});
    await settle();
    await settle();
    open(7);
    workbench.arrivals.showSaved([a, b]);
    await settle();
    workbench.redo();
    assert.deepEqual(idsOf(workbench), ["a"]);
});

test("an undo takes back what its step changed, and leaves what others changed meanwhile", async () => {
    const {workbench} = pageOn();
    await settle();
    workbench.select("a");
    workbench.labelling.pick(1);
    const theirs = {...workbench.document.get("a"), name: "mug", rank: 3};
    workbench.arrivals.takeNews([{id: "a", annotation: theirs}]);
    const seen = () => {
        const {categoryId, name, rank} = workbench.document.get("a");
        return [categoryId, name, rank];
    };
    workbench.undo();
    assert.deepEqual(seen(), [1, "mug", 3]);
    workbench.redo();
    assert.deepEqual(seen(), [2, "mug", 3]);
    workbench.arrivals.takeNews([{id: "a", annotation: {...theirs, categoryId: 1}}]);
    assert.equal(workbench.draft.canUndo, false, "others changed what the step had changed");
    workbench.labelling.pick(1);
    workbench.arrivals.takeNews([{id: "a", annotation: {...workbench.document.get("a"), isLocked: true}}]);
    assert.equal(workbench.draft.canUndo, false, "others have locked it");
});

test("a step that does not fit what is there leaves the history as it was", () => {
    const {workbench} = pageOn();
    const gone = annotationOf("gone");
    assert.throws(() => workbench.draft.change({}, deleted(gone)));
    assert.equal(workbench.draft.canUndo, false);
});
