/** SAM's and HQ-SAM's decoder: the two-way decoder, to whose prompts and answers nothing is done. */

import {loadTwoWay} from "../two-way/session.js";

/** @import {LoadSession} from "../session.d.ts" */

/** @type {LoadSession} */
export async function loadSession(urls, bundle) {
    return loadTwoWay(urls, bundle);
}
