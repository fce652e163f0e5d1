/** Uploads files, each by itself and a few at a time, so that each has its own progress and one bad file fails alone. */

import {canRetry} from "../core/upload-outcome.js";

/** @import {UploadAnswer} from "./ports.d.ts" */

const AT_ONCE = 3;

/** @typedef {{readonly name: string, readonly size: number}} UploadFile what is to be known of a file */
/** @typedef {"waiting" | "sending" | "checking" | "done" | "failed" | "cancelled"} UploadState */

/**
 * @template {UploadFile} F
 * @typedef {{file: F, state: UploadState, sentBytes: number, answer: UploadAnswer}} Upload
 */

/**
 * One file on its way. `answer` is null when it was aborted.
 *
 * @typedef {{answer: Promise<UploadAnswer | null>, abort(): void}} Sending
 */

/** @typedef {{onProgress: (sentBytes: number) => void, onSent: () => void}} SendingEvents */

/** @type {UploadAnswer} */
const NO_ANSWER = {images: [], refused: [], message: ""};

/** @template {UploadFile} F */
export class UploadQueue {
    #send;
    #onChange;
    /** @type {Upload<F>[]} */
    #uploads = [];
    /** @type {Map<Upload<F>, Sending>} */
    #sendings = new Map();

    /**
     * @param {(file: F, events: SendingEvents) => Sending} send
     * @param {(upload: Upload<F>) => void} onChange called after every change of an upload
     */
    constructor(send, onChange) {
        this.#send = send;
        this.#onChange = onChange;
    }

    /** @returns {readonly Upload<F>[]} */
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

    /** @param {Iterable<F>} files */
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

    /** @param {Upload<F>} upload one that failed or was cancelled; one that would fail again stays as it is */
    retry(upload) {
        if (!canRetry(upload)) return;
        upload.answer = NO_ANSWER;
        upload.sentBytes = 0;
        this.#set(upload, "waiting");
        this.#fill();
    }

    /** @param {Upload<F>} upload one that is not over */
    cancel(upload) {
        if (upload.state === "waiting") this.#set(upload, "cancelled");
        this.#sendings.get(upload)?.abort();
    }

    cancelAll() {
        for (const upload of this.#uploads) this.cancel(upload);
    }

    /**
     * What was refused because it lay in the trash is there again.
     *
     * @param {Upload<F>} upload
     */
    takeRestored(upload) {
        const {images, refused} = upload.answer;
        upload.answer = {
            images: [...images, ...trashedIds(upload).map((id) => ({id, isDuplicate: true}))],
            refused: refused.filter(({trashedId}) => trashedId === undefined),
            message: "",
        };
        this.#set(upload, "done");
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
        for (const upload of waiting.slice(0, AT_ONCE - sending)) void this.#start(upload);
    }

    /** @param {Upload<F>} upload */
    async #start(upload) {
        const {file} = upload;
        const sending = this.#send(file, {
            onProgress: (sentBytes) => {
                upload.sentBytes = Math.min(sentBytes, file.size);
                this.#onChange(upload);
            },
            onSent: () => {
                upload.sentBytes = file.size;
                this.#set(upload, "checking");
            },
        });
        this.#sendings.set(upload, sending);
        this.#set(upload, "sending");
        const answer = await sending.answer;
        this.#sendings.delete(upload);
        upload.answer = answer ?? NO_ANSWER;
        if (answer === null) this.#set(upload, "cancelled");
        else this.#set(upload, answer.message ? "failed" : "done");
        this.#fill();
    }

    /**
     * @param {Upload<F>} upload
     * @param {UploadState} state
     */
    #set(upload, state) {
        upload.state = state;
        this.#onChange(upload);
    }
}

/**
 * @param {Upload<UploadFile>} upload
 * @returns {number[]} deleted images of the same pixels as its files
 */
export function trashedIds({answer}) {
    return answer.refused.flatMap(({trashedId}) => (trashedId === undefined ? [] : [trashedId]));
}
