import assert from "node:assert/strict";
import test from "node:test";

import {Autosave} from "../../static/js/session/autosave.js";
import {News} from "../../static/js/session/news.js";
import {UnsavedRecords} from "../../static/js/session/unsaved-records.js";
import {annotationOf, journalOf} from "./hand-made.js";
import {bench, categoriesOf, idsOf} from "./hand-made-bench.js";

/** A server that nothing can be saved at, with these rows. */
function newsOf(rows, {deleted = []} = {}) {
    const {workbench} = bench();
    const server = {
        ...{rows, deleted, asked: 0},
        list: async () => (server.asked++, server.rows),
        listDeleted: async () => server.deleted,
    };
    const store = {
        contentOf: ({categoryId}) => String(categoryId),
        create: () => new Promise(() => {}),
        update: () => new Promise(() => {}),
        remove: () => new Promise(() => {}),
    };
    const autosave = new Autosave(store, new UnsavedRecords(journalOf()), async () => {}, {
        ...{onStatus() {}, onConflict() {}, onRefusal() {}},
    });
    const row = (id, version = 1, more = {}) => ({
        ...{annotation: {...annotationOf(id), ...more}, version, number: 1, deletedAt: null},
    });
    autosave.overlay(
        7,
        ["a", "b", "c", "d"].map((id) => row(id)),
    );
    workbench.document.subscribe((changes, origin) => {
        if (origin === "user") autosave.submit(changes);
    });
    const shown = {imageId: 7};
    const news = new News(server, autosave, workbench, (imageId) => imageId === shown.imageId);
    return {workbench, autosave, server, news, row, shown};
}

test("what others made, changed and deleted is shown", async () => {
    const {workbench, server, news, row} = newsOf([]);
    server.rows = [row("a"), row("b", 2, {categoryId: 2}), row("d"), row("e")];
    server.deleted = [row("c", 2)];
    await news.look(7);
    assert.deepEqual(idsOf(workbench), ["a", "b", "d", "e"]);
    assert.deepEqual(categoriesOf(workbench), [1, 2, 1, 1]);
});

test("what is asked about during a look is looked at afterwards", async () => {
    const {workbench, server, news, row} = newsOf([]);
    const [first, second] = [row("a", 2, {categoryId: 2}), row("b", 2, {categoryId: 2})];
    let answer;
    server.list = () => new Promise((resolve) => (answer = resolve));
    const looking = news.look(7);
    const asked = news.look(7); // the second mask was saved after the first answer was made
    server.list = async () => [first, second, row("c"), row("d")];
    answer([first, row("b"), row("c"), row("d")]);
    await Promise.all([looking, asked]);
    assert.deepEqual(categoriesOf(workbench), [2, 2, 1, 1]);
});

test("a mask that a list of several pages missed stays", async () => {
    const {workbench, server, news, row} = newsOf([]);
    server.rows = ["a", "b", "d"].map((id) => row(id));
    await news.look(7);
    assert.deepEqual(idsOf(workbench), ["a", "b", "c", "d"]);
});

test("what this page has not saved yet, and what is being edited, stays under the person's hands", async () => {
    const {workbench, server, news, row} = newsOf([]);
    workbench.select("a");
    workbench.labelling.pick(1);
    workbench.select("b");
    workbench.remove();
    workbench.edit("c");
    server.rows = ["a", "b", "c", "d"].map((id) => row(id, 2, {categoryId: 1, area: 99}));
    await news.look(7);
    assert.deepEqual(idsOf(workbench), ["a", "c", "d"]);
    assert.deepEqual(
        workbench.document.annotations.map(({area}) => area === 99),
        [false, false, true],
    );
    assert.equal(workbench.document.get("a").categoryId, 2);
});

test("a list that was asked for before a save, or for an image that was left, changes nothing", async () => {
    const {workbench, autosave, server, news, row, shown} = newsOf([]);
    autosave.noteListed(row("a", 3));
    server.rows = ["a", "b", "c", "d"].map((id) => row(id, 2, {categoryId: id === "a" ? 2 : 1}));
    await news.look(7);
    assert.equal(workbench.document.get("a").categoryId, 1);
    server.rows = [row("a", 9, {categoryId: 2})];
    const looking = news.look(7);
    shown.imageId = 8;
    await looking;
    assert.equal(workbench.document.get("a").categoryId, 1);
    await news.look(7);
    assert.equal(server.asked, 2);
});
