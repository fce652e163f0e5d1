/** How the annotate page saves masks, marks of images and preferences, with what it has to say to the person. */

import {AnnotationServer} from "../api/annotations.js";
import {pause, retryDelayMs, troubleOf} from "../api/http.js";
import {fetchImage, markImage} from "../api/images.js";
import {savePreferences} from "../api/preferences.js";
import {Autosave} from "../session/autosave.js";
import {MarksToSave} from "../session/image-marks.js";
import {Preferences} from "../session/preferences.js";
import {together} from "../session/save-status.js";
import {UnsavedRecords} from "../session/unsaved-records.js";
import {SavedChannel} from "../storage/saved-channel.js";
import {toast} from "../view/site/feedback.js";
import {sentence} from "../view/words.js";
import {listenForNews} from "./news.js";

/** @import {Http} from "../api/http.js" */
/** @import {ImageFlow} from "../session/image-flow.js" */
/** @import {Settings} from "../session/preferences.js" */
/** @import {Conflict, SaveStatus} from "../session/autosave.js" */
/** @import {Journal} from "../session/journal.js" */
/** @import {Workbench} from "../session/workbench.js" */
/** @import {BenchNotices} from "../view/panels/bench-notices.js" */

/**
 * @param {Http} http
 * @param {Journal} journal
 * @param {Workbench} workbench
 * @param {BenchNotices} notices
 * @param {{onStatus: () => void, onSignedOut: () => void, onSignedIn: () => void,
 *   flow: () => ImageFlow<ImageBitmap>, onConflict: (conflict: Conflict, onChoice: (choice: "mine" | "theirs") => void) => void}} events
 * @returns {{autosave: Autosave, marks: MarksToSave, saving: {readonly status: SaveStatus}}} saving: of both together
 */
export function savingOf(
    http,
    journal,
    workbench,
    notices,
    {onStatus, onSignedOut, onSignedIn, onConflict, flow},
) {
    let isSignedOut = false;
    let isPersistent = false;
    const tabs = new SavedChannel();
    /** From now on it matters that the browser does not clear its storage when the disk gets full. */
    const askToPersist = () => {
        if (!isPersistent) void navigator.storage?.persist?.();
        isPersistent = true;
    };
    const saving = {
        get status() {
            return together(autosave.status, marks.status);
        },
    };
    const tellStatus = () => {
        const {state, reason} = saving.status;
        if (state === "unsaved") askToPersist();
        const was = isSignedOut;
        isSignedOut = reason === "signed_out";
        if (isSignedOut && !was) onSignedOut();
        if (was && !isSignedOut) onSignedIn();
        onStatus();
    };
    const patience = (/** @type {number} */ attempt) => pause(retryDelayMs(attempt));
    const marks = new MarksToSave(
        journal,
        {
            save: (imageId, wanted) => markImage(http, imageId, wanted),
            look: (imageId) => fetchImage(http, imageId),
            troubleOf,
        },
        patience,
        tellStatus,
    );
    marks.onOutdated = ({name}) =>
        toast(`${name} was marked otherwise since. What you had said of it was not sent.`);
    const autosave = new Autosave(new AnnotationServer(http), new UnsavedRecords(journal), patience, {
        onStatus: tellStatus,
        onConflict: (conflict) =>
            onConflict(conflict, (choice) => {
                if (choice === "theirs") workbench.arrivals.replaceFromServer(conflict.id, conflict.theirs);
                autosave.resolveConflict(conflict.id, choice);
            }),
        onSaved: (imageId) => tabs.tell(imageId),
        onGivenUp: (id, before) => workbench.arrivals.replaceFromServer(id, before),
        onNumber: ({id, imageId}, number) => workbench.noteNumber(id, imageId, number),
        onDecided: (id) => notices.forgetMask(id),
        onRefusal: (refusal) => {
            void flow().refreshCategories(); // its category may be gone
            notices.showRefusal(refusal, {
                onRetry: () => autosave.retryRefused(refusal.id),
                onDiscard: () => {
                    autosave.discardRefused(refusal.id);
                    location.reload(); // to what the server has
                },
            });
        },
    });
    workbench.document.subscribe((changes, origin) => {
        if (origin === "user") autosave.submit(changes);
    });
    listenForNews(http, tabs, {workbench, autosave, flow});
    return {autosave, marks, saving};
}

/**
 * @param {Settings} settings as the page brought them
 * @param {Http} http
 * @param {() => void} onChange
 */
export function preferencesOf(settings, http, onChange) {
    return new Preferences(settings, (changes) => savePreferences(http, changes), {
        onChange,
        onProblem: (error) => toast(`Your settings could not be saved: ${sentence(error)}`, "error"),
    });
}
