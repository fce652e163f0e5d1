/** Skipping and flagging the image on screen, by key or button, each with a way back. */

import {find} from "../view/elements.js";
import {FlagDialog} from "../view/marking/flag-dialog.js";
import {SkipDialog} from "../view/marking/skip-dialog.js";
import {toast} from "../view/site/feedback.js";
import {ago} from "../view/words.js";
import {marksOf} from "../session/image-marks.js";

/** @import {ImageFlow} from "../session/image-flow.js" */

/** @param {ImageFlow<ImageBitmap>} flow */
export function markingOf(flow) {
    const skipDialog = new SkipDialog(find("[data-skip-dialog]", HTMLDialogElement));
    const flagDialog = new FlagDialog(find("[data-flag-dialog]", HTMLDialogElement));
    return {
        async skip() {
            const {image} = flow.scene;
            const before = marksOf(image);
            const skip = await skipDialog.ask(`Skip ${image.name}?`, image);
            if (!skip || flow.scene.image.id !== image.id) return;
            toast(`Skipped ${image.name}.`, "info", {
                label: "Undo",
                do: () => {
                    flow.finishing.mark(image, before);
                    void flow.open(image.id, true);
                },
            });
            await flow.finishing.skip(skip);
        },
        async flag() {
            const {image} = flow.scene;
            const before = marksOf(image);
            const by = image.flaggedBy ? ` by ${image.flaggedBy}` : "";
            const flag = await flagDialog.ask({
                title: image.isFlagged ? `${image.name} is flagged` : `Flag ${image.name}?`,
                text: image.isFlagged
                    ? `Flagged${by}${image.flaggedAt ? ` ${ago(image.flaggedAt)}` : ""}.`
                    : "A flag asks somebody to look at the image. Its state stays.",
                submit: image.isFlagged ? "Save the note" : "Flag",
                mayRemove: image.isFlagged,
                note: image.flagNote,
            });
            if (!flag) return;
            flow.finishing.mark(image, flag);
            const done = flag.isFlagged ? "Flagged" : "Removed the flag of";
            toast(`${done} ${image.name}.`, "info", {
                label: "Undo",
                do: () =>
                    flow.finishing.mark(image, {isFlagged: before.isFlagged, flagNote: before.flagNote}),
            });
        },
    };
}
