/** Which key does what: one table for the keyboard, the tooltips and the help. */

import {isTyping} from "./stage.js";

/**
 * @typedef {object} Shortcut
 * @property {string} action
 * @property {readonly string[]} keys as KeyboardEvent.key says, lower case; "ctrl+z" stands for Cmd on a Mac as well
 * @property {string} shown how the help writes it
 * @property {string} does
 * @property {"Prompt" | "Masks" | "Images" | "View"} group
 */

/** @type {readonly Shortcut[]} */
export const SHORTCUTS = [
    {action: "accept", keys: ["enter"], shown: "Enter", does: "Save the mask", group: "Prompt"},
    {action: "next-candidate", keys: ["tab"], shown: "Tab", does: "Next mask candidate", group: "Prompt"},
    {
        action: "previous-candidate",
        keys: ["shift+tab"],
        shown: "Shift Tab",
        does: "Previous mask candidate",
        group: "Prompt",
    },
    {
        action: "remove-step",
        keys: ["backspace"],
        shown: "Backspace",
        does: "Take back the last point or box",
        group: "Prompt",
    },
    {
        action: "leave-out",
        keys: ["x"],
        shown: "X",
        does: "Clicks leave out, or belong again",
        group: "Prompt",
    },
    {
        action: "preview",
        keys: ["t"],
        shown: "T",
        does: "Preview under the pointer, on or off",
        group: "Prompt",
    },
    {action: "cancel", keys: ["escape"], shown: "Esc", does: "Clear the prompt, deselect", group: "Prompt"},
    {action: "undo", keys: ["ctrl+z"], shown: "Ctrl Z", does: "Undo", group: "Masks"},
    {action: "redo", keys: ["ctrl+shift+z", "ctrl+y"], shown: "Ctrl Shift Z", does: "Redo", group: "Masks"},
    {action: "delete", keys: ["delete"], shown: "Delete", does: "Delete the selected mask", group: "Masks"},
    {action: "hide-masks", keys: ["h"], shown: "H", does: "Hide or show all masks", group: "Masks"},
    {action: "next-image", keys: ["n", "arrowright"], shown: "N  →", does: "Next image", group: "Images"},
    {
        action: "previous-image",
        keys: ["p", "arrowleft"],
        shown: "P  ←",
        does: "Previous image",
        group: "Images",
    },
    {action: "done", keys: ["d"], shown: "D", does: "Image done, go to the next", group: "Images"},
    {action: "fit", keys: ["f"], shown: "F", does: "Fit the image", group: "View"},
    {action: "zoom-in", keys: ["+", "="], shown: "+", does: "Zoom in", group: "View"},
    {action: "zoom-out", keys: ["-"], shown: "−", does: "Zoom out", group: "View"},
    {action: "panel", keys: ["i"], shown: "I", does: "Hide or show the panel", group: "View"},
    {action: "tool-prompt", keys: ["c"], shown: "C", does: "Prompt tool", group: "View"},
    {action: "tool-select", keys: ["v"], shown: "V", does: "Select tool", group: "View"},
    {action: "tool-hand", keys: ["m"], shown: "M", does: "Hand tool", group: "View"},
    {action: "keys", keys: ["?"], shown: "?", does: "Show the keys", group: "View"},
];

/** What the mouse does, for the help. */
export const POINTER_HELP = [
    {shown: "Click", does: "This belongs to the object"},
    {shown: "Right click, Alt click", does: "This does not"},
    {shown: "Drag", does: "Box around the object"},
    {shown: "Ctrl click", does: "Select a saved mask"},
    {shown: "Wheel", does: "Zoom to the cursor"},
    {shown: "Space drag, middle drag", does: "Move the image"},
    {shown: "1 – 9, 0", does: "Category, of the selected mask or the next one"},
];

/**
 * @param {(action: string) => boolean} perform does it; false: it does not apply now, the key keeps its usual meaning
 * @param {(index: number) => void} pickCategory counted from 0
 */
export function listenToKeys(perform, pickCategory) {
    addEventListener("keydown", (event) => {
        if (event.defaultPrevented || isTyping(event.target) || document.querySelector("dialog[open]"))
            return;
        const key = event.key.toLowerCase();
        // A control that has the focus keeps the keys that work it.
        const isOnControl =
            event.target instanceof Element && event.target.closest("button, a, [role=menu]") !== null;
        if (isOnControl && ["enter", "tab", "shift+tab", " "].includes(key)) return;
        if (!event.ctrlKey && !event.metaKey && !event.altKey && /^[0-9]$/.test(key)) {
            pickCategory((Number(key) + 9) % 10);
            event.preventDefault();
            return;
        }
        const shortcut = SHORTCUTS.find(({keys}) => keys.includes(chord(event, key)));
        if (shortcut && perform(shortcut.action)) event.preventDefault();
    });
}

/** @param {string} action its key, for a tooltip */
export function keyOf(action) {
    return SHORTCUTS.find((shortcut) => shortcut.action === action)?.shown ?? "";
}

/**
 * @param {KeyboardEvent} event
 * @param {string} key
 */
function chord(event, key) {
    const isLetterOrName = key.length > 1 || /[a-z]/.test(key);
    return [
        event.ctrlKey || event.metaKey ? "ctrl+" : "",
        event.altKey ? "alt+" : "",
        // Signs such as ? need Shift on some keyboards and not on others.
        event.shiftKey && isLetterOrName ? "shift+" : "",
        key,
    ].join("");
}
