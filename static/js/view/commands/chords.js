/** Keys as text: "ctrl+shift+z", lower case as in KeyboardEvent.key; "ctrl" stands for Cmd on a Mac as well. */

const CHORD = /^(ctrl\+)?(alt\+)?(shift\+)?(.+)$/;
const MODIFIERS = ["Control", "Shift", "Alt", "Meta", "AltGraph"];
/** @type {Record<string, string>} */
const WORDS = {escape: "Esc", arrowleft: "←", arrowright: "→", arrowup: "↑", arrowdown: "↓", "-": "−"};
/** @type {Record<string, string>} */
const ARIA_NAMES = {
    arrowleft: "ArrowLeft",
    arrowright: "ArrowRight",
    arrowup: "ArrowUp",
    arrowdown: "ArrowDown",
    "+": "Plus",
};

/** @param {KeyboardEvent} event */
export function chordOf(event) {
    const key = event.key === " " ? "space" : event.key.toLowerCase();
    const isLetterOrName = key.length > 1 || /[a-z]/.test(key);
    return [
        event.ctrlKey || event.metaKey ? "ctrl+" : "",
        event.altKey ? "alt+" : "",
        // Signs such as ? need Shift on some keyboards and not on others.
        event.shiftKey && isLetterOrName ? "shift+" : "",
        key,
    ].join("");
}

/** @param {string} text whether it is written as `chordOf` writes */
export function isChord(text) {
    return text === text.toLowerCase() && CHORD.test(text);
}

/** As people read it: "Ctrl Shift Z". @param {string} chord */
export function wordsOf(chord) {
    const [, ctrl, alt, shift, key] = CHORD.exec(chord) ?? [];
    return [ctrl && "Ctrl", alt && "Alt", shift && "Shift", WORDS[key] ?? capitalised(key)]
        .filter(Boolean)
        .join(" ");
}

/** As aria-keyshortcuts wants it: "Control+Shift+Z". @param {string} chord */
export function ariaOf(chord) {
    const [, ctrl, alt, shift, key] = CHORD.exec(chord) ?? [];
    return [ctrl && "Control", alt && "Alt", shift && "Shift", ARIA_NAMES[key] ?? capitalised(key)]
        .filter(Boolean)
        .join("+");
}

/** @param {string} key */
function capitalised(key) {
    return key.charAt(0).toUpperCase() + key.slice(1);
}

/** Whether a key only changes what another one means. @param {KeyboardEvent} event */
export function isModifier({key}) {
    return MODIFIERS.includes(key);
}

/** Whether it picks one of the first ten categories. @param {string} chord */
export function isDigit(chord) {
    return /^\d$/.test(chord);
}
