/** Draws a page anew, again and again, while something on it waits or runs. */

import {Poller} from "./poller.js";

const POLL_MS = 1000;
const POLL_AWAY_MS = 5000;

export class Watch {
    #poller;

    /**
     * @param {() => boolean} isPending whether something on the page waits or runs
     * @param {() => Promise<void>} refresh draws the page as the server has it now
     */
    constructor(isPending, refresh) {
        this.#poller = new Poller(async () => {
            if (!isPending()) return null;
            try {
                await refresh();
            } catch {
                return POLL_AWAY_MS; // the server is away; what is shown stays
            }
            return isPending() ? POLL_MS : null;
        });
        this.soon();
    }

    /** Something has been begun. */
    soon() {
        this.#poller.after(POLL_MS);
    }
}
