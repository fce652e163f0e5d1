/** Which tabs of the browser are open: each holds a lock of its name, which the browser releases however the tab ends. */

import {newUuid} from "./new-uuid.js";

/** @import {Tabs} from "../session/ports.d.ts" */

const PREFIX = "maskwright.tab.";
const RELEASED_WITHIN_MS = 1000;
const BACK_WITHIN_MS = 5000; // a page that is loaded anew, or all tabs of a browser that is started again

/** @implements {Tabs} */
export class BrowserTabs {
    /** The same after a reload, so that the page finds what it kept itself. */
    id = "";
    onGone = () => {};
    /** @type {Set<string>} */
    #watched = new Set();

    async begin() {
        const before = read();
        // Right after a reload the lock may still be the former page's; longer than that it is another tab, copied from this one.
        if (before && (await hold(before, AbortSignal.timeout(RELEASED_WITHIN_MS)))) this.id = before;
        else {
            this.id = newUuid();
            await hold(this.id);
        }
        try {
            sessionStorage.setItem(PREFIX, this.id);
        } catch {
            // Switched off: a reloaded page takes over what it kept as from a closed tab.
        }
        setTimeout(() => this.onGone(), BACK_WITHIN_MS); // of tabs that ended before this one began
        void this.#watchAll();
    }

    /**
     * @param {string} tab
     * @param {() => Promise<void>} work
     */
    async ifGone(tab, work) {
        if (!locks()) {
            await work(); // nobody knows; a save that comes from two tabs is harmless
            return true;
        }
        return locks().request(PREFIX + tab, {ifAvailable: true}, async (lock) => {
            if (lock) await work();
            return lock !== null;
        });
    }

    /** Those that are open, and those that will be: each says so. */
    async #watchAll() {
        const channel = new BroadcastChannel(PREFIX);
        channel.onmessage = ({data}) => this.#watch(PREFIX + data);
        channel.postMessage(this.id);
        const {held = []} = (await locks()?.query()) ?? {};
        for (const {name = ""} of held) if (name.startsWith(PREFIX)) this.#watch(name);
    }

    /** @param {string} name of a tab's lock */
    #watch(name) {
        if (name === PREFIX + this.id || this.#watched.has(name)) return;
        this.#watched.add(name);
        void locks()?.request(name, () => {
            this.#watched.delete(name);
            setTimeout(() => this.onGone(), BACK_WITHIN_MS);
        });
    }
}

/** Only offered over HTTPS and on localhost. */
function locks() {
    return /** @type {LockManager} */ (navigator.locks);
}

/** @returns {string | null} */
function read() {
    try {
        return sessionStorage.getItem(PREFIX);
    } catch {
        return null;
    }
}

/**
 * Holds a tab's lock as long as the page lives.
 *
 * @param {string} tab
 * @param {AbortSignal} [signal] ends the waiting for it
 * @returns {Promise<boolean>} whether it is held
 */
function hold(tab, signal) {
    if (!locks()) return Promise.resolve(true);
    return new Promise((resolve) => {
        locks()
            .request(PREFIX + tab, {signal}, () => {
                resolve(true);
                return new Promise(() => {});
            })
            .catch(() => resolve(false));
    });
}
