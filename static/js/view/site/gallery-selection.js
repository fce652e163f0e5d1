/** What can be done with the ticked images of the gallery, or with all that were found: mark them, delete them. */

import {find, findAll, findOptional, pageData} from "../elements.js";
import {plural} from "../words.js";
import {act, ask, toast} from "./feedback.js";
import {idOf} from "./gallery.js";
import {FlagDialog} from "../marking/flag-dialog.js";
import {SkipDialog} from "../marking/skip-dialog.js";
import {Selection} from "./selection.js";

/** @import {ImageMarks, ImageState, WhichImages} from "../../core/types.d.ts" */
/** @import {Gallery} from "./gallery.js" */

/**
 * @param {Gallery} gallery
 * @param {HTMLElement} bar
 * @param {object} server
 * @param {(which: WhichImages, marks: Partial<ImageMarks>) => Promise<number>} server.mark
 * @param {(which: WhichImages) => Promise<{count: number, deletedAt: string}>} server.remove
 * @param {(deletedAt: string) => Promise<number>} server.restore
 */
export function offerSelection(gallery, bar, {mark, remove, restore}) {
    const selection = new Selection(
        gallery.list,
        bar,
        () => /** @type {Record<string, string>} */ (pageData("api-filters")),
    );

    /** @returns {WhichImages} */
    const chosen = () => {
        const {allFound} = selection;
        return allFound
            ? {filters: allFound.filters, expected: allFound.count}
            : {ids: selection.items.map(idOf)};
    };

    /**
     * @param {HTMLElement} button
     * @param {WhichImages} which
     * @param {Partial<ImageMarks>} marks
     * @param {string} words what is said of them then
     */
    const markChosen = (button, which, marks, words) =>
        act(button, async () => {
            const before = marks.state ? statesOf(selection) : null;
            const count = await mark(which, marks);
            await gallery.draw(selection.items.map(idOf));
            void gallery.drawCounts();
            selection.clear();
            toast(
                `${plural(count, "image")} ${words}.`,
                "info",
                before ? {label: "Undo", do: () => void markAsBefore(before)} : undefined,
            );
        });

    /** @param {ReadonlyMap<ImageState, number[]>} before ids by the state that these images had */
    const markAsBefore = (before) =>
        act(gallery.list, async () => {
            for (const [state, ids] of before) await mark({ids}, {state});
            await gallery.draw([...before.values()].flat());
            void gallery.drawCounts();
            toast("Marked as before.");
        });

    for (const button of findAll("[data-mark]", HTMLButtonElement, bar))
        button.addEventListener("click", () => {
            const state = /** @type {ImageState} */ (button.dataset.mark);
            void markChosen(button, chosen(), {state}, `marked ${button.dataset.words}`);
        });

    const skipDialog = new SkipDialog(find("[data-skip-dialog]", HTMLDialogElement));
    const skipButton = find("[data-skip-selected]", HTMLButtonElement, bar);
    skipButton.addEventListener("click", async () => {
        const which = chosen();
        const skip = await skipDialog.ask(`Skip ${plural(selection.count, "image")}?`);
        if (skip) await markChosen(skipButton, which, {state: "skipped", ...skip}, "skipped");
    });

    const flagDialog = new FlagDialog(find("[data-flag-dialog]", HTMLDialogElement));
    const flagButton = find("[data-flag-selected]", HTMLButtonElement, bar);
    flagButton.addEventListener("click", async () => {
        const which = chosen();
        const flag = await flagDialog.ask({
            title: `Flag ${plural(selection.count, "image")}?`,
            text: "A flag asks somebody to look at an image. Its state stays.",
            ...{submit: "Flag", mayRemove: true, note: ""},
        });
        if (flag) await markChosen(flagButton, which, flag, flag.isFlagged ? "flagged" : "no longer flagged");
    });

    const deleteButton = findOptional("[data-delete-selected]", HTMLButtonElement, bar);
    deleteButton?.addEventListener("click", async () => {
        const dialog = find("#confirm-delete", HTMLDialogElement);
        const [which, tiles] = [chosen(), selection.items];
        find("[data-delete-title]", HTMLElement, dialog).textContent =
            `Delete ${plural(selection.count, "image")}?`;
        if ((await ask(dialog)) !== "delete") return;
        await act(deleteButton, async () => {
            const {count, deletedAt} = await remove(which);
            for (const tile of tiles) gallery.remove(tile);
            toast(`${plural(count, "image")} deleted.`, "info", {
                label: "Undo",
                do: () =>
                    void act(gallery.list, async () => {
                        toast(`${plural(await restore(deletedAt), "image")} restored.`);
                        await gallery.refresh();
                    }),
            });
        });
        selection.clear();
        void gallery.refresh();
    });
    return selection;
}

/**
 * The states of the ticked images, by which a mark is taken back. A skipped one has a reason that a tile does not know, and
 * of images on other pages nothing is known here.
 *
 * @param {Selection} selection
 * @returns {Map<ImageState, number[]> | null} ids by state; null: the mark cannot be taken back
 */
function statesOf({items, allFound}) {
    /** @type {Map<ImageState, number[]>} */
    const ids = new Map();
    for (const item of items) {
        const state = /** @type {ImageState} */ (item.dataset.state);
        ids.set(state, [...(ids.get(state) ?? []), idOf(item)]);
    }
    return allFound || ids.has("skipped") ? null : ids;
}
