/** What the annotate page hands to the workbench of the world outside: the clock, ids, and what the browser keeps for a person. */

import {newUuid} from "../storage/new-uuid.js";
import {CopiedMasks} from "../session/copied-masks.js";
import {KeptDrafts} from "../session/kept-drafts.js";
import {LastCategory} from "../session/last-category.js";

/** @import {Journal} from "../session/journal.js" */
/** @import {KeptHistories} from "../session/kept-histories.js" */
/** @import {Timers} from "../session/ports.d.ts" */
/** @import {Preferences} from "../session/preferences.js" */
/** @import {WorkbenchWorld} from "../session/workbench.js" */

/**
 * @param {string} user
 * @param {{journal: Journal, histories: KeptHistories}} kept
 * @param {Preferences} preferences
 * @returns {WorkbenchWorld & {timers: Timers}}
 */
export function worldOf(user, {journal, histories}, preferences) {
    return {
        now: () => performance.now(),
        newId: () => newUuid(),
        drafts: new KeptDrafts(journal),
        histories,
        lastCategory: new LastCategory(localStorage, user, {
            of: (projectId) => preferences.settings.lastCategories[projectId] ?? null,
            note: (projectId, categoryId) => {
                const {lastCategories} = preferences.settings;
                preferences.change({lastCategories: {...lastCategories, [projectId]: categoryId}});
            },
        }),
        copied: new CopiedMasks(localStorage, user),
        settings: () => preferences.settings,
        timers: {start: (work, delayMs) => setTimeout(work, delayMs), stop: (timer) => clearTimeout(timer)},
    };
}
