/** The list of uploads in the corner: one line a file, an overall bar, what failed and why. */

import {button, element, find, icon, iconButton} from "../elements.js";
import {canRetry, isAllKnown, isPlainSuccess} from "../../core/upload-outcome.js";
import {plural} from "../words.js";

/** @import {Upload, UploadFile} from "../../session/upload-queue.js" */

// Thousands of lines would make the page slow; what failed is always shown.
const MAX_LINES = 300;
const MAX_REASONS = 20;
const LEAVES_AFTER_MS = 8000;
const BUTTON = "button plain tight square";

/**
 * @template {UploadFile} F
 * @typedef {object} TrayActions
 * @property {(upload: Upload<F>) => void} cancel
 * @property {(upload: Upload<F>) => void} retry
 * @property {(upload: Upload<F>) => void} restore brings back the deleted images that its files are
 * @property {() => void} cancelAll
 * @property {() => void} retryAll
 * @property {() => void} close
 */

const ICONS = {
    waiting: "clock",
    sending: "upload",
    checking: "loader-circle",
    done: "circle-check",
    failed: "triangle-alert",
    cancelled: "x",
};

/** @template {UploadFile} F */
export class UploadTray {
    root;
    #list;
    #bar;
    #title;
    #cancelAll;
    #retryAll;
    #close;
    #actions;
    #isStale = false;
    #leaving = 0;
    /** @type {Map<Upload<F>, HTMLLIElement>} */
    #lines = new Map();

    /**
     * @param {HTMLElement} root
     * @param {TrayActions<F>} actions
     */
    constructor(root, actions) {
        this.root = root;
        this.#actions = actions;
        this.#list = find("[data-tray-files]", HTMLUListElement, root);
        this.#bar = find("[data-tray-progress]", HTMLProgressElement, root);
        this.#title = find("[data-tray-title]", HTMLElement, root);
        this.#cancelAll = find("[data-tray-cancel]", HTMLButtonElement, root);
        this.#retryAll = find("[data-tray-retry]", HTMLButtonElement, root);
        this.#close = find("[data-tray-close]", HTMLButtonElement, root);
        this.#cancelAll.addEventListener("click", actions.cancelAll);
        this.#retryAll.addEventListener("click", actions.retryAll);
        this.#close.addEventListener("click", actions.close);
    }

    /**
     * Draws the bar and the sum with the next frame, however often it is called until then.
     *
     * @param {{uploads: readonly Upload<F>[], progress: number, isBusy: boolean}} queue progress: 0 to 1
     */
    drawOverall(queue) {
        if (this.#isStale) return;
        this.#isStale = true;
        requestAnimationFrame(() => {
            this.#isStale = false;
            this.#drawOverall(queue);
        });
    }

    /** @param {{uploads: readonly Upload<F>[], progress: number, isBusy: boolean}} queue */
    #drawOverall({uploads, progress, isBusy}) {
        const count = {waiting: 0, sending: 0, checking: 0, done: 0, failed: 0, cancelled: 0};
        for (const {state} of uploads) count[state]++;
        const known = uploads.filter(isAllKnown).length;
        const over = count.done + count.failed + count.cancelled;
        this.root.hidden = uploads.length === 0;
        this.#bar.value = progress;
        this.#bar.hidden = !isBusy;
        this.#cancelAll.hidden = !isBusy;
        this.#close.hidden = isBusy;
        this.#retryAll.hidden = isBusy || uploads.filter(canRetry).length < 2;
        this.#leaveSoon(!isBusy && uploads.length > 0 && uploads.every(isPlainSuccess));
        const parts = [
            count.done > known && `${plural(count.done - known, "file")} uploaded`,
            known && `${known} already here`,
            count.failed && `${count.failed} failed`,
            count.cancelled && `${count.cancelled} cancelled`,
        ].filter(Boolean);
        const text = isBusy
            ? `Uploading ${over + 1} of ${uploads.length} · ${Math.floor(100 * progress)} %`
            : parts.join(", ");
        if (this.#title.textContent !== text) this.#title.textContent = text;
    }

    /** Where there is nothing to read, the tray leaves the pictures under it free. @param {boolean} isDone */
    #leaveSoon(isDone) {
        clearTimeout(this.#leaving);
        if (isDone) this.#leaving = window.setTimeout(() => this.#actions.close(), LEAVES_AFTER_MS);
    }

    /** @param {Upload<F>} upload */
    draw(upload) {
        let line = this.#lines.get(upload);
        if (!line) {
            if (this.#lines.size >= MAX_LINES && !this.#dropALine() && upload.state !== "failed") return;
            line = element("li");
            line.append(
                icon(ICONS[upload.state]),
                span("name", upload.file.name),
                span("small quiet number", ""),
            );
            this.#lines.set(upload, line);
            this.#list.append(line);
        }
        const percent = Math.floor((100 * upload.sentBytes) / Math.max(1, upload.file.size));
        if (upload.state === "sending" && line.dataset.uploadState === "sending") {
            line.children[2].textContent = `${percent} %`; // comes often: nothing else has changed
            return;
        }
        line.dataset.uploadState = upload.state;
        line.className = `tray-file ${upload.state}`;
        const name = span("name", upload.file.name);
        name.title = upload.file.name;
        line.replaceChildren(
            icon(ICONS[upload.state]),
            name,
            span("small quiet number", outcome(upload, percent)),
        );
        if (canRetry(upload))
            line.append(
                iconButton(BUTTON, "refresh-cw", `Retry ${upload.file.name}`, () =>
                    this.#actions.retry(upload),
                ),
            );
        else if (upload.state !== "done" && upload.state !== "failed")
            line.append(
                iconButton(BUTTON, "x", `Cancel ${upload.file.name}`, () => this.#actions.cancel(upload)),
            );
        const reasons = reasonsOf(upload);
        line.classList.toggle("refused", reasons.length > 0);
        for (const reason of reasons.slice(0, MAX_REASONS)) line.append(span("why", reason));
        if (reasons.length > MAX_REASONS)
            line.append(span("why", `and ${reasons.length - MAX_REASONS} more`));
        const deleted = upload.answer.refused.filter(({trashedId}) => trashedId !== undefined).length;
        if (deleted > 0)
            line.append(
                button(
                    {class: "button tight tray-restore"},
                    () => this.#actions.restore(upload),
                    icon("undo-2"),
                    deleted === 1 ? "Restore from the trash" : `Restore ${deleted} from the trash`,
                ),
            );
    }

    clear() {
        this.#lines.clear();
        this.#list.replaceChildren();
        this.root.hidden = true;
    }

    /** Makes room by taking away a file that went well; whether there was one. */
    #dropALine() {
        for (const [upload, line] of this.#lines) {
            if (upload.state !== "done" || upload.answer.refused.length) continue;
            line.remove();
            this.#lines.delete(upload);
            return true;
        }
        return false;
    }
}

/**
 * @param {Upload<UploadFile>} upload
 * @param {number} percent
 */
function outcome({state, answer}, percent) {
    if (state === "sending") return `${percent} %`;
    if (state === "checking") return "checking";
    if (state === "waiting") return "waiting";
    if (state === "cancelled") return "cancelled";
    if (state === "failed") return "";
    const duplicates = answer.images.filter(({isDuplicate}) => isDuplicate).length;
    if (answer.images.length === 1) return duplicates ? "already here" : "added";
    return `${plural(answer.images.length - duplicates, "image")} added${duplicates ? `, ${duplicates} already here` : ""}`;
}

/** @param {Upload<UploadFile>} upload */
function reasonsOf({file, state, answer}) {
    if (state === "done") return answer.refused.map(({name, message}) => `${name}: ${message}`);
    if (state !== "failed") return [];
    const ofOthers = answer.refused
        .filter(({name}) => name !== file.name)
        .map(({name, message}) => `${name}: ${message}`);
    return ofOthers.length ? ofOthers : [answer.message];
}

/**
 * @param {string} className
 * @param {string} text
 */
function span(className, text) {
    return element("span", {class: className}, text);
}
