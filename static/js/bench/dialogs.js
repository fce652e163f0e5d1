/** The dialogs of the annotate page that commands open. */

import {find} from "../view/elements.js";
import {CommandPalette} from "../view/panels/command-palette.js";
import {KeysDialog} from "../view/panels/keys-dialog.js";
import {TrashDialog} from "../view/panels/trash-dialog.js";
import {ZoomMenu} from "../view/panels/zoom-menu.js";

/** @import {BenchStage} from "../view/bench-stage.js" */
/** @import {BenchView} from "../view/bench-view.js" */
/** @import {Preferences} from "../session/preferences.js" */
/** @import {Commands} from "../view/commands/commands.js" */
/** @import {TrashRow} from "../view/panels/trash-dialog.js" */

/**
 * @param {Commands} commands
 * @param {Preferences} preferences
 * @param {() => Promise<TrashRow[]>} listTrash of the image on screen
 */
export function dialogsOf(commands, preferences, listTrash) {
    const trash = new TrashDialog(find("[data-trash]", HTMLDialogElement));
    new ZoomMenu(find("[data-zoom-menu]", HTMLElement), commands);
    return {
        keys: new KeysDialog(find("[data-keys-dialog]", HTMLDialogElement), commands, preferences),
        palette: new CommandPalette(find("[data-palette]", HTMLDialogElement), commands),
        trash: {show: () => void trash.show(listTrash())},
    };
}

/**
 * What commands show, which is made after them.
 *
 * @param {Pick<BenchStage, "peek">} benchStage
 * @param {() => {dialogs: ReturnType<typeof dialogsOf>, view: Pick<BenchView, "findCategory" | "renameObject">}} later
 */
export function shownLater(benchStage, later) {
    return {
        keysDialog: {show: () => later().dialogs.keys.show()},
        palette: {show: () => later().dialogs.palette.show()},
        trash: {show: () => later().dialogs.trash.show()},
        view: {
            findCategory: () => later().view.findCategory(),
            renameObject: () => later().view.renameObject(),
            peek: () => benchStage.peek(),
        },
    };
}
