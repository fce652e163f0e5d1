/** What the annotate page has for going from image to image: marks, the filmstrip, the finder, the progress. */

import {findListed} from "../api/image-list.js";
import {fetchProgress} from "../api/progress.js";
import {find} from "../view/elements.js";
import {ImageFinder} from "../view/panels/image-finder.js";
import {ProgressPanel} from "../view/panels/progress-panel.js";
import {filmstripOf} from "./filmstrip.js";
import {markingOf} from "./marking.js";

/** @import {Http} from "../api/http.js" */
/** @import {ImageFlow} from "../session/image-flow.js" */
/** @import {KeptDrafts} from "../session/kept-drafts.js" */
/** @import {Preferences} from "../session/preferences.js" */

/** @typedef {ReturnType<typeof goingOf>} Going */

/**
 * @param {object} parts
 * @param {Http} parts.http
 * @param {string} parts.list the query of the list that the images stand in
 * @param {ImageFlow<ImageBitmap>} parts.flow
 * @param {Preferences} parts.preferences
 * @param {Pick<KeptDrafts, "has">} parts.drafts
 */
export function goingOf({http, list, flow, preferences, drafts}) {
    const finder = new ImageFinder(find("[data-image-finder]", HTMLDialogElement), {
        find: (text) => findListed(http, flow.scene.project.id, list, text),
        onOpen: (imageId) => void flow.open(imageId, true),
    });
    return {
        marking: markingOf(flow),
        filmstrip: filmstripOf({http, list, flow, preferences, drafts}),
        finder: {show: () => finder.show(flow.scene.siblings.total)},
        progressPanel: new ProgressPanel(
            find("[data-progress]", HTMLElement),
            find("[data-position]", HTMLElement),
            () => fetchProgress(http, flow.scene.project.id, startOfDay()),
        ),
    };
}

/** The person's, not the server's. */
function startOfDay() {
    return new Date(new Date().setHours(0, 0, 0, 0));
}
