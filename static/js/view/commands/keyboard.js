/** Keys call commands; digits pick categories. The space bar is a key when it is tapped, and moves the image when it is held. */

import {isTyping} from "../moving/grip.js";
import {chordOf, isDigit} from "./chords.js";

/** @import {Commands} from "./commands.js" */

const TAP_MS = 350; // a press that lasts longer was meant to move the image

/**
 * @param {Commands} commands
 * @param {(index: number) => void} pickCategory counted from 0
 * @param {(chord: string) => boolean} pickByKey picks the category whose key it is; false: it is none's
 */
export function listenToKeys(commands, pickCategory, pickByKey) {
    /** @type {number | null} */
    let spaceDownAt = null;
    addEventListener("keydown", (event) => {
        if (event.defaultPrevented && event.key !== " ") return; // the stage takes the space bar from the browser
        if (isForAnother(event)) return;
        const chord = chordOf(event);
        if (chord === "space") {
            if (!event.repeat) spaceDownAt = event.timeStamp;
            return;
        }
        if (isDigit(chord)) {
            pickCategory((Number(chord) + 9) % 10);
            event.preventDefault();
            return;
        }
        const action = commands.actionOf(chord);
        if (action === null) {
            if (pickByKey(chord)) event.preventDefault();
            return;
        }
        if (action === "copy" && String(getSelection())) return; // text of the page is meant
        // Our chords with Ctrl are never the browser's, even where they have nothing to do (Cmd Y opens its history).
        if (commands.perform(action) || chord.startsWith("ctrl+")) event.preventDefault();
    });
    addEventListener("keyup", (event) => {
        if (event.key !== " ") return;
        const isTap = spaceDownAt !== null && event.timeStamp - spaceDownAt < TAP_MS;
        spaceDownAt = null;
        const action = commands.actionOf("space");
        if (isTap && action !== null && !isForAnother(event)) commands.perform(action);
    });
    addEventListener("pointerdown", () => (spaceDownAt = null), {capture: true});
    addEventListener("blur", () => (spaceDownAt = null));
}

/** @param {KeyboardEvent} event whether a field, a dialog or the control that has the focus keeps the key */
function isForAnother(event) {
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return true;
    const isOnControl =
        event.target instanceof Element && event.target.closest("button, a, [role=menu]") !== null;
    return isOnControl && ["Enter", "Tab", " "].includes(event.key);
}
