/** The journal as the version before kept it: in localStorage, as JSON. It is taken over once. */

/** @import {Kind} from "./journal.js" */
/** @import {KeyStore} from "./ports.d.ts" */

/** @typedef {{kind: Kind, id: string | number, value: unknown, forget: () => void}} OldEntry */

/**
 * @param {KeyStore} storage
 * @param {string} username
 * @returns {{entries: OldEntry[], damaged: number}} damaged: changes that cannot be read, and are gone from the storage
 */
export function readOld(storage, username) {
    const names = Array.from({length: storage.length}, (_, k) => storage.key(k) ?? "");
    /** @type {OldEntry[]} */
    const entries = [];
    let damaged = 0;
    for (const kind of /** @type {const} */ (["unsaved", "draft"])) {
        const prefix = `maskwright.${kind}.${username}.`;
        for (const name of names.filter((name) => name.startsWith(prefix))) {
            const rest = name.slice(prefix.length);
            if (rest.includes(".")) continue; // of somebody whose name begins like this one
            const value = parsed(storage.getItem(name));
            const forget = () => storage.removeItem(name);
            if (value && (kind === "draft" || value.id === rest))
                entries.push({kind, id: kind === "draft" ? Number(rest) : rest, value, forget});
            else {
                forget();
                if (kind === "unsaved") damaged++;
            }
        }
    }
    return {entries, damaged};
}

/** @param {string | null} text @returns {{id?: unknown} | null} null: it is cut off, or nothing that was kept */
function parsed(text) {
    try {
        return JSON.parse(text ?? "null");
    } catch {
        return null;
    }
}
