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

/**
 * @param {Http} http
 * @param {Readonly<Settings>} settings
 */
export async function savePreferences(
    http,
    {
        acceptOnLeave,
        farClickAccepts,
        quickMode,
        filmstrip,
        refineAutomatically,
        keys,
        categoryKeys,
        lastCategories,
    },
) {
    const body = {
        accept_on_leave: acceptOnLeave,
        far_click_accepts: farClickAccepts,
        quick_mode: quickMode,
        filmstrip,
        refine_automatically: refineAutomatically,
        keys,
        category_keys: categoryKeys,
        last_categories: lastCategories,
    };
    await http.json("/api/me/preferences/", {method: "PUT", body});
}
