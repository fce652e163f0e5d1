import assert from "node:assert/strict";
import test from "node:test";

import {Sight, USUAL} from "../../static/js/session/sight.js";
import {instanceColor} from "../../static/js/view/color.js";
import {HandMadeStorage} from "./hand-made.js";

function sightOf(storage = new HandMadeStorage()) {
    const said = {changes: 0};
    return {sight: new Sight(storage, () => said.changes++), said, storage};
}

test("what was changed is there in the next page, and can be reset", () => {
    const {sight, said, storage} = sightOf();
    sight.toggleInstances();
    sight.toggleOutline();
    sight.changeOpacity(1);
    assert.equal(said.changes, 3);
    const later = sightOf(storage).sight;
    assert.deepEqual(later.settings, {...USUAL, colorBy: "instance", isOutlineOnly: true, opacity: 0.6});
    later.reset();
    assert.deepEqual(sightOf(storage).sight.settings, USUAL);
});

test("the opacity ends at nothing and at all", () => {
    const {sight} = sightOf();
    for (let k = 0; k < 9; k++) sight.changeOpacity(1);
    assert.equal(sight.settings.opacity, 1);
    for (let k = 0; k < 9; k++) sight.changeOpacity(-1);
    assert.equal(sight.settings.opacity, 0);
});

test("a damaged record, or one of another kind, is as if there were none", () => {
    for (const text of ["{", "null", "7", '{"opacity": "much", "contrast": null, "unknown": 1}']) {
        const storage = new HandMadeStorage();
        storage.setItem("maskwright.sight", text);
        assert.deepEqual(sightOf(storage).sight.settings, USUAL, text);
    }
});

test("a full storage keeps nobody from changing it", () => {
    const storage = new HandMadeStorage();
    storage.limit = 0;
    const {sight} = sightOf(storage);
    sight.toggleOutline();
    assert.equal(sight.settings.isOutlineOnly, true);
});

test("objects that follow each other have colours that differ", () => {
    const colors = Array.from({length: 60}, (_, k) => instanceColor(k + 1));
    assert.equal(new Set(colors).size, 60);
    for (const color of colors) assert.match(color, /^#[0-9a-f]{6}$/);
});
