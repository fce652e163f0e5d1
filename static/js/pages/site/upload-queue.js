/** Uploads files in one request each, a few at a time, so that each has its own progress and one bad file fails alone. */

import {uploadAnswer} from "../../api/gallery.js";

/** @import {UploadAnswer} from "../../api/gallery.js" */

const AT_ONCE = 3;

/**
 * @typedef {"waiting" | "sending" | "checking" | "done" | "failed" | "cancelled"} UploadState
 * @typedef {{file: File, state: UploadState, sentBytes: number, answer: UploadAnswer}} Upload
 */

const NO_ANSWER = {images: [], refused: [], message: ""};

export class UploadQueue {
    #url;
    #csrfToken;
    #onChange;
    /** @type {Upload[]} */
    #uploads = [];
    /** @type {Map<Upload, XMLHttpRequest>} */
    #requests = new Map();

    /**
     * @param {string} url
     * @param {() => string} csrfToken
     * @param {(upload: Upload) => void} onChange called after every change of an upload
     */
    constructor(url, csrfToken, onChange) {
        this.#url = url;
        this.#csrfToken = csrfToken;
        this.#onChange = onChange;
    }

    get uploads() {
        return this.#uploads;
    }

    get isBusy() {
        return this.#uploads.some(
            ({state}) => state === "waiting" || state === "sending" || state === "checking",
        );
    }

    /** 0 to 1, by bytes; what failed or was cancelled is out of the way. */
    get progress() {
        const counted = this.#uploads.filter(({state}) => state !== "cancelled" && state !== "failed");
        const total = counted.reduce((sum, {file}) => sum + file.size, 0);
        const sent = counted.reduce((sum, {sentBytes}) => sum + sentBytes, 0);
        return total ? sent / total : 1;
    }

    /** @param {Iterable<File>} files */
    add(files) {
        const added = [...files].map((file) => ({
            file,
            state: /** @type {const} */ ("waiting"),
            sentBytes: 0,
            answer: NO_ANSWER,
        }));
        this.#uploads.push(...added);
        for (const upload of added) this.#onChange(upload);
        this.#fill();
    }

    /** @param {Upload} upload one that failed or was cancelled */
    retry(upload) {
        if (upload.state !== "failed" && upload.state !== "cancelled") return;
        upload.answer = NO_ANSWER;
        upload.sentBytes = 0;
        this.#set(upload, "waiting");
        this.#fill();
    }

    /** @param {Upload} upload one that is not over */
    cancel(upload) {
        if (upload.state === "waiting") this.#set(upload, "cancelled");
        this.#requests.get(upload)?.abort();
    }

    cancelAll() {
        for (const upload of [...this.#uploads].reverse()) this.cancel(upload);
    }

    /** Forgets everything that is over. */
    clear() {
        this.#uploads = this.#uploads.filter(({state}) => state === "waiting" || this.#isSent(state));
    }

    /** @param {UploadState} state */
    #isSent(state) {
        return state === "sending" || state === "checking";
    }

    #fill() {
        const sending = this.#uploads.filter(({state}) => this.#isSent(state)).length;
        const waiting = this.#uploads.filter(({state}) => state === "waiting");
        for (const upload of waiting.slice(0, AT_ONCE - sending)) this.#send(upload);
    }

    /** @param {Upload} upload */
    #send(upload) {
        const request = new XMLHttpRequest(); // fetch cannot tell how much of a body is sent
        this.#requests.set(upload, request);
        this.#set(upload, "sending");
        let isAborted = false;
        request.upload.addEventListener("progress", ({loaded}) => {
            upload.sentBytes = Math.min(loaded, upload.file.size);
            this.#onChange(upload);
        });
        request.upload.addEventListener("load", () => {
            upload.sentBytes = upload.file.size;
            this.#set(upload, "checking");
        });
        request.addEventListener("abort", () => {
            isAborted = true;
        });
        request.addEventListener("loadend", () => {
            this.#requests.delete(upload);
            this.#finish(upload, request, isAborted);
            this.#fill();
        });
        const body = new FormData();
        body.append("files", upload.file);
        request.open("POST", this.#url);
        request.setRequestHeader("X-CSRFToken", this.#csrfToken());
        request.setRequestHeader("Accept", "application/json");
        request.send(body);
    }

    /**
     * @param {Upload} upload
     * @param {XMLHttpRequest} request
     * @param {boolean} isAborted
     */
    #finish(upload, request, isAborted) {
        if (isAborted) {
            this.#set(upload, "cancelled");
        } else if (request.status === 0) {
            // No answer: unreachable, or the file changed on disk while it was read.
            upload.answer = {
                ...NO_ANSWER,
                message: "The server cannot be reached, or the file changed. Retry.",
            };
            this.#set(upload, "failed");
        } else {
            upload.answer = uploadAnswer(request.status, request.responseText);
            upload.sentBytes = upload.file.size;
            this.#set(upload, upload.answer.message ? "failed" : "done");
        }
    }

    /**
     * @param {Upload} upload
     * @param {UploadState} state
     */
    #set(upload, state) {
        upload.state = state;
        this.#onChange(upload);
    }
}
