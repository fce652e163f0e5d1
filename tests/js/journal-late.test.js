// What this tab kept is read late: the disk gave no answer when the page began.

import assert from "node:assert/strict";
import test from "node:test";

import {newUuid} from "../../static/js/storage/new-uuid.js";
import {HandMadeShelf, HandMadeStorage, HandMadeTabs, journalOf, settle} from "./hand-made.js";

/** A page that kept two changes and was loaded anew, while the disk gives no answer. */
async function unread() {
    const shelf = new HandMadeShelf();
    const browser = new Map();
    const before = journalOf(shelf, new HandMadeTabs(browser, "tab"));
    await before.open(7, new HandMadeStorage());
    await before.put("unsaved", "a", {imageId: 7, says: "old a"});
    await before.put("unsaved", "b", {imageId: 7, says: "old b"});
    const tabs = new HandMadeTabs(browser, "tab");
    const journal = journalOf(shelf, tabs);
    const taken = [];
    journal.onTaken = (entries) => taken.push(...entries.map(({id}) => id));
    shelf.trouble = "no answer";
    await journal.open(7, new HandMadeStorage());
    assert.deepEqual([journal.all("unsaved"), journal.isWorking], [[], false]);
    return {shelf, browser, tabs, journal, taken};
}

const said = (journal) => journal.all("unsaved").map(({says}) => says);

test("the first write reads first, and what was kept before is sent too", async () => {
    const {shelf, journal, taken} = await unread();
    shelf.trouble = "";
    assert.equal(await journal.put("unsaved", "c", {imageId: 7, says: "new c"}), true);
    assert.deepEqual(said(journal).sort(), ["new c", "old a", "old b"]);
    assert.deepEqual([taken, journal.isWorking], [["a", "b"], true]);
});

test("a newer change of the same mask does not overwrite the older one: that comes after it, as another tab's", async () => {
    const {shelf, browser, journal} = await unread();
    shelf.trouble = "";
    await journal.put("unsaved", "a", {imageId: 7, says: "new a"});
    assert.deepEqual(said(journal).sort(), ["new a", "old b"]);
    journal.remove("unsaved", "a"); // the server has it
    await settle();
    await settle();
    assert.deepEqual(said(journal).sort(), ["old a", "old b"]);
    assert.equal(browser.size, 1);
});

test("what was saved meanwhile takes nothing away that was not read yet", async () => {
    const {shelf, journal} = await unread();
    await journal.put("unsaved", "a", {imageId: 7, says: "new a"});
    assert.equal(journal.keeping("unsaved"), "failed");
    await settle(); // it was tried once more
    shelf.trouble = "";
    journal.remove("unsaved", "a");
    for (let k = 0; k < 8; k++) await settle();
    assert.deepEqual(said(journal).sort(), ["old a", "old b"]);
});

test("as long as it cannot be read, nothing is written", async () => {
    const {shelf, journal} = await unread();
    shelf.below = () => Promise.reject(new Error("no answer"));
    shelf.trouble = "";
    assert.equal(await journal.put("unsaved", "a", {imageId: 7, says: "new a"}), false);
    assert.deepEqual([journal.keeping("unsaved"), said(journal)], ["failed", ["new a"]]);
});

test("ids are made without crypto.randomUUID too, which plain HTTP does not have", (t) => {
    const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    assert.match(newUuid(), pattern);
    const own = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(crypto), "randomUUID");
    t.after(() => Object.defineProperty(Object.getPrototypeOf(crypto), "randomUUID", own));
    Object.defineProperty(Object.getPrototypeOf(crypto), "randomUUID", {
        value: undefined,
        configurable: true,
    });
    const ids = Array.from({length: 100}, newUuid);
    for (const id of ids) assert.match(id, pattern);
    assert.equal(new Set(ids).size, 100);
});
