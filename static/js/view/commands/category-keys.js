/** Keys of one's own that pick categories, beside the digits of the first ten. A command's key stays the command's. */

import {isChord, isDigit, wordsOf} from "./chords.js";

/** @import {Category} from "../../core/types.d.ts" */
/** @import {Preferences} from "../../session/preferences.js" */
/** @import {Commands} from "./commands.js" */

export class CategoryKeys {
    #preferences;
    #commands;

    /**
     * @param {Pick<Preferences, "settings" | "change">} preferences
     * @param {Pick<Commands, "actionOf" | "get">} commands
     */
    constructor(preferences, commands) {
        this.#preferences = preferences;
        this.#commands = commands;
    }

    /** The key that picks a category; empty: none but its digit, or a command has it by now. @param {number} id */
    keyOf(id) {
        const chord = this.#chords[id] ?? "";
        return chord && this.#commands.actionOf(chord) === null ? wordsOf(chord) : "";
    }

    /**
     * @param {string} chord
     * @param {readonly Category[]} categories of the project
     * @returns {number} the place of the category that it picks; -1: none
     */
    indexOf(chord, categories) {
        if (this.#commands.actionOf(chord) !== null) return -1;
        return categories.findIndex(({id}) => this.#chords[id] === chord);
    }

    /**
     * @param {Category} category
     * @param {string} chord empty: no key of its own any more
     * @param {readonly Category[]} categories of the project: one that had the key loses it
     * @returns {string} a sentence that says what became of it
     */
    give(category, chord, categories) {
        const chords = {...this.#chords};
        if (chord === "") {
            delete chords[category.id];
            this.#preferences.change({categoryKeys: chords});
            return `${category.name} has no key of its own any more.`;
        }
        if (!isChord(chord)) return "This is no key that can be used.";
        if (isDigit(chord)) return "Digits pick the first ten categories. Choose another key.";
        const action = this.#commands.actionOf(chord);
        if (action !== null)
            return `${wordsOf(chord)} is the key of “${this.#commands.get(action).title}”. Choose another key.`;
        const other = categories.find(({id}) => id !== category.id && chords[id] === chord);
        if (other) delete chords[other.id];
        chords[category.id] = chord;
        this.#preferences.change({categoryKeys: chords});
        const lost = other ? ` ${other.name} has lost it.` : "";
        return `${wordsOf(chord)} picks ${category.name} from now on.${lost}`;
    }

    get #chords() {
        return this.#preferences.settings.categoryKeys;
    }
}
