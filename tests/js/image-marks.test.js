import assert from "node:assert/strict";
import test from "node:test";

import {marksToWire} from "../../static/js/api/images.js";
import {MarksToSave} from "../../static/js/session/image-marks.js";
import {skippedBecause} from "../../static/js/view/words.js";
import {together} from "../../static/js/session/save-status.js";
import {HandMadePause, HandMadeShelf, HandMadeStorage, HandMadeTabs, journalOf, settle} from "./hand-made.js";

const UNTOUCHED = {state: "not_started", skipReason: "", skipNote: "", isFlagged: false, flagNote: ""};
const imageOf = (id, more = {}) => ({
    id,
    name: `${id}.png`,
    flaggedBy: null,
    flaggedAt: null,
    ...UNTOUCHED,
    ...more,
});

/** A server whose answers come when the test says so. */
function waiting(journal = journalOf(), now = (id) => imageOf(id)) {
    const [sent, answers, shown, refused, outdated] = [[], [], [], [], []];
    const pause = new HandMadePause();
    const server = {
        look: async (imageId) => now(imageId),
        save(imageId, wanted) {
            sent.push([imageId, wanted.state]);
            return new Promise((resolve, reject) =>
                answers.push({take: () => resolve(imageOf(imageId, wanted)), refuse: reject}),
            );
        },
        troubleOf: ({message}) => (["offline", "signed_out"].includes(message) ? message : ""),
    };
    const marks = new MarksToSave(journal, server, pause.pause, () => {});
    marks.onShown = (imageId, {state}) => shown.push([imageId, state]);
    marks.onRefused = ({name}, {message}) => refused.push(`${name} ${message}`);
    marks.onOutdated = ({name}) => outdated.push(name);
    return {marks, sent, answers, shown, refused, outdated, pause, journal};
}

test("a mark is sent at once, the one after it when the first has its answer", async () => {
    const {marks, sent, answers} = waiting();
    marks.send(imageOf(7), {state: "skipped"});
    marks.send(imageOf(7), {state: "in_progress"});
    assert.deepEqual(sent, [[7, "skipped"]]);
    answers[0].take();
    await settle();
    assert.deepEqual(sent, [
        [7, "skipped"],
        [7, "in_progress"],
    ]);
});

test("what the server refuses is said and taken back, a later mark of the same image stays", async () => {
    const {marks, sent, answers, refused, shown} = waiting();
    marks.send(imageOf(7), {state: "skipped"});
    marks.send(imageOf(7), {isFlagged: true});
    marks.send(imageOf(8), {state: "done"});
    answers[0].refuse(new Error("no"));
    await settle();
    assert.deepEqual(refused, ["7.png no"]);
    assert.deepEqual(shown.at(-1), [7, "not_started"]);
    assert.equal(marks.overlay(imageOf(7)).isFlagged, true);
    answers[1].take();
    await settle();
    answers[2].take();
    await settle();
    assert.deepEqual(sent.at(-1), [8, "done"]);
});

test("what is on its way, and what has just arrived, lies over what was fetched before", async () => {
    const {marks, answers} = waiting();
    marks.send(imageOf(7), {state: "skipped"});
    marks.send(imageOf(7), {isFlagged: true});
    const seen = (image) => [image.state, image.isFlagged];
    assert.deepEqual(seen(marks.overlay(imageOf(7))), ["skipped", true]);
    assert.deepEqual(marks.overlay(imageOf(8)), imageOf(8));
    answers[0].take();
    await settle();
    assert.deepEqual(seen(marks.overlay(imageOf(7))), ["skipped", true]);
});

test("while the server is away, or the person signed out, a mark waits on this computer", async () => {
    const {marks, answers, sent, refused, pause, journal} = waiting();
    const settled = [];
    marks.send(imageOf(7), {state: "done"});
    void marks.settled.then(() => settled.push("now"));
    answers[0].refuse(new Error("signed_out"));
    await settle();
    assert.deepEqual(marks.status, {state: "unsaved", count: 1, reason: "signed_out", keeping: "kept"});
    assert.deepEqual([settled, journal.all("mark").length], [["now"], 1]);
    await pause.over();
    await settle();
    answers[1].take();
    await settle();
    assert.deepEqual(
        [sent, settled, refused],
        [
            [
                [7, "done"],
                [7, "done"],
            ],
            ["now"],
            [],
        ],
    );
    assert.deepEqual([marks.status.state, journal.all("mark")], ["saved", []]);
});

/** A page that finds what an earlier one could not send, and the image as the server has it then. */
async function pageAfter(now) {
    const shelf = new HandMadeShelf();
    waiting(journalOf(shelf)).marks.send(imageOf(7), {state: "done"});
    await settle();
    const journal = journalOf(shelf, new HandMadeTabs(new Map()));
    await journal.open(7, new HandMadeStorage());
    const page = waiting(journal, () => now);
    page.marks.resume();
    await settle();
    return page;
}

test("what a page could not send is shown and sent by the next one", async () => {
    const {marks, sent, answers, shown, outdated} = await pageAfter(imageOf(7));
    assert.deepEqual([sent, shown[0], outdated], [[[7, "done"]], [7, "done"], []]);
    answers[0].take();
    await settle();
    assert.equal(marks.status.state, "saved");
});

test("what an earlier page left is not sent where the image was marked since, or where it has arrived", async () => {
    const otherwise = await pageAfter(imageOf(7, {isFlagged: true}));
    assert.deepEqual(
        [otherwise.sent, otherwise.outdated, otherwise.journal.all("mark")],
        [[], ["7.png"], []],
    );
    assert.deepEqual(otherwise.shown.at(-1), [7, "not_started"]);
    const arrived = await pageAfter(imageOf(7, {state: "done"}));
    assert.deepEqual([arrived.sent, arrived.outdated, arrived.marks.status.state], [[], [], "saved"]);
});

test("of two statuses the worse one counts", () => {
    const saved = {state: "saved", count: 0, reason: "", keeping: "kept"};
    const offline = {state: "unsaved", count: 2, reason: "offline", keeping: "writing"};
    assert.deepEqual(together(saved, saved), saved);
    assert.deepEqual(together(saved, offline), offline);
    assert.deepEqual(together({...saved, state: "saving", count: 1}, offline), {...offline, count: 3});
    const conflict = {state: "unsaved", count: 1, reason: "conflict", keeping: "kept"};
    assert.equal(together(conflict, {...offline, reason: "signed_out"}).reason, "signed_out");
});

test("on the wire a reason goes with the state skipped, a note with a flag", () => {
    assert.deepEqual(marksToWire({state: "done", skipReason: "", skipNote: ""}), {state: "done"});
    assert.deepEqual(marksToWire({state: "skipped", skipReason: "other", skipNote: "twice"}), {
        ...{state: "skipped", skip_reason: "other", skip_note: "twice"},
    });
    assert.deepEqual(marksToWire({isFlagged: true, flagNote: "look"}), {flagged: true, flag_note: "look"});
    assert.deepEqual(marksToWire({isFlagged: false, flagNote: ""}), {flagged: false});
});

test("a reason in words is the listed one, the person's own, or both", () => {
    assert.equal(skippedBecause({skipReason: "", skipNote: ""}), "");
    assert.equal(skippedBecause({skipReason: "nothing", skipNote: ""}), "nothing to annotate");
    assert.equal(
        skippedBecause({skipReason: "unsure", skipNote: "cats?"}),
        "not sure what to annotate: cats?",
    );
    assert.equal(skippedBecause({skipReason: "other", skipNote: "twice"}), "twice");
});
