import assert from "node:assert/strict";
import test, {beforeEach} from "node:test";

import {AnnotationServer} from "../../static/js/api/annotations.js";
import {Autosave} from "../../static/js/session/autosave.js";
import {KeptDrafts} from "../../static/js/session/kept-drafts.js";
import {LastCategory} from "../../static/js/session/last-category.js";
import {UnsavedRecords} from "../../static/js/session/unsaved-records.js";
import {Workbench} from "../../static/js/session/workbench.js";
import {countsFromRuns} from "../../static/js/core/rle.js";
import {
    HandMadePause,
    HandMadeServer,
    HandMadeStorage,
    annotationOf,
    settle,
    HandMadeShelf,
    journalOf,
} from "./hand-made.js";
import {BUNDLE, HandMadeWorker, decoderImageOf, handMadeDecoder} from "./hand-made-worker.js";

const CATEGORIES = [
    {id: 1, name: "cup", color: "#000000", supercategory: ""},
    {id: 2, name: "person", color: "#ffffff", supercategory: ""},
];
const at = (x, y = 0) => ({x, y, frame: "image"});
/** The first three pixels of the third column, as a brush would paint them. */
const paint = (workbench) => workbench.hand.paint(new Map([[2, [0, 3]]]), false);
const PAINTED = {
    ...{segmentation: {size: [8, 8], counts: countsFromRuns([16, 3, 45])}, area: 3, bbox: [2, 0, 1, 3]},
    ...{predictedIou: null, stabilityScore: null},
};

/** A workbench with a real decoder client, on image 7. */
function bench({
    mayAnnotate = true,
    overlap = "allow",
    categories = CATEGORIES,
    storage = new HandMadeStorage(),
    shelf = new HandMadeShelf(),
    journal = journalOf(shelf),
    projectId = 3,
    settings = {farClickAccepts: false, quickMode: false},
} = {}) {
    const clock = {ms: 0};
    const said = {problems: [], masks: [], changes: 0, missing: 0, deleted: [], quick: [], words: []};
    let ids = 0;
    const workbench = new Workbench(
        "ann",
        {
            ...{now: () => clock.ms, newId: () => `made-${++ids}`},
            ...{drafts: new KeptDrafts(journal), lastCategory: new LastCategory(storage, "ann")},
            settings: () => settings,
        },
        {
            onChange: () => said.changes++,
            onProblem: (text) => said.problems.push(text),
            onMask: (timeStamp) => said.masks.push(timeStamp),
            onCategoryMissing: () => said.missing++,
            onQuick: ({id}) => said.quick.push(id),
            onDelete: (annotations) => said.deleted.push(...annotations.map(({id}) => id)),
            onSay: (text) => said.words.push(text),
        },
    );
    const decoder = handMadeDecoder(() => workbench.prompts.decodeAgain());
    const open = (imageId) =>
        workbench.open({
            ...{projectId, imageId, size: {height: 8, width: 8}},
            decoder,
            image: mayAnnotate ? decoderImageOf(imageId) : null,
            categories,
            overlap,
            mayAnnotate,
        });
    open(7);
    return {workbench, decoder, clock, said, open, storage, shelf, journal};
}

const stepsOf = ({prompts}) => prompts.prompt.steps.length;
const idsOf = ({document}) => document.annotations.map(({id}) => id);
const decodesOf = () => HandMadeWorker.asked.filter((asked) => asked.startsWith("decode"));

beforeEach(() => HandMadeWorker.reset());

// --- prompts and their answers ---

test("a click is decoded, its best candidate shown and written into the prompt", async () => {
    const {workbench, said} = bench();
    workbench.prompting.addPoint(at(1), 1, 42);
    assert.equal(workbench.prompts.isDecoding, true);
    await settle();
    assert.deepEqual(
        workbench.prompts.candidates.map(({index}) => index),
        [2, 1, 3],
    );
    assert.equal(workbench.prompts.shown.index, 2);
    assert.equal(workbench.prompts.prompt.steps[0].maskIndex, 2);
    assert.deepEqual(said.masks, [42]);
    workbench.prompting.cycleCandidate(1);
    assert.equal(workbench.prompts.shown.index, 1);
    workbench.prompting.cycleCandidate(-1);
    workbench.prompting.cycleCandidate(-1);
    assert.equal(workbench.prompts.shown.index, 3);
    assert.equal(decodesOf().length, 1, "another candidate needs no decode");
});

test("an answer that comes after the prompt changed is dropped", async () => {
    const {workbench, said} = bench();
    HandMadeWorker.isHolding = true;
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    workbench.prompting.addPoint(at(2), 0, 2);
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
    workbench.prompting.addPoint(at(1), 1, 1);
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
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    open(8);
    await HandMadeWorker.latest.answerNext();
    assert.deepEqual(workbench.prompts.candidates, []);
    HandMadeWorker.isHolding = false;
    workbench.prompting.addPoint(at(1), 1, 2);
    await settle();
    assert.equal(decodesOf().at(-1), "decode 8 x1", "the same steps on another image are another question");
    assert.equal(workbench.prompts.candidates.length, 3);
});

test("a worker that is lost in mid-decode is replaced, and the newest prompt decoded by the next one", async () => {
    const {workbench, said} = bench();
    HandMadeWorker.isHolding = true;
    workbench.prompting.addPoint(at(1), 1, 1);
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
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    HandMadeWorker.isHolding = true;
    workbench.accepting.accept();
    await settle();
    assert.equal(workbench.accepting.isBusy, true);
    HandMadeWorker.isHolding = false;
    await HandMadeWorker.latest.crash();
    await settle();
    assert.deepEqual(idsOf(workbench), ["made-1"]);
    assert.equal(workbench.accepting.isBusy, false);
});

test("a decode that fails is said, and the next step is decoded as usual", async () => {
    const {workbench, said} = bench();
    HandMadeWorker.trouble = "The decoder failed.";
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    assert.deepEqual(said.problems, ["The decoder failed."]);
    assert.equal(workbench.prompts.shown, null);
    workbench.prompting.addPoint(at(2), 1, 2);
    await settle();
    assert.equal(workbench.prompts.shown.index, 0);
});

test("another category for the edited mask leaves the decode under way alone", async () => {
    const {workbench, said} = bench();
    workbench.arrivals.showSaved([annotationOf("a")]);
    workbench.edit("a");
    HandMadeWorker.isHolding = true;
    workbench.prompting.addPoint(at(1), 1, 42);
    await settle();
    workbench.labelling.pick(1);
    assert.equal(workbench.document.get("a").categoryId, 2);
    await HandMadeWorker.latest.answerNext();
    assert.deepEqual(said.masks, [42]);
    assert.equal(decodesOf().length, 1);
});

test("a mask that was turned to before the click is the click's, and is turned on from there", async () => {
    const {workbench} = bench();
    const nested = (await workbench.prompting.nestedAt(at(1))).map(({index}) => index);
    const [smallest, next] = nested;
    workbench.prompting.addPoint(at(1), 1, 1, smallest);
    await settle();
    assert.equal(workbench.prompts.shown.index, smallest);
    assert.equal(workbench.prompts.prompt.steps[0].maskIndex, smallest);
    workbench.prompting.chooseNested(-1);
    assert.equal(workbench.prompts.shown.index, smallest, "there is no smaller one");
    workbench.prompting.chooseNested(1);
    assert.equal(workbench.prompts.shown.index, next);
    assert.deepEqual(await workbench.prompting.nestedAt(at(5)), [], "a mask is being worked on");
});

test("a preview is given only while nothing is being worked on", async () => {
    const {workbench} = bench();
    assert.equal((await workbench.prompting.preview(at(1))).index, 2);
    workbench.prompting.addPoint(at(1), 1, 1);
    assert.equal(decodesOf().length, 1, "the click's decode was done already");
    assert.equal(await workbench.prompting.preview(at(5)), null);
    await settle();
    assert.equal(workbench.prompts.candidates.length, 3);
});

// --- accepting ---

test("what is done after Enter belongs to the next object", async () => {
    const {workbench} = bench();
    workbench.prompting.addPoint(at(1), 1, 1);
    workbench.accepting.accept(); // before the decode has answered
    workbench.prompting.addPoint(at(5), 1, 2);
    workbench.prompting.addPoint(at(6), 1, 3);
    assert.equal(workbench.accepting.isBusy, true);
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
    workbench.prompting.addPoint(at(1), 1, 1);
    clock.ms = 6000;
    workbench.prompting.addPoint(at(2), 1, 1);
    workbench.prompting.removeLastStep();
    clock.ms = 6540;
    workbench.accepting.accept();
    await settle();
    const [first] = workbench.document.annotations;
    assert.deepEqual([first.timeSpentS, first.clicks], [1.5, 2]);
    clock.ms = 60_000;
    workbench.edit(first.id);
    await settle();
    clock.ms = 61_000;
    workbench.prompting.addPoint(at(3), 0, 1);
    workbench.accepting.accept();
    await settle();
    const [after] = workbench.document.annotations;
    assert.deepEqual([after.id, after.timeSpentS, after.clicks], [first.id, 2.5, 3]);
    assert.equal(after.createdAt, first.createdAt);
});

test("without a category nothing is accepted, and the prompt stays", async () => {
    const {workbench, said} = bench({categories: []});
    workbench.prompting.addPoint(at(1), 1, 1);
    workbench.accepting.accept();
    await settle();
    assert.equal(said.missing, 1);
    assert.deepEqual(idsOf(workbench), []);
    assert.equal(stepsOf(workbench), 1);
});

test("a mask that cannot be finished is said, and the prompt stays", async () => {
    const {workbench, said} = bench();
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    HandMadeWorker.trouble = "Out of memory.";
    workbench.accepting.accept();
    await settle();
    assert.deepEqual(said.problems, ["Out of memory."]);
    assert.equal(workbench.accepting.isBusy, false);
    workbench.accepting.accept();
    await settle();
    assert.deepEqual(idsOf(workbench), ["made-1"]);
});

test("a mask made by hand is accepted without a prompt and without a decoder", async () => {
    const {workbench} = bench();
    workbench.open({
        ...{projectId: 3, imageId: 9, size: {height: 8, width: 8}},
        ...{decoder: null, image: null},
        ...{categories: CATEGORIES, mayAnnotate: true},
    });
    assert.deepEqual([workbench.canAccept, workbench.shownMask, workbench.savedAs], [false, null, null]);
    paint(workbench);
    assert.equal(workbench.canAccept, true);
    assert.deepEqual(workbench.shownMask, {handMade: PAINTED, candidate: null});
    assert.equal(workbench.savedAs.name, "cup");
    workbench.accepting.accept();
    await settle();
    const [mask] = workbench.document.annotations;
    assert.deepEqual(
        [mask.imageId, mask.prompt, mask.bundleDigest, mask.segmentation.counts, mask.clicks],
        [9, null, "", PAINTED.segmentation.counts, 1],
    );
    workbench.undo();
    assert.deepEqual(workbench.draft.handMade, PAINTED);
    workbench.undo();
    assert.equal(workbench.draft.isEmpty, true);
    assert.deepEqual(HandMadeWorker.asked, []);
});

test("a click on a mask made by hand goes on from it; taken back, the mask is there again", async () => {
    const {workbench} = bench();
    paint(workbench);
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    const {prompt} = workbench.prompts;
    assert.deepEqual(prompt.steps[0].base, PAINTED);
    assert.equal(workbench.shownMask.candidate, workbench.prompts.shown);
    workbench.prompting.addPoint(at(2), 0, 1);
    workbench.prompting.setBox({x0: 0, y0: 0, x1: 3, y1: 3, frame: "image"}, 1);
    await settle();
    assert.deepEqual(
        workbench.prompts.prompt.steps.map(({base}) => base?.area),
        [3, undefined, undefined],
    );
    for (let k = 0; k < 3; k++) workbench.prompting.removeLastStep();
    assert.deepEqual(workbench.shownMask.handMade, PAINTED);
    workbench.undo();
    await settle();
    workbench.accepting.accept();
    await settle();
    const [mask] = workbench.document.annotations;
    assert.deepEqual([mask.prompt, mask.bundleDigest], [null, "d1"], "its steps alone do not give it");
});

test("a click refines a saved mask that has no prompt; taken back, it is as it was saved", async () => {
    const {workbench} = bench();
    workbench.arrivals.showSaved([{...annotationOf("a"), segmentation: PAINTED.segmentation}]);
    workbench.edit("a");
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    assert.deepEqual(workbench.prompts.prompt.steps[0].base.segmentation, PAINTED.segmentation);
    workbench.prompting.removeLastStep();
    assert.deepEqual([workbench.shownMask, workbench.isOpen, workbench.draft.edited.id], [null, false, "a"]);
});

test("a box drawn anew keeps the mask that the prompt goes on from", () => {
    const {workbench} = bench();
    paint(workbench);
    const box = {x0: 0, y0: 0, x1: 3, y1: 3, frame: "image"};
    workbench.prompting.setBox(box, 1);
    workbench.prompting.setBox({...box, x1: 5}, 2);
    assert.deepEqual(
        workbench.prompts.prompt.steps.map(({box, base}) => [box.x1, base.area]),
        [[5, 3]],
    );
});

test("a correction by hand goes on from the prompt's mask, and holds until the next click", async () => {
    const {workbench} = bench();
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    paint(workbench);
    await settle();
    const {handMade} = workbench.shownMask;
    assert.equal(handMade.segmentation.counts, countsFromRuns([0, 1, 15, 3, 45]));
    workbench.prompting.addPoint(at(2), 1, 1);
    await settle();
    assert.equal(workbench.shownMask.handMade, null);
    workbench.undo();
    assert.equal(workbench.shownMask.handMade, handMade);
    workbench.accepting.accept();
    await settle();
    assert.equal(workbench.shownMask, null);
    const [mask] = workbench.document.annotations;
    assert.deepEqual(
        [mask.segmentation.counts, mask.prompt, mask.bundleDigest],
        [handMade.segmentation.counts, null, ""],
    );
});

test("where the model takes no mask, a click leaves a drawn one as it is, and says why", async () => {
    const {workbench, said} = bench();
    const other = {...BUNDLE, title: "Plain", takesMask: false};
    workbench.prompts.answerWith(
        handMadeDecoder(() => {}, other),
        decoderImageOf(7),
    );
    paint(workbench);
    workbench.prompting.addPoint(at(4), 1, 1);
    await settle();
    assert.deepEqual([stepsOf(workbench), workbench.shownMask.handMade.area], [0, 3]);
    assert.match(said.words.at(-1), /^Plain cannot go on from a mask/);
    workbench.accepting.accept();
    await settle();
    workbench.prompting.addPoint(at(4), 1, 1); // a new object is prompted as ever
    await settle();
    assert.equal(stepsOf(workbench), 1);
});

test("a saved mask that was corrected by hand loses its prompt, opens as it was saved, and gets it back by undo", async () => {
    const {workbench} = bench();
    workbench.prompting.addPoint(at(1), 1, 1);
    workbench.accepting.accept();
    await settle();
    workbench.edit("made-1");
    await settle();
    const {prompt} = workbench.document.get("made-1");
    paint(workbench);
    assert.equal(workbench.shownMask.handMade.area, 4, "on top of the mask as it was saved");
    workbench.accepting.accept();
    await settle();
    assert.equal(workbench.document.get("made-1").prompt, null);
    workbench.edit("made-1");
    await settle();
    assert.deepEqual([workbench.shownMask, workbench.savedAs, stepsOf(workbench)], [null, null, 0]);
    workbench.undo();
    await settle();
    assert.deepEqual(workbench.document.get("made-1").prompt, prompt);
    assert.equal(workbench.shownMask.handMade.area, 4);
});

test("strokes that come while the prompt's mask is being finished are all there, in their order", async () => {
    const {workbench} = bench();
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    paint(workbench);
    workbench.hand.paint(new Map([[3, [0, 2]]]), false);
    workbench.hand.paint(new Map([[2, [0, 2]]]), true);
    workbench.accepting.accept();
    await settle();
    const [mask] = workbench.document.annotations;
    assert.equal(mask.segmentation.counts, countsFromRuns([0, 1, 17, 1, 5, 2, 38]));
});

test("painting beside a mask that is only looked at begins a new object; erasing takes that mask up", async () => {
    const {workbench} = bench();
    workbench.arrivals.showSaved([{...annotationOf("a"), segmentation: PAINTED.segmentation}]);
    workbench.select("a");
    workbench.hand.paint(new Map([[5, [1, 2]]]), false);
    assert.deepEqual([workbench.draft.edited, workbench.shownMask.handMade.area], [null, 1]);
    workbench.cancel();
    workbench.select("a");
    workbench.hand.paint(new Map([[2, [0, 1]]]), true);
    assert.deepEqual([workbench.draft.edited.id, workbench.shownMask.handMade.area], ["a", 2]);
    workbench.undo();
    assert.equal(workbench.shownMask, null);
});

test("erasing with nothing there does nothing; erasing all of a new object leaves nothing to save", async () => {
    const {workbench, said} = bench();
    workbench.hand.paint(new Map([[2, [0, 3]]]), true);
    assert.equal(workbench.draft.isEmpty, true);
    paint(workbench);
    workbench.hand.paint(new Map([[2, [0, 8]]]), true);
    assert.deepEqual([workbench.draft.isEmpty, workbench.isOpen], [true, false]);
    workbench.undo();
    assert.equal(workbench.shownMask.handMade.area, 3);
    workbench.accepting.accept();
    await settle();
    const [id] = idsOf(workbench);
    workbench.edit(id);
    workbench.hand.paint(new Map([[2, [0, 8]]]), true);
    workbench.accepting.accept();
    await settle();
    assert.match(said.problems.at(-1), /empty: delete/);
    assert.equal(workbench.document.get(id).area, 3);
});

test("a mask is changed as a whole: the draft, else the one that is looked at, and undo brings it back", async () => {
    const {workbench} = bench();
    assert.equal(workbench.canReshape, false);
    workbench.hand.reshape("grow");
    assert.equal(workbench.draft.isEmpty, true);
    workbench.arrivals.showSaved([{...annotationOf("a"), segmentation: PAINTED.segmentation}]);
    workbench.select("a");
    assert.equal(workbench.canReshape, true);
    workbench.hand.reshape("grow");
    assert.deepEqual([workbench.draft.edited.id, workbench.shownMask.handMade.area], ["a", 10]);
    workbench.hand.reshape("shrink");
    workbench.undo();
    assert.equal(workbench.shownMask.handMade.area, 10);
    workbench.accepting.accept();
    await settle();
    assert.equal(workbench.document.get("a").area, 10);
});

test("a change by hand that changes no pixel keeps the prompt and its scores, and is nothing to undo", async () => {
    const {workbench} = bench();
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    const {prompt, shown} = workbench.prompts;
    workbench.hand.paint(new Map(), false);
    workbench.hand.paint(new Map([[7, [0, 8]]]), true); // where nothing is
    await settle();
    assert.deepEqual(
        [workbench.shownMask, workbench.prompts.prompt],
        [{handMade: null, candidate: shown}, prompt],
    );
    workbench.undo();
    assert.equal(workbench.draft.isEmpty, true, "the click was the last step");
    workbench.hand.paint(new Map(), false);
    assert.equal(workbench.draft.canUndo, false);
    workbench.arrivals.showSaved([{...annotationOf("a"), segmentation: PAINTED.segmentation}]);
    workbench.select("a");
    workbench.hand.paint(new Map([[7, [0, 8]]]), true);
    assert.deepEqual(
        [workbench.draft.edited, workbench.draft.canUndo],
        [null, false],
        "it is only looked at",
    );
});

test("the mask that a change by hand goes on from: the draft, the edited one, the one that is looked at", async () => {
    const {workbench} = bench();
    const {hand} = workbench;
    assert.deepEqual([hand.target, await hand.finished()], [null, null]);
    const saved = {...annotationOf("a"), segmentation: PAINTED.segmentation};
    workbench.arrivals.showSaved([saved]);
    workbench.select("a");
    assert.equal(hand.target, saved);
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    assert.equal(hand.target, workbench.prompts.shown);
    assert.equal((await hand.finished()).segmentation.counts, countsFromRuns([0, 1, 63]));
    hand.reshape("grow");
    await settle();
    assert.equal(hand.target, workbench.draft.handMade);
    assert.equal(await hand.finished(), workbench.draft.handMade);
    workbench.cancel();
    workbench.edit("a");
    assert.equal(hand.target, saved);
});

test("what was drawn on a prompt's mask is not lost to the keys of the prompt", async () => {
    const {workbench} = bench();
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    paint(workbench);
    await settle();
    const {handMade} = workbench.shownMask;
    assert.deepEqual([workbench.canCycle, workbench.canRemoveStep, stepsOf(workbench)], [false, false, 0]);
    workbench.prompting.cycleCandidate(1);
    workbench.prompting.chooseCandidate(1);
    workbench.prompting.removeLastStep();
    workbench.prompting.removeMark({index: 0, part: "point"}, 1);
    assert.equal(workbench.shownMask.handMade, handMade);
    workbench.undo();
    assert.equal(stepsOf(workbench), 1);
});

test("a shape that is closed while a mask is being accepted goes on from what is there afterwards", async () => {
    const {workbench} = bench();
    paint(workbench);
    workbench.accepting.accept();
    workbench.hand.reshape("grow"); // nothing is there to be changed once the mask is accepted
    workbench.hand.paint(new Map([[5, [0, 2]]]), true);
    await settle();
    assert.deepEqual([workbench.draft.isEmpty, workbench.document.get("made-1").area], [true, 3]);
    workbench.undo();
    assert.deepEqual(
        [workbench.draft.handMade, idsOf(workbench)],
        [PAINTED, []],
        "accepting was the last step",
    );
});

/** Rows 0 to 2 of some columns, as a brush would paint them. */
const stripe = (columns) => new Map(columns.map((x) => [x, [0, 3]]));

test("where overlaps are settled, shared pixels go to the newer mask or stay with the older one, as one step", async () => {
    for (const [overlap, areas] of [
        ["allow", [9, 9]],
        ["newest", [6, 9]],
        ["oldest", [9, 6]],
    ]) {
        const {workbench} = bench({overlap});
        workbench.hand.paint(stripe([0, 1, 2]), false);
        workbench.accepting.accept();
        workbench.hand.paint(stripe([2, 3, 4]), false);
        workbench.accepting.accept();
        await settle();
        assert.deepEqual(
            workbench.document.annotations.map(({area}) => area),
            areas,
            overlap,
        );
        workbench.undo();
        assert.deepEqual(
            [workbench.document.annotations.map(({area}) => area), workbench.draft.handMade.area],
            [[9], 9],
        );
    }
});

test("an older mask that is edited follows the same rule: made first, it is the older one still", async () => {
    const {workbench} = bench({overlap: "oldest"});
    for (const columns of [
        [0, 1],
        [4, 5],
    ]) {
        workbench.hand.paint(stripe(columns), false);
        workbench.accepting.accept();
    }
    await settle();
    workbench.edit("made-1");
    workbench.hand.paint(stripe([2, 3, 4]), false);
    workbench.accepting.accept();
    await settle();
    assert.deepEqual(
        workbench.document.annotations.map(({area}) => area),
        [15, 3],
    );
});

test("a mask of which nothing would be left is refused, and no other disappears beneath one", async () => {
    for (const [overlap, columns, words] of [
        ["oldest", [1], /^Nothing of this mask/],
        ["newest", [0, 1, 2, 3], /covers another one wholly/],
    ]) {
        const {workbench, said} = bench({overlap});
        workbench.hand.paint(stripe([1, 2]), false);
        workbench.accepting.accept();
        workbench.hand.paint(stripe(columns), false);
        workbench.accepting.accept();
        await settle();
        assert.match(said.problems.at(-1), words);
        assert.deepEqual(
            [workbench.document.annotations.length, workbench.isOpen],
            [1, true],
            "the draft stays",
        );
    }
});

test("a viewer paints and changes nothing", () => {
    const {workbench} = bench({mayAnnotate: false});
    workbench.arrivals.showSaved([annotationOf("a")]);
    workbench.select("a");
    paint(workbench);
    workbench.hand.reshape("grow");
    assert.equal(workbench.draft.isEmpty, true);
});

// --- selecting, deleting, undoing ---

test("undo and redo go through points, saves, categories and deletes", async () => {
    const {workbench} = bench();
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    workbench.accepting.accept();
    await settle();
    workbench.select("made-1");
    workbench.labelling.pick(1);
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
        [1, 2, 0],
        [1, 1, 0],
        [0, 0, 1],
        [0, 0, 0],
    ]);
    assert.equal(workbench.draft.canUndo, false);
    for (let k = 0; k < 4; k++) workbench.redo();
    await settle();
    assert.deepEqual(state(), [0, 0, 0]);
});

test("looking at saved masks is nothing to undo, and a click elsewhere begins a new object", async () => {
    const {workbench} = bench();
    workbench.prompting.addPoint(at(1), 1, 1);
    workbench.accepting.accept();
    await settle();
    const saved = workbench.document.get("made-1");
    workbench.select("made-1");
    await settle();
    assert.deepEqual([stepsOf(workbench), workbench.draft.edited], [0, null]);
    workbench.select(null);
    workbench.undo(); // the save
    await settle();
    assert.deepEqual(idsOf(workbench), []);
    workbench.redo();
    workbench.select("made-1");
    assert.equal((await workbench.prompting.preview(at(5))).index, 2, "a new object may be begun");
    workbench.prompting.addPoint(at(2), 1, 1);
    assert.equal(workbench.selection.id, null);
    workbench.accepting.accept();
    await settle();
    assert.equal(workbench.document.annotations.length, 2);
    assert.equal(workbench.document.get("made-1"), saved, "the mask that was looked at is untouched");
});

test("a mask is edited only when that is asked for, and Escape leaves it as it was saved", async () => {
    const {workbench, said} = bench();
    workbench.prompting.addPoint(at(1), 1, 1);
    workbench.accepting.accept();
    await settle();
    const saved = workbench.document.get("made-1");
    workbench.select("made-1");
    assert.deepEqual([workbench.canEdit, workbench.canAccept], [true, false]);
    workbench.edit();
    await settle();
    assert.deepEqual([workbench.draft.edited, stepsOf(workbench), workbench.isOpen], [saved, 1, false]);
    workbench.prompting.addPoint(at(2), 1, 1);
    await settle();
    assert.deepEqual([stepsOf(workbench), workbench.isOpen, workbench.selection.id], [2, true, "made-1"]);
    workbench.cancel();
    assert.match(said.words.at(-1), /again as it was saved/);
    assert.deepEqual([workbench.draft.edited, workbench.draft.isEmpty], [null, true]);
    assert.equal(workbench.selection.id, "made-1", "it is still looked at");
    workbench.cancel();
    assert.equal(workbench.selection.id, null);
    assert.equal(workbench.document.get("made-1"), saved);
    workbench.undo();
    assert.deepEqual([workbench.draft.edited?.id, stepsOf(workbench)], ["made-1", 2]);
});

test("going from an edited mask to another accepts what was changed", async () => {
    const {workbench} = bench();
    workbench.arrivals.showSaved([annotationOf("a"), annotationOf("b")]);
    workbench.edit("a");
    workbench.prompting.addPoint(at(4), 1, 1);
    workbench.select("b");
    await settle();
    assert.deepEqual([workbench.draft.edited, workbench.selection.id], [null, "b"]);
    assert.equal(workbench.document.get("a").bundleDigest, "d1", "it was made anew");
    workbench.prompting.addPoint(at(5), 1, 1);
    workbench.edit("b");
    await settle();
    assert.equal(workbench.document.annotations.length, 3, "the new object was accepted first");
    assert.equal(workbench.draft.edited.id, "b");
});

test("a mask that cannot be accepted is not left for another", async () => {
    const {workbench, said} = bench();
    workbench.arrivals.showSaved([annotationOf("a"), annotationOf("b")]);
    workbench.edit("a");
    workbench.prompting.addPoint(at(4), 1, 1);
    await settle();
    HandMadeWorker.trouble = "Out of memory.";
    workbench.select("b");
    await settle();
    assert.deepEqual([workbench.draft.edited.id, workbench.selection.id], ["a", "a"]);
    assert.deepEqual(said.problems, ["Out of memory."]);
});

test("the category is the edited mask's, the new object's while one is begun, else the selected one's", async () => {
    const {workbench} = bench();
    workbench.arrivals.showSaved([annotationOf("a", {categoryId: 2})]);
    const name = () => workbench.labelling.category.name;
    assert.equal(name(), "cup");
    workbench.select("a");
    assert.equal(name(), "person");
    workbench.prompting.addPoint(at(1), 1, 1);
    workbench.select("a");
    assert.equal(name(), "cup", "the begun object's");
    workbench.labelling.pick(1);
    assert.equal(workbench.document.get("a").categoryId, 2);
    workbench.cancel();
    workbench.edit("a");
    workbench.labelling.pick(0);
    assert.equal(workbench.document.get("a").categoryId, 1);
});

test("a delete is told, and taken back whatever was done since", async () => {
    const {workbench, said, open} = bench();
    workbench.arrivals.showSaved([annotationOf("a"), annotationOf("b")]);
    const [a] = workbench.document.annotations;
    workbench.remove("a");
    workbench.prompting.addPoint(at(1), 1, 1);
    assert.deepEqual(said.deleted, ["a"]);
    assert.equal(workbench.bringBack(a), true);
    assert.equal(workbench.bringBack(a), true, "twice is once");
    assert.deepEqual(idsOf(workbench), ["a", "b"]);
    assert.equal(stepsOf(workbench), 1);
    open(8);
    assert.equal(workbench.bringBack(a), false);
});

test("no prompt begins while the saved masks are missing", async () => {
    const {workbench} = bench();
    workbench.holdPrompts(true);
    workbench.prompting.addPoint(at(1), 1, 1);
    assert.deepEqual([stepsOf(workbench), workbench.canPreview], [0, false]);
    workbench.holdPrompts(false);
    workbench.prompting.addPoint(at(1), 1, 1);
    assert.equal(stepsOf(workbench), 1);
});

// --- what a person may set ---

test("a click far from a finished mask accepts it, where that is wanted; one near it or to leave out does not", async () => {
    // The mask of output 1 is the upper half of eight by eight pixels.
    const settings = {farClickAccepts: true, quickMode: false};
    const {workbench} = bench({settings});
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    workbench.prompting.chooseCandidate(1);
    workbench.prompting.addPoint(at(1, 5), 1, 1); // near
    await settle();
    assert.equal(stepsOf(workbench), 2);
    workbench.prompting.removeLastStep();
    workbench.prompting.addPoint(at(1, 20), 0, 1); // to leave out
    await settle();
    assert.equal(stepsOf(workbench), 2);
    workbench.prompting.removeLastStep();
    await settle();
    workbench.prompting.chooseCandidate(1);
    workbench.prompting.addPoint(at(1, 20), 1, 1);
    await settle();
    assert.deepEqual([idsOf(workbench).length, stepsOf(workbench)], [1, 1]);
    settings.farClickAccepts = false;
    workbench.prompting.chooseCandidate(1);
    workbench.prompting.addPoint(at(1, 20), 1, 1);
    await settle();
    assert.deepEqual([idsOf(workbench).length, stepsOf(workbench)], [1, 2]);
});

test("so does a box that is drawn far from it, but none that reaches it", async () => {
    const {workbench} = bench({settings: {farClickAccepts: true, quickMode: false}});
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    workbench.prompting.chooseCandidate(1);
    workbench.prompting.setBox({x0: 0, y0: 5, x1: 8, y1: 30, frame: "image"}, 1);
    await settle();
    assert.deepEqual([idsOf(workbench).length, stepsOf(workbench)], [0, 2]);
    workbench.prompting.removeLastStep();
    await settle();
    workbench.prompting.chooseCandidate(1);
    workbench.prompting.setBox({x0: 0, y0: 20, x1: 8, y1: 30, frame: "image"}, 1);
    await settle();
    assert.deepEqual([idsOf(workbench).length, stepsOf(workbench)], [1, 1]);
});

test("in quick mode a click or a box is a saved mask, but not if something else was done meanwhile", async () => {
    const {workbench, said} = bench({settings: {farClickAccepts: false, quickMode: true}});
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    await settle();
    workbench.prompting.setBox({x0: 0, y0: 0, x1: 4, y1: 4, frame: "image"}, 1);
    await settle();
    await settle();
    assert.equal(idsOf(workbench).length, 2);
    assert.deepEqual(said.quick, idsOf(workbench));
    HandMadeWorker.isHolding = true;
    workbench.prompting.addPoint(at(3), 1, 1);
    await settle();
    await HandMadeWorker.latest.answerNext(); // it is being accepted
    workbench.arrivals.showSaved([annotationOf("older")]);
    while (HandMadeWorker.latest.held.length > 0) await HandMadeWorker.latest.answerNext();
    await settle();
    assert.deepEqual(
        [said.quick.length, said.quick.at(-1)],
        [3, "made-3"],
        "not a mask that came from the server",
    );
    workbench.remove("made-3");
    workbench.remove("older");
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    workbench.prompting.addPoint(at(2), 1, 1);
    await settle();
    while (HandMadeWorker.latest.held.length > 0) await HandMadeWorker.latest.answerNext();
    await settle();
    assert.deepEqual([idsOf(workbench).length, stepsOf(workbench)], [2, 2]);
});

// --- the last category ---

test("the category used last is there after a reload, for the same project and person", () => {
    const {workbench, storage} = bench();
    workbench.labelling.pick(1);
    assert.equal(bench({storage}).workbench.labelling.category.name, "person");
    assert.equal(bench({storage, projectId: 4}).workbench.labelling.category.name, "cup");
    assert.equal(bench().workbench.labelling.category.name, "cup", "another browser");
    workbench.labelling.pick(0);
    workbench.labelling.pick(1);
    assert.deepEqual(bench({storage}).workbench.labelling.recent, [2, 1]);
    assert.deepEqual(bench({storage, projectId: 4}).workbench.labelling.recent, []);
    assert.equal(
        bench({storage, categories: CATEGORIES.slice(0, 1)}).workbench.labelling.category.name,
        "cup",
        "it is gone",
    );
});

// --- drafts that are kept ---

/** What the next page finds, when the one before has ended. */
async function journalLeftIn(shelf) {
    const journal = journalOf(shelf);
    await journal.open(7, new HandMadeStorage());
    return journal;
}

test("a mask that was begun and not accepted is there when its image is opened again, in another page too", async () => {
    const {workbench, open, clock, shelf} = bench();
    workbench.arrivals.showSaved([]);
    workbench.labelling.pick(1);
    clock.ms = 1000;
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    workbench.prompting.cycleCandidate(1);
    open(8);
    workbench.arrivals.showSaved([]);
    assert.deepEqual([stepsOf(workbench), workbench.isOpen], [0, false]);

    const later = bench({journal: await journalLeftIn(shelf), shelf});
    later.clock.ms = 500;
    later.workbench.prompting.addPoint(at(9), 1, 1); // before it is known what is there
    assert.equal(stepsOf(later.workbench), 0);
    later.workbench.arrivals.showSaved([]);
    await settle();
    const {
        prompts,
        labelling: {category},
    } = later.workbench;
    assert.deepEqual([stepsOf(later.workbench), prompts.shown.index, category.name], [1, 1, "person"]);
    assert.equal(later.workbench.isOpen, true);
    later.workbench.accepting.accept();
    await settle();
    const [mask] = later.workbench.document.annotations;
    assert.deepEqual([mask.id, mask.clicks], ["made-1", 1]);
    assert.deepEqual(shelf.ids, []);
});

test("changes of a saved mask are kept with it, as a new object where the mask is gone", async () => {
    const {workbench, shelf} = bench();
    workbench.arrivals.showSaved([annotationOf("a")]);
    workbench.edit("a");
    workbench.prompting.addPoint(at(4), 1, 1);
    await settle();

    const later = bench({journal: await journalLeftIn(shelf), shelf});
    later.workbench.arrivals.showSaved([annotationOf("a")]);
    assert.deepEqual([later.workbench.draft.edited.id, later.workbench.selection.id], ["a", "a"]);
    await settle();
    const last = bench({journal: await journalLeftIn(shelf), shelf});
    last.workbench.arrivals.showSaved([]);
    assert.deepEqual([last.workbench.draft.edited, stepsOf(last.workbench)], [null, 1]);
    last.workbench.undo();
    assert.equal(last.workbench.draft.isEmpty, true);
    assert.deepEqual(shelf.ids, []);
});

test("a mask that was accepted just before a crash is not begun once more", async () => {
    const {workbench, shelf} = bench();
    workbench.arrivals.showSaved([]);
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    const [{key, value}] = await shelf.below(["ann"]);
    workbench.accepting.accept();
    await settle();
    await shelf.write({put: [[key, value]]}); // the page died between the two writes
    const later = bench({journal: await journalLeftIn(shelf), shelf});
    later.workbench.arrivals.showSaved(workbench.document.annotations);
    assert.equal(later.workbench.draft.isEmpty, true);
    assert.deepEqual(shelf.ids, []);
});

test("a damaged draft is dropped, and a full disk keeps nobody from working", async () => {
    const damaged = [null, {id: "x"}, {id: "x", prompt: {steps: []}, cost: {timeSpentS: 1, clicks: 1}}];
    for (const value of damaged) {
        const shelf = new HandMadeShelf();
        await shelf.write({put: [[["ann", "gone", "draft", 7], value]]});
        const {workbench} = bench({journal: await journalLeftIn(shelf)});
        workbench.arrivals.showSaved([]);
        await settle();
        assert.deepEqual([workbench.draft.isEmpty, shelf.ids], [true, value === null ? [7] : []]);
    }
    const {workbench, shelf} = bench();
    shelf.trouble = "full";
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    assert.equal(workbench.isOpen, true);
});

test("a draft of the version before is taken over from where that kept it", async () => {
    const old = new HandMadeStorage();
    const {workbench, shelf} = bench();
    workbench.prompting.addPoint(at(1), 1, 1);
    await settle();
    const [{key, value}] = await shelf.below(["ann"]);
    await shelf.write({remove: [key]});
    old.setItem("maskwright.draft.ann.7", JSON.stringify(value));
    old.setItem("maskwright.draft.ann.8", "{");
    const journal = journalOf(shelf);
    await journal.open(7, old);
    const later = bench({journal});
    later.workbench.arrivals.showSaved([]);
    await settle();
    assert.deepEqual([stepsOf(later.workbench), old.keys, shelf.ids], [1, [], [7]]);
});

test("an open mask is accepted when it is estimated well enough, else it stays a draft", async () => {
    const {workbench} = bench();
    assert.equal(await workbench.accepting.acceptOpen(0.9), true, "nothing is open");
    workbench.prompting.addPoint(at(1), 1, 1);
    assert.equal(await workbench.accepting.acceptOpen(2), false);
    assert.equal(workbench.isOpen, true);
    assert.equal(await workbench.accepting.acceptOpen(0), true);
    assert.deepEqual(idsOf(workbench), ["made-1"]);
    const bare = bench({categories: []});
    bare.workbench.prompting.addPoint(at(1), 1, 1);
    assert.equal(await bare.workbench.accepting.acceptOpen(0), false);
    assert.equal(bare.said.missing, 1);
});

test("a delete during an accept comes after it, and twice is once", async () => {
    const {workbench} = bench();
    workbench.arrivals.showSaved([annotationOf("old")]);
    workbench.prompting.addPoint(at(1), 1, 1);
    workbench.accepting.accept();
    workbench.remove("old");
    workbench.remove("old");
    await settle();
    assert.deepEqual(idsOf(workbench), ["made-1"]);
});

test("a viewer selects masks and changes nothing", async () => {
    const {workbench, said} = bench({mayAnnotate: false});
    workbench.arrivals.showSaved([annotationOf("a")]);
    const before = said.changes;
    workbench.select("a");
    assert.equal(workbench.selection.id, "a");
    assert.ok(said.changes > before, "it is shown");
    workbench.prompting.addPoint(at(1), 1, 1);
    paint(workbench);
    workbench.accepting.accept();
    workbench.remove();
    workbench.labelling.pick(1);
    await settle();
    assert.deepEqual(workbench.document.annotations, [annotationOf("a")]);
    assert.deepEqual(HandMadeWorker.asked, []);
});

test("masks made before the saved ones are listed stay", async () => {
    const {workbench} = bench();
    workbench.prompting.addPoint(at(1), 1, 1);
    workbench.accepting.accept();
    await settle();
    workbench.arrivals.showSaved([annotationOf("saved", {createdAt: "2020"})]);
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
        new UnsavedRecords(world.journal),
        waiting.pause,
        {
            onStatus: () => {},
            onConflict: (conflict) => conflicts.push(conflict),
            onRefusal: () => {},
        },
    );
    world.workbench.document.subscribe((changes, origin) => origin === "user" && autosave.submit(changes));
    return {...world, server, waiting, autosave, conflicts};
}

test("an undo while the mask is being saved takes it off the server, a redo puts it back", async () => {
    const {workbench, server, autosave} = savingBench();
    server.isHolding = true;
    workbench.prompting.addPoint(at(1), 1, 1);
    workbench.accepting.accept();
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
    workbench.prompting.addPoint(at(1), 1, 1);
    workbench.accepting.accept();
    await settle();
    server.change("made-1", {clicks: 77});
    workbench.edit("made-1");
    workbench.labelling.pick(1);
    await settle();
    const [{id, theirs}] = conflicts;
    workbench.arrivals.replaceFromServer(id, theirs);
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
