import assert from "node:assert/strict";
import test from "node:test";

import {isCategoryList, parseCategories} from "../../static/js/core/category-list.js";

test("a list has a category on each line, each once, whatever the line ends are", () => {
    assert.deepEqual(parseCategories(" dog\r\ncat \n\n\tlost\rDog\ntraffic   light\n"), [
        {name: "dog", supercategory: ""},
        {name: "cat", supercategory: ""},
        {name: "traffic light", supercategory: ""},
    ]);
});

test("the second column of a spreadsheet is the supercategory, others are left out", () => {
    assert.deepEqual(parseCategories("dog\tanimal\t17\ncar\t vehicle "), [
        {name: "dog", supercategory: "animal"},
        {name: "car", supercategory: "vehicle"},
    ]);
});

test("one name is not a list, whatever is around it", () => {
    assert.deepEqual(["dog", " dog\n", "", "dog\ncat"].map(isCategoryList), [false, false, false, true]);
});
