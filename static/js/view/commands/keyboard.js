/** Keys call commands; digits pick categories. */

import {isTyping} from "../stage.js";
import {chordOf} from "./chords.js";

/** @import {Commands} from "./commands.js" */

/**
 * @param {Commands} commands
 * @param {(index: number) => void} pickCategory counted from 0
 */
export function listenToKeys(commands, pickCategory) {
    addEventListener("keydown", (event) => {
        if (event.defaultPrevented || isTyping(event.target) || document.querySelector("dialog[open]"))
            return;
        // A control that has the focus keeps the keys that work it.
        const isOnControl =
            event.target instanceof Element && event.target.closest("button, a, [role=menu]") !== null;
        if (isOnControl && ["Enter", "Tab", " "].includes(event.key)) return;
        const chord = chordOf(event);
        if (/^[0-9]$/.test(chord)) {
            pickCategory((Number(chord) + 9) % 10);
            event.preventDefault();
            return;
        }
        const action = commands.actionOf(chord);
        if (action === null) return;
        // Our chords with Ctrl are never the browser's, even where they have nothing to do (Cmd Y opens its history).
        if (commands.perform(action) || chord.startsWith("ctrl+")) event.preventDefault();
    });
}
