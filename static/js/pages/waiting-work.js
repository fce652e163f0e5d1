/** Says on every page but the workbench that work waits on this computer, and marks the images it belongs to. */

import {stillWaiting, waitingWork} from "../session/waiting-work.js";
import {BrowserShelf} from "../storage/browser-shelf.js";
import {element, find, icon} from "../view/elements.js";
import {markTiles} from "../view/site/waiting-tiles.js";

const LOOK_AGAIN_MS = 2500; // by then, a workbench in another tab has saved what it has just made
const LOOK_MS = 15_000;

const place = find("[data-waiting-work]", HTMLElement);
const shelf = new BrowserShelf("journal");
const username = place.dataset.waitingWork ?? "";
const look = () => waitingWork(shelf, username);

/** @param {Awaited<ReturnType<typeof look>>} before */
async function show(before) {
    const work = stillWaiting(before, await look());
    const count = [...work.unsaved.values()].reduce((sum, each) => sum + each, 0);
    const [imageId] = work.unsaved.keys();
    place.hidden = count === 0;
    if (count > 0 && place.dataset.shown !== String(count)) {
        const words =
            count === 1
                ? "A change that you made on this computer is not saved yet."
                : `${count} changes that you made on this computer are not saved yet.`;
        place.replaceChildren(
            icon("cloud-off"),
            element("span", {}, words),
            element("a", {href: `/images/${imageId}/annotate/`}, "Open the workbench to save"),
        );
    }
    place.dataset.shown = String(count);
    markTiles(work);
}

async function watch() {
    try {
        const before = await look();
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
        await show(before);
    } catch {
        // The browser keeps nothing, so that nothing waits here.
    }
    setTimeout(watch, LOOK_MS);
}
void watch();
