/**
 * Large files in parts, by the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload): after a lost connection, a
 * restart of the server, or when the same file is chosen again on another day, the upload goes on where it stopped.
 */

import {ApiError, csrfHeader, isPassing, NetworkError, pause, retryDelayMs, withPatience} from "./http.js";
import {answerOf} from "./uploads.js";

/** @import {UploadAnswer} from "../session/ports.d.ts" */

/** Smaller files are sent in one request. */
export const LARGE_FROM_BYTES = 8 * 2 ** 20;
const PART_BYTES = 4 * 2 ** 20;
const DISK_FULL = 507; // which trying again and again does not mend
const KEY = "maskwright:upload";
const TUS = {"Tus-Resumable": "1.0.0"};

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} responseText
 * @property {(name: string) => string | null} header
 */

/**
 * As `sendUpload`.
 *
 * @param {number} projectId
 * @param {string} batch
 * @param {File} file
 * @param {{onProgress: (sentBytes: number) => void, onSent: () => void}} events
 * @returns {{answer: Promise<UploadAnswer | null>, abort(): void}} null: it was aborted
 */
export function sendInParts(projectId, batch, file, {onProgress, onSent}) {
    const giveUp = new AbortController();
    const {signal} = giveUp;
    const known = new KnownUploads(localStorage, projectId, file);

    async function run() {
        try {
            const metadata = `filename ${base64(file.name)},batch ${base64(batch)}`;
            const address = await sendAll(projectId, file, {metadata, known, signal, onProgress});
            onSent();
            const finished = await withPatience(
                () => send("POST", `${address}finish/`, {signal, isRaw: true}),
                {signal, isWorthWaiting: isPassingSoon},
            );
            known.forget();
            return answerOf(finished);
        } catch (error) {
            if (signal.aborted) {
                known.giveUp();
                return null;
            }
            if (!(error instanceof ApiError)) return answerOf({status: 0, responseText: ""});
            if (error.status === 410) known.forget();
            const {status, code, message, body} = error;
            const said = "error" in body ? body : {error: {code, message, fields: {}}};
            return answerOf({status, responseText: JSON.stringify(said)});
        }
    }

    return {answer: run(), abort: () => giveUp.abort()};
}

/**
 * Sends a dataset that is to be imported, and hands it over.
 *
 * @template T
 * @param {number} projectId
 * @param {File} file
 * @param {object} options
 * @param {AbortSignal} options.signal aborted: what has arrived is given up
 * @param {(sentBytes: number) => void} options.onProgress
 * @param {(uploadId: string) => Promise<T>} options.handOver
 * @returns {Promise<T>} what the handing over gave
 * @throws {ApiError | NetworkError}
 */
export async function sendDataset(projectId, file, {signal, onProgress, handOver}) {
    const known = new KnownUploads(localStorage, projectId, file, "import");
    try {
        const metadata = `filename ${base64(file.name)},purpose ${base64("import")}`;
        const address = await sendAll(projectId, file, {metadata, known, signal, onProgress});
        const uploadId = address.split("/").filter(Boolean).at(-1) ?? "";
        const given = await withPatience(() => handOver(uploadId), {signal, isWorthWaiting: isPassingSoon});
        known.forget();
        return given;
    } catch (error) {
        if (signal.aborted) known.giveUp();
        else if (!isPassing(error)) known.forget();
        throw error;
    }
}

/**
 * Sends a file until all of it has arrived, from where an earlier attempt had come to.
 *
 * @param {number} projectId
 * @param {File} file
 * @param {object} options
 * @param {string} options.metadata
 * @param {KnownUploads} options.known
 * @param {AbortSignal} options.signal
 * @param {(sentBytes: number) => void} options.onProgress
 * @returns {Promise<string>} the upload's address
 */
async function sendAll(projectId, file, {metadata, known, signal, onProgress}) {
    /** @returns {Promise<string>} the upload's address */
    async function begin() {
        const answer = await send("POST", `/api/projects/${projectId}/uploads/`, {
            signal,
            headers: {...TUS, "Upload-Length": String(file.size), "Upload-Metadata": metadata},
        });
        const address = answer.header("Location") ?? "";
        known.note(address);
        return address;
    }

    /**
     * @param {string} address
     * @returns {Promise<number | null>} how many bytes have arrived; null: the server knows nothing of it any more
     */
    async function arrived(address) {
        try {
            const answer = await send("HEAD", address, {signal, headers: TUS});
            return Number(answer.header("Upload-Offset"));
        } catch (error) {
            if (error instanceof ApiError && (error.status === 404 || error.status === 410)) return null;
            throw error;
        }
    }

    let address = known.address;
    let offset = address ? await withPatience(() => arrived(address), {signal}) : null;
    if (offset === null) {
        address = await withPatience(begin, {signal});
        offset = 0;
    }
    let failures = 0;
    let isAnew = false;
    while (offset < file.size) {
        const from = offset;
        onProgress(from);
        try {
            const answer = await send("PATCH", address, {
                signal,
                headers: {
                    ...TUS,
                    "Upload-Offset": String(from),
                    "Content-Type": "application/offset+octet-stream",
                },
                body: file.slice(from, from + PART_BYTES),
                onProgress: (bytes) => onProgress(from + bytes),
            });
            offset = Number(answer.header("Upload-Offset"));
            failures = 0;
        } catch (error) {
            const status = error instanceof ApiError ? error.status : 0;
            // 409: another part has arrived; 404, 410: another tab gave this upload up.
            if (status === DISK_FULL || (!isPassing(error) && ![404, 409, 410].includes(status))) throw error;
            // The file is read anew for each part: one that changed on the disk meanwhile cannot be gone on with.
            await file.slice(from, from + 1).arrayBuffer();
            if (failures > 0) await pause(retryDelayMs(failures - 1), signal);
            failures++;
            offset = await withPatience(() => arrived(address), {signal});
            if (offset !== null) continue;
            if (isAnew) throw new ApiError(410, "gone", "The upload took too long. Retry.");
            isAnew = true;
            address = await withPatience(begin, {signal});
            offset = 0;
        }
    }
    return address;
}

/**
 * A full disk is told, since somebody has to make room; what has arrived stays there for another try.
 *
 * @param {unknown} error
 */
function isPassingSoon(error) {
    return isPassing(error) && !(error instanceof ApiError && error.status === DISK_FULL);
}

/** Remembers under which address a file is on its way, for the day on which the same file is chosen again. */
class KnownUploads {
    #storage;
    #key;

    /**
     * @param {Storage} storage
     * @param {number} projectId
     * @param {File} file
     * @param {string} [purpose] what is sent for another end is another upload
     */
    constructor(storage, projectId, {name, size, lastModified}, purpose = "") {
        this.#storage = storage;
        this.#key = [purpose ? `${KEY}-${purpose}` : KEY, projectId, size, lastModified, name].join(":");
    }

    get address() {
        return this.#storage.getItem(this.#key) ?? "";
    }

    /** @param {string} address */
    note(address) {
        try {
            this.#storage.setItem(this.#key, address);
        } catch {
            // A full storage: the upload goes on, only not after a reload.
        }
    }

    forget() {
        this.#storage.removeItem(this.#key);
    }

    /** The person does not want it: the server need not keep what has arrived. */
    giveUp() {
        const {address} = this;
        this.forget();
        if (address) void send("DELETE", address, {headers: TUS}).catch(() => {}); // else it expires
    }
}

/**
 * One request, with the progress of its body.
 *
 * @param {string} method
 * @param {string} url
 * @param {object} options
 * @param {Record<string, string>} [options.headers]
 * @param {Blob} [options.body]
 * @param {AbortSignal} [options.signal]
 * @param {(sentBytes: number) => void} [options.onProgress]
 * @param {boolean} [options.isRaw] a refusal is an answer as any other
 * @returns {Promise<Answer>}
 * @throws {ApiError | NetworkError}
 */
function send(method, url, {headers = {}, body, signal, onProgress, isRaw = false}) {
    const request = new XMLHttpRequest(); // fetch cannot tell how much of a body is sent
    const abort = () => request.abort();
    return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        request.upload.addEventListener("progress", ({loaded}) => onProgress?.(loaded));
        request.addEventListener("loadend", () => {
            signal?.removeEventListener("abort", abort);
            const {status, responseText} = request;
            const error = problemOf(status, responseText);
            if (error && (!isRaw || isPassing(error))) reject(error);
            else resolve({status, responseText, header: (name) => request.getResponseHeader(name)});
        });
        request.open(method, url);
        for (const [name, value] of Object.entries(csrfHeader())) request.setRequestHeader(name, value);
        request.setRequestHeader("Accept", "application/json");
        for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
        signal?.addEventListener("abort", abort);
        request.send(body);
    });
}

/**
 * @param {number} status
 * @param {string} text
 */
function problemOf(status, text) {
    if (status === 0) return new NetworkError();
    if (status < 400) return null;
    /** @type {{error?: {code?: string, message?: string}}} */
    let body = {};
    try {
        body = JSON.parse(text);
    } catch {
        // The answer to HEAD has no body, and a proxy's page is none of ours.
    }
    return new ApiError(status, body.error?.code ?? "", body.error?.message ?? "", {}, body);
}

/** @param {string} text */
function base64(text) {
    return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
