import assert from "node:assert/strict";
import test, {beforeEach} from "node:test";

import {FOREGROUND} from "../../static/js/core/prompt.js";
import {ImageFlow} from "../../static/js/session/image-flow.js";
import {modelBadge} from "../../static/js/view/bench-status.js";
import {settle} from "./hand-made.js";
import {bench} from "./hand-made-bench.js";
import {BUNDLE, HandMadeWorker, handMadeDecoder} from "./hand-made-worker.js";

const SMALL = {...BUNDLE, name: "small", digest: "d2"};
const QUEUED = {state: "queued", position: 3, error: ""};
const POINT = {x: 2, y: 2, frame: "image"};

beforeEach(() => HandMadeWorker.reset());

/** An image whose two embeddings arrive when the test says so. */
function opened({standIn = SMALL, isEmbeddingComing = false} = {}) {
    const waited = {};
    waited.promise = new Promise((resolve) => (waited.end = resolve));
    const arrive = {};
    const embeddings = Object.fromEntries(
        [BUNDLE, SMALL].map(({digest}) => [digest, new Promise((resolve) => (arrive[digest] = resolve))]),
    );
    const scene = {
        project: {id: 3, role: "annotator", categories: [{id: 1, name: "cup", color: "#000000"}]},
        image: {
            ...{id: 7, name: "7.png", state: "in_progress", size: {height: 8, width: 8}},
            isEmbeddingComing,
        },
        siblings: {previous: null, next: null, nextOpen: null, position: 1, total: 1},
        ...{bundle: BUNDLE, standIn},
    };
    const asked = [];
    const image = {
        ...{imageId: 7, progress: null, onProgress() {}, onWait() {}, giveUp() {}},
        scene: Promise.resolve(scene),
        picture: async () => "picture",
        annotations: async () => [],
        decoderImage: (_, {digest}) => ({
            ...{key: "7", size: {height: 8, width: 8}},
            fetchEmbedding: () => (asked.push(digest), embeddings[digest].then(() => new ArrayBuffer(8))),
        }),
    };
    const {workbench, said, clock} = bench();
    const told = [];
    const world = {
        ...{now: () => 0, acceptFrom: () => null, load: () => image, marks: {overlay: (image) => image}},
        pause: () => waited.promise,
        decoderFor: (bundle) => handMadeDecoder(() => {}, bundle),
    };
    const flow = new ImageFlow(image, scene, workbench, world, {
        ...{onChange() {}, onShow() {}, onPicture() {}, onWait() {}, onMarked() {}},
        onSaved: () => workbench.arrivals.showSaved([]),
        onReady: () => told.push("ready"),
        onReplaced: (bundle, replaced) => told.push({by: bundle.name, replaced}),
    });
    void flow.show(0);
    const answering = () => [flow.isReady, flow.standInName, workbench.prompts.bundle.name];
    return {
        ...{flow, image, workbench, said, clock, told, answering, asked},
        waitLong: () => (waited.end(), settle()),
        arrive: (digest) => (arrive[digest](), settle()),
    };
}

test("an embedding that is on its way waits for the small bundle, but not for ever", async () => {
    const {asked, answering, arrive} = opened({isEmbeddingComing: true});
    await settle();
    assert.deepEqual(asked, [SMALL.digest]);
    await arrive(SMALL.digest);
    assert.deepEqual(answering(), [true, "small", "small"]);
    assert.deepEqual(asked, [SMALL.digest, BUNDLE.digest]);
    await arrive(BUNDLE.digest);
    assert.deepEqual(answering(), [true, "", "tiny"]);

    const slow = opened({isEmbeddingComing: true});
    await settle();
    await slow.waitLong();
    assert.deepEqual(slow.asked, [SMALL.digest, BUNDLE.digest]);
    await slow.arrive(BUNDLE.digest);
    assert.deepEqual(slow.answering(), [true, "", "tiny"]);
});

test("without a small bundle the image's own is asked for at once", async () => {
    const {asked} = opened({standIn: null, isEmbeddingComing: true});
    await settle();
    assert.deepEqual(asked, [BUNDLE.digest]);
});

test("the small bundle answers until the image's own embedding has come", async () => {
    const {flow, image, workbench, answering, arrive, told} = opened();
    await settle();
    image.onProgress(QUEUED);
    await arrive(SMALL.digest);
    assert.deepEqual(answering(), [true, "small", "small"]);
    assert.equal(flow.bundle.name, "small");
    workbench.prompting.addPoint(POINT, FOREGROUND, 0);
    await settle();
    assert.equal(workbench.prompts.candidates.length, 3);
    await arrive(BUNDLE.digest);
    assert.deepEqual(answering(), [true, "", "tiny"]);
    assert.equal(workbench.prompts.candidates.length, 3);
    assert.deepEqual([told[0], told[1].by, told[1].replaced.mask.area], ["ready", "tiny", 1]);
    assert.equal(flow.embedding.state, "ready");
});

test("what was clicked and accepted before any embedding was there is the stand-in's", async () => {
    const {image, workbench, answering, arrive} = opened();
    await settle();
    image.onProgress(QUEUED);
    workbench.prompting.addPoint(POINT, FOREGROUND, 0);
    workbench.accepting.accept();
    await arrive(SMALL.digest);
    await settle();
    assert.deepEqual(answering(), [true, "small", "small"]);
    assert.deepEqual(
        workbench.document.annotations.map(({bundleDigest}) => bundleDigest),
        [SMALL.digest],
    );
});

test("the mask that was replaced can be taken back until one goes on", async () => {
    const {image, workbench, said, told, arrive} = opened();
    await settle();
    image.onProgress(QUEUED);
    await arrive(SMALL.digest);
    workbench.prompting.addPoint(POINT, FOREGROUND, 0);
    await settle();
    await arrive(BUNDLE.digest);
    const {replaced} = told[1];
    workbench.answering.takeBack(replaced);
    assert.equal(workbench.draft.handMade, replaced.mask);
    workbench.redo();
    assert.equal(workbench.prompts.prompt.steps.length, 1);
    workbench.undo();
    assert.equal(workbench.draft.handMade, replaced.mask);
    workbench.cancel();
    workbench.prompting.addPoint(POINT, FOREGROUND, 0);
    workbench.answering.takeBack(replaced);
    assert.equal(workbench.draft.handMade, null);
    assert.match(said.why.at(-1), /cannot be taken back/);
});

test("whoever accepts as the mask is replaced accepts the one that was on screen", async () => {
    for (const [waited, digest] of [
        [100, SMALL.digest],
        [1000, BUNDLE.digest],
    ]) {
        const {image, workbench, arrive, clock} = opened();
        await settle();
        image.onProgress(QUEUED);
        await arrive(SMALL.digest);
        workbench.prompting.addPoint(POINT, FOREGROUND, 0);
        await settle();
        await arrive(BUNDLE.digest);
        clock.ms += Number(waited);
        workbench.accepting.accept();
        await settle();
        assert.deepEqual(
            workbench.document.annotations.map(({bundleDigest}) => bundleDigest),
            [digest],
        );
    }
});

test("a mask keeps the digest of the bundle that made it", async () => {
    const {image, workbench, arrive} = opened();
    await settle();
    image.onProgress(QUEUED);
    await arrive(SMALL.digest);
    workbench.prompting.addPoint(POINT, FOREGROUND, 0);
    await settle();
    HandMadeWorker.isHolding = true;
    workbench.accepting.accept();
    await settle();
    await arrive(BUNDLE.digest); // in the middle of the accepting
    for (const worker of HandMadeWorker.started) while (worker.held.length) await worker.answerNext();
    await settle();
    HandMadeWorker.isHolding = false;
    workbench.prompting.addPoint(POINT, FOREGROUND, 0);
    await settle();
    workbench.accepting.accept();
    await settle();
    assert.deepEqual(
        workbench.document.annotations.map(({bundleDigest}) => bundleDigest),
        ["d2", "d1"],
    );
});

test("whoever need not wait, or has no stand-in, is answered by the image's own bundle alone", async () => {
    const quick = opened();
    await settle();
    await quick.arrive(BUNDLE.digest);
    await quick.arrive(SMALL.digest);
    assert.deepEqual(quick.answering(), [true, "", "tiny"]);
    assert.equal(HandMadeWorker.asked.filter((asked) => asked === "load").length, 1);
    const without = opened({standIn: null});
    await settle();
    without.image.onProgress(QUEUED);
    await without.arrive(SMALL.digest);
    assert.equal(without.flow.isReady, false);
    await without.arrive(BUNDLE.digest);
    assert.deepEqual(without.answering(), [true, "", "tiny"]);
});

test("both embeddings at one moment end with the image's own", async () => {
    const {image, answering, arrive} = opened();
    await settle();
    image.onProgress(QUEUED);
    image.onProgress({...QUEUED, state: "running"});
    arrive(SMALL.digest);
    await arrive(BUNDLE.digest);
    await settle();
    assert.deepEqual(answering(), [true, "", "tiny"]);
});

test("the page says which model answers", () => {
    const now = {
        ...{bundleName: "vit_h", standInName: "pocket", mayAnnotate: true, isReady: true},
        embedding: {state: "running", position: null, error: ""},
    };
    assert.equal(modelBadge(now).text, "pocket answers · vit_h is being prepared");
    assert.equal(modelBadge(now).answers, "pocket");
    const failed = {...now, embedding: {state: "failed", position: null, error: "x"}};
    assert.equal(modelBadge(failed).text, "pocket answers · vit_h failed");
});
