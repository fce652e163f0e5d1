import assert from "node:assert/strict";
import test from "node:test";

import {NewestCategories} from "../../static/js/session/newest-categories.js";

const CUP = {id: 1, name: "cup", color: "#000000", supercategory: ""};
const SPOON = {id: 2, name: "spoon", color: "#ffffff", supercategory: ""};

test("a project that was asked for before gets the categories that there are now", () => {
    const newest = new NewestCategories();
    newest.note(7, [CUP, SPOON], 10);
    assert.deepEqual(newest.overlay({id: 7, categories: [CUP]}, 9).categories, [CUP, SPOON]);
});

test("another project, and one that was asked for later, stay as they are", () => {
    const newest = new NewestCategories();
    newest.note(7, [CUP, SPOON], 10);
    const [other, later] = [
        {id: 8, categories: [CUP]},
        {id: 7, categories: [CUP]},
    ];
    assert.equal(newest.overlay(other, 9), other);
    assert.equal(newest.overlay(later, 11), later);
});
