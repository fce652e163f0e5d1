import assert from "node:assert/strict";
import test, {beforeEach} from "node:test";

import {AnnotationServer} from "../../static/js/api/annotations.js";
import {Autosave} from "../../static/js/session/autosave.js";
import {UnsavedRecords} from "../../static/js/session/unsaved-records.js";
import {Workbench} from "../../static/js/session/workbench.js";
import {HandMadePause, HandMadeServer, HandMadeStorage, annotationOf, settle} from "./hand-made.js";
import {HandMadeWorker, decoderImageOf, handMadeDecoder} from "./hand-made-worker.js";

const CATEGORIES = [
    {id: 1, name: "cup", color: "#000000", supercategory: ""},
    {id: 2, name: "person", color: "#ffffff", supercategory: ""},
];
const at = (x, y = 0) => ({x, y, frame: "image"});
const HAND_MADE = {
    ...{segmentation: {size: [8, 8], counts: "hand"}, area: 3, bbox: [0, 0, 1, 3]},
    ...{predictedIou: null, stabilityScore: null},
};

/** A workbench with a real decoder client, on image 7. */
function bench({mayAnnotate = true, categories = CATEGORIES} = {}) {
    const clock = {ms: 0};
    const said = {problems: [], masks: [], changes: 0, missing: 0};
    let ids = 0;
    const workbench = new Workbench(
        "ann",
        {now: () => clock.ms, newId: () => `made-${++ids}`},
        {
            onChange: () => said.changes++,
            onProblem: (text) => said.problems.push(text),
            onMask: (timeStamp) => said.masks.push(timeStamp),
            onCategoryMissing: () => said.missing++,
        },
    );
    const decoder = handMadeDecoder(() => workbench.prompts.decodeAgain());
    const open = (imageId) =>
        workbench.open({
            imageId,
            decoder,
            image: mayAnnotate ? decoderImageOf(imageId) : null,
            categories,
            mayAnnotate,
        });
    open(7);
    return {workbench, decoder, clock, said, open};
}

const stepsOf = ({prompts}) => prompts.prompt.steps.length;
const idsOf = ({document}) => document.annotations.map(({id}) => id);
const decodesOf = () => HandMadeWorker.asked.filter((asked) => asked.startsWith("decode"));

beforeEach(() => HandMadeWorker.reset());

// --- prompts and their answers ---

test("a click is decoded, its best candidate shown and written into the prompt", async () => {
    const {workbench, said} = bench();
    workbench.addPoint(at(1), 1, 42);
    assert.equal(workbench.prompts.isDecoding, true);
    await settle();
    assert.deepEqual(
        workbench.prompts.candidates.map(({index}) => index),
        [2, 1, 3],
    );
    assert.equal(workbench.prompts.shown.index, 2);
    assert.equal(workbench.prompts.prompt.steps[0].maskIndex, 2);
    assert.deepEqual(said.masks, [42]);
    workbench.cycleCandidate(1);
    assert.equal(workbench.prompts.shown.index, 1);
    workbench.cycleCandidate(-1);
    workbench.cycleCandidate(-1);
    assert.equal(workbench.prompts.shown.index, 3);
    assert.equal(decodesOf().length, 1, "another candidate needs no decode");
});

test("an answer that comes after the prompt changed is dropped", async () => {
    const {workbench, said} = bench();
    HandMadeWorker.isHolding = true;
    workbench.addPoint(at(1), 1, 1);
    await settle();
    workbench.addPoint(at(2), 0, 2);
    await HandMadeWorker.latest.answerNext(); // to the prompt of one point
    assert.deepEqual(workbench.prompts.candidates, []);
    assert.deepEqual(said.masks, []);
    await HandMadeWorker.latest.answerNext();
    assert.deepEqual(
        workbench.prompts.candidates.map(({index}) => index),
        [0],
    );
    assert.deepEqual(said.masks, [2]);
});

test("an answer that comes after Escape shows nothing", async () => {
    const {workbench} = bench();
    HandMadeWorker.isHolding = true;
    workbench.addPoint(at(1), 1, 1);
    await settle();
    workbench.cancel();
    assert.equal(workbench.prompts.isDecoding, false);
    await HandMadeWorker.latest.answerNext();
    assert.equal(workbench.prompts.shown, null);
    assert.equal(stepsOf(workbench), 0);
});

test("an answer for the image before is dropped", async () => {
    const {workbench, open} = bench();
    HandMadeWorker.isHolding = true;
    workbench.addPoint(at(1), 1, 1);
    await settle();
    open(8);
    await HandMadeWorker.latest.answerNext();
    assert.deepEqual(workbench.prompts.candidates, []);
    HandMadeWorker.isHolding = false;
    workbench.addPoint(at(1), 1, 2);
    await settle();
    assert.equal(decodesOf().at(-1), "decode 8 x1", "the same steps on another image are another question");
    assert.equal(workbench.prompts.candidates.length, 3);
});

test("a worker that is lost in mid-decode is replaced, and the newest prompt decoded by the next one", async () => {
    const {workbench, said} = bench();
    HandMadeWorker.isHolding = true;
    workbench.addPoint(at(1), 1, 1);
    await settle();
    HandMadeWorker.isHolding = false;
    await HandMadeWorker.latest.crash();
    await settle();
    assert.equal(HandMadeWorker.started.length, 2);
    assert.equal(workbench.prompts.candidates.length, 3);
    assert.equal(workbench.prompts.isDecoding, false);
    assert.deepEqual(said.problems, []);
});

test("a worker lost while a mask is being accepted finishes it in the next one", async () => {
    const {workbench} = bench();
    workbench.addPoint(at(1), 1, 1);
    await settle();
    HandMadeWorker.isHolding = true;
    workbench.accept();
    await settle();
    assert.equal(workbench.isAccepting, true);
    HandMadeWorker.isHolding = false;
    await HandMadeWorker.latest.crash();
    await settle();
    assert.deepEqual(idsOf(workbench), ["made-1"]);
    assert.equal(workbench.isAccepting, false);
});

test("a decode that fails is said, and the next step is decoded as usual", async () => {
    const {workbench, said} = bench();
    HandMadeWorker.trouble = "The decoder failed.";
    workbench.addPoint(at(1), 1, 1);
    await settle();
    assert.deepEqual(said.problems, ["The decoder failed."]);
    assert.equal(workbench.prompts.shown, null);
    workbench.addPoint(at(2), 1, 2);
    await settle();
    assert.equal(workbench.prompts.shown.index, 0);
});

test("another category for the selected mask leaves the decode under way alone", async () => {
    const {workbench, said} = bench();
    workbench.showSaved([annotationOf("a")]);
    workbench.select("a");
    HandMadeWorker.isHolding = true;
    workbench.addPoint(at(1), 1, 42);
    await settle();
    workbench.pickCategory(1);
    assert.equal(workbench.document.get("a").categoryId, 2);
    await HandMadeWorker.latest.answerNext();
    assert.deepEqual(said.masks, [42]);
    assert.equal(decodesOf().length, 1);
});

test("a preview is given only while nothing is being worked on", async () => {
    const {workbench} = bench();
    assert.equal((await workbench.preview(at(1))).index, 2);
    workbench.addPoint(at(1), 1, 1);
    assert.equal(decodesOf().length, 1, "the click's decode was done already");
    assert.equal(await workbench.preview(at(5)), null);
    await settle();
    assert.equal(workbench.prompts.candidates.length, 3);
});

// --- accepting ---

test("what is done after Enter belongs to the next object", async () => {
    const {workbench} = bench();
    workbench.addPoint(at(1), 1, 1);
    workbench.accept(); // before the decode has answered
    workbench.addPoint(at(5), 1, 2);
    workbench.addPoint(at(6), 1, 3);
    assert.equal(workbench.isAccepting, true);
    await settle();
    assert.deepEqual(
        workbench.document.annotations.map(({area}) => area),
        [1],
    );
    assert.equal(stepsOf(workbench), 2);
});

test("seconds and clicks are counted from the first click on, and go on when a mask is continued", async () => {
    const {workbench, clock} = bench();
    clock.ms = 5000; // looking for the object
    workbench.addPoint(at(1), 1, 1);
    clock.ms = 6000;
    workbench.addPoint(at(2), 1, 1);
    workbench.removeLastStep();
    clock.ms = 6540;
    workbench.accept();
    await settle();
    const [first] = workbench.document.annotations;
    assert.deepEqual([first.timeSpentS, first.clicks], [1.5, 2]);
    clock.ms = 60_000;
    workbench.select(first.id);
    await settle();
    clock.ms = 61_000;
    workbench.addPoint(at(3), 0, 1);
    workbench.accept();
    await settle();
    const [after] = workbench.document.annotations;
    assert.deepEqual([after.id, after.timeSpentS, after.clicks], [first.id, 2.5, 3]);
    assert.equal(after.createdAt, first.createdAt);
});

test("without a category nothing is accepted, and the prompt stays", async () => {
    const {workbench, said} = bench({categories: []});
    workbench.addPoint(at(1), 1, 1);
    workbench.accept();
    await settle();
    assert.equal(said.missing, 1);
    assert.deepEqual(idsOf(workbench), []);
    assert.equal(stepsOf(workbench), 1);
});

test("a mask that cannot be finished is said, and the prompt stays", async () => {
    const {workbench, said} = bench();
    workbench.addPoint(at(1), 1, 1);
    await settle();
    HandMadeWorker.trouble = "Out of memory.";
    workbench.accept();
    await settle();
    assert.deepEqual(said.problems, ["Out of memory."]);
    assert.equal(workbench.isAccepting, false);
    workbench.accept();
    await settle();
    assert.deepEqual(idsOf(workbench), ["made-1"]);
});

test("a mask made by hand is accepted without a prompt and without a decoder", async () => {
    const {workbench} = bench();
    workbench.open({imageId: 9, decoder: null, image: null, categories: CATEGORIES, mayAnnotate: true});
    assert.deepEqual([workbench.canAccept, workbench.shownMask, workbench.savedAs], [false, null, null]);
    workbench.showHandMade(HAND_MADE);
    assert.equal(workbench.canAccept, true);
    assert.deepEqual(workbench.shownMask, {handMade: HAND_MADE, candidate: null});
    assert.equal(workbench.savedAs.name, "cup");
    workbench.accept();
    await settle();
    const [mask] = workbench.document.annotations;
    assert.deepEqual(
        [mask.imageId, mask.prompt, mask.bundleDigest, mask.segmentation.counts, mask.clicks],
        [9, null, "", "hand", 1],
    );
    workbench.undo();
    assert.equal(workbench.draft.handMade, HAND_MADE);
    workbench.undo();
    assert.equal(workbench.draft.isEmpty, true);
    assert.deepEqual(HandMadeWorker.asked, []);
});

test("a correction by hand takes the place of the prompt's mask until the next click", async () => {
    const {workbench} = bench();
    workbench.addPoint(at(1), 1, 1);
    await settle();
    const {candidate} = workbench.shownMask;
    assert.equal(candidate, workbench.prompts.shown);
    workbench.showHandMade(HAND_MADE);
    assert.deepEqual(workbench.shownMask, {handMade: HAND_MADE, candidate: null});
    workbench.addPoint(at(2), 1, 1);
    await settle();
    assert.equal(workbench.shownMask.handMade, null);
    workbench.undo();
    assert.deepEqual(workbench.shownMask, {handMade: HAND_MADE, candidate: null});
    workbench.accept();
    await settle();
    assert.equal(workbench.shownMask, null);
    const [mask] = workbench.document.annotations;
    assert.deepEqual([mask.segmentation.counts, mask.prompt, mask.bundleDigest], ["hand", null, ""]);
});

test("a saved mask that was corrected by hand loses its prompt, opens as it was saved, and gets it back by undo", async () => {
    const {workbench} = bench();
    workbench.addPoint(at(1), 1, 1);
    workbench.accept();
    await settle();
    workbench.select("made-1");
    await settle();
    const prompt = workbench.document.get("made-1").prompt;
    workbench.showHandMade(HAND_MADE);
    workbench.accept();
    await settle();
    assert.equal(workbench.document.get("made-1").prompt, null);
    workbench.select("made-1");
    await settle();
    assert.deepEqual([workbench.shownMask, workbench.savedAs, stepsOf(workbench)], [null, null, 0]);
    workbench.undo();
    await settle();
    assert.deepEqual(workbench.document.get("made-1").prompt, prompt);
    assert.deepEqual(workbench.shownMask, {handMade: HAND_MADE, candidate: null});
});

// --- selecting, deleting, undoing ---

test("undo and redo go through points, saves, categories and deletes", async () => {
    const {workbench} = bench();
    workbench.addPoint(at(1), 1, 1);
    await settle();
    workbench.accept();
    await settle();
    workbench.select("made-1");
    workbench.pickCategory(1);
    workbench.remove();
    const state = () => [
        idsOf(workbench).length,
        workbench.document.annotations[0]?.categoryId ?? 0,
        stepsOf(workbench),
    ];
    const seen = [state()];
    for (let k = 0; k < 4; k++) {
        workbench.undo();
        await settle();
        seen.push(state());
    }
    // deleted; back; its old category; the prompt before it was saved; nothing
    assert.deepEqual(seen, [
        [0, 0, 0],
        [1, 2, 1],
        [1, 1, 1],
        [0, 0, 1],
        [0, 0, 0],
    ]);
    assert.equal(workbench.draft.canUndo, false);
    for (let k = 0; k < 4; k++) workbench.redo();
    await settle();
    assert.deepEqual(state(), [0, 0, 0]);
});

test("looking at saved masks is nothing to undo, leaving a changed prompt is", async () => {
    const {workbench} = bench();
    workbench.addPoint(at(1), 1, 1);
    workbench.accept();
    await settle();
    workbench.select("made-1");
    await settle();
    workbench.select(null);
    workbench.undo(); // the save
    await settle();
    assert.deepEqual(idsOf(workbench), []);
    workbench.redo();
    workbench.select("made-1");
    workbench.addPoint(at(2), 1, 1);
    await settle();
    workbench.select(null);
    workbench.undo();
    assert.equal(workbench.selection.id, "made-1");
    assert.equal(stepsOf(workbench), 2);
});

test("a delete during an accept comes after it, and twice is once", async () => {
    const {workbench} = bench();
    workbench.showSaved([annotationOf("old")]);
    workbench.addPoint(at(1), 1, 1);
    workbench.accept();
    workbench.remove("old");
    workbench.remove("old");
    await settle();
    assert.deepEqual(idsOf(workbench), ["made-1"]);
});

test("a viewer selects masks and changes nothing", async () => {
    const {workbench, said} = bench({mayAnnotate: false});
    workbench.showSaved([annotationOf("a")]);
    const before = said.changes;
    workbench.select("a");
    assert.equal(workbench.selection.id, "a");
    assert.ok(said.changes > before, "it is shown");
    workbench.addPoint(at(1), 1, 1);
    workbench.showHandMade(HAND_MADE);
    workbench.accept();
    workbench.remove();
    workbench.pickCategory(1);
    await settle();
    assert.deepEqual(workbench.document.annotations, [annotationOf("a")]);
    assert.deepEqual(HandMadeWorker.asked, []);
});

test("masks made before the saved ones are listed stay", async () => {
    const {workbench} = bench();
    workbench.addPoint(at(1), 1, 1);
    workbench.accept();
    await settle();
    workbench.showSaved([annotationOf("saved", {createdAt: "2020"})]);
    assert.deepEqual(idsOf(workbench), ["saved", "made-1"]);
    workbench.undo();
    assert.deepEqual(idsOf(workbench), ["saved"]);
});

test("hidden masks are hidden one by one or all at once, and shown again on another image", () => {
    const {workbench, open} = bench();
    const {visibility} = workbench;
    visibility.toggle("a");
    assert.deepEqual([visibility.isHidden("a"), visibility.isHidden("b")], [true, false]);
    visibility.toggleAll();
    assert.equal(visibility.isHidden("b"), true);
    visibility.toggleAll();
    open(8);
    assert.equal(visibility.isHidden("a"), false);
});

// --- with autosave under it ---

function savingBench() {
    const world = bench();
    const [server, waiting] = [new HandMadeServer(), new HandMadePause()];
    const conflicts = [];
    const autosave = new Autosave(
        new AnnotationServer(server),
        new UnsavedRecords(new HandMadeStorage(), "ann"),
        waiting.pause,
        {
            onStatus: () => {},
            onConflict: (conflict) => conflicts.push(conflict),
            onRefusal: () => {},
            onDamaged: () => {},
        },
    );
    world.workbench.document.subscribe((changes, origin) => origin === "user" && autosave.submit(changes));
    return {...world, server, waiting, autosave, conflicts};
}

test("an undo while the mask is being saved takes it off the server, a redo puts it back", async () => {
    const {workbench, server, autosave} = savingBench();
    server.isHolding = true;
    workbench.addPoint(at(1), 1, 1);
    workbench.accept();
    await settle();
    workbench.undo(); // its POST is on its way
    assert.deepEqual(idsOf(workbench), []);
    await server.answerNext();
    await server.answerNext();
    assert.equal(server.rows.get("made-1").isDeleted, true);
    assert.equal(autosave.status.state, "saved");
    workbench.redo();
    await settle();
    await server.answerNext();
    assert.equal(server.rows.get("made-1").isDeleted, false);
    assert.deepEqual(idsOf(workbench), ["made-1"]);
});

test("their side of a conflict replaces the mask, and an undo from before it is forgotten", async () => {
    const {workbench, server, autosave, conflicts} = savingBench();
    workbench.addPoint(at(1), 1, 1);
    workbench.accept();
    await settle();
    server.change("made-1", {clicks: 77});
    workbench.select("made-1");
    workbench.pickCategory(1);
    await settle();
    const [{id, theirs}] = conflicts;
    workbench.replaceFromServer(id, theirs);
    autosave.resolveConflict(id, "theirs");
    await settle();
    assert.deepEqual(
        workbench.document.annotations.map(({categoryId, clicks}) => [categoryId, clicks]),
        [[1, 77]],
    );
    assert.equal(workbench.selection.id, null);
    assert.equal(workbench.draft.canUndo, false);
    assert.equal(autosave.status.state, "saved");
});
