// A web worker as far as the kernels' helper needs one, made of node's threads.
import {Worker as Thread} from "node:worker_threads";

const BEGIN = `
const {parentPort, workerData} = require("node:worker_threads");
globalThis.onmessage = null;
globalThis.postMessage = (message) => parentPort.postMessage(message);
const messages = [];
parentPort.on("message", (data) => (globalThis.onmessage ? globalThis.onmessage({data}) : messages.push(data)));
import(workerData).then(() => messages.forEach((data) => globalThis.onmessage({data})));
`;

export const HELPER_URL = new URL("../../static/js/decoder/worker/kernel/helper.js", import.meta.url).href;

export class NodeWorker {
    #thread;

    /** @param {string} url */
    constructor(url) {
        this.#thread = new Thread(BEGIN, {eval: true, workerData: url});
        this.#thread.on("message", (data) => this.onmessage({data}));
        this.#thread.on("error", (error) => this.onerror(error));
    }

    postMessage(message) {
        this.#thread.postMessage(message);
    }

    terminate() {
        void this.#thread.terminate();
    }
}
