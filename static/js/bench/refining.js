/** Regions at full resolution on the annotate page: what is seen, what is asked for, and how it is shown. */

import {viewToImage} from "../core/frames.js";
import {Refining} from "../session/refining.js";
import {find} from "../view/elements.js";
import {toast} from "../view/site/feedback.js";

/** @import {Preferences} from "../session/preferences.js" */
/** @import {Timers} from "../session/ports.d.ts" */
/** @import {Workbench} from "../session/workbench.js" */
/** @import {BenchStage} from "../view/bench-stage.js" */
/** @import {BenchNotices} from "../view/panels/bench-notices.js" */

/**
 * @param {BenchStage} benchStage
 * @param {Workbench} workbench
 * @param {{world: {timers: Timers}, preferences: Preferences, notices: BenchNotices, render: () => void}} page
 */
export function refiningOf(benchStage, workbench, {world, preferences, notices, render}) {
    const {stage} = benchStage;
    const refining = new Refining(
        workbench,
        {timers: world.timers, settings: () => preferences.settings},
        {onChange: render, onSay: toast, onProblem: (text) => notices.showProblem(text)},
    );
    benchStage.onView = (view) => {
        const {height, width} = stage.viewport.size;
        const first = viewToImage({x: 0, y: 0, frame: "view"}, view);
        const last = viewToImage({x: width, y: height, frame: "view"}, view);
        refining.look({x0: first.x, y0: first.y, x1: last.x, y1: last.y});
    };
    return refining;
}

/**
 * The frame around the region, and a word about it.
 *
 * @param {BenchStage} benchStage
 * @param {Workbench} workbench
 * @param {Refining} refining
 */
export function showRegion(benchStage, {prompts}, refining) {
    const chip = find("[data-refining]", HTMLElement);
    const {waitingFor} = refining;
    // That of a prompt which was begun elsewhere goes before the one in use.
    const region = waitingFor ?? prompts.prompt.region ?? refining.region;
    benchStage.showRegion(region, waitingFor !== null);
    const state = waitingFor ? "waiting" : region ? "ready" : "";
    if (chip.dataset.refining === state) return;
    chip.dataset.refining = state;
    chip.textContent = {waiting: "Sharpening this part…", ready: "Sharper here", "": ""}[state];
}
