import assert from "node:assert/strict";
import test from "node:test";

import {stillWaiting, waitingWork} from "../../static/js/session/waiting-work.js";
import {HandMadeShelf} from "./hand-made.js";

test("what waits is counted by image, for one person, from all tabs", async () => {
    const shelf = new HandMadeShelf();
    await shelf.write({
        put: [
            [["anna", "tab-1", "unsaved", "a"], {imageId: 7}],
            [["anna", "tab-2", "unsaved", "b"], {imageId: 7}],
            [["anna", "tab-2", "unsaved", "c"], {imageId: 9}],
            [["anna", "tab-2", "draft", 9], {}],
            [["ben", "tab-3", "unsaved", "d"], {imageId: 7}],
            [["anna", "tab-2", "unsaved", "e"], null], // damaged
        ],
    });
    const {unsaved, drafts} = await waitingWork(shelf, "anna");
    assert.deepEqual(
        [...unsaved],
        [
            [7, 2],
            [9, 1],
        ],
    );
    assert.deepEqual([...drafts], [9]);
});

test("what is being saved just now does not count", () => {
    const none = new Set();
    const before = {unsaved: new Map([[7, 2]]), drafts: none};
    const now = {unsaved: new Map([[7, 1], [9, 3]]), drafts: none}; // prettier-ignore
    assert.deepEqual([...stillWaiting(before, now).unsaved], [[7, 1]]);
});
