/** A project's trash: what was deleted comes back by a click, or goes for good after a question. */

import {Http, thisPage} from "../api/http.js";
import {removeImagesForGood, restoreImages, restoreMask} from "../api/trash.js";
import {find} from "../view/elements.js";
import {act, ask, toast} from "../view/site/feedback.js";
import {syncLiveParts} from "../view/site/keyed-list.js";
import {syncLists} from "../view/site/live-lists.js";
import {projectId} from "../view/site/page.js";
import {plural} from "../view/words.js";

/** @import {WhichTrash} from "../core/types.d.ts" */

const http = new Http();
const project = projectId();
const dialog = find("#confirm-remove", HTMLDialogElement);

/** Draws the lists as the server has them now. */
async function refresh() {
    const html = await thisPage(http);
    syncLists(html, [
        {selector: "[data-trash-images]", key: "imageId"},
        {selector: "[data-trash-masks]", key: "maskId"},
    ]);
    syncLiveParts(html);
}

/**
 * @param {HTMLElement} button
 * @param {string} title the question
 * @param {WhichTrash} which
 */
async function remove(button, title, which) {
    find("[data-remove-title]", HTMLElement, dialog).textContent = title;
    if ((await ask(dialog)) !== "remove") return;
    button.blur(); // a part of the page that has the focus is not exchanged
    await act(button, async () => {
        const count = await removeImagesForGood(http, project, which);
        toast(`${plural(count, "image")} deleted for good.`);
        await refresh();
    });
}

/** What each button of a row does. @type {Record<string, (button: HTMLElement, row: HTMLElement) => unknown>} */
const ACTIONS = {
    restoreImage: (button, row) =>
        act(button, async () => {
            await restoreImages(http, project, {ids: [Number(row.dataset.imageId)]});
            toast(`Restored ${row.dataset.name}.`);
            await refresh();
        }),
    removeImage: (button, row) =>
        remove(button, `Delete ${row.dataset.name} for good?`, {ids: [Number(row.dataset.imageId)]}),
    restoreMask: (button, row) =>
        act(button, async () => {
            await restoreMask(http, row.dataset.maskId ?? "");
            toast("Restored the mask.");
            await refresh();
        }),
};

document.addEventListener("click", ({target}) => {
    const button = target instanceof Element ? target.closest("button") : null;
    if (!button) return;
    if ("emptyTrash" in button.dataset) {
        const count = Number(button.dataset.count);
        const deletedBefore = button.dataset.newest; // what is deleted from now on is not meant
        void remove(button, `Delete ${plural(count, "image")} for good?`, {deletedBefore});
    }
    const row = button.closest("li");
    const action = Object.keys(ACTIONS).find((name) => name in button.dataset);
    if (row && action) void ACTIONS[action](button, row);
});
