/** What can be done with the ticked images of the gallery, or with all that were found: mark them, delete them. */

import {find, findAll, findOptional, pageData} from "../elements.js";
import {plural} from "../words.js";
import {act, ask, toast} from "./feedback.js";
import {idOf} from "./gallery.js";
import {Selection} from "./selection.js";

/** @import {ImageState, WhichImages} from "../../core/types.d.ts" */
/** @import {Gallery} from "./gallery.js" */

/**
 * @param {Gallery} gallery
 * @param {HTMLElement} bar
 * @param {object} server
 * @param {(which: WhichImages, state: ImageState) => Promise<number>} server.mark
 * @param {(which: WhichImages) => Promise<number>} server.remove
 */
export function offerSelection(gallery, bar, {mark, remove}) {
    const selection = new Selection(gallery.list, bar);

    /** @returns {WhichImages} */
    const chosen = () =>
        selection.areAllFound
            ? {filters: /** @type {Record<string, string>} */ (pageData("api-filters"))}
            : {ids: selection.items.map(idOf)};

    for (const button of findAll("[data-mark]", HTMLButtonElement, bar))
        button.addEventListener("click", () =>
            act(button, async () => {
                const count = await mark(chosen(), /** @type {ImageState} */ (button.dataset.mark));
                await gallery.draw(selection.items.map(idOf));
                void gallery.drawCounts();
                selection.clear();
                toast(`${plural(count, "image")} marked ${button.dataset.words}.`);
            }),
        );

    const deleteButton = findOptional("[data-delete-selected]", HTMLButtonElement, bar);
    deleteButton?.addEventListener("click", async () => {
        const dialog = find("#confirm-delete", HTMLDialogElement);
        const [which, tiles] = [chosen(), selection.items];
        find("[data-delete-title]", HTMLElement, dialog).textContent =
            `Delete ${plural(selection.count, "image")}?`;
        if ((await ask(dialog)) !== "delete") return;
        await act(deleteButton, async () => {
            const count = await remove(which);
            for (const tile of tiles) gallery.remove(tile);
            toast(`${plural(count, "image")} deleted.`);
        });
        selection.clear();
        void gallery.refresh();
    });
    return selection;
}
