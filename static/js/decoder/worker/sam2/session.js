/** SAM 2's, SAM 2.1's and EdgeTAM's decoder: the two-way decoder, with a padded box before it and a stable mask after it. */

import {loadTwoWay} from "../two-way/session.js";
import {withPaddedBox} from "./padded-box.js";
import {withStableFirst} from "./stability.js";

/** @import {LoadSession} from "../session.d.ts" */

/** @type {LoadSession} */
export async function loadSession(urls, bundle) {
    return loadTwoWay(urls, bundle, {prompt: withPaddedBox, finished: withStableFirst});
}
