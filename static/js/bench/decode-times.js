/** Tells the server now and then how long the decoder took here: whoever runs the site sees it in the metrics. */

import {reportDecodeTimes} from "../api/timings.js";

/** @import {Http} from "../api/http.js" */

const EVERY_MS = 60_000;
const MOST_AT_ONCE = 200;

/** @param {Http} http */
export function tellDecodeTimes(http) {
    /** @type {number[]} */
    const times = [];
    const tell = () => {
        if (times.length > 0) reportDecodeTimes(http, times.splice(0, MOST_AT_ONCE)).catch(() => {});
    };
    new PerformanceObserver((list) => {
        times.push(...list.getEntriesByName("decode").map(({duration}) => Math.round(10 * duration) / 10));
        if (times.length >= MOST_AT_ONCE) tell();
    }).observe({type: "measure"});
    setInterval(tell, EVERY_MS);
    addEventListener("pagehide", tell);
}
