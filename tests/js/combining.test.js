import assert from "node:assert/strict";
import test from "node:test";

import {differenceOf, intersectionOf, partsOf, unionOf} from "../../static/js/core/edit/algebra.js";
import {columnsOf, rleOf} from "../../static/js/core/edit/columns.js";
import {decodeRle, encodeRle} from "../../static/js/core/rle.js";
import {bench, drawn, idsOf, picture} from "./hand-made-bench.js";

// --- pixels ---

const SIZE = {height: 24, width: 31};
const pixels = (columns) => [...decodeRle(rleOf(columns, SIZE.height).segmentation)];

test("union, difference and intersection of several masks are those of their pixels", () => {
    let state = 5;
    const random = () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
    for (let round = 0; round < 40; round++) {
        const density = [0.05, 0.3, 0.5, 0.9][round % 4];
        const masks = Array.from({length: 2 + (round % 3)}, () =>
            Uint8Array.from({length: 24 * 31}, () => (random() < density ? 1 : 0)),
        );
        const [first, ...others] = masks.map((mask) => columnsOf(encodeRle(mask, SIZE)));
        const by = (rule) => [...masks[0]].map((_, k) => Number(rule(masks.map((mask) => mask[k] === 1))));
        assert.deepEqual(
            pixels(unionOf(first, others)),
            by((ins) => ins.some(Boolean)),
        );
        assert.deepEqual(
            pixels(intersectionOf(first, others)),
            by((ins) => ins.every(Boolean)),
        );
        assert.deepEqual(
            pixels(differenceOf(first, others)),
            by(([inFirst, ...rest]) => inFirst && !rest.some(Boolean)),
        );
    }
});

test("the parts of a mask are its pieces, the largest first, and together they are the mask", () => {
    const mask = Uint8Array.from({length: 24 * 31}, (_, k) => ((k * k) % 7 < 2 ? 1 : 0));
    const columns = columnsOf(encodeRle(mask, SIZE));
    const parts = partsOf(columns);
    const areas = parts.map((part) => rleOf(part, SIZE.height).area);
    assert.ok(parts.length > 3);
    assert.deepEqual(
        areas,
        [...areas].sort((a, b) => b - a),
    );
    assert.equal(
        areas.reduce((sum, area) => sum + area),
        mask.reduce((sum, pixel) => sum + pixel),
        "no pixel is in two of them",
    );
    assert.deepEqual(pixels(unionOf(parts[0], parts.slice(1))), [...mask]);
});

// --- at the workbench ---

const SQUARE = ["####", "####", "####"];
const RIGHT = ["  ####", "  ####"];
const AWAY = ["", "", "", "", "", "", "", "       #"];

function overlapping(options = {}) {
    const masks = [
        drawn("a", SQUARE, {timeSpentS: 1.5, clicks: 2}),
        drawn("b", RIGHT, {timeSpentS: 2.2, clicks: 3, categoryId: 2}),
        drawn("c", AWAY, {timeSpentS: 0, clicks: 1}),
    ];
    const made = bench({masks, ...options});
    const choose = (...ids) => {
        made.workbench.select(null);
        ids.forEach((id) => made.workbench.several.toggle(id));
    };
    return {...made, choose, get: (id) => made.workbench.document.get(id)};
}
const isByHand = ({prompt, predictedIou, stabilityScore, bundleDigest}) =>
    prompt === null && predictedIou === null && stabilityScore === null && bundleDigest === "";

test("merged masks are one, in the first one's place and category, with what all of them cost", () => {
    const {workbench, choose, get, said} = overlapping();
    choose("b", "a", "c");
    workbench.combining.merge();
    assert.deepEqual(idsOf(workbench), ["b"]);
    assert.deepEqual(picture(workbench, "b"), ["######", "######", "####", "", "", "", "", "       #"]);
    const {categoryId, timeSpentS, clicks, area, bbox} = get("b");
    assert.deepEqual([categoryId, timeSpentS, clicks], [2, 3.7, 6]);
    assert.deepEqual([area, bbox], [17, [0, 0, 8, 8]]);
    assert.ok(isByHand(get("b")));
    assert.deepEqual(workbench.selection.ids, ["b"]);
    assert.equal(said.changes.length, 1);
    workbench.undo();
    assert.deepEqual(idsOf(workbench), ["a", "b", "c"]);
    assert.deepEqual([picture(workbench, "b"), workbench.selection.ids], [RIGHT, ["b", "a", "c"]]);
    assert.equal(workbench.draft.canUndo, false);
    workbench.redo();
    assert.deepEqual(idsOf(workbench), ["b"]);
});

test("a merge that adds no pixel keeps the prompt and its scores", () => {
    const {workbench, get} = overlapping();
    workbench.several.selectAll();
    workbench.remove();
    workbench.bringBack(drawn("whole", SQUARE), drawn("within", ["##"]));
    workbench.select("whole");
    workbench.several.toggle("within");
    workbench.combining.merge();
    assert.deepEqual([idsOf(workbench), isByHand(get("whole"))], [["whole"], false]);
});

test("subtracting and intersecting change the first mask only", () => {
    const {workbench, choose, get} = overlapping();
    choose("a", "b");
    workbench.combining.subtract();
    assert.deepEqual(picture(workbench, "a"), ["##", "##", "####"]);
    assert.deepEqual([picture(workbench, "b"), isByHand(get("a")), isByHand(get("b"))], [RIGHT, true, false]);
    assert.deepEqual(workbench.selection.ids, ["a", "b"]);
    workbench.undo();
    workbench.combining.intersect();
    assert.deepEqual([picture(workbench, "a"), picture(workbench, "b")], [["  ##", "  ##"], RIGHT]);
    workbench.undo();
    assert.deepEqual(picture(workbench, "a"), SQUARE);
});

test("what would change nothing, or leave nothing, is not done and is said", () => {
    const {workbench, choose, said} = overlapping();
    choose("a", "c");
    workbench.combining.subtract();
    workbench.combining.intersect();
    choose("c");
    workbench.combining.split();
    workbench.combining.merge(); // of one mask
    assert.deepEqual(said.changes, []);
    assert.deepEqual(said.why, [
        "The masks do not overlap: there is nothing to subtract.",
        "The masks have no pixel in common.",
        "The mask is in one piece already.",
    ]);
    const inside = drawn("d", ["##"]);
    workbench.bringBack(inside);
    choose("d", "a");
    workbench.combining.subtract();
    workbench.combining.intersect();
    assert.deepEqual(said.why.slice(3), [
        "Nothing of the first mask would be left. Delete it instead.",
        "The first mask lies inside the others: nothing changes.",
    ]);
    assert.equal(workbench.document.get("d"), inside);
});

test("a mask is split into its pieces: the largest stays what it was, the others are new and cost nothing", () => {
    const {workbench, choose, get, said} = overlapping();
    choose("a", "c");
    workbench.combining.merge();
    choose("b", "a");
    workbench.combining.split();
    assert.deepEqual(idsOf(workbench).sort(), ["a", "b", "made-1"]);
    assert.deepEqual(
        [picture(workbench, "a"), picture(workbench, "b"), picture(workbench, "made-1")],
        [SQUARE, RIGHT, AWAY],
    );
    const {categoryId, timeSpentS, clicks, author, imageId} = get("made-1");
    assert.deepEqual([categoryId, timeSpentS, clicks, author, imageId], [1, 0, 0, "ann", 7]);
    assert.ok(isByHand(get("made-1")) && !isByHand(get("b")));
    assert.deepEqual(workbench.selection.ids, ["b", "a", "made-1"]);
    assert.equal(said.changes.length, 2);
    workbench.undo();
    assert.deepEqual([idsOf(workbench), get("a").area], [["a", "b"], 13]);
});

test("several masks are mended alike as one step, none of them away", () => {
    const ring = drawn("a", ["####", "#  #", "####"]);
    const other = drawn("b", ["", "", "", "", "####", "# ##", "####"]);
    const dot = drawn("c", ["       #"]);
    const {workbench, said} = bench({masks: [ring, other, dot]});
    workbench.several.selectAll();
    workbench.combining.reshape("fillHoles");
    assert.deepEqual(picture(workbench, "a"), ["####", "####", "####"]);
    assert.deepEqual(picture(workbench, "b"), ["", "", "", "", "####", "####", "####"]);
    assert.equal(workbench.document.get("c"), dot);
    assert.equal(said.changes.length, 1);
    workbench.combining.reshape("fillHoles");
    assert.deepEqual([said.changes.length, said.why], [1, ["The masks stay as they are."]]);
    workbench.combining.reshape("shrink");
    assert.equal(workbench.document.get("c"), dot, "nothing would be left of it");
    workbench.undo();
    workbench.undo();
    assert.deepEqual(idsOf(workbench).map((id) => workbench.document.get(id)), [ring, other, dot]); // prettier-ignore
    assert.equal(workbench.draft.edited, null);
});

test("a mask of noise is not split into hundreds of objects", () => {
    const {workbench, said} = bench({masks: []});
    const size = {height: 30, width: 30};
    workbench.open({
        ...{projectId: 3, imageId: 8, size, decoder: null, image: null, mayAnnotate: true},
        categories: [],
    });
    const noise = Uint8Array.from({length: 900}, (_, k) => ((k % 30) + Math.floor(k / 30)) % 2);
    const mask = rleOf(columnsOf(encodeRle(noise, size)), 30);
    workbench.arrivals.showSaved([{...drawn("a", []), ...mask, imageId: 8}]);
    workbench.select("a");
    workbench.combining.split();
    assert.deepEqual(idsOf(workbench), ["a"]);
    assert.match(said.why[0], /^This mask has 450 pieces/);
});

test("neither a viewer nor somebody who is editing a mask combines masks", () => {
    const {workbench, choose} = overlapping({mayAnnotate: false});
    choose("a", "b");
    assert.deepEqual([workbench.combining.canCombine, workbench.combining.canSplit], [false, false]);
    workbench.combining.merge();
    assert.equal(idsOf(workbench).length, 3);
    const other = overlapping();
    other.choose("a", "b");
    assert.deepEqual(
        [other.workbench.combining.canCombine, other.workbench.combining.canSplit],
        [true, true],
    );
    other.workbench.edit("a");
    assert.deepEqual(
        [other.workbench.combining.canCombine, other.workbench.combining.canSplit],
        [false, false],
    );
});
