import assert from "node:assert/strict";
import test, {mock} from "node:test";

import {EMPTY_PROMPT, withPoint} from "../../static/js/core/prompt.js";
import {DecoderClient} from "../../static/js/decoder/decoder-client.js";

const BUNDLE = {name: "b", digest: "d"};
const at = (x) => withPoint(EMPTY_PROMPT, {x, y: 1, frame: "image"}, 1).steps;
const imageOf = (key) => ({key, size: {height: 4, width: 4}, fetchEmbedding: async () => new ArrayBuffer(8)});

/** The other side of the channel: what the client asked, and the answers, each given when the test says so. */
class Channel {
    static opened = [];
    requests = [];
    isTerminated = false;
    #listeners = {};

    constructor() {
        Channel.opened.push(this);
    }

    addEventListener(kind, listener) {
        this.#listeners[kind] = listener;
    }

    postMessage(request) {
        this.requests.push(request);
    }

    terminate() {
        this.isTerminated = true;
    }

    reply({id}, value) {
        this.#listeners.message({data: {id, value}});
    }

    refuse({id}, code, message = code) {
        this.#listeners.message({data: {id, error: {code, message}}});
    }

    busy({id}) {
        this.#listeners.message({data: {id, isBusy: true}});
    }

    crash() {
        this.#listeners.error({preventDefault() {}});
    }
}

/** Lets everything run that waits for nothing outside. */
async function settle() {
    for (let k = 0; k < 30; k++) await Promise.resolve();
}

async function openClient() {
    Channel.opened = [];
    globalThis.Worker = Channel;
    let restarts = 0;
    const client = new DecoderClient("worker.js", {}, BUNDLE, () => restarts++);
    return {client, restarts: () => restarts};
}

/** The newest request of the newest worker, once it is there. */
async function asked(kind) {
    await settle();
    const request = Channel.opened.at(-1).requests.at(-1);
    assert.equal(request?.kind, kind);
    return request;
}

const worker = () => Channel.opened.at(-1);
const decoded = (index = 0) => ({candidates: [{index}], maskIndices: [index], runs: 1});

async function answerUntilDecode() {
    worker().reply(await asked("load"), {executionProvider: "wasm", threads: 1});
    worker().reply(await asked("setImage"), null);
    return asked("decode");
}

async function started(client, image = imageOf("a")) {
    const ready = client.prepare(image);
    worker().reply(await asked("load"), {executionProvider: "wasm", threads: 1});
    worker().reply(await asked("setImage"), null);
    await ready;
}

test("a decode loads the worker, gives it the image once, and asks", async () => {
    const {client} = await openClient();
    const first = client.decode(imageOf("a"), at(1));
    await settle();
    worker().reply(await answerUntilDecode(), decoded(2));
    assert.equal((await first).candidates[0].index, 2);
    const second = client.decode(imageOf("a"), at(2));
    worker().reply(await asked("decode"), decoded(3));
    assert.equal((await second).candidates[0].index, 3);
    assert.deepEqual(
        worker().requests.map(({kind}) => kind),
        ["load", "setImage", "decode", "decode"],
    );
    const ids = worker().requests.map(({id}) => id);
    assert.equal(new Set(ids).size, ids.length, "every request has an id of its own");
});

test("the same prompt asked for twice is decoded once; the answer for another does not reach it", async () => {
    const {client} = await openClient();
    await started(client);
    const [one, same] = [client.decode(imageOf("a"), at(1)), client.decode(imageOf("a"), at(1))];
    const request = await asked("decode");
    const before = worker().requests.length;
    worker().reply({id: request.id + 100}, decoded(9)); // nobody asked this
    worker().reply(request, decoded(1));
    worker().reply(request, decoded(5)); // a second answer is nobody's
    assert.equal((await one).candidates[0].index, 1);
    assert.equal((await same).candidates[0].index, 1);
    assert.equal(worker().requests.length, before);
});

test("while one decode runs only the newest of the others is kept", async () => {
    const {client} = await openClient();
    await started(client);
    const running = client.decode(imageOf("a"), at(1));
    const request = await asked("decode");
    const overtaken = client.decode(imageOf("a"), at(2));
    await settle();
    const newest = client.decode(imageOf("a"), at(3));
    assert.equal(await overtaken, null);
    assert.equal((await asked("decode")).id, request.id, "one at a time");
    worker().reply(request, decoded(1));
    assert.equal((await running).candidates[0].index, 1);
    const next = await asked("decode");
    assert.equal(next.steps[0].point.x, 3);
    worker().reply(next, decoded(3));
    assert.equal((await newest).candidates[0].index, 3);
});

test("a worker that crashes is replaced, and what was asked of it is asked again", async () => {
    const {client, restarts} = await openClient();
    await started(client);
    const lost = client.decode(imageOf("a"), at(1));
    const before = await asked("decode");
    const crashed = worker();
    crashed.crash();
    await settle();
    assert.ok(crashed.isTerminated);
    assert.notEqual(worker(), crashed);
    const again = await answerUntilDecode();
    assert.deepEqual(again.steps, before.steps);
    crashed.reply(before, decoded(9)); // too late, and of the old worker
    worker().reply(again, decoded(1));
    assert.equal((await lost).candidates[0].index, 1);
    assert.equal(restarts(), 1);
});

test("a worker that crashes again and again is given up with a sentence, and a later try starts anew", async () => {
    const {client} = await openClient();
    const doomed = client.decode(imageOf("a"), at(1));
    const refused = assert.rejects(doomed, {code: "worker_crashed", message: /keeps crashing/});
    for (let k = 0; k < 4; k++) {
        await asked("load");
        worker().crash();
    }
    await refused;
    assert.equal(Channel.opened.length, 4);
    const later = client.decode(imageOf("a"), at(1));
    await settle();
    worker().reply(await answerUntilDecode(), decoded(1));
    assert.equal((await later).candidates[0].index, 1);
});

test("a worker that says nothing is taken for dead", async (t) => {
    mock.timers.enable({apis: ["setTimeout"]});
    t.after(() => mock.timers.reset());
    const {client, restarts} = await openClient();
    const slow = client.decode(imageOf("a"), at(1));
    await asked("load");
    mock.timers.tick(59_999);
    await settle();
    assert.equal(restarts(), 0);
    mock.timers.tick(1);
    await settle();
    assert.equal(restarts(), 1);
    worker().reply(await answerUntilDecode(), decoded(1));
    assert.equal((await slow).candidates[0].index, 1);
});

test("an image that the worker has let go is sent again", async () => {
    const {client, restarts} = await openClient();
    await started(client);
    const answer = client.decode(imageOf("a"), at(1));
    worker().refuse(await asked("decode"), "image_not_loaded");
    worker().reply(await asked("setImage"), null);
    worker().reply(await asked("decode"), decoded(1));
    assert.equal((await answer).candidates[0].index, 1);
    assert.equal(restarts(), 0, "the worker is well");
});

test("an error is its prompt's alone, and the same prompt can be tried again", async () => {
    const {client} = await openClient();
    await started(client);
    const failed = client.decode(imageOf("a"), at(1));
    worker().refuse(await asked("decode"), "not_finite", "no numbers");
    await assert.rejects(failed, {code: "not_finite", message: "no numbers"});
    const again = client.decode(imageOf("a"), at(1));
    worker().reply(await asked("decode"), decoded(1));
    assert.equal((await again).candidates[0].index, 1);
});

test("an embedding that cannot be fetched fails its decode, and is fetched anew for the next", async () => {
    const {client} = await openClient();
    let tries = 0;
    const image = {
        ...imageOf("a"),
        fetchEmbedding: async () => {
            if (tries++ === 0) throw new Error("offline");
            return new ArrayBuffer(8);
        },
    };
    const failed = client.decode(image, at(1));
    const refused = assert.rejects(failed, /offline/);
    worker().reply(await asked("load"), {executionProvider: "wasm", threads: 1});
    await refused;
    const again = client.decode(image, at(1));
    worker().reply(await asked("setImage"), null);
    worker().reply(await asked("decode"), decoded(1));
    assert.equal((await again).candidates[0].index, 1);
    assert.equal(tries, 2);
});

test("damaged bytes are fetched once more past all caches, and then said to be damaged", async () => {
    const {client} = await openClient();
    const askedAnew = [];
    const image = {
        ...imageOf("a"),
        fetchEmbedding: async (isAnew) => (askedAnew.push(isAnew), new ArrayBuffer(8)),
    };
    const mended = client.decode(image, at(1));
    worker().reply(await asked("load"), {executionProvider: "wasm", threads: 1});
    worker().refuse(await asked("setImage"), "embedding_invalid", "damaged");
    worker().reply(await asked("setImage"), null);
    worker().reply(await asked("decode"), decoded(1));
    assert.equal((await mended).candidates[0].index, 1);
    assert.deepEqual(askedAnew, [false, true]);

    const lost = client.decode({...image, key: "b"}, at(1));
    const refused = assert.rejects(lost, {code: "embedding_invalid"});
    worker().refuse(await asked("setImage"), "embedding_invalid", "damaged");
    worker().refuse(await asked("setImage"), "embedding_invalid", "damaged");
    await refused;
    assert.deepEqual(askedAnew, [false, true, false, true]);
});

test("a mask is finished while a decode waits, each by its own id", async () => {
    const {client} = await openClient();
    await started(client);
    const decode = client.decode(imageOf("a"), at(1));
    const decodeRequest = await asked("decode");
    const finish = client.finishMask(imageOf("a"), at(1));
    const finishRequest = await asked("finish");
    worker().reply(finishRequest, {area: 7});
    assert.deepEqual(await finish, {area: 7});
    worker().reply(decodeRequest, decoded(1));
    assert.equal((await decode).candidates[0].index, 1);
});

test("a worker that could not load is ended, and the next decode begins another", async () => {
    const {client} = await openClient();
    const first = client.decode(imageOf("a"), at(1));
    worker().refuse(await asked("load"), "decoder_unavailable");
    await assert.rejects(first, {code: "decoder_unavailable"});
    const failed = worker();
    assert.equal(failed.isTerminated, true);
    const second = client.decode(imageOf("a"), at(1));
    await settle();
    assert.notEqual(worker(), failed);
    worker().reply(await answerUntilDecode(), decoded(1));
    assert.equal((await second).candidates[0].index, 1);
});

test("a worker that says that it is busy, with a long download for example, is not taken for dead", async (t) => {
    mock.timers.enable({apis: ["setTimeout"]});
    t.after(() => mock.timers.reset());
    const {client, restarts} = await openClient();
    const slow = client.decode(imageOf("a"), at(1));
    const load = await asked("load");
    for (let minute = 0; minute < 3; minute++) {
        mock.timers.tick(59_999);
        worker().busy(load);
    }
    await settle();
    assert.equal(restarts(), 0);
    worker().reply(await answerUntilDecode(), decoded(1));
    assert.equal((await slow).candidates[0].index, 1);
});

test("one crash counts once, however many waited for an answer", async () => {
    const {client} = await openClient();
    const works = ["a", "b", "c", "d", "e"].map((key) => client.prepare(imageOf(key)));
    for (let k = 0; k < 2; k++) {
        await asked("load");
        worker().crash();
    }
    worker().reply(await asked("load"), {executionProvider: "wasm", threads: 1});
    await settle();
    for (const request of worker().requests.filter(({kind}) => kind === "setImage"))
        worker().reply(request, null);
    await Promise.all(works);
    assert.equal(Channel.opened.length, 3);
});

test("a decoder that has ended lets its worker go and answers nothing any more", async () => {
    const {client, restarts} = await openClient();
    await started(client);
    const lost = assert.rejects(client.decode(imageOf("a"), at(1)), {code: "decoder_ended"});
    await asked("decode");
    client.end();
    await lost;
    assert.deepEqual([worker().isTerminated, restarts()], [true, 0]);
    await assert.rejects(client.prepare(imageOf("b")), {code: "decoder_ended"});
    assert.equal(Channel.opened.length, 1);
});
