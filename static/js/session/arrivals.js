/** What comes from the server for the image on screen: its saved masks, and what others have made of them since. */

import {NO_WORK, idsOf} from "./draft.js";

/** @import {Annotation} from "../core/types.d.ts" */
/** @import {DraftKeeper} from "./draft-keeper.js" */
/** @import {Effort} from "./effort.js" */
/** @import {HistoryKeeper} from "./history-keeper.js" */
/** @import {Piece} from "./news.js" */
/** @import {OpenImage} from "./open-image.js" */
/** @import {Workbench, WorkbenchEvents} from "./workbench.js" */

export class Arrivals {
    #bench;
    #opened;
    #keeper;
    #histories;
    #effort;
    #events;

    /**
     * @param {Pick<Workbench, "document" | "draft" | "labelling">} bench
     * @param {object} parts
     * @param {OpenImage} parts.opened
     * @param {DraftKeeper} parts.keeper
     * @param {HistoryKeeper} parts.histories
     * @param {Effort} parts.effort
     * @param {Pick<WorkbenchEvents, "onChange" | "onHistory">} parts.events
     */
    constructor(bench, {opened, keeper, histories, effort, events}) {
        this.#bench = bench;
        this.#opened = opened;
        this.#keeper = keeper;
        this.#histories = histories;
        this.#effort = effort;
        this.#events = events;
    }

    /** @param {readonly Annotation[]} annotations the image's, as saved; what was made since it was opened stays */
    showSaved(annotations) {
        const {document} = this.#bench;
        const made = document.annotations;
        const madeIds = new Set(made.map(({id}) => id));
        document.reset([...annotations.filter(({id}) => !madeIds.has(id)), ...made]);
        this.#histories.whenRead(() => {
            const gone = this.#histories.take(document);
            if (gone.length > 0) this.#events.onHistory(gone);
            this.#restoreDraft();
            this.#events.onChange();
        });
    }

    /**
     * The end of a conflict, or of an act that was given up.
     *
     * @param {string} id
     * @param {Annotation | null} annotation null: deleted
     */
    replaceFromServer(id, annotation) {
        if (annotation && annotation.imageId !== this.#opened.imageId) return; // its image is not on screen
        const {draft} = this.#bench;
        const wasEdited = draft.edited?.id === id;
        this.takeNews([{id, annotation}]);
        if (wasEdited) draft.replace(NO_WORK);
    }

    /**
     * Changes that the server has, of the image on screen. A history that no longer fits them is forgotten.
     *
     * @param {readonly Piece[]} pieces none of them is being edited
     */
    takeNews(pieces) {
        const {document} = this.#bench;
        const changed = pieces.map(({id, annotation}) => ({before: document.get(id), after: annotation}));
        document.apply(
            {
                created: changed.flatMap(({before, after}) => (!before && after ? [after] : [])),
                updated: changed.flatMap(({before, after}) => (before && after ? [{before, after}] : [])),
                deleted: changed.flatMap(({before, after}) => (before && !after ? [before] : [])),
            },
            "server",
        );
        this.#histories.check(document);
        this.#events.onChange();
    }

    #restoreDraft() {
        const {document, draft, labelling} = this.#bench;
        const kept = this.#keeper.take(document);
        if (!kept) return;
        const {prompt, handMade, editedId, categoryId, cost} = kept;
        if (editedId === null && labelling.has(categoryId)) labelling.nextId = categoryId;
        this.#effort.resume(cost);
        draft.restore({prompt, handMade, editedId, selectedIds: idsOf(editedId)});
    }
}
