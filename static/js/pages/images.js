/** A project's images: gallery with live states, filters, selection, uploads by button or drag and drop. */

import {act, http, icon, need, plural, projectId, sentence, toast} from "./site/page.js";
import {UploadQueue} from "./site/upload-queue.js";

/** @import {Upload} from "./site/upload-queue.js" */
/**
 * @typedef {{id: number, name: string, width: number, height: number, state: string, embedding_state: string,
 *   annotation_count: number, thumbnail_url: string}} ImageRow
 */

const POLL_MS = 1500;
const IDLE_POLL_MS = 15_000;
const MAX_ROWS_SHOWN_IN_TRAY = 200;
const project = projectId();
const gallery = need("[data-gallery]", HTMLUListElement);
const tileTemplate = need("#tile", HTMLTemplateElement);
const empty = need("[data-empty]", HTMLElement);
const csrfToken = () => document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/)?.[1] ?? "";

// --- tiles ---

/** @type {Record<string, [string, string, string]>} icon, words, class */
const IMAGE_BADGES = {
    not_started: ["clock", "Not started", ""],
    in_progress: ["pencil", "In progress", "still working"],
    done: ["circle-check", "Done", "good"],
};
/** @type {Record<string, [string, string, string]>} */
const EMBEDDING_BADGES = {
    queued: ["clock", "Queued", ""],
    running: ["loader-circle", "Embedding", "working"],
    ready: ["check", "Ready", "good"],
    failed: ["triangle-alert", "Failed", "bad"],
    missing: ["circle-alert", "No model", "bad"],
};

/** @param {[string, string, string]} look @param {string} title */
function badge([name, words, kind], title) {
    const span = document.createElement("span");
    span.className = `badge ${kind}`;
    span.title = title;
    span.append(icon(name), words);
    return span;
}

/** @param {HTMLElement} tile */
function drawBadges(tile) {
    const {state = "", embeddingState = ""} = tile.dataset;
    const embedding = badge(EMBEDDING_BADGES[embeddingState] ?? EMBEDDING_BADGES.missing, `Embedding: ${embeddingState}`);
    const badges = [badge(IMAGE_BADGES[state], "State of this image"), embedding];
    const place = need("[data-badges]", HTMLElement, tile);
    place.replaceChildren(...badges);
    if (embeddingState === "failed") {
        const retry = document.createElement("button");
        retry.type = "button";
        retry.textContent = "Retry";
        retry.dataset.retryEmbedding = "";
        place.append(retry);
    }
}

/** @param {ImageRow} row */
function addTile(row) {
    if (gallery.querySelector(`[data-image-id="${row.id}"]`)) return;
    const fragment = /** @type {DocumentFragment} */ (tileTemplate.content.cloneNode(true));
    const tile = need("li", HTMLLIElement, fragment);
    tile.dataset.imageId = String(row.id);
    const link = need("a", HTMLAnchorElement, tile);
    link.href = `/images/${row.id}/annotate/`;
    const picture = need("img", HTMLImageElement, tile);
    picture.src = row.thumbnail_url;
    picture.alt = row.name;
    const name = need(".tile-name", HTMLElement, tile);
    name.textContent = row.name;
    name.title = row.name;
    need("[data-select]", HTMLInputElement, tile).setAttribute("aria-label", `Select ${row.name}`);
    gallery.append(fragment);
    updateTile(tile, row);
    empty.hidden = true;
}

/** @param {HTMLElement} tile @param {ImageRow} row */
function updateTile(tile, row) {
    tile.dataset.state = row.state;
    tile.dataset.embeddingState = row.embedding_state;
    need("[data-mask-count]", HTMLElement, tile).textContent = plural(row.annotation_count, "mask");
    drawBadges(tile);
}

const tiles = () => /** @type {HTMLElement[]} */ ([...gallery.querySelectorAll("[data-image-id]")]);
for (const tile of tiles()) drawBadges(tile);

// --- live states ---

async function refresh() {
    const shown = tiles();
    const isPending = shown.some(({dataset}) => ["queued", "running"].includes(dataset.embeddingState ?? ""));
    if (shown.length && !document.hidden) {
        const first = Math.min(...shown.map((tile) => Number(tile.dataset.imageId)));
        const last = Math.max(...shown.map((tile) => Number(tile.dataset.imageId)));
        const query = new URLSearchParams({page_size: "200", ordering: "id", id_min: String(first), id_max: String(last)});
        try {
            /** @type {{results: ImageRow[]}} */
            const {results} = await http.json(`/api/projects/${project}/images/?${query}`);
            const rows = new Map(results.map((row) => [String(row.id), row]));
            for (const tile of tiles()) {
                const row = rows.get(tile.dataset.imageId ?? "");
                if (row) updateTile(tile, row);
            }
        } catch {
            // The server is away; the badges stay as they are and the next look tries again.
        }
    }
    setTimeout(refresh, isPending ? POLL_MS : IDLE_POLL_MS);
}
setTimeout(refresh, POLL_MS);
document.addEventListener("visibilitychange", () => !document.hidden && refreshSoon());

let soon = 0;
function refreshSoon() {
    clearTimeout(soon);
    soon = window.setTimeout(async () => {
        const query = new URLSearchParams({page_size: "200", ordering: "-id"});
        /** @type {{results: ImageRow[]}} */
        const {results} = await http.json(`/api/projects/${project}/images/?${query}`);
        for (const row of results) {
            const tile = gallery.querySelector(`[data-image-id="${row.id}"]`);
            if (tile instanceof HTMLElement) updateTile(tile, row);
        }
    }, 300);
}

gallery.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-retry-embedding]") : null;
    const tile = button?.closest("li");
    if (!(button instanceof HTMLButtonElement) || !tile) return;
    act(button, async () => {
        await http.json(`/api/images/${tile.dataset.imageId}/embedding/`, {method: "POST"});
        tile.dataset.embeddingState = "queued";
        drawBadges(tile);
        refreshSoon();
    });
});

// --- filters ---

const filters = need("[data-filters]", HTMLFormElement);
filters.addEventListener("change", () => filters.requestSubmit());
filters.addEventListener("submit", () => {
    for (const field of filters.elements)
        if ((field instanceof HTMLInputElement || field instanceof HTMLSelectElement) && !field.value) field.disabled = true;
});

// --- selection ---

const bar = need("[data-selection-bar]", HTMLElement);
const selected = () => tiles().filter((tile) => tile.querySelector("[data-select]:checked"));
/** @type {HTMLInputElement | null} */
let lastPicked = null;

function showSelection() {
    const count = selected().length;
    bar.hidden = count === 0;
    gallery.classList.toggle("is-selecting", count > 0);
    need("[data-selection-count]", HTMLElement).textContent = `${count} selected`;
}
gallery.addEventListener("change", showSelection);
gallery.addEventListener("click", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || !("select" in box.dataset)) return;
    if (event.shiftKey && lastPicked) {
        const boxes = /** @type {HTMLInputElement[]} */ ([...gallery.querySelectorAll("[data-select]")]);
        const [from, to] = [boxes.indexOf(lastPicked), boxes.indexOf(box)].sort((a, b) => a - b);
        for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
        showSelection();
    }
    lastPicked = box;
});
need("[data-select-none]", HTMLButtonElement).addEventListener("click", () => {
    for (const box of gallery.querySelectorAll("[data-select]")) if (box instanceof HTMLInputElement) box.checked = false;
    showSelection();
});
for (const button of bar.querySelectorAll("[data-mark]"))
    if (button instanceof HTMLButtonElement)
        button.addEventListener("click", () =>
            act(button, async () => {
                for (const tile of selected()) {
                    const body = {state: button.dataset.mark};
                    updateTile(tile, await http.json(`/api/images/${tile.dataset.imageId}/`, {method: "PATCH", body}));
                }
            }),
        );
const deleteButton = bar.querySelector("[data-delete-selected]");
if (deleteButton instanceof HTMLButtonElement) {
    const dialog = need("#confirm-delete", HTMLDialogElement);
    deleteButton.addEventListener("click", () => {
        need("[data-delete-title]", HTMLElement).textContent = `Delete ${plural(selected().length, "image")}?`;
        dialog.returnValue = "";
        dialog.showModal();
    });
    dialog.addEventListener("close", () => {
        if (dialog.returnValue !== "delete") return;
        act(deleteButton, async () => {
            for (const tile of selected()) {
                await http.json(`/api/images/${tile.dataset.imageId}/`, {method: "DELETE"});
                tile.remove();
            }
            showSelection();
            empty.hidden = tiles().length > 0;
        });
    });
}

// --- uploads ---

const input = document.querySelector("[data-files]");
if (input instanceof HTMLInputElement) {
    const tray = need("[data-tray]", HTMLElement);
    const files = need("[data-tray-files]", HTMLUListElement);
    const overall = need("[data-tray-progress]", HTMLProgressElement);
    const title = need("[data-tray-title]", HTMLElement);
    const cancel = need("[data-tray-cancel]", HTMLButtonElement);
    const close = need("[data-tray-close]", HTMLButtonElement);
    /** @type {WeakMap<Upload, HTMLLIElement>} */
    const lines = new WeakMap();
    const ICONS = {
        waiting: "clock", sending: "upload", working: "loader-circle", done: "check", failed: "circle-alert", cancelled: "x",
    };

    /** @param {Upload} upload */
    const drawLine = (upload) => {
        let line = lines.get(upload);
        if (!line) {
            if (files.children.length >= MAX_ROWS_SHOWN_IN_TRAY) {
                if (upload.state !== "failed") return;
                files.querySelector(".good")?.remove();
            }
            line = document.createElement("li");
            lines.set(upload, line);
            files.append(line);
        }
        const isPartly = upload.state === "done" && upload.refused.length > 0;
        line.className = `tray-file ${upload.state === "done" ? "good" : upload.state === "failed" ? "bad" : ""}`;
        line.dataset.uploadState = upload.state;
        const name = document.createElement("span");
        name.className = "name";
        name.textContent = upload.file.name;
        name.title = upload.file.name;
        const state = document.createElement("span");
        state.className = "small quiet number";
        line.replaceChildren(icon(ICONS[upload.state]), name, state);
        if (upload.state === "sending") state.textContent = `${Math.round((100 * upload.sent) / Math.max(1, upload.file.size))} %`;
        if (upload.state === "working") state.textContent = "Checking";
        if (upload.state === "done")
            state.textContent = upload.images.length === 1
                ? upload.images[0].duplicate ? "Already here" : "Added"
                : plural(upload.images.length, "image");
        if (upload.state === "failed" || upload.state === "cancelled") {
            const retry = document.createElement("button");
            retry.type = "button";
            retry.className = "button tight plain";
            retry.textContent = "Retry";
            retry.addEventListener("click", () => queue.retry(upload));
            state.replaceWith(retry);
        }
        const reasons = isPartly || (upload.state === "failed" && upload.refused.length > 1)
            ? upload.refused.map((refused) => `${refused.name}: ${refused.message}`)
            : upload.state === "failed" ? [upload.message] : [];
        for (const reason of reasons) {
            const why = document.createElement("span");
            why.className = "why";
            why.textContent = reason;
            line.append(why);
        }
    };

    const drawTray = () => {
        const all = queue.uploads;
        const finished = all.filter(({state}) => state === "done").length;
        const failed = all.filter(({state}) => state === "failed").length;
        overall.value = queue.progress;
        tray.hidden = all.length === 0;
        cancel.hidden = !queue.isBusy;
        close.hidden = queue.isBusy;
        title.textContent = queue.isBusy
            ? `Uploading ${finished + failed} of ${all.length}`
            : failed ? `${finished} uploaded, ${failed} failed` : `${plural(finished, "file")} uploaded`;
    };

    const queue = new UploadQueue(`/api/projects/${project}/images/`, csrfToken, (upload) => {
        drawLine(upload);
        drawTray();
        if (upload.state === "done") for (const row of upload.images) addTile(/** @type {ImageRow} */ (row));
        if (!queue.isBusy) refreshSoon();
    });
    cancel.addEventListener("click", () => queue.cancel());
    close.addEventListener("click", () => {
        queue.uploads = [];
        files.replaceChildren();
        tray.hidden = true;
    });
    addEventListener("beforeunload", (event) => {
        if (queue.isBusy) event.preventDefault();
    });
    input.addEventListener("change", () => {
        queue.add(input.files ?? []);
        input.value = "";
    });

    const veil = need("[data-drop-veil]", HTMLElement);
    /** @param {DragEvent} event */
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;
    let depth = 0;
    addEventListener("dragenter", (event) => {
        if (!hasFiles(event)) return;
        depth++;
        veil.hidden = false;
    });
    addEventListener("dragleave", (event) => {
        if (!hasFiles(event)) return;
        depth--;
        veil.hidden = depth > 0 ? veil.hidden : true;
    });
    addEventListener("dragover", (event) => {
        if (hasFiles(event)) event.preventDefault();
    });
    addEventListener("drop", async (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        depth = 0;
        veil.hidden = true;
        try {
            queue.add(await droppedFiles(event.dataTransfer));
        } catch (error) {
            toast(sentence(error), "error");
        }
    });
}

/** Files and, one by one, what lies in dropped folders. @param {DataTransfer | null} data */
async function droppedFiles(data) {
    const entries = [...(data?.items ?? [])].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
    if (!entries.length) return [...(data?.files ?? [])];
    /** @type {File[]} */
    const found = [];
    /** @param {FileSystemEntry} entry @returns {Promise<void>} */
    const walk = async (entry) => {
        if (entry.name.startsWith(".")) return;
        if (entry.isFile) {
            const file = /** @type {FileSystemFileEntry} */ (entry);
            found.push(await new Promise((resolve, reject) => file.file(resolve, reject)));
            return;
        }
        const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
        for (;;) {
            /** @type {FileSystemEntry[]} */
            const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
            if (!batch.length) return;
            for (const inside of batch) await walk(inside);
        }
    };
    for (const entry of entries) await walk(entry);
    return found;
}
