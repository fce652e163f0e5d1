import assert from "node:assert/strict";
import test, {beforeEach} from "node:test";

import {ImageFlow} from "../../static/js/session/image-flow.js";
import {MarksToSave} from "../../static/js/session/image-marks.js";
import {KeptDrafts} from "../../static/js/session/kept-drafts.js";
import {LastCategory} from "../../static/js/session/last-category.js";
import {Workbench} from "../../static/js/session/workbench.js";
import {HandMadeStorage, annotationOf, settle, journalOf} from "./hand-made.js";
import {BUNDLE, HandMadeWorker, decoderImageOf, handMadeDecoder} from "./hand-made-worker.js";

const LAST = 9;

function sceneOf(imageId, {role = "annotator", state = "in_progress", bundle = BUNDLE} = {}) {
    const siblings = {
        ...{previous: imageId > 7 ? imageId - 1 : null, next: imageId < LAST ? imageId + 1 : null},
        ...{nextOpen: null, position: imageId - 6, total: 3},
    };
    const categories = [{id: 1, name: "cup", color: "#000000", supercategory: ""}];
    return {
        project: {id: 3, role, categories},
        image: {id: imageId, name: `${imageId}.png`, state},
        siblings,
        bundle,
    };
}

/** An image whose parts arrive when the test says so. */
class HandMadeImage {
    isGivenUp = false;
    pictures = 0;
    onProgress = () => {};
    onWait = () => {};
    #parts = {scene: deferred(), picture: deferred(), annotations: deferred()};

    constructor(imageId, scene) {
        this.imageId = imageId;
        this.embedding = deferred();
        this.scene = this.#parts.scene.promise;
        this.#parts.picture.promise.catch(() => {});
        if (scene) this.#parts.scene.resolve(scene);
    }
    async arrive(...names) {
        const values = {
            scene: sceneOf(this.imageId),
            picture: `picture ${this.imageId}`,
            annotations: this.saved ?? [],
        };
        for (const name of names.length ? names : Object.keys(values))
            this.#parts[name].resolve(values[name]);
        this.embedding.resolve();
        await settle();
    }
    async arriveAs(scene) {
        this.#parts.scene.resolve(scene);
        await settle();
    }
    async fail(name, error) {
        this.#parts[name].reject(error);
        await settle();
    }
    picture() {
        this.pictures++;
        return this.#parts.picture.promise;
    }
    annotations() {
        return this.#parts.annotations.promise;
    }
    decoderImage() {
        return {
            ...decoderImageOf(this.imageId),
            fetchEmbedding: () => this.embedding.promise.then(() => new ArrayBuffer(8)),
        };
    }
    giveUp() {
        this.isGivenUp = true;
    }
}

/** An image as the server gives it once these marks are saved. */
function savedAs(marks) {
    const untouched = {state: "in_progress", skipReason: "", skipNote: "", isFlagged: false, flagNote: ""};
    return {...untouched, ...marks, flaggedBy: null, flaggedAt: null};
}

function deferred() {
    const made = {};
    made.promise = new Promise((resolve, reject) => Object.assign(made, {resolve, reject}));
    return made;
}

function flowFrom(imageId, options) {
    const said = [];
    const say =
        (name) =>
        (...values) =>
            said.push([name, ...values].join(" "));
    const loaded = new Map();
    const states = [];
    const workbench = new Workbench(
        "ann",
        {
            ...{now: () => 0, newId: () => "made", drafts: new KeptDrafts(journalOf())},
            lastCategory: new LastCategory(new HandMadeStorage(), "ann"),
            settings: () => ({farClickAccepts: false, quickMode: false}),
        },
        {
            onChange() {},
            onProblem: say("problem"),
            onMask() {},
            onCategoryMissing() {},
            onQuick() {},
            onSay() {},
            onDelete() {},
        },
    );
    const first = new HandMadeImage(imageId, sceneOf(imageId, options));
    const world = {
        load(id) {
            loaded.set(id, new HandMadeImage(id));
            return loaded.get(id);
        },
        decoderFor: () => handMadeDecoder(),
        saveMarks: async (id, marks) => {
            states.push([id, marks.state]);
            return savedAs(marks);
        },
        marks: new MarksToSave(
            journalOf(),
            {save: (id, marks) => world.saveMarks(id, marks), troubleOf: () => "", look: async () => null},
            async () => {},
            () => {},
        ),
        acceptFrom: () => options?.acceptFrom ?? null,
        now: () => 100,
        pause: () => new Promise(() => {}),
    };
    const flow = new ImageFlow(first, sceneOf(imageId, options), workbench, world, {
        onChange() {},
        onShow: ({image}) => said.push(`show ${image.id}`),
        onOpened: (id, isNew) => said.push(`opened ${id}${isNew ? "" : " from history"}`),
        onUnreachable: say("unreachable"),
        onPicture: say("picture"),
        onSaved: (id, listed) => {
            said.push(`saved ${id}`);
            workbench.arrivals.showSaved(listed.map(({annotation}) => annotation));
        },
        onWait: say("waits"),
        onDraftKept: ({name}) => said.push(`draft kept on ${name}`),
        onPoorAccepted: ({name}) => said.push(`poor mask accepted on ${name}`),
        onPictureProblem: (error) => said.push(`picture problem ${error.message}`),
        onEmbeddingProblem: (error) => said.push(`embedding problem ${error.message}`),
        onMarked() {},
        onMarkRefused: (image, error) => said.push(`state ${image.id} ${error.message}`),
        onListDone: (openImageId) => said.push(`list done${openImageId ? ` but ${openImageId}` : ""}`),
        onReady: (openedAt) => said.push(`ready since ${openedAt}`),
    });
    void flow.show(0);
    return {flow, first, loaded, said, workbench, states, world};
}

beforeEach(() => HandMadeWorker.reset());

test("an image is ready when its picture is shown and its embedding is in the decoder", async () => {
    const {flow, first, said} = flowFrom(7);
    await settle();
    assert.equal(flow.isReady, false);
    await first.arrive();
    assert.deepEqual(said, ["show 7", "picture picture 7", "saved 7", "ready since 0"]);
    assert.deepEqual([flow.isReady, flow.pictureState, flow.embedding.state], [true, "shown", "ready"]);
    assert.deepEqual(HandMadeWorker.asked, ["load", "setImage 7"]);
});

test("the next image is fetched ahead, with its embedding, and opened from what has arrived", async () => {
    const {flow, first, loaded, said} = flowFrom(7);
    await first.arrive();
    const eighth = loaded.get(8);
    await eighth.arrive("scene", "picture");
    assert.deepEqual(HandMadeWorker.asked.at(-1), "setImage 8");
    flow.go("next");
    await settle();
    await eighth.arrive("annotations");
    assert.equal(loaded.get(8), eighth, "it is not fetched twice");
    assert.deepEqual(said.slice(4), [
        "opened 8",
        "show 8",
        "picture picture 8",
        "ready since 100",
        "saved 8",
    ]);
    assert.equal(first.isGivenUp, true);
    assert.equal(HandMadeWorker.started.length, 1, "one decoder for the bundle");
    assert.ok(loaded.has(9), "and the one after it is on its way");
});

test("the picture on screen is kept until another takes its place", async () => {
    const {flow, first, loaded} = flowFrom(7);
    await first.arrive();
    flow.go("next");
    await settle();
    assert.equal(first.isGivenUp, false);
    await loaded.get(8).arrive("scene");
    assert.equal(first.isGivenUp, true);
});

test("what arrives for an image that was left is dropped", async () => {
    const {flow, first, loaded, said, workbench} = flowFrom(7);
    void flow.open(8, true);
    await settle();
    await loaded.get(8).arrive("scene");
    first.saved = [{annotation: annotationOf("of 7"), version: 1}];
    await first.arrive("annotations", "picture");
    first.onProgress({state: "failed", position: null, error: "late"});
    assert.deepEqual(said, ["show 7", "opened 8", "show 8"]);
    assert.deepEqual(workbench.document.annotations, []);
    assert.equal(flow.embedding.state, "queued");
});

test("of two images opened in a row the last one is shown, and the browser's way back ends an opening", async () => {
    const {flow, first, loaded, said} = flowFrom(8);
    await first.arrive();
    void flow.open(9, true);
    void flow.open(7, true);
    await settle();
    await loaded.get(9).arrive("scene");
    assert.equal(loaded.get(9).isGivenUp, true);
    void flow.open(8, false);
    await settle();
    await loaded.get(7).arrive("scene");
    assert.equal(flow.scene.image.id, 8);
    assert.deepEqual(
        said.filter((words) => words.startsWith("opened")),
        [],
    );
    void flow.open(7, false);
    await settle();
    await loaded.get(7).arrive("scene");
    assert.equal(
        said.findLast((words) => words.startsWith("opened")),
        "opened 7 from history",
    );
});

test("a mask accepted while the next image is being opened stays with its own", async () => {
    const {flow, first, loaded, workbench} = flowFrom(7);
    await first.arrive();
    const made = [];
    workbench.document.subscribe(({created}, origin) => origin === "user" && made.push(...created));
    workbench.prompting.addPoint({x: 1, y: 1, frame: "image"}, 1, 0);
    await settle();
    flow.go("next");
    await settle();
    HandMadeWorker.isHolding = true;
    workbench.accepting.accept(); // the scene of 8 is still on its way
    await settle();
    await loaded.get(8).arrive("scene");
    assert.equal(flow.scene.image.id, 7);
    await HandMadeWorker.latest.answerNext();
    assert.deepEqual(
        made.map(({imageId}) => imageId),
        [7],
    );
    assert.equal(flow.scene.image.id, 8);
    assert.deepEqual(workbench.document.annotations, []);
});

const at = (x) => ({x, y: 0, frame: "image"});

test("an open mask is accepted when its image is left, or stays there as a draft", async () => {
    for (const [acceptFrom, accepted] of [
        [0, 1],
        [2, 0],
        [null, 0],
    ]) {
        const {flow, first, loaded, workbench, said} = flowFrom(7, {acceptFrom});
        await first.arrive();
        workbench.prompting.addPoint(at(1), 1, 1);
        const counts = [];
        workbench.document.subscribe(({created}, origin) => origin === "user" && counts.push(created.length));
        flow.go("next");
        await loaded.get(8).arrive();
        assert.equal(flow.scene.image.id, 8);
        assert.equal(counts.length, accepted);
        assert.equal(said.includes("draft kept on 7.png"), accepted === 0);
        assert.equal(workbench.isOpen, false);
        void flow.open(7, false);
        await settle();
        await loaded.get(7).arrive();
        assert.equal(workbench.isOpen, accepted === 0, "it is there again");
    }
});

test("done accepts the open mask first, and marks nothing where that fails", async () => {
    const {flow, first, loaded, workbench, states, said} = flowFrom(9);
    await first.arrive();
    workbench.prompting.addPoint(at(1), 1, 1);
    await Promise.all([flow.finishing.finish(), settle().then(() => loaded.get(9).arrive("scene"))]);
    assert.deepEqual([workbench.document.annotations.length, states], [1, [[9, "done"]]]);
    flow.finishing.reopen();
    workbench.prompting.addPoint(at(2), 1, 1);
    await settle();
    HandMadeWorker.trouble = "Out of memory.";
    await flow.finishing.finish();
    assert.equal(said.at(-1), "problem Out of memory.");
    assert.equal(states.at(-1)[1], "in_progress");
    assert.equal(workbench.isOpen, true);
});

test("done says that it accepted a poor mask, and keeps quiet over others", async () => {
    for (const [predictedIou, words] of [
        [0.4, ["poor mask accepted on 9.png"]],
        [0.9, []],
    ]) {
        const {flow, first, loaded, workbench, said} = flowFrom(9);
        await first.arrive();
        HandMadeWorker.predictedIou = predictedIou;
        workbench.prompting.addPoint(at(1), 1, 1);
        await settle();
        await Promise.all([flow.finishing.finish(), settle().then(() => loaded.get(9).arrive("scene"))]);
        assert.deepEqual(
            said.filter((each) => each.startsWith("poor")),
            words,
        );
    }
});

test("masks that cannot be fetched are missing, not none, until they arrive", async () => {
    const {flow, first, workbench, said} = flowFrom(7);
    await first.arrive("scene", "picture");
    assert.deepEqual([flow.masksState, workbench.canPrompt], ["loading", true]);
    first.onWait("signed_out", "annotations");
    assert.deepEqual([flow.masksState, workbench.canPrompt], ["missing", false]);
    assert.ok(said.includes("waits signed_out"));
    await first.arrive("annotations");
    assert.deepEqual([flow.masksState, workbench.canPrompt], ["shown", true]);
});

test("an image that cannot be opened is handed on, one that was left meanwhile is not", async () => {
    const {flow, first, loaded, said} = flowFrom(8);
    await first.arrive();
    void flow.open(7, true);
    await settle();
    await loaded.get(7).fail("scene", new Error("404"));
    assert.equal(said.at(-1), "unreachable 7");
    void flow.open(9, true);
    await settle();
    const left = loaded.get(9);
    void flow.open(7, true);
    await settle();
    await left.fail("scene", new Error("aborted"));
    assert.equal(said.at(-1), "unreachable 7");
});

test("an embedding that failed is said, and a retry makes the image ready", async () => {
    const {flow, first, said} = flowFrom(7);
    first.embedding.reject(new Error("no memory"));
    await first.arrive();
    assert.deepEqual(said, ["show 7", "picture picture 7", "saved 7", "embedding problem no memory"]);
    assert.deepEqual(flow.embedding, {state: "failed", position: null, error: "no memory"});
    first.embedding = deferred();
    flow.retry();
    await settle();
    assert.equal(flow.isReady, false);
    first.embedding.resolve();
    await settle();
    assert.equal(flow.isReady, true);
    assert.equal(said.at(-1), "ready since 100");
});

test("a picture that is damaged is said once, and the embedding waits for nothing more", async () => {
    const {flow, first, said} = flowFrom(7);
    await first.arrive("annotations");
    first.onWait("offline", "picture");
    await first.fail("picture", new Error("damaged"));
    assert.deepEqual(said, ["show 7", "saved 7", "waits offline", "picture problem damaged"]);
    assert.deepEqual([flow.pictureState, flow.embedding.state, flow.isReady], ["failed", "failed", false]);
    first.onProgress({state: "running", position: null, error: ""});
    assert.equal(flow.embedding.state, "failed");
});

test("done marks the image and goes on; on an image that is done it only goes on", async () => {
    const {flow, first, loaded, states} = flowFrom(7, {state: "done"});
    await first.arrive();
    await flow.finishing.finish();
    await settle();
    await loaded.get(8).arrive("scene");
    assert.deepEqual([flow.scene.image.id, states], [8, []]);
    await flow.finishing.finish();
    await settle();
    await loaded.get(9).arrive("scene");
    assert.deepEqual([flow.scene.image.id, states], [9, [[8, "done"]]]);
});

test("done on the last image says what is left, as it is now and not when the image was fetched ahead", async () => {
    for (const [nextOpen, words] of [
        [7, "list done but 7"],
        [null, "list done"],
    ]) {
        const {flow, first, loaded, said} = flowFrom(9);
        await first.arrive();
        const isFinished = flow.finishing.finish();
        await settle();
        await loaded.get(9).arriveAs({...sceneOf(9), siblings: {nextOpen}});
        await isFinished;
        assert.equal(said.at(-1), words);
        assert.equal(flow.scene.image.id, 9);
    }
});

test("an image that is done is opened again, once", async () => {
    const {flow, first, states} = flowFrom(9, {state: "done"});
    await first.arrive();
    flow.finishing.reopen();
    flow.finishing.reopen();
    assert.deepEqual([flow.scene.image.state, states], ["in_progress", [[9, "in_progress"]]]);
});

test("the next image that is not done is asked for when it is wanted", async () => {
    const {flow, first, loaded, said} = flowFrom(7);
    await first.arrive();
    let isThere = flow.finishing.goToOpen();
    await settle();
    await loaded.get(7).arriveAs({...sceneOf(7), siblings: {nextOpen: 9}});
    await isThere;
    await settle();
    await loaded.get(9).arrive("scene");
    assert.equal(flow.scene.image.id, 9);
    isThere = flow.finishing.goToOpen();
    await settle();
    await loaded.get(9).arriveAs({...sceneOf(9), siblings: {nextOpen: null}});
    await isThere;
    assert.equal(said.at(-1), "list done");
});

test("a mark that the server refuses is said", async () => {
    const {flow, first, loaded, said, world} = flowFrom(9);
    await first.arrive();
    world.saveMarks = async () => {
        throw new Error("no");
    };
    const isFinished = flow.finishing.finish();
    await settle();
    await loaded.get(9).arrive("scene");
    await isFinished;
    assert.deepEqual(said.slice(-2), ["state 9 no", "list done"]);
});

test("an image is skipped for a reason, and the next one comes", async () => {
    const {flow, first, loaded, world} = flowFrom(7);
    const sent = [];
    world.saveMarks = async (id, marks) => {
        sent.push([id, marks]);
        return savedAs(marks);
    };
    await first.arrive();
    const why = {skipReason: "other", skipNote: "a test shot"};
    await flow.finishing.skip(why);
    await loaded.get(8).arrive();
    assert.deepEqual([flow.scene.image.id, sent], [8, [[7, {state: "skipped", ...why}]]]);
    void flow.open(7, true);
    await settle();
    await loaded.get(7).arriveAs({...sceneOf(7), image: {...sceneOf(7).image, state: "skipped", ...why}});
    flow.finishing.reopen();
    assert.equal(flow.scene.image.state, "in_progress");
    assert.deepEqual(sent.at(-1), [7, {state: "in_progress", skipReason: "", skipNote: ""}]);
});

test("a mark that is on its way is seen on an image that was fetched before it arrived", async () => {
    const {flow, first, loaded, world} = flowFrom(7);
    const answer = deferred();
    world.saveMarks = () => answer.promise;
    await first.arrive();
    flow.go("next");
    await settle();
    await loaded.get(8).arrive();
    void flow.open(7, false);
    await settle();
    flow.finishing.mark(sceneOf(7).image, {state: "skipped", skipReason: "blurred", skipNote: ""});
    await loaded.get(7).arrive(); // as the server had it before the mark
    assert.deepEqual([flow.scene.image.id, flow.scene.image.state], [7, "skipped"]);
    answer.reject(new Error("no"));
    await settle();
    assert.equal(flow.scene.image.state, "in_progress", "it is as it was");
});

test("an image whose mark waits for the server is opened all the same", async () => {
    const {flow, first, loaded, world} = flowFrom(7);
    const answer = deferred();
    world.saveMarks = () => answer.promise;
    await first.arrive();
    const why = {skipReason: "blurred", skipNote: ""};
    await flow.finishing.skip(why);
    await loaded.get(8).arrive();
    void flow.open(7, false);
    await settle();
    answer.resolve(savedAs({state: "skipped", ...why}));
    await settle();
    await loaded.get(7).arrive(); // as the server had it before the mark
    assert.deepEqual([flow.scene.image.id, flow.scene.image.state], [7, "skipped"]);
});

test("a flag leaves the state alone, and says who the server says", async () => {
    const {flow, first, world} = flowFrom(7);
    world.saveMarks = async (id, marks) => ({
        ...savedAs({state: "in_progress", ...marks}),
        ...{flaggedBy: "ann", flaggedAt: "2026-01-01T00:00:00Z"},
    });
    await first.arrive();
    flow.finishing.mark(flow.scene.image, {isFlagged: true, flagNote: "two?"});
    assert.deepEqual([flow.scene.image.isFlagged, flow.scene.image.state], [true, "in_progress"]);
    await settle();
    assert.deepEqual([flow.scene.image.flaggedBy, flow.scene.image.flagNote], ["ann", "two?"]);
});

test("a viewer sees picture and masks, and no embedding is fetched", async () => {
    const {flow, first, said, states} = flowFrom(7, {role: "viewer"});
    await first.arrive();
    await flow.finishing.finish();
    assert.deepEqual(said, ["show 7", "picture picture 7", "saved 7"]);
    assert.deepEqual(HandMadeWorker.asked, []);
    assert.deepEqual(states, []);
});

test("without a bundle there is a picture and no decoder", async () => {
    const {flow, first} = flowFrom(7, {bundle: null});
    await first.arrive();
    assert.deepEqual([flow.pictureState, flow.isReady, flow.bundle], ["shown", false, null]);
});

test("N pressed three times goes three images on, and P takes one of them back", async () => {
    const {flow, first, loaded, said} = flowFrom(7);
    await first.arrive();
    for (let k = 0; k < 3; k++) flow.go("next");
    flow.go("previous");
    await settle();
    await loaded.get(8).arrive("scene");
    await loaded.get(9).arrive("scene");
    await settle();
    assert.deepEqual(
        said.filter((each) => each.startsWith("opened")),
        ["opened 8", "opened 9"],
    );
});

test("a shape that is being drawn is closed before its image is left, or done", async () => {
    const {flow, first, loaded, world, said} = flowFrom(7);
    await first.arrive();
    world.closeShape = () => said.push(`closed on ${flow.scene.image.id}`);
    flow.go("next");
    await settle();
    assert.ok(!said.includes("closed on 7"), "as long as the next one is on its way it may be gone on with");
    await loaded.get(8).arrive("scene");
    assert.ok(said.indexOf("closed on 7") < said.indexOf("opened 8"));
    await flow.finishing.finish();
    assert.ok(said.includes("closed on 8"));
});

test("who went on working while the next image took long to come stays", async () => {
    const {flow, first, loaded, world, workbench, said} = flowFrom(7);
    await first.arrive();
    let now = 0;
    world.now = () => now;
    flow.go("next");
    await settle();
    workbench.bringBack({...annotationOf("a"), imageId: 7});
    now = 60_000;
    await loaded.get(8).arrive("scene");
    assert.deepEqual([flow.scene.image.id, said.includes("opened 8")], [7, false]);
    flow.go("next"); // wanted again, it is opened
    await settle();
    await loaded.get(8).arrive("scene");
    assert.equal(flow.scene.image.id, 8);
});

test("categories that others made are fetched when a mask of theirs comes, and what was fetched before knows them too", async () => {
    const {flow, first, loaded, workbench} = flowFrom(7);
    await first.arrive();
    await loaded.get(8).arrive("picture"); // fetched ahead, with its scene on the way
    const theirs = annotationOf("a", {categoryId: 2});
    flow.noticeCategories([annotationOf("b")]);
    assert.equal(loaded.has(7), false, "all of them are known");
    flow.noticeCategories([theirs]);
    flow.noticeCategories([theirs]);
    const both = [...flow.scene.project.categories, {id: 2, name: "spoon", color: "#ffffff"}];
    const theirScene = {...sceneOf(7), project: {...sceneOf(7).project, categories: both}};
    await loaded.get(7).arriveAs(theirScene);
    await loaded.get(7).arriveAs(theirScene); // asked once more, for what came during the first asking
    assert.deepEqual(flow.scene.project.categories, both);
    flow.go("next");
    await settle();
    await loaded.get(8).arrive("scene");
    assert.deepEqual(flow.scene.project.categories, both);
    const left = both.slice(1);
    void flow.refreshCategories();
    await loaded.get(8).arriveAs({...sceneOf(8), project: {...sceneOf(8).project, categories: left}});
    assert.equal(workbench.labelling.category, null, "the picked one was deleted: another is asked for");
});

test("another bundle's decoder takes the place of the one before, which ends", async () => {
    const {flow, first, loaded} = flowFrom(7);
    await first.arrive();
    flow.go("next");
    await settle();
    await loaded.get(8).arriveAs({...sceneOf(8), bundle: {...BUNDLE, digest: "d2"}});
    await loaded.get(8).arrive();
    assert.deepEqual(
        HandMadeWorker.started.map(({isGone}) => isGone),
        [true, false],
    );
});
