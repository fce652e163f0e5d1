import assert from "node:assert/strict";
import test, {mock} from "node:test";

import {fetchEmbedding} from "../../static/js/api/embeddings.js";
import {ApiError} from "../../static/js/api/http.js";
import {settle} from "./hand-made.js";

globalThis.addEventListener ??= () => {};
globalThis.removeEventListener ??= () => {};

test("an embedding that is cut off on the way, or a server that is away for a moment, is asked for again", async (t) => {
    mock.timers.enable({apis: ["setTimeout"]});
    t.after(() => mock.timers.reset());
    const whole = new ArrayBuffer(8);
    const answers = [
        () => ({status: 200, arrayBuffer: async () => Promise.reject(new TypeError("network error"))}),
        () => Promise.reject(new ApiError(503, "busy", "later")),
        () => ({status: 202, json: async () => Promise.reject(new TypeError("network error"))}),
        () => ({status: 200, arrayBuffer: async () => whole}),
    ];
    const http = {request: async () => answers.shift()()};
    const states = [];
    const fetching = fetchEmbedding(http, 7, "d1", {onProgress: ({state}) => states.push(state)});
    for (let k = 0; k < 3; k++) {
        await settle();
        mock.timers.tick(60_000);
    }
    assert.equal(await fetching, whole);
    assert.deepEqual(states, ["offline", "offline", "offline", "ready"]);
});

test("what the server refuses is not asked for again", async () => {
    const http = {request: async () => Promise.reject(new ApiError(404, "not_found", "gone"))};
    await assert.rejects(fetchEmbedding(http, 7, "d1"), {status: 404});
});

test("what came damaged is asked for past the browser's cache", async () => {
    const asked = [];
    const http = {
        request: async (url, {cache}) => (
            asked.push(cache),
            {status: 200, arrayBuffer: async () => new ArrayBuffer(8)}
        ),
    };
    await fetchEmbedding(http, 7, "d1");
    await fetchEmbedding(http, 7, "d1", {isAnew: true});
    assert.deepEqual(asked, [undefined, "reload"]);
});
