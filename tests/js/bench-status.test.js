import assert from "node:assert/strict";
import test from "node:test";

import {isBoxBetter} from "../../static/js/core/quality.js";
import {hint, savingBadge} from "../../static/js/view/bench-status.js";

const NOW = {
    ...{mayAnnotate: true, bundleName: "pocket", isReady: true, isDecoding: false, candidateCount: 0},
    ...{isDraftEmpty: true, isMaskShown: false, selectedCount: 0, hasCategory: true},
    ...{isEditing: false, areMasksMissing: false, tool: "prompt"},
    ...{isShapeBegun: false, isPoorFirstClick: false, isNothingFound: false, isBestByBox: false},
    embedding: {state: "ready", position: null, error: ""},
};
const say = (more) => hint({...NOW, ...more}, (action) => action);

test("the hint asks for a click until there is a draft, by click or by hand", () => {
    assert.match(say({}), /^Click an object, or drag a box/);
    assert.match(say({isBestByBox: true}), /^Drag a box around an object, or click it/);
    const byHand = say({isDraftEmpty: false, isMaskShown: true});
    assert.equal(byHand, "[cancel] clear");
    assert.equal(say({isDraftEmpty: false, isMaskShown: true, candidateCount: 3}).split(" · ")[1], byHand);
});

test("the hint is the chosen tool's, and that of a shape that was begun", () => {
    assert.match(say({tool: "brush"}), /^Drag to paint · right button erases · \[brush-smaller\]/);
    assert.match(say({tool: "eraser"}), /^Drag to erase/);
    assert.match(say({tool: "lasso"}), /^Click corners/);
    assert.match(say({tool: "lasso", isShapeBegun: true}), /^\[accept\] closes the shape/);
});

test("a box comes first where a bundle's benchmark says that it is clearly better", () => {
    assert.deepEqual(
        [isBoxBetter(0.59, 0.76), isBoxBetter(0.75, 0.76), isBoxBetter(0.8, 0.7)],
        [true, false, false],
    );
});

test("a first click that found nothing good offers a box", () => {
    assert.match(say({isDraftEmpty: false, isMaskShown: true, isPoorFirstClick: true}), /^A box around it/);
});

test("where the model found nothing, that is said, and no box is advised", () => {
    const nothing = {isDraftEmpty: false, isMaskShown: true, isPoorFirstClick: true, isNothingFound: true};
    assert.match(say(nothing), /^Nothing found here; zoom in with G \(or another point\)/);
    assert.doesNotMatch(say(nothing), /A box around it/);
});

test("a mask made by hand is no reason to wait for the model", () => {
    assert.equal(say({isReady: false}), "Loading the model…");
    assert.equal(say({isReady: false, isDraftEmpty: false, isMaskShown: true}), "[cancel] clear");
});

test("looking and editing have other words, and missing masks are no empty image", () => {
    assert.match(say({selectedCount: 1}), /^\[edit\] edits it · .* a click begins a new object$/);
    assert.match(say({selectedCount: 1, isEditing: true}), /^Click to refine it/);
    assert.match(
        say({selectedCount: 2}),
        /^\[1\]–\[9\] category of all · \[merge\] merges them · \[delete\] deletes them/,
    );
    assert.match(say({areMasksMissing: true}), /not loaded/);
});

test("a mask that is not accepted is not called saved", () => {
    const saved = {state: "saved", count: 0, reason: "", keeping: "kept"};
    assert.equal(savingBadge(saved).text, "All changes saved");
    assert.deepEqual(savingBadge(saved, true), {tone: "waiting", text: "1 mask not accepted"});
    assert.equal(savingBadge({...saved, state: "saving", count: 2}, true).text, "Saving 2…");
});

test("what the server does not have is said to lie on this computer only when it does", () => {
    const offline = {state: "unsaved", count: 2, reason: "offline", keeping: "kept"};
    assert.deepEqual(savingBadge(offline), {
        tone: "waiting",
        text: "2 saved on this computer, offline, retrying",
    });
    assert.deepEqual(savingBadge({...offline, keeping: "writing"}), {
        tone: "bad",
        text: "2 unsaved, offline, retrying",
    });
    assert.deepEqual(savingBadge({...offline, keeping: "failed"}), {
        tone: "bad",
        text: "2 unsaved and not kept on this computer, offline, retrying",
    });
    const lost = {state: "saved", count: 0, reason: "", keeping: "failed"};
    assert.equal(savingBadge(lost, true).text, "1 mask not accepted, not kept on this computer");
    assert.equal(savingBadge({...offline, reason: "conflict"}).text, "2 unsaved");
});
