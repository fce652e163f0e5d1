import assert from "node:assert/strict";
import test from "node:test";

import {answerOf} from "../../static/js/api/uploads.js";
import {canRetry, isAllKnown} from "../../static/js/core/upload-outcome.js";
import {trashedIds, UploadQueue} from "../../static/js/session/upload-queue.js";
import {settle} from "./hand-made.js";

const TAKEN = {images: [{id: 1, isDuplicate: false}], refused: [], message: ""};
const REFUSED = {images: [], refused: [{name: "b", message: "It is no image."}], message: "It is no image."};

/** A queue whose files arrive when the test says so. */
function queueOf(...names) {
    const sent = new Map();
    const changes = [];
    const send = (file, events) => {
        const sending = {...events};
        sending.answer = new Promise((resolve) => (sending.resolve = resolve));
        sending.abort = () => sending.resolve(null);
        sent.set(file.name, sending);
        return sending;
    };
    const queue = new UploadQueue(send, ({file, state}) => changes.push(`${file.name} ${state}`));
    queue.add(names.map((name) => ({name, size: 100})));
    const answer = async (name, value = TAKEN) => {
        sent.get(name).resolve(value);
        await settle();
    };
    const states = () => queue.uploads.map(({file, state}) => `${file.name} ${state}`);
    return {queue, sent, changes, answer, states};
}

test("three files are on their way at once, and each one that ends makes room for the next", async () => {
    const {sent, answer, states} = queueOf("a", "b", "c", "d", "e");
    assert.deepEqual([...sent.keys()], ["a", "b", "c"]);
    await answer("b");
    assert.deepEqual([...sent.keys()], ["a", "b", "c", "d"]);
    await answer("a");
    await answer("c");
    assert.deepEqual(states(), ["a done", "b done", "c done", "d sending", "e sending"]);
});

test("a file goes from waiting to done, and the progress is counted in bytes", async () => {
    const {queue, sent, changes, answer} = queueOf("a", "b");
    sent.get("a").onProgress(50);
    assert.equal(queue.progress, 50 / 200);
    sent.get("a").onProgress(140); // the form around the file counts too
    assert.equal(queue.progress, 100 / 200);
    sent.get("a").onSent();
    await answer("a");
    assert.deepEqual(
        changes.filter((change) => change.startsWith("a")),
        ["a waiting", "a sending", "a sending", "a sending", "a checking", "a done"],
    );
    assert.equal(queue.isBusy, true);
    await answer("b", REFUSED);
    assert.deepEqual([queue.isBusy, queue.progress], [false, 1]);
});

test("a bad file fails alone, says why, and can be sent again", async () => {
    const {queue, sent, answer, states} = queueOf("a", "b");
    await answer("b", REFUSED);
    assert.deepEqual(states(), ["a sending", "b failed"]);
    const [, bad] = queue.uploads;
    assert.equal(bad.answer.message, "It is no image.");
    const before = sent.get("b");
    queue.retry(bad);
    assert.notEqual(sent.get("b"), before);
    assert.deepEqual([bad.state, bad.answer.message], ["sending", ""]);
    queue.retry(bad); // it is on its way already
    await answer("b");
    assert.equal(bad.state, "done");
});

test("what is cancelled is sent no further, and the others go on", async () => {
    const {queue, sent, states} = queueOf("a", "b", "c", "d");
    const [first, , , waiting] = queue.uploads;
    queue.cancel(waiting);
    queue.cancel(first);
    await settle();
    assert.deepEqual(states(), ["a cancelled", "b sending", "c sending", "d cancelled"]);
    assert.equal(sent.has("d"), false);
    queue.retry(waiting);
    assert.deepEqual(states().at(-1), "d sending");
});

test("all cancelled, none of those that wait takes the place of one that is sent", async () => {
    const {queue, sent, states} = queueOf("a", "b", "c", "d", "e");
    queue.cancelAll();
    await settle();
    assert.deepEqual([...sent.keys()], ["a", "b", "c"]);
    assert.ok(states().every((state) => state.endsWith("cancelled")));
    assert.deepEqual([queue.isBusy, queue.progress], [false, 1]);
});

test("an answer that comes while the file is being cancelled counts once", async () => {
    const {queue, answer, changes} = queueOf("a");
    const [upload] = queue.uploads;
    const answered = answer("a");
    queue.cancel(upload); // too late: the server has it
    await answered;
    assert.equal(upload.state, "done");
    assert.deepEqual(changes, ["a waiting", "a sending", "a done"]);
});

test("files that come while others are sent wait their turn, and clearing forgets only what is over", async () => {
    const {queue, answer, states} = queueOf("a", "b", "c");
    queue.add([{name: "d", size: 100}]);
    await answer("a");
    queue.clear();
    assert.deepEqual(states(), ["b sending", "c sending", "d sending"]);
});

test("the server's answer to one file, in words", () => {
    const taken = {
        results: [{id: 5}, {id: 6, duplicate: true}],
        errors: [{name: "x.txt", message: "It is no image."}],
    };
    assert.deepEqual(answerOf({status: 201, responseText: JSON.stringify(taken)}), {
        images: [
            {id: 5, isDuplicate: false},
            {id: 6, isDuplicate: true},
        ],
        refused: [{name: "x.txt", message: "It is no image."}],
        message: "",
        isFinal: false,
    });
    const refused = {error: {message: "The file is damaged."}};
    const answer = answerOf({status: 400, responseText: JSON.stringify(refused)});
    assert.deepEqual([answer.message, answer.isFinal], ["The file is damaged.", true]);
    assert.equal(answerOf({status: 502, responseText: ""}).isFinal, false);
    assert.match(answerOf({status: 401, responseText: "{}"}).message, /signed out/);
    assert.match(answerOf({status: 502, responseText: "<html>"}).message, /restarting/);
    assert.match(answerOf({status: 500, responseText: "<html>"}).message, /answered 500/);
    assert.match(answerOf({status: 0, responseText: ""}).message, /cannot be reached/);
});

test("a file that would be refused again is not sent again", async () => {
    const {queue, answer, states} = queueOf("a", "b");
    await answer("a", {...REFUSED, isFinal: true});
    await answer("b", REFUSED);
    assert.deepEqual(queue.uploads.map(canRetry), [false, true]);
    for (const upload of queue.uploads) queue.retry(upload);
    assert.deepEqual(states(), ["a failed", "b sending"]);
});

test("what was there before is no upload", async () => {
    const {queue, answer} = queueOf("a", "b");
    await answer("a", {images: [{id: 1, isDuplicate: true}], refused: [], message: ""});
    await answer("b", TAKEN);
    assert.deepEqual(queue.uploads.map(isAllKnown), [true, false]);
});

test("what lay in the trash counts as taken once it is restored", async () => {
    const {queue, answer, states} = queueOf("a");
    const inTrash = {...REFUSED, refused: [{name: "a", message: "It is in the trash.", trashedId: 7}]};
    await answer("a", inTrash);
    assert.deepEqual(states(), ["a failed"]);
    const [upload] = queue.uploads;
    assert.deepEqual(trashedIds(upload), [7]);
    queue.takeRestored(upload);
    assert.deepEqual(states(), ["a done"]);
    assert.deepEqual(upload.answer, {images: [{id: 7, isDuplicate: true}], refused: [], message: ""});
});
