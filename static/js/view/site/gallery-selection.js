/** What can be done with the ticked images of the gallery: mark them, delete them. */

import {find, findAll, findOptional} from "../elements.js";
import {plural} from "../words.js";
import {act, ask, toast} from "./feedback.js";
import {idOf} from "./gallery.js";
import {Selection} from "./selection.js";

/** @import {ImageState} from "../../core/types.d.ts" */
/** @import {Gallery} from "./gallery.js" */

/**
 * @param {Gallery} gallery
 * @param {HTMLElement} bar
 * @param {object} server
 * @param {(imageId: number, state: ImageState) => Promise<unknown>} server.setState
 * @param {(imageId: number) => Promise<unknown>} server.deleteImage
 */
export function offerSelection(gallery, bar, {setState, deleteImage}) {
    const selection = new Selection(gallery.list, bar);

    for (const button of findAll("[data-mark]", HTMLButtonElement, bar))
        button.addEventListener("click", () =>
            act(button, async () => {
                const state = /** @type {ImageState} */ (button.dataset.mark);
                const ids = selection.items.map(idOf);
                for (const id of ids) await setState(id, state);
                await gallery.draw(ids);
                void gallery.drawCounts();
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
                await deleteImage(idOf(tile));
                gallery.remove(tile);
            }
            toast(`${plural(chosen.length, "image")} deleted.`);
        });
        selection.show();
        void gallery.drawCounts();
    });
}
