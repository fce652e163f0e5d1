/** A project's images: gallery with live states, filters, selection, uploads by button or drag and drop. */

import {deleteImage, fetchTiles} from "../api/gallery.js";
import {retryEmbedding} from "../api/embeddings.js";
import {ApiError, Http} from "../api/http.js";
import {setImageState} from "../api/images.js";
import {sendUpload} from "../api/uploads.js";
import {UploadQueue} from "../session/upload-queue.js";
import {acceptDrops} from "../view/site/drop-zone.js";
import {sendFilters} from "../view/site/filter-form.js";
import {Poller} from "../view/site/poller.js";
import {syncItems, syncLiveParts} from "../view/site/keyed-list.js";
import {find, findOptional} from "../view/elements.js";
import {act, ask, toast} from "../view/site/feedback.js";
import {projectId} from "../view/site/page.js";
import {plural, sentence} from "../view/words.js";
import {Selection} from "../view/site/selection.js";
import {UploadTray} from "../view/site/upload-tray.js";

/** @import {ImageState} from "../core/types.d.ts" */

const http = new Http();
const POLL_PENDING_MS = 1500;
const POLL_IDLE_MS = 15_000;
const POLL_AWAY_MS = 5000; // the server did not answer
const TILES_AT_ONCE = 200; // as many as the server draws in one answer
const NEW_TILES_DELAY_MS = 250; // uploads that end together are fetched together

const project = projectId();
const gallery = find("[data-gallery]", HTMLUListElement);
const empty = find("[data-empty]", HTMLElement);
const filters = find("[data-filters]", HTMLFormElement);
sendFilters(filters);

const tiles = () => /** @type {HTMLElement[]} */ ([...gallery.children]);
/** @param {HTMLElement} tile */
const idOf = (tile) => Number(tile.dataset.imageId);

/** @param {number[]} ids */
async function drawTiles(ids) {
    for (let start = 0; start < ids.length; start += TILES_AT_ONCE)
        syncItems(
            gallery,
            await fetchTiles(http, project, ids.slice(start, start + TILES_AT_ONCE)),
            "imageId",
        );
    showEmptiness();
}

function showEmptiness() {
    empty.hidden = tiles().length > 0;
    if (tiles().length) filters.hidden = false;
}

/** Counts and buttons around the gallery; that they are late does no harm, so an error does not show. */
async function drawCounts() {
    try {
        const response = await http.request(location.href);
        syncLiveParts(await response.text());
    } catch {
        // The next change of the gallery tries again.
    }
}

// --- live states ---

const poller = new Poller(async () => {
    const pending = tiles().filter(
        ({dataset}) => dataset.embeddingState === "queued" || dataset.embeddingState === "running",
    );
    const looked = pending.length ? pending : tiles();
    try {
        // The first ones are the next to be done; what waits behind them need not be asked about each time.
        await drawTiles(looked.slice(0, TILES_AT_ONCE).map(idOf));
    } catch (error) {
        if (!(error instanceof ApiError && error.status === 401)) return POLL_AWAY_MS;
        toast("You are signed out. Reload the page to sign in again.", "error");
        return null;
    }
    return pending.length ? POLL_PENDING_MS : POLL_IDLE_MS;
});
poller.after(POLL_PENDING_MS);

gallery.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-retry-embedding]") : null;
    const tile = button?.closest("li");
    if (!(button instanceof HTMLButtonElement) || !tile) return;
    act(button, async () => {
        await retryEmbedding(http, idOf(tile));
        await drawTiles([idOf(tile)]);
        poller.after(POLL_PENDING_MS);
    });
});

// --- selection ---

const bar = findOptional("[data-selection-bar]", HTMLElement);
if (bar) {
    const selection = new Selection(gallery, bar);

    for (const button of bar.querySelectorAll("[data-mark]"))
        if (button instanceof HTMLButtonElement)
            button.addEventListener("click", () =>
                act(button, async () => {
                    const state = /** @type {ImageState} */ (button.dataset.mark);
                    const ids = selection.items.map(idOf);
                    for (const id of ids) await setImageState(http, id, state);
                    await drawTiles(ids);
                    drawCounts();
                    selection.clear();
                    toast(`${plural(ids.length, "image")} marked ${button.dataset.words}.`);
                }),
            );

    const deleteButton = findOptional("[data-delete-selected]", HTMLButtonElement, bar);
    deleteButton?.addEventListener("click", async () => {
        const dialog = find("#confirm-delete", HTMLDialogElement);
        const chosen = selection.items;
        find("[data-delete-title]", HTMLElement, dialog).textContent =
            `Delete ${plural(chosen.length, "image")}?`;
        if ((await ask(dialog)) !== "delete") return;
        await act(deleteButton, async () => {
            for (const tile of chosen) {
                await deleteImage(http, idOf(tile));
                tile.remove();
            }
            toast(`${plural(chosen.length, "image")} deleted.`);
        });
        selection.show();
        showEmptiness();
        drawCounts();
    });
}

// --- uploads ---

const input = findOptional("[data-files]", HTMLInputElement);
if (input) {
    /** @type {UploadQueue<File>} */
    const queue = new UploadQueue(
        (file, events) => sendUpload(project, file, events),
        (upload) => {
            tray.draw(upload);
            tray.drawOverall(queue);
            if (upload.state === "done") drawNewTiles(upload.answer.images.map(({id}) => id));
        },
    );
    /** @type {UploadTray<File>} */
    const tray = new UploadTray(find("[data-tray]", HTMLElement), {
        cancel: (upload) => queue.cancel(upload),
        retry: (upload) => queue.retry(upload),
        cancelAll: () => queue.cancelAll(),
        retryAll: () => queue.uploads.forEach((upload) => queue.retry(upload)),
        close: () => {
            queue.clear();
            tray.clear();
        },
    });

    /** @type {number[]} */
    let newIds = [];
    let newTilesTimer = 0;
    /** @param {number[]} ids */
    const drawNewTiles = (ids) => {
        newIds.push(...ids);
        clearTimeout(newTilesTimer);
        newTilesTimer = window.setTimeout(async () => {
            const taken = newIds;
            newIds = [];
            try {
                await drawTiles(taken);
                drawCounts();
                poller.after(POLL_PENDING_MS);
            } catch (error) {
                newIds.push(...taken);
                toast(`${sentence(error)} The uploaded images appear when you reload the page.`, "error");
            }
        }, NEW_TILES_DELAY_MS);
    };

    input.addEventListener("change", () => {
        queue.add(input.files ?? []);
        input.value = "";
    });
    acceptDrops(
        find("[data-drop-veil]", HTMLElement),
        (files) => queue.add(files),
        (error) => toast(sentence(error), "error"),
    );
    addEventListener("beforeunload", (event) => {
        if (queue.isBusy) event.preventDefault();
    });
}
