import assert from "node:assert/strict";
import test from "node:test";

import {annotationOf} from "./hand-made.js";
import {bench, categoriesOf, idsOf} from "./hand-made-bench.js";

// --- which are selected ---

test("masks are selected beside the first one, which stays the primary one until it is taken away", () => {
    const {workbench} = bench();
    const {several, selection} = workbench;
    several.toggle("b");
    several.toggle("d");
    several.toggle("a");
    assert.deepEqual([selection.id, selection.ids, selection.isSeveral], ["b", ["b", "d", "a"], true]);
    assert.deepEqual([selection.has("d"), selection.has("c")], [true, false]);
    several.toggle("b");
    assert.deepEqual(selection.ids, ["d", "a"]);
    several.toggle(null);
    assert.equal(selection.ids.length, 2, "a click beside every mask loses nothing");
    workbench.select("a");
    assert.deepEqual(selection.ids, ["a"]);
});

test("a range goes from the primary one in either direction, and takes the place of the range before", () => {
    const {workbench} = bench();
    const {several, selection} = workbench;
    several.extendTo("c");
    assert.deepEqual(selection.ids, ["c"]);
    several.extendTo("a");
    assert.deepEqual([selection.id, [...selection.ids].sort()], ["c", ["a", "b", "c"]]);
    several.extendTo("d");
    assert.deepEqual(selection.ids, ["c", "d"]);
});

test("all masks that are shown are selected, and Escape selects none", () => {
    const {workbench} = bench();
    workbench.visibility.toggle("b");
    workbench.several.selectAll();
    assert.deepEqual(workbench.selection.ids, ["d", "c", "a"]);
    workbench.select("c");
    workbench.several.selectAll();
    assert.equal(workbench.selection.id, "c", "what was looked at stays the primary one");
    workbench.cancel();
    assert.deepEqual(workbench.selection.ids, []);
});

test("one that leaves the document is selected no more, nor are any on another image", () => {
    const {workbench, open} = bench();
    workbench.several.selectAll();
    workbench.arrivals.replaceFromServer("d", null);
    assert.deepEqual(workbench.selection.ids, ["c", "b", "a"]);
    workbench.remove("a");
    assert.deepEqual(workbench.selection.ids, ["c", "b"]);
    open(8);
    assert.deepEqual(workbench.selection.ids, []);
});

test("editing takes up the primary one alone, and what was edited stays selected beside another", () => {
    const {workbench} = bench();
    workbench.several.toggle("b");
    workbench.several.toggle("c");
    workbench.edit();
    assert.deepEqual([workbench.draft.edited.id, workbench.selection.ids], ["b", ["b"]]);
    workbench.several.toggle("d");
    assert.deepEqual([workbench.draft.edited, workbench.selection.ids], [null, ["b", "d"]]);
});

test("a click picks one mask, one more, or a range; and fingers pick one more after another", () => {
    const {workbench} = bench();
    const {several, selection} = workbench;
    several.pick("b", "only");
    several.pick("d", "also");
    assert.deepEqual(selection.ids, ["b", "d"]);
    several.pick("a", "range");
    assert.deepEqual([...selection.ids].sort(), ["a", "b"]);
    several.pick("c", "only");
    several.toggleAdding();
    several.pick("a", "only");
    several.pick("b", "only");
    several.pick("a", "only");
    assert.deepEqual([selection.ids, several.isAdding], [["c", "b"], true]);
    several.pick(null, "only");
    assert.deepEqual([selection.ids, several.isAdding], [[], false], "a click beside every mask ends it");
    several.pick("a", "only");
    several.pick("b", "only");
    assert.deepEqual(selection.ids, ["b"]);
});

test("selecting more ends with the selection, however that ends", () => {
    const {workbench} = bench();
    const {several, selection} = workbench;
    several.pick("a", "only");
    several.toggleAdding();
    workbench.cancel();
    assert.equal(several.isAdding, false);
    several.pick("a", "only");
    several.pick("b", "only");
    assert.deepEqual(selection.ids, ["b"]);
});

// --- what is done to all of them ---

test("a category is given to all that are selected as one step", () => {
    const {workbench, said} = bench();
    workbench.several.extendTo("a");
    workbench.several.extendTo("c");
    workbench.labelling.pick(1);
    assert.deepEqual(categoriesOf(workbench), [2, 2, 2, 1]);
    assert.equal(said.changes.length, 1);
    assert.equal(workbench.selection.ids.length, 3);
    workbench.undo();
    assert.deepEqual(categoriesOf(workbench), [1, 1, 1, 1]);
    assert.equal(workbench.draft.canUndo, false);
});

test("all that are selected are deleted as one step, told once, and come back together and selected", () => {
    const {workbench, said} = bench();
    workbench.several.toggle("b");
    workbench.several.toggle("c");
    const deleted = workbench.selection.annotations;
    workbench.remove();
    assert.deepEqual([idsOf(workbench), said.deleted], [["a", "d"], [["b", "c"]]]);
    workbench.undo();
    assert.deepEqual(
        [idsOf(workbench), workbench.selection.ids],
        [
            ["a", "b", "c", "d"],
            ["b", "c"],
        ],
    );
    workbench.remove();
    workbench.labelling.pick(1); // something else is done before the message's button is pressed
    assert.equal(workbench.bringBack(...deleted), true);
    assert.deepEqual(idsOf(workbench), ["a", "b", "c", "d"]);
    assert.equal(said.changes.at(-1).created.length, 2, "one step brings them all back");
});

test("several are hidden together, and shown together when all of them are hidden", () => {
    const {workbench} = bench();
    const {visibility} = workbench;
    const hidden = () => idsOf(workbench).filter((id) => visibility.isHidden(id));
    visibility.toggle("a");
    visibility.toggle("a", "b");
    assert.deepEqual(hidden(), ["a", "b"]);
    visibility.toggle("a", "b");
    assert.deepEqual(hidden(), []);
});

test("a viewer selects several and changes none", () => {
    const {workbench, said} = bench({mayAnnotate: false});
    workbench.several.selectAll();
    assert.equal(workbench.selection.ids.length, 4);
    workbench.labelling.pick(1);
    workbench.remove();
    assert.deepEqual([said.changes, idsOf(workbench).length], [[], 4]);
});

test("what the server has of a mask on another image is not shown on this one", () => {
    const {workbench} = bench();
    workbench.arrivals.replaceFromServer("elsewhere", {...annotationOf("elsewhere"), imageId: 8});
    assert.deepEqual(idsOf(workbench), ["a", "b", "c", "d"]);
});

test("a deletion that is taken back at once is no step of its own: undo goes on with what was before", () => {
    const {workbench} = bench();
    workbench.select("a");
    workbench.labelling.pick(1);
    workbench.select("b");
    const [b] = workbench.selection.annotations;
    workbench.remove();
    workbench.bringBack(b);
    assert.deepEqual(idsOf(workbench), ["a", "b", "c", "d"]);
    workbench.undo();
    assert.deepEqual(
        [idsOf(workbench), categoriesOf(workbench)],
        [
            ["a", "b", "c", "d"],
            [1, 1, 1, 1],
        ],
    );
});

test("several that were selected beside an open draft get the category, and the draft keeps its own", () => {
    const {workbench} = bench();
    workbench.hand.paint(new Map([[2, [0, 3]]]), false);
    workbench.several.selectAll();
    workbench.labelling.pick(1);
    assert.deepEqual([categoriesOf(workbench), workbench.draft.isEmpty], [[2, 2, 2, 2], false]);
    assert.equal(workbench.labelling.category.id, 1);
});
