/** A person's preferences on the wire. */

/** @import {Http} from "./http.js" */
/** @import {Settings} from "../session/preferences.js" */

/** @typedef {{accept_on_leave: boolean, far_click_accepts: boolean, quick_mode: boolean, filmstrip: boolean, refine_automatically: boolean, keys: Record<string, string[]>, category_keys: Record<string, string>, last_categories: Record<string, number>}} PreferencesWire */

/** @param {PreferencesWire} wire @returns {Settings} */
export function preferencesFromWire(wire) {
    return {
        acceptOnLeave: wire.accept_on_leave,
        farClickAccepts: wire.far_click_accepts,
        quickMode: wire.quick_mode,
        filmstrip: wire.filmstrip,
        refineAutomatically: wire.refine_automatically,
        keys: wire.keys,
        categoryKeys: wire.category_keys,
        lastCategories: wire.last_categories,
    };
}

/** @type {Record<keyof Settings, keyof PreferencesWire>} */
const NAMES = {
    acceptOnLeave: "accept_on_leave",
    farClickAccepts: "far_click_accepts",
    quickMode: "quick_mode",
    filmstrip: "filmstrip",
    refineAutomatically: "refine_automatically",
    keys: "keys",
    categoryKeys: "category_keys",
    lastCategories: "last_categories",
};

/**
 * @param {Http} http
 * @param {Partial<Settings>} changes the others stay as they are, which another tab may have set
 */
export async function savePreferences(http, changes) {
    const body = Object.fromEntries(
        Object.entries(changes).map(([name, value]) => [NAMES[/** @type {keyof Settings} */ (name)], value]),
    );
    await http.json("/api/me/preferences/", {method: "PATCH", body});
}

/**
 * One that is on or off, by its name on the wire.
 *
 * @param {Http} http
 * @param {string} name
 * @param {boolean} isOn
 */
export async function saveSwitch(http, name, isOn) {
    await http.json("/api/me/preferences/", {method: "PATCH", body: {[name]: isOn}});
}
