import assert from "node:assert/strict";
import test from "node:test";

import {marksToWire} from "../../static/js/api/images.js";
import {MarksToSave} from "../../static/js/session/image-marks.js";
import {skippedBecause} from "../../static/js/view/words.js";
import {settle} from "./hand-made.js";

/** A server whose answers come when the test says so. */
function waiting() {
    const [sent, answers] = [[], []];
    const marks = new MarksToSave((imageId, wanted) => {
        sent.push([imageId, wanted.state]);
        return new Promise((resolve, reject) => answers.push({resolve, reject}));
    });
    return {marks, sent, answers};
}

test("a mark is sent at once, the one after it when the first has its answer", async () => {
    const {marks, sent, answers} = waiting();
    void marks.send(7, {state: "skipped"});
    void marks.send(7, {state: "in_progress"});
    assert.deepEqual(sent, [[7, "skipped"]]);
    answers[0].resolve({});
    await settle();
    assert.deepEqual(sent, [
        [7, "skipped"],
        [7, "in_progress"],
    ]);
});

test("one that is refused does not stop the next", async () => {
    const {marks, sent, answers} = waiting();
    const refused = marks.send(7, {state: "skipped"});
    void marks.send(8, {state: "done"});
    answers[0].reject(new Error("no"));
    await assert.rejects(refused, /no/);
    await settle();
    assert.equal(sent.length, 2);
});

test("what is on its way lies over what was fetched, until there is an answer", async () => {
    const {marks, answers} = waiting();
    const fetched = {id: 7, state: "not_started", isFlagged: false};
    void marks.send(7, {state: "skipped"});
    void marks.send(7, {isFlagged: true});
    assert.deepEqual(marks.overlay(fetched), {id: 7, state: "skipped", isFlagged: true});
    assert.deepEqual(marks.overlay({...fetched, id: 8}), {...fetched, id: 8});
    answers[0].resolve({});
    await settle();
    assert.deepEqual(marks.overlay(fetched), {id: 7, state: "not_started", isFlagged: true});
    answers[1].resolve({});
    await marks.settled;
    assert.deepEqual(marks.overlay(fetched), fetched);
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
