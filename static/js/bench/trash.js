/** Deleted masks of the image on screen: listed from the server, and brought back as if they had just been deleted. */

import {toast} from "../view/site/feedback.js";

/** @import {AnnotationServer} from "../api/annotations.js" */
/** @import {Annotation} from "../core/types.d.ts" */
/** @import {Autosave} from "../session/autosave.js" */
/** @import {Workbench} from "../session/workbench.js" */
/** @import {BenchView} from "../view/bench-view.js" */
/** @import {TrashRow} from "../view/panels/trash-dialog.js" */

/**
 * @param {number} imageId
 * @param {AnnotationServer} server
 * @param {{workbench: Workbench, autosave: Autosave, view: BenchView}} bench
 * @returns {Promise<TrashRow[]>} the latest first
 */
export async function trashOf(imageId, server, {workbench, autosave, view}) {
    const rows = await server.listDeleted(imageId);
    return rows
        .filter(({annotation}) => !workbench.document.get(annotation.id)) // an undo was faster than the server
        .map((row) => ({
            ...view.categoryOf(row.annotation),
            number: row.number,
            by: row.changedBy,
            at: row.deletedAt ?? row.changedAt,
            restore: () => {
                autosave.noteDeleted(row);
                if (!workbench.bringBack(row.annotation)) autosave.bringBack(row.annotation);
            },
        }));
}

/**
 * One message for all that are about to be deleted, with one way back.
 *
 * @param {readonly Annotation[]} annotations
 * @param {{workbench: Workbench, autosave: Autosave, view: BenchView}} bench
 */
export function sayDeleted(annotations, {workbench, autosave, view}) {
    const [first, ...others] = annotations;
    const what = others.length === 0 ? view.nameOf(first) : `${annotations.length} objects`;
    toast(`Deleted ${what}.`, "info", {
        label: "Undo",
        do: () => {
            if (workbench.bringBack(...annotations)) return;
            for (const annotation of annotations) autosave.bringBack(annotation);
            workbench.noteBroughtBack(...annotations);
        },
    });
}
