/** Uploads files one request each, a few at a time, so that each has its own progress and one bad file fails alone. */

const AT_ONCE = 3;

/**
 * @typedef {{file: File, state: "waiting" | "sending" | "working" | "done" | "failed" | "cancelled", sent: number,
 *   message: string, images: {id: number, duplicate?: boolean}[], refused: {name: string, message: string}[]}} Upload
 */

export class UploadQueue {
    /** @type {Upload[]} */
    uploads = [];
    #url;
    #csrfToken;
    #onChange;
    /** @type {Set<XMLHttpRequest>} */
    #requests = new Set();

    /**
     * @param {string} url
     * @param {() => string} csrfToken
     * @param {(upload: Upload) => void} onChange
     */
    constructor(url, csrfToken, onChange) {
        this.#url = url;
        this.#csrfToken = csrfToken;
        this.#onChange = onChange;
    }

    /** @param {Iterable<File>} files */
    add(files) {
        for (const file of files) {
            /** @type {Upload} */
            const upload = {file, state: "waiting", sent: 0, message: "", images: [], refused: []};
            this.uploads.push(upload);
            this.#onChange(upload);
        }
        this.#fill();
    }

    /** @param {Upload} upload one that failed or was cancelled */
    retry(upload) {
        upload.state = "waiting";
        upload.sent = 0;
        upload.message = "";
        this.#onChange(upload);
        this.#fill();
    }

    cancel() {
        for (const upload of this.uploads)
            if (upload.state === "waiting") this.#set(upload, "cancelled", "Cancelled");
        for (const request of this.#requests) request.abort();
    }

    get isBusy() {
        return this.uploads.some((u) => u.state === "waiting" || u.state === "sending" || u.state === "working");
    }

    /** 0 to 1, by bytes. */
    get progress() {
        const total = this.uploads.reduce((sum, upload) => sum + upload.file.size, 0);
        const sent = this.uploads.reduce(
            (sum, {state, sent: bytes, file}) => sum + (state === "sending" || state === "waiting" ? bytes : file.size),
            0,
        );
        return total ? sent / total : 0;
    }

    #fill() {
        const sending = this.uploads.filter((u) => u.state === "sending" || u.state === "working").length;
        const waiting = this.uploads.filter((u) => u.state === "waiting");
        for (const upload of waiting.slice(0, AT_ONCE - sending)) this.#send(upload);
    }

    /** @param {Upload} upload */
    #send(upload) {
        const request = new XMLHttpRequest(); // fetch cannot tell how much of a body is sent
        this.#requests.add(request);
        this.#set(upload, "sending", "");
        request.upload.addEventListener("progress", ({loaded}) => {
            upload.sent = Math.min(loaded, upload.file.size);
            this.#onChange(upload);
        });
        request.upload.addEventListener("load", () => {
            upload.sent = upload.file.size;
            if (upload.state === "sending") this.#set(upload, "working", "");
        });
        request.addEventListener("loadend", () => {
            this.#requests.delete(request);
            this.#finish(upload, request);
            this.#fill();
        });
        const body = new FormData();
        body.append("files", upload.file);
        request.open("POST", this.#url);
        request.setRequestHeader("X-CSRFToken", this.#csrfToken());
        request.setRequestHeader("Accept", "application/json");
        request.send(body);
    }

    /** @param {Upload} upload @param {XMLHttpRequest} request */
    #finish(upload, request) {
        if (request.status === 0) {
            const isAborted = request.readyState === XMLHttpRequest.UNSENT;
            this.#set(upload, isAborted ? "cancelled" : "failed", isAborted ? "Cancelled" : "The server cannot be reached.");
            return;
        }
        /** @type {{results?: {id: number}[], errors?: {name: string, message: string}[], error?: {message: string}}} */
        let answer = {};
        try {
            answer = JSON.parse(request.responseText);
        } catch {
            // not JSON: a proxy's page; the status says enough
        }
        upload.images = answer.results ?? [];
        upload.refused = answer.errors ?? [];
        if (request.status < 300) {
            this.#set(upload, upload.refused.length && !upload.images.length ? "failed" : "done", "");
        } else {
            const message = upload.refused.length === 1 && !isZip(upload.file) ? upload.refused[0].message : answer.error?.message;
            this.#set(upload, "failed", message ?? `The server answered ${request.status}.`);
        }
    }

    /** @param {Upload} upload @param {Upload["state"]} state @param {string} message */
    #set(upload, state, message) {
        upload.state = state;
        upload.message = message;
        this.#onChange(upload);
    }
}

/** @param {File} file */
export function isZip(file) {
    return file.type.includes("zip") || file.name.toLowerCase().endsWith(".zip");
}
