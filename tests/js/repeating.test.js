import assert from "node:assert/strict";
import test from "node:test";

import {Repeating} from "../../static/js/session/repeating.js";
import {bench, drawn, idsOf} from "./hand-made-bench.js";

const SIZE = {height: 8, width: 8};
const BOX = (x0, y0, x1, y1) => [{kind: "box", box: {x0, y0, x1, y1, frame: "image"}, maskIndex: null}];

/** Image 7 of a list, with the mask a, before an image 8 of that size. */
function list({size = SIZE, next = 8} = {}) {
    const made = bench({masks: [drawn("a", ["", "   ##", "   ##"], {categoryId: 2})]});
    const {workbench, said, drafts} = made;
    let ids = 0;
    const flow = {
        scene: {image: {id: 7, size: SIZE}, siblings: {next}},
        opened: [],
        async open(imageId) {
            flow.opened.push(imageId);
            flow.scene = {image: {id: imageId, size}, siblings: {next: null}};
            repeating.arrive();
            made.open(imageId, size);
        },
    };
    const repeating = new Repeating(workbench, flow, {
        drafts,
        newId: () => `draft-${++ids}`,
        onSay: (text) => said.why.push(text),
    });
    return {...made, repeating, flow};
}

test("the selected object's box is the next image's draft, with its category", async () => {
    const {workbench, repeating, flow, drafts} = list();
    assert.equal(repeating.canRepeat, false, "nothing is selected");
    workbench.select("a");
    assert.equal(repeating.canRepeat, true);
    await repeating.repeat();
    assert.deepEqual(flow.opened, [8]);
    const {prompt, categoryId, editedId} = drafts.of(8);
    assert.deepEqual([prompt.steps, categoryId, editedId], [BOX(3, 1, 5, 3), 2, null]);
    workbench.arrivals.showSaved([]);
    assert.deepEqual(workbench.prompts.prompt.steps, BOX(3, 1, 5, 3));
    assert.equal(workbench.labelling.category.name, "person");
    workbench.undo();
    assert.deepEqual(workbench.prompts.prompt.steps, []);
});

test("a mask that is open is accepted and repeated", async () => {
    const {workbench, repeating, drafts, said} = list();
    workbench.hand.paint(new Map([[6, [5, 8]]]), false);
    await repeating.repeat();
    assert.equal(said.changes[0].created.length, 1);
    assert.deepEqual(drafts.of(8).prompt.steps, BOX(6, 5, 7, 8));
});

test("a mask that is being edited is updated first, and that one is repeated", async () => {
    const {workbench, repeating, drafts, said} = list();
    workbench.edit("a");
    workbench.hand.paint(new Map([[0, [0, 1]]]), false);
    await repeating.repeat();
    assert.equal(said.changes[0].updated.length, 1);
    assert.deepEqual(drafts.of(8).prompt.steps, BOX(0, 0, 5, 3));
});

test("the box is cut off where the next image ends, and nothing is left of it outside", async () => {
    const smaller = list({size: {height: 2, width: 4}});
    smaller.workbench.select("a");
    await smaller.repeating.repeat();
    assert.deepEqual(smaller.drafts.of(8).prompt.steps, BOX(3, 1, 4, 2));
    const outside = list({size: {height: 8, width: 3}});
    outside.workbench.select("a");
    await outside.repeating.repeat();
    assert.deepEqual(
        [outside.drafts.of(8), outside.said.why],
        [null, ["The object's box lies outside this image."]],
    );
});

test("a draft that waits on the next image is not replaced, and another image gets none", async () => {
    const {workbench, repeating, drafts, said, flow} = list();
    const waiting = {
        ...{id: "w", prompt: {steps: BOX(0, 0, 1, 1)}, handMade: null, editedId: null, categoryId: 1},
        cost: {timeSpentS: 0, clicks: 1},
    };
    drafts.keep(8, waiting);
    workbench.select("a");
    await repeating.repeat();
    assert.deepEqual(drafts.of(8), waiting);
    assert.equal(said.why.length, 1);
    const other = list();
    other.flow.open = async () => {
        other.flow.scene = {image: {id: 9, size: SIZE}, siblings: {next: null}}; // somebody went elsewhere meanwhile
        other.repeating.arrive();
    };
    other.workbench.select("a");
    await other.repeating.repeat();
    assert.deepEqual([other.drafts.of(8), other.drafts.of(9)], [null, null]);
    assert.equal(flow.opened.length, 1);
});

test("on the list's last image there is nothing to repeat on", async () => {
    const {workbench, repeating, flow} = list({next: null});
    workbench.select("a");
    assert.equal(repeating.canRepeat, false);
    await repeating.repeat();
    assert.deepEqual([flow.opened, idsOf(workbench)], [[], ["a"]]);
});
