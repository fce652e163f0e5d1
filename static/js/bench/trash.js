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

/** One message for each deletion, with its way back; it goes when all that was deleted is there again, however. */
export class DeletionMessages {
    #bench;
    /** @type {Map<readonly Annotation[], () => void>} */
    #shown = new Map();

    /** @param {() => {workbench: Workbench, autosave: Autosave, view: BenchView}} bench */
    constructor(bench) {
        this.#bench = bench;
    }

    /** @param {readonly Annotation[]} annotations that are about to be deleted */
    say(annotations) {
        const {workbench, autosave, view} = this.#bench();
        const [first, ...others] = annotations;
        const what = others.length === 0 ? view.nameOf(first) : `${annotations.length} objects`;
        const close = toast(`Deleted ${what}.`, "info", {
            label: "Undo",
            do: () => {
                if (workbench.bringBack(...annotations)) return;
                for (const annotation of annotations) autosave.bringBack(annotation);
                workbench.noteBroughtBack(...annotations);
            },
        });
        // Until the deletion is done, all of them are there.
        setTimeout(() => this.#shown.set(annotations, close));
    }

    render() {
        const {document} = this.#bench().workbench;
        for (const [annotations, close] of this.#shown) {
            if (!annotations.every(({id}) => document.get(id))) continue;
            close();
            this.#shown.delete(annotations);
        }
    }
}
