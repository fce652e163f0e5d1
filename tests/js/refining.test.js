import assert from "node:assert/strict";
import {beforeEach, test} from "node:test";

import {regionOfView} from "../../static/js/core/regions.js";
import {CopiedMasks} from "../../static/js/session/copied-masks.js";
import {KeptDrafts} from "../../static/js/session/kept-drafts.js";
import {LastCategory} from "../../static/js/session/last-category.js";
import {Refining} from "../../static/js/session/refining.js";
import {Workbench} from "../../static/js/session/workbench.js";
import {HandMadeStorage, journalOf, settle} from "./hand-made.js";
import {BUNDLE, HandMadeWorker, handMadeDecoder} from "./hand-made-worker.js";

const SIZE = {height: 3000, width: 4000};
const SEEN = {x0: 1000, y0: 1000, x1: 1300, y1: 1200};
const REGION = {x: 896, y: 896, width: 512, height: 512};
const ALL = {x0: -100, y0: -100, x1: 4100, y1: 3100};
const IN_IT = {x: 1100, y: 1100, frame: "image"};
const FAR_AWAY = {x: 3000, y: 2000, frame: "image"};
const moved = ({x0, y0, x1, y1}, right, down = 0) => ({
    ...{x0: x0 + right, x1: x1 + right, y0: y0 + down, y1: y1 + down},
});
const text = ({x, y, width, height}) => [x, y, width, height].join();

/** A workbench and its refining on a large image, whose regions come when the test says so. */
async function bench({isAutomatic = false, size = SIZE, bundle = BUNDLE} = {}) {
    const storage = new HandMadeStorage();
    const said = [];
    const asked = [];
    const foreseen = [];
    const coming = new Map();
    const workbench = new Workbench(
        "ann",
        {
            ...{now: () => 0, newId: () => "made", copied: new CopiedMasks(storage, "ann")},
            ...{drafts: new KeptDrafts(journalOf()), lastCategory: new LastCategory(storage, "ann")},
            settings: () => ({farClickAccepts: false, quickMode: false}),
        },
        {
            ...{onChange() {}, onMask() {}, onCategoryMissing() {}, onQuick() {}, onDelete() {}},
            ...{onSay: (words) => said.push(words), onProblem: (words) => said.push(words)},
        },
    );
    const partOf = (region) => ({
        ...{key: `7@${text(region)}`, size, region},
        fetchEmbedding() {
            asked.push(text(region));
            return new Promise((resolve, reject) => coming.set(text(region), {resolve, reject}));
        },
    });
    const parts = new Map();
    const image = {
        ...{key: "7", size, fetchEmbedding: async () => new ArrayBuffer(8)},
        partOf(region) {
            if (!parts.has(text(region))) parts.set(text(region), partOf(region));
            return parts.get(text(region));
        },
        foresee: (region) => foreseen.push(text(region)),
    };
    workbench.open({
        ...{projectId: 3, imageId: 7, size, image, mayAnnotate: true},
        decoder: handMadeDecoder(() => {}, bundle),
        categories: [{id: 1, name: "cup", color: "#000000", supercategory: ""}],
    });
    workbench.arrivals.showSaved([]);
    let timer = null;
    const refining = new Refining(
        workbench,
        {
            timers: {start: (work) => ((timer = work), 1), stop: () => (timer = null)},
            settings: () => ({refineAutomatically: isAutomatic}),
        },
        {onChange() {}, onSay: (words) => said.push(words), onProblem: (words) => said.push(words)},
    );
    refining.open(size);
    return {
        ...{workbench, refining, said, asked, foreseen},
        /** The view comes to rest there. */
        async rest(seen) {
            refining.look(seen);
            timer?.();
            await settle();
        },
        async arrive(region = REGION) {
            coming.get(text(region)).resolve(new ArrayBuffer(8));
            await settle();
        },
        async fail(region = REGION) {
            coming.get(text(region)).reject(new Error("no memory"));
            await settle();
        },
        async click(point) {
            workbench.prompting.addPoint(point, 1, 0);
            await settle();
        },
    };
}

const decodes = () => HandMadeWorker.asked.filter((asked) => asked.startsWith("decode"));

beforeEach(() => HandMadeWorker.reset());

test("the key asks for what is seen; until it is there prompts are answered by the whole image, then by the region", async () => {
    const {workbench, refining, rest, arrive, click} = await bench();
    await rest(SEEN);
    refining.toggle();
    await settle();
    assert.deepEqual([refining.region, refining.waitingFor], [null, REGION]);
    await click(IN_IT);
    assert.deepEqual(decodes(), ["decode 7 x1"]);
    workbench.cancel();
    await arrive();
    assert.deepEqual([refining.region, refining.waitingFor], [REGION, null]);
    await click(IN_IT);
    assert.equal(decodes().at(-1), `decode 7@${text(REGION)} x1`);
    assert.deepEqual(workbench.prompts.prompt.region, REGION);
    await click({...IN_IT, x: 1110});
    assert.equal(decodes().at(-1), `decode 7@${text(REGION)} x2`);
});

test("a click outside of the region is answered by the whole image", async () => {
    const {workbench, refining, rest, arrive, click} = await bench();
    await rest(SEEN);
    refining.toggle();
    await settle();
    await arrive();
    await click(FAR_AWAY);
    assert.equal(decodes().at(-1), "decode 7 x1");
    assert.equal(workbench.prompts.prompt.region, undefined);
});

test("where the whole image is as sharp, that is said, and nothing is asked for", async () => {
    const {refining, said, asked, rest} = await bench();
    await rest(ALL);
    refining.toggle();
    assert.match(said[0], /Zoom in/);
    assert.deepEqual([refining.isOn, asked], [false, []]);
});

test("a view that moves a little keeps its region; one that moves on gets the next", async () => {
    const {refining, asked, rest, arrive} = await bench();
    await rest(SEEN);
    refining.toggle();
    await settle();
    await arrive();
    await rest(moved(SEEN, 60));
    assert.deepEqual(asked, [text(REGION)]);
    const next = moved(SEEN, 300);
    await rest(next);
    assert.deepEqual(asked, [text(REGION), text(regionOfView(next, SIZE))]);
    assert.deepEqual(refining.region, REGION, "until the next one is there");
    await arrive(regionOfView(next, SIZE));
    assert.deepEqual(refining.region, regionOfView(next, SIZE));
});

test("what comes next in the direction of the view is foreseen", async () => {
    const {refining, foreseen, rest, arrive} = await bench();
    await rest(SEEN);
    refining.toggle();
    await settle();
    await arrive();
    assert.deepEqual(foreseen, []);
    const now = moved(SEEN, 60);
    await rest(now);
    assert.deepEqual(foreseen, [text(regionOfView(moved(now, 300), SIZE))]);
});

test("nothing is foreseen for those who never asked for a region", async () => {
    const {refining, foreseen, asked, rest, arrive} = await bench();
    await rest(SEEN);
    await rest(moved(SEEN, 500));
    assert.deepEqual([foreseen, asked], [[], []]);
    refining.toggle();
    await settle();
    await arrive(regionOfView(moved(SEEN, 500), SIZE));
    refining.stop();
    await rest(SEEN);
    assert.equal(foreseen.at(-1), text(REGION), "they may press the key here too");
});

test("zooming out and stopping go back to the whole image", async () => {
    const {workbench, refining, rest, arrive, click} = await bench();
    await rest(SEEN);
    refining.toggle();
    await settle();
    await arrive();
    await rest(ALL);
    assert.equal(refining.isOn, false);
    await rest(SEEN);
    assert.equal(refining.isOn, false, "what the person began has ended");
    refining.toggle();
    await settle();
    assert.deepEqual(refining.region, REGION, "the decoder still has it");
    await click(IN_IT);
    refining.toggle();
    assert.equal(refining.isOn, false);
    assert.deepEqual(workbench.prompts.prompt.region, REGION, "a prompt stays where it was made");
});

test("by setting it begins by itself on large images, unless the person has ended it", async () => {
    const {refining, asked, rest, arrive} = await bench({isAutomatic: true});
    await rest(SEEN);
    assert.deepEqual(asked, [text(REGION)]);
    await arrive();
    refining.stop();
    await rest(moved(SEEN, 500));
    assert.equal(refining.isOn, false);
    await rest(ALL);
    await rest(moved(SEEN, 500));
    assert.equal(refining.isOn, true);
});

test("on an image of two megapixels and less it never begins by itself", async () => {
    const {asked, rest} = await bench({isAutomatic: true, size: {height: 1250, width: 1600}});
    await rest(SEEN);
    assert.deepEqual(asked, []);
});

test("what is on its way is dropped when the person has ended it, or another image is open", async () => {
    const {refining, rest, arrive} = await bench();
    await rest(SEEN);
    refining.toggle();
    await settle();
    refining.stop();
    await arrive();
    assert.equal(refining.region, null);
});

test("a region that cannot be made is told, and the whole image goes on", async () => {
    const {refining, said, rest, fail, click} = await bench();
    await rest(SEEN);
    refining.toggle();
    await settle();
    await fail();
    assert.match(said[0], /could not be made sharper: no memory/);
    assert.equal(refining.isOn, false);
    await click(IN_IT);
    assert.equal(decodes().at(-1), "decode 7 x1");
});

test("a mask that was begun while the region was on its way is answered anew in it, as one step to undo", async () => {
    // The masks of this worker cover nothing at such a threshold: they lie in any region.
    const {workbench, refining, rest, arrive, click} = await bench({bundle: {...BUNDLE, maskThreshold: 5}});
    await rest(SEEN);
    refining.toggle();
    await settle();
    await click(IN_IT);
    await arrive();
    await settle();
    assert.deepEqual(workbench.prompts.prompt.region, REGION);
    assert.equal(decodes().at(-1), `decode 7@${text(REGION)} x1`);
    workbench.undo();
    assert.equal(workbench.prompts.prompt.region, undefined);
});

test("a mask that reaches beyond the region becomes what the next point goes on from", async () => {
    const {workbench, refining, rest, arrive, click} = await bench();
    await rest(SEEN);
    await click(IN_IT);
    refining.toggle();
    await settle();
    await arrive();
    await settle();
    assert.ok(workbench.draft.handMade, "nothing of it is lost");
    await click(IN_IT);
    const {region, steps} = workbench.prompts.prompt;
    assert.deepEqual([region, steps.length, Boolean(steps[0].base)], [REGION, 1, true]);
});

test("a mask that reaches beyond a region stays as it is when the person did not ask for the region", async () => {
    const {workbench, rest, arrive, click} = await bench({isAutomatic: true});
    await rest(SEEN);
    await click(IN_IT);
    await arrive();
    await settle();
    assert.equal(workbench.draft.handMade, null);
    assert.equal(workbench.prompts.prompt.region, undefined);
});

test("another decoder asks for the region anew, and until it is there the whole image is used", async () => {
    const {workbench, refining, rest, arrive, click, asked} = await bench();
    await rest(SEEN);
    refining.toggle();
    await settle();
    await arrive();
    const other = {
        ...{key: "7 other", size: SIZE, fetchEmbedding: async () => new ArrayBuffer(8)},
        partOf: (region) => ({
            ...{key: `7 other@${text(region)}`, size: SIZE, region},
            fetchEmbedding: () => (asked.push(`other ${text(region)}`), new Promise(() => {})),
        }),
    };
    workbench.prompts.answerWith(
        handMadeDecoder(() => {}, {...BUNDLE, digest: "d2"}),
        other,
    );
    refining.again();
    await settle();
    assert.deepEqual([refining.region, refining.waitingFor], [null, REGION]);
    assert.equal(asked.at(-1), `other ${text(REGION)}`);
    await click(IN_IT);
    assert.equal(decodes().at(-1), "decode 7 other x1");
});
