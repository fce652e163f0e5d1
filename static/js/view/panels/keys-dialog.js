/** The keys, read from the table that works them: each can be changed. Beside them what else a person may set. */

import {chordOf, isDigit, isModifier, wordsOf} from "../commands/chords.js";
import {POINTER_HELP} from "../commands/table.js";
import {button, closeByClick, element, find, findAll} from "../elements.js";

/** @import {Preferences, Settings} from "../../session/preferences.js" */
/** @import {Commands} from "../commands/commands.js" */
/** @import {Command} from "../commands/table.js" */

export class KeysDialog {
    #dialog;
    #commands;
    #preferences;
    #columns;
    #problem;
    /** The command that the next key is for. @type {string | null} */
    #listeningFor = null;

    /**
     * @param {HTMLDialogElement} dialog
     * @param {Commands} commands
     * @param {Preferences} preferences
     */
    constructor(dialog, commands, preferences) {
        this.#dialog = dialog;
        this.#commands = commands;
        this.#preferences = preferences;
        this.#columns = find("[data-keys]", HTMLElement, dialog);
        this.#problem = find("[data-keys-problem]", HTMLElement, dialog);
        find("[data-usual-keys]", HTMLElement, dialog).addEventListener("click", () => this.#remap({}));
        closeByClick(dialog);
        dialog.addEventListener("keydown", (event) => this.#key(event));
        dialog.addEventListener("change", ({target}) => {
            if (target instanceof HTMLInputElement) preferences.change({[target.name]: target.checked});
        });
    }

    show() {
        this.#listeningFor = null;
        this.#render();
        this.#dialog.showModal();
    }

    #render() {
        const groups = new Map(this.#commands.rows.map(({group}) => [group, /** @type {Command[]} */ ([])]));
        for (const row of this.#commands.rows)
            if (this.#commands.isOffered(row.action)) groups.get(row.group)?.push(row);
        this.#columns.replaceChildren(
            section(
                "Mouse",
                POINTER_HELP.map(({shown, does}) => line(does, ...mouseWords(shown))),
            ),
            ...[...groups].map(([group, rows]) =>
                section(
                    group,
                    rows.map((row) => this.#line(row)),
                ),
            ),
        );
        for (const field of findAll("input[type=checkbox]", HTMLInputElement, this.#dialog))
            field.checked = Boolean(this.#preferences.settings[/** @type {keyof Settings} */ (field.name)]);
        this.#problem.textContent = "";
    }

    /** @param {Command} row */
    #line({action, title, keys}) {
        const isListening = action === this.#listeningFor;
        const words = isListening ? ["press a key"] : keys.length > 0 ? keys.map(wordsOf) : ["none"];
        const change = button(
            {
                class: "bench-key-change",
                "data-change-keys": action,
                title: `Change the key of “${title}”`,
                "aria-pressed": String(isListening),
            },
            () => {
                this.#listeningFor = action;
                this.#render();
                this.#columns
                    .querySelector(`[data-change-keys="${action}"]`)
                    ?.scrollIntoView({block: "nearest"});
            },
            ...words.map((chord) => element("span", {}, ...chord.split(" ").map(keyCap))),
        );
        return line(title, change);
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        const chord = chordOf(event);
        const action = this.#listeningFor;
        if (action === null) {
            if (this.#commands.actionOf(chord) === "keys") this.#dialog.close();
            return;
        }
        if (isModifier(event)) return;
        event.preventDefault();
        event.stopPropagation();
        this.#listeningFor = null;
        if (event.key === "Escape") return this.#render();
        const other = this.#commands.actionOf(chord);
        if (isDigit(chord)) return this.#say("Digits pick categories. Choose another key.");
        if (other === action) return this.#render();
        const keys = {...this.#preferences.settings.keys, [action]: [chord]};
        if (other !== null) {
            // The other command keeps what else it has, and is without a key where that was the only one.
            keys[other] = this.#commands.get(other).keys.filter((one) => one !== chord);
        }
        this.#remap(keys);
        if (other === null) return;
        const {title, keys: left} = this.#commands.get(other);
        const rest =
            left.length > 0 ? `It still has ${left.map(wordsOf).join(" and ")}.` : "It has no key now.";
        this.#say(`${wordsOf(chord)} was the key of “${title}”. ${rest}`);
    }

    /** @param {Settings["keys"]} keys */
    #remap(keys) {
        this.#commands.remap(keys);
        this.#preferences.change({keys});
        this.#render();
    }

    /** @param {string} text */
    #say(text) {
        this.#render();
        this.#problem.textContent = text;
    }
}

/**
 * @param {string} title
 * @param {readonly Node[]} lines
 */
function section(title, lines) {
    return element("section", {}, element("h3", {}, title), element("dl", {}, ...lines));
}

/**
 * @param {string} does
 * @param {...Node} shown
 */
function line(does, ...shown) {
    return element("div", {}, element("dt", {}, ...shown), element("dd", {}, does));
}

/** @param {string} shown */
function mouseWords(shown) {
    return shown.split(", ").map((words) => element("span", {}, ...words.split(" ").map(keyCap)));
}

/** @param {string} text */
function keyCap(text) {
    return /^[a-z–]/.test(text) ? ` ${text} ` : element("kbd", {}, text);
}
