/**
 * What others, or the same person in another tab, have made of the image on screen since its masks were fetched. It is shown
 * by itself; what this page has not saved yet stays as it is, so that the server tells of a conflict.
 */

/** @import {Annotation} from "../core/types.d.ts" */
/** @import {Autosave} from "./autosave.js" */
/** @import {ServerAnnotation} from "./ports.d.ts" */
/** @import {Workbench} from "./workbench.js" */

/** @typedef {{id: string, annotation: Annotation | null}} Piece null: deleted */

export class News {
    #server;
    #autosave;
    #workbench;
    #isShown;
    #onTaken;
    #isLooking = false;
    /** That was asked about meanwhile. @type {number | null} */
    #next = null;

    /**
     * @param {{list: (imageId: number) => Promise<ServerAnnotation[]>, listDeleted: (imageId: number) => Promise<ServerAnnotation[]>}} server
     * @param {Pick<Autosave, "isNews" | "isSaved" | "noteListed" | "noteDeleted">} autosave
     * @param {Pick<Workbench, "document" | "draft" | "arrivals">} workbench
     * @param {(imageId: number) => boolean} isShown whether the masks of this image are on the screen, all of them
     * @param {(annotations: readonly Annotation[]) => void} onTaken these are shown now
     */
    constructor(server, autosave, workbench, isShown, onTaken = () => {}) {
        this.#server = server;
        this.#autosave = autosave;
        this.#workbench = workbench;
        this.#isShown = isShown;
        this.#onTaken = onTaken;
    }

    /**
     * Asks the server once; that it is away does no harm.
     *
     * @param {number} imageId
     */
    async look(imageId) {
        if (!this.#isShown(imageId)) return;
        if (this.#isLooking) {
            // What was saved after this look had its answer would be missed.
            this.#next = imageId;
            return;
        }
        this.#isLooking = true;
        try {
            const listed = await this.#server.list(imageId);
            const ids = new Set(listed.map(({annotation}) => annotation.id));
            const {annotations} = this.#workbench.document;
            const isMissing = annotations.some(({id}) => !ids.has(id) && this.#autosave.isSaved(id));
            // A list of several pages may miss a mask: only what is in the trash is gone.
            const deleted = isMissing ? await this.#server.listDeleted(imageId) : [];
            if (this.#isShown(imageId)) this.#take(listed, deleted);
        } catch {
            // The next occasion asks again.
        } finally {
            this.#isLooking = false;
        }
        const next = this.#next;
        this.#next = null;
        if (next !== null) await this.look(next);
    }

    /**
     * @param {readonly ServerAnnotation[]} listed
     * @param {readonly ServerAnnotation[]} deleted
     */
    #take(listed, deleted) {
        const {document, draft} = this.#workbench;
        // What is being edited stays under the person's hands; its save tells of the other's change.
        const isNews = (/** @type {ServerAnnotation} */ row) =>
            row.annotation.id !== draft.edited?.id && this.#autosave.isNews(row);
        const changed = listed.filter(isNews);
        const gone = deleted.filter((row) => document.get(row.annotation.id) && isNews(row));
        if (changed.length + gone.length === 0) return;
        for (const row of changed) this.#autosave.noteListed(row);
        for (const row of gone) this.#autosave.noteDeleted(row);
        this.#workbench.arrivals.takeNews([
            ...changed.map(({annotation}) => ({id: annotation.id, annotation})),
            ...gone.map(({annotation}) => ({id: annotation.id, annotation: null})),
        ]);
        this.#onTaken(changed.map(({annotation}) => annotation));
    }
}
