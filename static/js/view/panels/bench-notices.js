/** What the workbench has to say when something is wrong, and what one can do about it. */

import {ago, plural} from "../words.js";
import {Notices} from "./notices.js";

/** @import {Conflict, Refusal} from "../../session/autosave.js" */

const RELOAD = {label: "Reload", do: () => location.reload()};

export class BenchNotices {
    #notices;

    /** @param {HTMLElement} root with role=alert */
    constructor(root) {
        this.#notices = new Notices(root);
    }

    get hasProblem() {
        return this.#notices.has("problem");
    }

    /** Another image: what is said about the one before no longer matters. */
    forgetImage() {
        for (const key of ["embedding", "problem", "picture", "offline"]) this.#notices.hide(key);
    }

    /** @param {string} text */
    showProblem(text) {
        this.#error("problem", text, [{label: "Dismiss", do: () => this.hideProblem()}]);
    }

    hideProblem() {
        this.#notices.hide("problem");
    }

    showNoModel() {
        const text = "No model is installed, so masks cannot be made. An administrator installs one.";
        this.#error("embedding", text, []);
    }

    /** @param {"offline" | "server"} reason */
    showAway(reason) {
        const text = {
            offline: "The server cannot be reached; trying again.",
            server: "The server answers with an error; trying again.",
        }[reason];
        this.#notices.show({key: "offline", kind: "info", text, actions: []});
    }

    /** Something has come from the server. */
    hideOffline() {
        this.#notices.hide("offline");
    }

    /** @param {string} text */
    showPictureProblem(text) {
        this.#error("picture", text, [RELOAD]);
    }

    hidePicture() {
        this.#notices.hide("picture");
    }

    /**
     * @param {string} text
     * @param {() => void} onRetry
     * @param {{mayReload: boolean}} options
     */
    showEmbeddingProblem(text, onRetry, {mayReload}) {
        const retry = {label: "Try again", do: onRetry};
        this.#error("embedding", text, mayReload ? [retry, RELOAD] : [retry]);
    }

    hideEmbedding() {
        this.#notices.hide("embedding");
    }

    /** @param {() => void} onSignIn what is not saved yet stays here, and is sent after it */
    showSignedOut(onSignIn) {
        if (this.#notices.has("signed-out")) return;
        const text = "You are signed out. Unsaved masks are kept here until you sign in again.";
        this.#error("signed-out", text, [{label: "Sign in", do: onSignIn}]);
    }

    hideSignedOut() {
        this.#notices.hide("signed-out");
    }

    /**
     * @param {Conflict} conflict
     * @param {string} mask as people know it: "cup 2 on kitchen.jpg"
     * @param {string} me
     * @param {(choice: "mine" | "theirs") => void} onChoice
     */
    showConflict({id, theirs, changedBy, changedAt}, mask, me, onChoice) {
        const who = changedBy === me ? "You" : (changedBy ?? "Somebody");
        const where = changedBy === me ? " in another tab" : "";
        const did = theirs ? "changed" : "deleted";
        const text = `${who} ${did} ${mask}${where} ${ago(changedAt)}, while it was being changed here.`;
        this.#ask(`conflict-${id}`, text, {
            "Keep mine": () => onChoice("mine"),
            "Take theirs": () => onChoice("theirs"),
        });
    }

    /**
     * @param {Refusal} refusal
     * @param {{onRetry: () => void, onDiscard: () => void}} events
     */
    showRefusal({id, message}, {onRetry, onDiscard}) {
        const text = `A mask could not be saved: ${message}`;
        this.#ask(`refusal-${id}`, text, {"Try again": onRetry, Discard: onDiscard});
    }

    /** Nothing is to be decided about a mask any more. @param {string} id */
    forgetMask(id) {
        for (const key of [`refusal-${id}`, `conflict-${id}`]) this.#notices.hide(key);
    }

    /** @param {number} count changes of an earlier page */
    showDamaged(count) {
        const text = `${plural(count, "unsaved change")} of an earlier page could not be read. Is a mask missing?`;
        this.#ask("damaged", text, {Dismiss: () => {}});
    }

    /** @param {boolean} isKept whether the browser keeps on this computer what the server does not have yet */
    showKeeping(isKept) {
        if (isKept) return this.#notices.hide("keeping");
        const text =
            "Nothing can be kept on this computer: the disk is full, or this is a private window. " +
            "Masks go to the server as always; what it does not have yet is lost when this page is closed.";
        this.#ask("keeping", text, {Dismiss: () => {}});
    }

    /**
     * A notice that any of its buttons ends.
     *
     * @param {string} key
     * @param {string} text
     * @param {Record<string, () => void>} choices by their labels
     */
    #ask(key, text, choices) {
        const actions = Object.entries(choices).map(([label, choose]) => ({
            label,
            do: () => {
                this.#notices.hide(key);
                choose();
            },
        }));
        this.#error(key, text, actions);
    }

    /**
     * @param {string} key
     * @param {string} text
     * @param {readonly {label: string, do: () => void}[]} actions
     */
    #error(key, text, actions) {
        this.#notices.show({key, kind: "error", text, actions});
    }
}
