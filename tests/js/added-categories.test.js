import assert from "node:assert/strict";
import test from "node:test";

import {AddedCategories} from "../../static/js/session/added-categories.js";

const CUP = {id: 1, name: "cup", color: "#000000", supercategory: ""};
const SPOON = {id: 2, name: "spoon", color: "#ffffff", supercategory: ""};

test("a project that was fetched before gets the category that was added to it", () => {
    const added = new AddedCategories();
    added.add(7, SPOON);
    assert.deepEqual(added.overlay({id: 7, categories: [CUP]}).categories, [CUP, SPOON]);
});

test("another project, and one that knows it already, stay as they are", () => {
    const added = new AddedCategories();
    added.add(7, SPOON);
    for (const project of [
        {id: 8, categories: [CUP]},
        {id: 7, categories: [SPOON, CUP]},
    ])
        assert.equal(added.overlay(project), project);
});
