import assert from "node:assert/strict";
import test from "node:test";

import {inListOrder, ranksFor} from "../../static/js/core/object-order.js";
import {settled} from "../../static/js/session/overlaps.js";
import {annotationOf} from "./hand-made.js";
import {bench, categoriesOf, drawn, idsOf, picture} from "./hand-made-bench.js";

const ONE_LOCKED = () => ["a", "b", "c"].map((id) => ({...annotationOf(id), isLocked: id === "b"}));

test("a name is one line of at most 80 characters, and one step of the history", () => {
    const {workbench, said} = bench();
    workbench.naming.rename("a", "  the\n old   tower ");
    assert.equal(workbench.document.get("a").name, "the old tower");
    workbench.naming.rename("a", "the old tower"); // as it was
    assert.equal(said.changes.length, 1);
    workbench.naming.rename("a", "x".repeat(200));
    assert.equal(workbench.document.get("a").name.length, 80);
    workbench.undo();
    workbench.undo();
    assert.equal(workbench.document.get("a").name ?? "", "");
});

test("several objects are locked, and unlocked where all of them are", () => {
    const {workbench, said} = bench({masks: ONE_LOCKED()});
    workbench.several.selectAll();
    workbench.naming.toggleLock();
    assert.deepEqual([workbench.naming.areLocked, said.why.at(-1)], [true, "3 objects are locked."]);
    workbench.naming.toggleLock();
    assert.deepEqual([workbench.naming.areLocked, said.why.at(-1)], [false, "3 objects are unlocked."]);
    workbench.naming.unlock("a");
    assert.equal(said.changes.length, 2);
});

test("an imported mask is to be checked until somebody says so, or changes its pixels or its category", () => {
    const masks = ["a", "b", "c"].map((id) => ({...annotationOf(id), isToCheck: true}));
    const {workbench} = bench({masks});
    const toCheck = () => workbench.document.annotations.filter(({isToCheck}) => isToCheck).map(({id}) => id);
    workbench.naming.rename("a", "Tom");
    workbench.naming.noteChecked(["b"]);
    assert.deepEqual(toCheck(), ["a", "c"]);
    workbench.select("a");
    workbench.labelling.pick(1);
    assert.deepEqual(toCheck(), ["c"]);
    workbench.undo();
    workbench.undo();
    assert.deepEqual(toCheck(), ["a", "b", "c"]);
});

test("what is done to several objects leaves the locked ones as they are, and says so", () => {
    const {workbench, said} = bench({masks: ONE_LOCKED()});
    workbench.several.selectAll();
    workbench.labelling.pick(1);
    assert.deepEqual(categoriesOf(workbench), [2, 1, 2]);
    workbench.remove();
    assert.deepEqual(idsOf(workbench), ["b"]);
    const words = "1 of the 3 objects is locked and stays as it is.";
    assert.deepEqual(said.why, [words, words]);
});

test("a locked object is neither edited nor painted on, merged, cut or split", () => {
    const masks = [drawn("a", ["## ##"], {isLocked: true}), drawn("b", [" ###"])];
    const {workbench, said} = bench({masks});
    workbench.select("a");
    workbench.edit();
    workbench.hand.paint(new Map([[0, [0, 1]]]), true);
    workbench.combining.split();
    assert.deepEqual(said.why, Array(3).fill("This object is locked. Unlock it first."));
    workbench.several.toggle("b");
    workbench.combining.merge();
    workbench.combining.subtract();
    assert.equal(said.why.length, 5);
    workbench.select("b");
    workbench.several.toggle("a");
    workbench.combining.merge();
    assert.deepEqual([said.why.length, said.changes.length], [6, 0]);
    workbench.combining.subtract(); // the other one is locked, and stays
    assert.deepEqual(picture(workbench, "b"), ["  #"]);
    assert.deepEqual(picture(workbench, "a"), ["## ##"]);
});

test("a locked mask loses no pixels to a newer one, whoever goes first in the project", () => {
    const locked = drawn("a", ["###"], {isLocked: true});
    const {annotation, updated, refusal} = settled("newest", drawn("b", ["  ###"]), [locked]);
    assert.deepEqual([updated, refusal, annotation.area], [[], "", 2]);
});

test("the parts of a split object have no name, color or lock of their own", () => {
    const {workbench} = bench({masks: [drawn("a", ["## #"], {name: "tower", color: "#00ff00"})]});
    workbench.select("a");
    workbench.combining.split();
    const whole = workbench.document.get("a");
    const part = workbench.document.annotations.find(({id}) => id !== "a");
    assert.deepEqual([whole.name, whole.color], ["tower", "#00ff00"]);
    assert.deepEqual([part.name, part.color, part.isLocked], ["", "", false]);
});

test("alone means the selected objects, as long as any is", () => {
    const {workbench} = bench();
    const shown = () => idsOf(workbench).filter((id) => !workbench.visibility.isHidden(id));
    workbench.visibility.toggleSolo();
    assert.equal(shown().length, 4);
    workbench.select("b");
    assert.deepEqual(shown(), ["b"]);
    workbench.several.toggle("c");
    assert.deepEqual(shown(), ["b", "c"]);
    assert.equal(workbench.visibility.isSwitchedOff("a"), false);
    workbench.visibility.toggleSolo();
    assert.equal(shown().length, 4);
});

test("the list has each of its orders, the newest first among objects that are alike", () => {
    const rows = [
        {...annotationOf("a"), categoryId: 2, area: 5, predictedIou: 0.9},
        {...annotationOf("b"), categoryId: 1, area: 9, predictedIou: null},
        {...annotationOf("c"), categoryId: 2, area: 5, predictedIou: 0.4},
    ];
    const known = {numberOf: (id) => "cab".indexOf(id), placeOf: (id) => id};
    const orders = ["newest", "number", "category", "largest", "weakest"].map((order) =>
        inListOrder(rows, order, known)
            .map(({id}) => id)
            .join(""),
    );
    assert.deepEqual(orders, ["cba", "cab", "bca", "bca", "cab"]);
});

test("Shift selects along the list's order", () => {
    const {workbench} = bench();
    workbench.select("d");
    workbench.several.pick("c", "range", ["d", "a", "c", "b"]);
    assert.deepEqual(workbench.selection.ids, ["d", "a", "c"]);
});

test("an object is moved in one's own order, alone; a new one comes above those that nobody moved", () => {
    const {workbench, said} = bench();
    [..."abcd"].forEach((id, k) => workbench.numbers.note(id, k + 1)); // d is the newest
    const listed = () =>
        inListOrder(workbench.document.annotations, "own", {
            numberOf: (id) => workbench.numbers.of(id),
            placeOf: () => 0,
        })
            .map(({id}) => id)
            .join("");
    assert.equal(listed(), "dcba");
    workbench.naming.place("a", "c");
    assert.equal(listed(), "dacb");
    workbench.naming.place("d", null);
    assert.equal(listed(), "acbd");
    workbench.naming.place("d", null); // as it is
    workbench.select("c");
    workbench.naming.move(-1);
    workbench.naming.move(-1); // it is the first one
    assert.equal(listed(), "cabd");
    workbench.naming.move(1);
    assert.equal(listed(), "acbd");
    assert.deepEqual(
        said.changes.map(({updated}) => updated.length),
        [1, 1, 1, 1],
    );
    workbench.undo();
    assert.equal(listed(), "cabd");
});

test("where no number is left between two ranks, all objects get new ones", () => {
    const rows = [
        {...annotationOf("a"), rank: 1},
        {...annotationOf("c"), rank: 7},
        {...annotationOf("b"), rank: 1 + Number.EPSILON},
    ];
    assert.deepEqual(
        [...ranksFor(rows, "c", () => 0)],
        [
            ["a", 0],
            ["c", 1],
            ["b", 2],
        ],
    );
});

test("another category for an old mask says nothing about what is drawn next", () => {
    const {workbench} = bench();
    workbench.select("a");
    workbench.labelling.pick(1);
    workbench.cancel();
    assert.deepEqual([workbench.document.get("a").categoryId, workbench.labelling.category.name], [2, "cup"]);
    workbench.labelling.pick(1);
    assert.equal(workbench.labelling.category.name, "person");
});
