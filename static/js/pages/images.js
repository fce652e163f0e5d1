/** A project's images: gallery with live states, filters, selection, uploads by button or drag and drop. */

import {deleteImages, fetchTiles, markImages} from "../api/gallery.js";
import {retryEmbedding} from "../api/embeddings.js";
import {Http, isSignedOut} from "../api/http.js";
import {LARGE_FROM_BYTES, sendInParts} from "../api/partial-uploads.js";
import {restoreImages} from "../api/trash.js";
import {sendUpload} from "../api/uploads.js";
import {newUuid} from "../storage/new-uuid.js";
import {trashedIds, UploadQueue} from "../session/upload-queue.js";
import {find, findOptional} from "../view/elements.js";
import {acceptDrops} from "../view/site/drop-zone.js";
import {act, toast} from "../view/site/feedback.js";
import {searchAsOneTypes, sendFilters} from "../view/site/filter-form.js";
import {Gallery} from "../view/site/gallery.js";
import {offerSelection} from "../view/site/gallery-selection.js";
import {projectId} from "../view/site/page.js";
import {offerTileSize} from "../view/site/tile-size.js";
import {UploadTray} from "../view/site/upload-tray.js";
import {sentence} from "../view/words.js";

const http = new Http();
const project = projectId();

const gallery = new Gallery({
    drawTiles: (ids) => fetchTiles(http, project, ids),
    drawPage: async () => (await http.request(location.href)).text(),
    retryEmbedding: (imageId) => retryEmbedding(http, imageId),
    isSignedOut,
});

const filters = find("[data-filters]", HTMLFormElement);
sendFilters(filters);
offerTileSize(find("[data-tile-size]", HTMLInputElement, filters), gallery.list, localStorage);

const bar = findOptional("[data-selection-bar]", HTMLElement);
const selection =
    bar &&
    offerSelection(gallery, bar, {
        mark: (which, marks) => markImages(http, project, which, marks),
        remove: (which) => deleteImages(http, project, which),
        restore: (deletedAt) => restoreImages(http, project, {deletedAt}),
    });
searchAsOneTypes(find("[name=search]", HTMLInputElement, filters), () => {
    selection?.clear(); // what was chosen from another list
    return gallery.drawWhole();
});

const input = findOptional("[data-files]", HTMLInputElement);
if (input) {
    /** What was chosen or dropped together. @type {WeakMap<File, string>} */
    const batches = new WeakMap();
    const upload = (/** @type {Iterable<File>} */ files) => {
        const batch = newUuid();
        const added = [...files];
        for (const file of added) batches.set(file, batch);
        queue.add(added);
    };
    /** @type {UploadQueue<File>} */
    const queue = new UploadQueue(
        (file, events) => {
            const send = file.size < LARGE_FROM_BYTES ? sendUpload : sendInParts;
            return send(project, batches.get(file) ?? "", file, events);
        },
        (upload) => {
            tray.draw(upload);
            tray.drawOverall(queue);
            if (upload.state === "done") gallery.drawWholeSoon();
        },
    );
    /** @type {UploadTray<File>} */
    const tray = new UploadTray(find("[data-tray]", HTMLElement), {
        cancel: (upload) => queue.cancel(upload),
        retry: (upload) => queue.retry(upload),
        restore: (upload) =>
            void act(tray.root, async () => {
                const ids = trashedIds(upload);
                await restoreImages(http, project, {ids});
                queue.takeRestored(upload);
                gallery.drawWholeSoon();
            }),
        cancelAll: () => queue.cancelAll(),
        retryAll: () => queue.uploads.forEach((upload) => queue.retry(upload)),
        close: () => {
            queue.clear();
            tray.clear();
        },
    });
    input.addEventListener("change", () => {
        upload(input.files ?? []);
        input.value = "";
    });
    acceptDrops(find("[data-drop-veil]", HTMLElement), upload, (error) => toast(sentence(error), "error"));
    addEventListener("beforeunload", (event) => {
        if (queue.isBusy) event.preventDefault();
    });
}
