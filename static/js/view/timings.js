/** User Timing of the image on screen, for tests, benchmarks and the browser's own tools (docs/architecture.md). */

/** @import {Stage} from "./stage.js" */

/** @typedef {"click-to-mask" | "stroke-to-mask" | "ready-to-decode"} Measure those made here; the decoder's client makes `decode` */

/**
 * @param {Stage} stage
 * @param {Measure} name
 * @param {number} start it ends when what changed until now is painted
 */
export function measureUntilPainted(stage, name, start) {
    stage.afterPaint(() => performance.measure(name, {start, end: performance.now()}));
}

/** Another image comes. */
export function forgetTimings() {
    for (const name of ["decode", "click-to-mask", "stroke-to-mask", "ready-to-decode"])
        performance.clearMeasures(name);
}
