/** The table of commands at work on one bench. */

import {ariaOf, isChord, isDigit, wordsOf} from "./chords.js";

/** @import {Bench, Command} from "./table.js" */

/** A person's own keys: chords by action, in place of the table's. @typedef {Readonly<Record<string, readonly string[]>>} Remap */

export class Commands {
    #bench;
    #table;
    /** @type {readonly Command[]} */
    #rows = [];
    /** @type {Map<string, Command>} */
    #byAction = new Map();
    /** @type {Map<string, Command>} */
    #byChord = new Map();

    /**
     * @param {readonly Command[]} table
     * @param {Bench} bench
     * @param {Remap} remap
     * @throws {Error} `remap` names no action of the table, or one key is to do two things
     */
    constructor(table, bench, remap = {}) {
        this.#bench = bench;
        this.#table = table;
        this.remap(remap);
    }

    /**
     * From now on these are the person's own keys.
     *
     * @param {Remap} remap
     * @throws {Error} as the constructor; the keys stay as they were then
     */
    remap(remap) {
        const rows = withKeys(this.#table, remap);
        this.#rows = rows;
        this.#byAction = new Map(rows.map((row) => [row.action, row]));
        this.#byChord = new Map(rows.flatMap((row) => chordsOf(row).map((chord) => [chord, row])));
    }

    get rows() {
        return this.#rows;
    }

    /**
     * @param {string} action
     * @throws {Error} there is no such action
     */
    get(action) {
        const row = this.#byAction.get(action);
        if (!row) throw new Error(`there is no command ${action}`);
        return row;
    }

    /** @param {string} chord @returns {string | null} the action it calls */
    actionOf(chord) {
        return this.#byChord.get(chord)?.action ?? null;
    }

    /** Whether the person may do it at all; else it has no button. @param {string} action */
    isOffered(action) {
        return !this.get(action).isForAnnotators || this.#bench.flow.mayAnnotate;
    }

    /** Whether it applies now. @param {string} action */
    applies(action) {
        return this.isOffered(action) && (this.get(action).when?.(this.#bench) ?? true);
    }

    /** Whether its button is pressed; null: it has no such state. @param {string} action */
    isOn(action) {
        return this.get(action).isOn?.(this.#bench) ?? null;
    }

    /**
     * @param {string} action
     * @returns {boolean} false: it does not apply now, and nothing was done
     */
    perform(action) {
        if (!this.applies(action)) return false;
        this.get(action).do(this.#bench);
        return true;
    }

    /** The key that a text names; empty where a person took it away. @param {string} action */
    keyOf(action) {
        const [chord] = this.get(action).keys;
        return chord === undefined ? "" : wordsOf(chord);
    }

    /** "Next image (N or →)". @param {string} action */
    tipOf(action) {
        const {title, tip = title, keys} = this.get(action);
        const text = typeof tip === "function" ? tip(this.#bench) : tip;
        return keys.length === 0 ? text : `${text} (${keys.map(wordsOf).join(" or ")})`;
    }

    /** What stands on its button beside the icon; empty: nothing. @param {string} action */
    wordsOn(action) {
        return this.get(action).words?.(this.#bench) ?? "";
    }

    /** For aria-keyshortcuts. @param {string} action */
    ariaKeysOf(action) {
        return chordsOf(this.get(action)).map(ariaOf).join(" ");
    }
}

/**
 * A person's own keys without those that the table no longer takes: a newer version may have given a key to another command,
 * which keeps it then. Keys that two commands exchanged fit only together, so the whole is looked at, in no order.
 *
 * @param {readonly Command[]} table
 * @param {Remap} remap
 * @returns {Remap}
 */
export function usable(table, remap) {
    const known = table.filter(({action}) => remap[action]?.every((key) => isChord(key) && !isDigit(key)));
    /** @type {Record<string, readonly string[]>} */
    const kept = Object.fromEntries(known.map(({action}) => [action, remap[action]]));
    for (;;) {
        // Of two commands with one key at least one was remapped: it gets the table's keys back.
        const remapped = [...clashesOf(rowsWith(table, kept))].flat().find(({action}) => kept[action]);
        if (!remapped) return kept;
        delete kept[remapped.action];
    }
}

/**
 * The table with a person's own keys.
 *
 * @param {readonly Command[]} table
 * @param {Remap} remap
 * @returns {readonly Command[]}
 */
function withKeys(table, remap) {
    for (const [action, keys] of Object.entries(remap)) {
        if (!table.some((row) => row.action === action)) throw new Error(`there is no command ${action}`);
        for (const key of keys) {
            if (!isChord(key)) throw new Error(`${action}: ${key} is no key`);
            if (isDigit(key)) throw new Error(`${action}: ${key} picks a category`);
        }
    }
    const rows = rowsWith(table, remap);
    const [clash] = clashesOf(rows);
    if (clash) {
        const chord = chordsOf(clash[0]).find((one) => chordsOf(clash[1]).includes(one)) ?? "";
        throw new Error(`${wordsOf(chord)} is the key of ${clash[0].action} and of ${clash[1].action}`);
    }
    return rows;
}

/**
 * @param {readonly Command[]} table
 * @param {Remap} remap
 */
function rowsWith(table, remap) {
    return table.map((row) => {
        const keys = remap[row.action];
        return keys ? {...row, keys, alsoKeys: []} : row;
    });
}

/** Pairs of commands that have a key in common. @param {readonly Command[]} rows */
function* clashesOf(rows) {
    /** @type {Map<string, Command>} */
    const taken = new Map();
    for (const row of rows) {
        for (const chord of chordsOf(row)) {
            const other = taken.get(chord);
            if (other) yield [other, row];
            taken.set(chord, row);
        }
    }
}

/** @param {Command} row */
function chordsOf({keys, alsoKeys = []}) {
    return [...keys, ...alsoKeys];
}
