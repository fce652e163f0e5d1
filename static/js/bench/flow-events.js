/** What the annotate page does when the image flow tells it something. */

import {annotateUrl} from "../api/images.js";
import {toast} from "../view/site/feedback.js";
import {forgetTimings, measureUntilPainted} from "../view/timings.js";
import {sentence} from "../view/words.js";
import {showEmbeddingProblem} from "./embedding-problem.js";

/** @import {Http} from "../api/http.js" */
/** @import {Going} from "./going.js" */
/** @import {Autosave} from "../session/autosave.js" */
/** @import {FlowEvents, ImageFlow} from "../session/image-flow.js" */
/** @import {Preview} from "../session/preview.js" */
/** @import {Refining} from "../session/refining.js" */
/** @import {Repeating} from "../session/repeating.js" */
/** @import {Workbench} from "../session/workbench.js" */
/** @import {BenchStage} from "../view/bench-stage.js" */
/** @import {BenchView} from "../view/bench-view.js" */
/** @import {BenchNotices} from "../view/panels/bench-notices.js" */

/**
 * @typedef {object} Parts
 * @property {string} list the query of the list that the images stand in
 * @property {Http} http
 * @property {Workbench} workbench
 * @property {Autosave} autosave
 * @property {BenchNotices} notices
 * @property {BenchStage} benchStage
 * @property {() => void} render
 * @property {() => void} askToSignIn
 * @property {() => {flow: ImageFlow<ImageBitmap>, going: Going, preview: Preview, refining: Refining, repeating: Repeating, view: BenchView, toolbox: {cancel(): void}}} later made after the events
 */

/** @param {Parts} parts @returns {FlowEvents<ImageBitmap>} */
export function flowEvents({
    list,
    http,
    workbench,
    autosave,
    notices,
    benchStage,
    render,
    askToSignIn,
    later,
}) {
    const {stage} = benchStage;
    return {
        onChange: render,
        onShow: ({bundle, image}) => {
            later().preview.leave();
            later().toolbox.cancel();
            notices.forgetImage();
            if (!bundle) notices.showNoModel();
            later().refining.open(image.size);
            later().view.open();
        },
        onOpened: (imageId, isNew) => {
            forgetTimings();
            later().repeating.arrive();
            if (isNew) history.pushState(null, "", annotateUrl(imageId, list));
        },
        onUnreachable: (imageId) => location.assign(annotateUrl(imageId, list)), // the server says what is wrong with it
        onPicture: (picture) => {
            notices.hidePicture();
            notices.hideOffline();
            benchStage.showPicture(picture);
        },
        onSaved: (imageId, listed) => {
            notices.hideSignedOut();
            notices.hideOffline();
            for (const {annotation, number} of listed) workbench.noteNumber(annotation.id, imageId, number);
            workbench.arrivals.showSaved(autosave.overlay(imageId, listed));
            later().flow.noticeCategories(listed.map(({annotation}) => annotation));
        },
        onWait: (reason) => (reason === "signed_out" ? askToSignIn() : notices.showAway(reason)),
        onDraftKept: ({name}) => toast(`1 mask on ${name} was not accepted. It is kept there as a draft.`),
        onOpenAccepted: ({name}) => toast(`The open mask on ${name} was accepted.`),
        onPoorAccepted: ({id, name}) =>
            toast(`The open mask on ${name} was accepted, though it is poor.`, "info", {
                label: "Go back to it",
                do: () => void later().flow.open(id, true),
            }),
        onStayed: ({name}) => toast(`You went on working, so this is still ${name}.`),
        onPictureProblem: (error) => notices.showPictureProblem(sentence(error)),
        onEmbeddingProblem: (error) => showEmbeddingProblem(error, http, later().flow, notices),
        onMarked: (imageId, marks) => {
            later().going.filmstrip.mark(imageId, marks);
            later().going.progressPanel.refreshSoon();
        },
        onMarkRefused: ({name}, error) => notices.showProblem(`${name} was not marked: ${sentence(error)}`),
        onListDone: (openImageId) => sayListDone(openImageId, later().flow),
        onAnswering: () => later().refining.again(),
        onReplaced: ({title, name}, replaced) =>
            toast(`${title || name} answers now: this is its mask.`, "info", {
                label: "Take the first one back",
                do: () => workbench.answering.takeBack(replaced),
            }),
        onReady: (openedAt) => {
            measureUntilPainted(stage, "ready-to-decode", openedAt);
            later().going.filmstrip.show();
        },
    };
}

/**
 * @param {number | null} openImageId
 * @param {ImageFlow<ImageBitmap>} flow
 */
function sayListDone(openImageId, flow) {
    if (openImageId === null) {
        const {url} = flow.scene.project;
        toast("Every image of this list is done or skipped.", "info", {
            label: "Back to the project",
            do: () => location.assign(url),
        });
    } else {
        toast("This was the list's last image. Some before it are still open.", "info", {
            label: "Go to the first of them",
            do: () => void flow.open(openImageId, true),
        });
    }
}
