/** What the workbench says about its state, in few words. */

/** @import {SaveStatus} from "../session/autosave.js" */
/** @import {EmbeddingProgress} from "../session/ports.d.ts" */
/** @import {Badge} from "./panels/top-bar.js" */

/**
 * @typedef {object} Situation
 * @property {boolean} mayAnnotate
 * @property {string | null} bundleName its title; null: no model is installed
 * @property {string} standInName of the bundle that answers while the image's embedding is being made; "": none does
 * @property {boolean} isBestByBox a first box gives better masks than a first click
 * @property {EmbeddingProgress} embedding
 * @property {boolean} isReady the first mask is possible
 * @property {boolean} isDecoding
 * @property {boolean} isDraftEmpty
 * @property {boolean} isMaskShown
 * @property {boolean} areMasksMissing the saved masks could not be fetched
 * @property {boolean} areLocked all that are selected
 * @property {number} selectedCount objects
 * @property {boolean} isEditing
 * @property {boolean} hasCategory
 * @property {number} candidateCount
 * @property {string | null} tool the chosen one
 * @property {boolean} isShapeBegun a polygon or lasso
 * @property {boolean} isTouch fingers or a pen, and no keyboard to speak of
 * @property {boolean} isNothingFound the decoder answered that nothing is there
 * @property {boolean} isPoorFirstClick a single click found nothing that is likely to be right
 */

/**
 * What to do now. Words in [brackets] are keys.
 *
 * @param {Situation} now
 * @param {(action: string) => string} keyOf a command's key; empty: it has none
 * @returns {string}
 */
export function hint(now, keyOf) {
    const words = hintForMouse(now, keyOf);
    if (!now.isTouch) return words;
    // Fingers have neither keys nor a right button nor Alt.
    const parts = words.split(" · ").filter((part) => !/\[|\bright |\bAlt /.test(part));
    if (parts[0] && now.isReady && now.isDraftEmpty && now.mayAnnotate)
        parts.push("two fingers move and zoom");
    return parts
        .join(" · ")
        .replace(/\bclick/g, "tap")
        .replace(/\bClick/g, "Tap");
}

/**
 * @param {Situation} now
 * @param {(action: string) => string} keyOf
 * @returns {string}
 */
function hintForMouse(now, keyOf) {
    /** @param {string[]} parts */
    const line = (...parts) => parts.filter(Boolean).join(" · ");
    /**
     * @param {string} action
     * @param {string} does
     */
    const key = (action, does) => keyOf(action) && `[${keyOf(action)}] ${does}`.trim();

    if (now.isShapeBegun) {
        return line(
            key("accept", "closes the shape"),
            key("remove-step", "takes the last corner back"),
            key("cancel", "gives it up"),
        );
    }
    if (!now.mayAnnotate) return "You can look at this project; annotating needs another role.";
    if (!now.bundleName) return "";
    if (!now.isReady && (now.isDraftEmpty || now.isDecoding)) return waitingFor(now.embedding);
    if (now.areMasksMissing) return "The saved masks are not loaded yet, so nothing new can be begun.";
    if (now.isDraftEmpty && now.isEditing) {
        return line("Click to refine it, or draw on it", key("cancel", "leaves it as it is"));
    }
    if (now.tool === "polygon") {
        const isShown = !now.isDraftEmpty || now.selectedCount > 0;
        return isShown
            ? line(
                  "Drag corners",
                  "click the line to put one in",
                  "Alt click takes one out",
                  "draw around several",
              )
            : "Click a mask, or an object in the list";
    }
    if (now.isDraftEmpty && now.selectedCount > 0 && now.areLocked)
        return line("Locked: nothing changes it", key("lock", "unlocks it"), "a click begins a new object");
    if (now.isDraftEmpty && now.selectedCount > 1) {
        return line(
            "[1]–[9] category of all",
            key("merge", "merges them"),
            key("delete", "deletes them"),
            key("hide-masks", "hides them"),
            key("cancel", "selects none"),
        );
    }
    if (now.isDraftEmpty && now.selectedCount === 1) {
        return line(
            key("edit", "edits it"),
            "[1]–[9] category",
            key("delete", "deletes it"),
            "a click begins a new object",
        );
    }
    if (now.isDraftEmpty && (now.tool === "brush" || now.tool === "eraser")) {
        const does = now.tool === "brush" ? "Drag to paint" : "Drag to erase from the selected mask";
        return line(
            does,
            now.tool === "brush" ? "right button erases" : "",
            `${key("brush-smaller", "")} ${key("brush-larger", "")} size`,
        );
    }
    if (now.isDraftEmpty && now.tool === "scissors")
        return line("Click along an edge, the line follows it", "right button cuts away");
    if (now.isDraftEmpty && now.tool === "lasso")
        return line("Click corners, or draw around it", "right button cuts away");
    if (now.isDraftEmpty)
        return line(
            now.isBestByBox ? "Drag a box around an object, or click it" : "Click an object, or drag a box",
            "right click excludes",
            key("keys", "keys"),
        );
    if (!now.isMaskShown)
        return now.isDecoding
            ? ""
            : line(key("remove-step", "takes the last point back"), key("cancel", "clears"));
    if (now.isNothingFound)
        return line(
            "Nothing found here; zoom in with G (or another point)",
            key("cancel", now.isEditing ? "leaves it as it was" : "clear"),
        );
    if (!now.hasCategory) return "Add a category first, then it can be saved.";
    return line(
        now.isPoorFirstClick ? "A box around it often gives a better mask" : "",
        now.candidateCount > 1 ? key("next-candidate", "next candidate") : "",
        key("cancel", now.isEditing ? "leaves it as it was" : "clear"),
    );
}

/**
 * @param {Situation} now
 * @returns {Badge & {answers: string}} answers: the title of the model that answers a click now; "": none does
 */
export function modelBadge(now) {
    return {...modelState(now), answers: answeringName(now)};
}

/** The title of the model that answers a click now; "": none does. @param {Situation} now */
function answeringName({bundleName, standInName, mayAnnotate, isReady}) {
    if (!mayAnnotate || !bundleName) return "";
    return standInName || (isReady ? bundleName : "");
}

/**
 * @param {Situation} now
 * @returns {Badge}
 */
function modelState({bundleName, standInName, mayAnnotate, isReady, embedding: {state, position}}) {
    if (!bundleName) return {tone: "bad", text: "no model"};
    if (!mayAnnotate) return {tone: "waiting", text: "read only"};
    if (standInName)
        return state === "failed"
            ? {tone: "bad", text: `${standInName} answers · ${bundleName} failed`}
            : {tone: "working", text: `${standInName} answers · ${bundleName} is being prepared`};
    if (isReady) return {tone: "good", text: `ready · ${bundleName}`};
    switch (state) {
        case "failed":
            return {tone: "bad", text: `failed · ${bundleName}`};
        case "offline":
            return {tone: "waiting", text: `waiting for the server · ${bundleName}`};
        case "queued":
            return {tone: "waiting", text: `queued${position ? `, ${position} before` : ""} · ${bundleName}`};
        case "running":
            return {tone: "working", text: `preparing · ${bundleName}`};
        default:
            return {tone: "working", text: `loading · ${bundleName}`};
    }
}

/**
 * @param {SaveStatus} status
 * @param {boolean} isMaskOpen there is one that was begun, or changed, and not accepted
 * @returns {Badge}
 */
export function savingBadge({state, count, reason, keeping}, isMaskOpen = false) {
    const isLost = keeping === "failed"; // with the page: nothing can be kept
    if (state === "saved" && isMaskOpen)
        return isLost
            ? {tone: "bad", text: "1 mask not accepted, not kept on this computer"}
            : {tone: "waiting", text: "1 mask not accepted"};
    if (state === "saved") return {tone: "good", text: "All changes saved"};
    if (state === "saving") return {tone: "working", text: `Saving ${count}…`};
    const why = REASONS[reason];
    if (keeping === "kept" && why) return {tone: "waiting", text: `${count} saved on this computer, ${why}`};
    const where = isLost ? " and not kept on this computer" : "";
    return {tone: "bad", text: `${count} unsaved${where}${why ? `, ${why}` : ""}`};
}

/** @type {Record<SaveStatus["reason"], string>} */
const REASONS = {
    "": "",
    offline: "offline, retrying",
    signed_out: "you are signed out",
    server: "retrying",
    refused: "",
    conflict: "",
};

/** @param {EmbeddingProgress} embedding */
function waitingFor({state, position}) {
    switch (state) {
        case "offline":
            return "Waiting for the server; trying again.";
        case "failed":
            return "This image is not ready for the model.";
        case "running":
            return "Preparing this image for the model…";
        case "queued":
            return position
                ? `Preparing images: ${position} before this one…`
                : "Preparing this image for the model…";
        default:
            return "Loading the model…";
    }
}
