import assert from "node:assert/strict";
import test from "node:test";

import {ListedImages} from "../../static/js/session/listed-images.js";
import {settle} from "./hand-made.js";

const rowAt = (index) => ({
    ...{id: 1000 + index, name: `${index}.png`, position: index + 1},
    ...{state: "not_started", isFlagged: false, thumbnailUrl: ""},
});

/** A list of that many images on a server that can be away. */
function listOf(total) {
    const server = {total, isAway: false, asked: [], first: 0};
    const changes = [];
    const listed = new ListedImages(
        async ({start, count}) => {
            server.asked.push(start);
            if (server.isAway) throw new Error("away");
            const here = Math.max(0, Math.min(count, server.total - start));
            const images = Array.from({length: here}, (_, k) => {
                const {id} = rowAt(start + k + server.first);
                return {...rowAt(start + k), id};
            });
            return {total: server.total, images};
        },
        () => changes.push("change"),
    );
    return {listed, server, changes};
}

test("of thousands of images only the windows that are looked at are fetched, each once", async () => {
    const {listed, server} = listOf(5000);
    assert.equal(listed.place(3000, {position: 2001, total: 5000}), 2000);
    listed.want(1990, 2010);
    listed.want(1995, 2015);
    await settle();
    assert.deepEqual(server.asked, [1980]);
    assert.deepEqual([listed.at(2000).id, listed.at(0)], [3000, null]);
    listed.want(2030, 2045);
    await settle();
    assert.deepEqual(server.asked, [1980, 2040]);
});

test("nothing beyond the end is asked for", async () => {
    const {listed, server} = listOf(10);
    listed.place(1000, {position: 1, total: 10});
    listed.want(0, 400);
    await settle();
    assert.deepEqual([server.asked, listed.total], [[0], 10]);
});

test("an image that is marked stays where it is, though the server's list lost it", async () => {
    const {listed, server} = listOf(5);
    listed.place(1000, {position: 1, total: 5});
    listed.want(0, 4);
    await settle();
    listed.mark(1000, {state: "done"});
    assert.equal(listed.at(0).state, "done");
    server.total = 4;
    server.first = 1;
    assert.equal(listed.place(1001, {position: 1, total: 4}), 1, "as the strip shows it");
    assert.deepEqual(server.asked, [0]);
});

test("an image that the list did not have brings it up to date", async () => {
    const {listed, server} = listOf(5);
    listed.place(1000, {position: 1, total: 5});
    listed.want(0, 4);
    await settle();
    Object.assign(server, {total: 6, first: -1});
    assert.equal(listed.place(999, {position: 1, total: 6}), 0);
    assert.equal(listed.at(0).id, 1000, "shown until the new rows are there");
    listed.want(0, 5);
    await settle();
    assert.deepEqual([listed.at(0).id, listed.total], [999, 6]);
    assert.equal(listed.place(999, {position: 1, total: 6}), 0);
});

test("what could not be fetched is asked for when it is looked at again", async () => {
    const {listed, server} = listOf(5);
    server.isAway = true;
    listed.place(1000, {position: 1, total: 5});
    listed.want(0, 4);
    await settle();
    assert.equal(listed.at(0), null);
    server.isAway = false;
    listed.want(0, 4);
    await settle();
    assert.equal(listed.at(0).id, 1000);
});

test("an answer that is older than the refresh is dropped", async () => {
    const {listed, server, changes} = listOf(5);
    listed.place(1000, {position: 1, total: 5});
    listed.want(0, 4);
    listed.refresh();
    await settle();
    assert.deepEqual([listed.at(0), changes], [null, []]);
    listed.want(0, 4);
    await settle();
    assert.deepEqual(server.asked, [0, 0]);
});

test("an image that no longer fits the list's filter is looked for once", async () => {
    const {listed, server} = listOf(5);
    listed.place(1000, {position: 1, total: 5});
    listed.want(0, 4);
    await settle();
    for (let k = 0; k < 3; k++) {
        assert.equal(listed.place(77, {position: 2, total: 5}), 1);
        listed.want(0, 4);
        await settle();
    }
    assert.deepEqual(server.asked, [0, 0]);
});
