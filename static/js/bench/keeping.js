/** What the annotate page keeps on this computer, so that neither a crash nor a closed page takes it away. */

import {outlivesPage} from "../api/http.js";
import {Journal} from "../session/journal.js";
import {KeptHistories} from "../session/kept-histories.js";
import {BrowserShelf} from "../storage/browser-shelf.js";
import {BrowserTabs} from "../storage/browser-tabs.js";

/** @import {Autosave, SaveStatus} from "../session/autosave.js" */
/** @import {MarksToSave} from "../session/image-marks.js" */
/** @import {Unsaved} from "../session/unsaved-records.js" */
/** @import {Workbench} from "../session/workbench.js" */
/** @import {BenchNotices} from "../view/panels/bench-notices.js" */

/**
 * Begins to read what is kept, so that it is there when the page has been put together.
 *
 * @param {string} user
 * @param {number} imageId the page's first image
 */
export function keptBy(user, imageId) {
    const tabs = new BrowserTabs();
    const journal = new Journal(new BrowserShelf("journal"), tabs, user);
    const histories = new KeptHistories(new BrowserShelf("histories"), tabs, user);
    journal.makeRoom = () => histories.forgetAll().catch(() => {}); // where that fails too, nothing can be kept
    return {journal, histories, opening: journal.open(imageId, localStorage)};
}

/**
 * Sends what former pages have left; from then on what tabs leave that are closed meanwhile.
 *
 * @param {{journal: Journal, histories: KeptHistories, opening: Promise<number>}} kept
 * @param {object} bench
 * @param {Workbench} bench.workbench
 * @param {Autosave} bench.autosave
 * @param {MarksToSave} bench.marks
 * @param {{readonly status: SaveStatus}} bench.saving
 * @param {BenchNotices} bench.notices
 * @param {{readonly scene: {image: {id: number}}}} bench.flow
 * @param {{close(): void}} bench.lasso
 */
export async function beginKeeping(
    {journal, histories, opening},
    {workbench, autosave, marks, saving, notices, flow, lasso},
) {
    const damaged = await opening;
    if (damaged > 0) notices.showDamaged(damaged);
    let wasWorking = true;
    const tell = () => {
        if (journal.isWorking !== wasWorking) notices.showKeeping(journal.isWorking);
        wasWorking = journal.isWorking;
        autosave.noteKeeping();
        marks.noteKeeping();
    };
    journal.onChange = tell;
    tell();
    autosave.resume();
    marks.resume();
    histories.tidy().catch(() => {}); // the next page tries again
    const isShown = (/** @type {string | number} */ imageId) => imageId === flow.scene.image.id;
    journal.mayTake = ({kind, id}) => (kind === "draft" ? !isShown(id) : id !== workbench.draft.edited?.id);
    journal.onTaken = (entries) => {
        const records = entries.flatMap(({kind, value}) =>
            kind === "unsaved" ? [/** @type {Unsaved} */ (value)] : [],
        );
        for (const {id, imageId, desired} of records)
            if (isShown(imageId)) workbench.arrivals.replaceFromServer(id, desired);
        autosave.resume(records);
        marks.resume();
    };
    addEventListener("beforeunload", (event) => {
        lasso.close(); // a shape that is being drawn is kept with the open mask
        if (wouldBeMissed(workbench, saving.status, autosave.waiting)) event.preventDefault();
    });
}

/**
 * Whether something would be missed if the page ended now. One mask, or one mark, that is on its way would not, if the browser
 * goes on sending it; nothing else is sent until a workbench is opened on this computer again.
 *
 * @param {Workbench} workbench
 * @param {SaveStatus} status of masks and marks together
 * @param {Autosave["waiting"]} waiting masks
 */
function wouldBeMissed(workbench, {state, count, keeping}, waiting) {
    const isKept = keeping === "kept";
    if (workbench.accepting.isBusy || (workbench.isOpen && !isKept)) return true;
    if (state === "saved") return false;
    const isOnItsWay =
        state === "saving" && count === 1 && waiting.every(({desired}) => outlivesPage(desired));
    return !(isKept && isOnItsWay);
}
