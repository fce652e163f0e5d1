/** The dialogs of the annotate page that commands open. */

import {find} from "../view/elements.js";
import {CommandPalette} from "../view/panels/command-palette.js";
import {KeysDialog} from "../view/panels/keys-dialog.js";
import {TrashDialog} from "../view/panels/trash-dialog.js";
import {ZoomMenu} from "../view/panels/zoom-menu.js";

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
