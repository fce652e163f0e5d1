import assert from "node:assert/strict";
import test from "node:test";

import {CategoryKeys} from "../../static/js/view/commands/category-keys.js";

const CATEGORIES = ["cup", "person", "spoon"].map((name, k) => ({
    id: k + 1,
    name,
    color: "#000000",
    supercategory: "",
}));
const [CUP, PERSON] = CATEGORIES;

/** A person's keys, at a workbench where E edits. */
function keysOf(categoryKeys = {}) {
    const preferences = {
        settings: {categoryKeys},
        change(changes) {
            Object.assign(this.settings, changes);
        },
    };
    const commands = {
        actionOf: (chord) => (chord === "e" ? "edit" : null),
        get: () => ({title: "Edit the selected mask"}),
    };
    return {keys: new CategoryKeys(preferences, commands), preferences};
}

test("a category gets a key, which picks it, and loses it again", () => {
    const {keys, preferences} = keysOf();
    assert.equal(keys.give(CUP, "alt+q", CATEGORIES), "Alt Q picks cup from now on.");
    assert.deepEqual([keys.keyOf(1), keys.indexOf("alt+q", CATEGORIES)], ["Alt Q", 0]);
    assert.deepEqual(preferences.settings.categoryKeys, {1: "alt+q"});
    assert.equal(keys.give(CUP, "", CATEGORIES), "cup has no key of its own any more.");
    assert.deepEqual([keys.keyOf(1), keys.indexOf("alt+q", CATEGORIES)], ["", -1]);
});

test("one key picks one category of a project; another project's keeps it", () => {
    const {keys, preferences} = keysOf({1: "alt+q", 99: "alt+q"});
    assert.equal(keys.give(PERSON, "alt+q", CATEGORIES), "Alt Q picks person from now on. cup has lost it.");
    assert.deepEqual(preferences.settings.categoryKeys, {2: "alt+q", 99: "alt+q"});
    assert.equal(keys.indexOf("alt+q", CATEGORIES), 1);
});

test("a command's key and a digit are refused in words", () => {
    const {keys, preferences} = keysOf();
    assert.match(keys.give(CUP, "e", CATEGORIES), /^E is the key of “Edit the selected mask”/);
    assert.match(keys.give(CUP, "7", CATEGORIES), /^Digits pick/);
    assert.deepEqual(preferences.settings.categoryKeys, {});
});

test("a key that a command has got since is the command's", () => {
    const {keys} = keysOf({1: "e"});
    assert.deepEqual([keys.keyOf(1), keys.indexOf("e", CATEGORIES)], ["", -1]);
});
