/** The marks of a prompt on the screen: which one is under the pointer, and the prompt with one of them moved or gone. */

import {imageToView, pixelAt} from "./frames.js";
import {baseOf, withBase} from "./prompt.js";

/** @import {ImageBox, ImagePoint, ImageSize, Prompt, PromptStep, ViewFrame, ViewPoint} from "./types.d.ts" */

const POINT_PX = 10; // CSS pixels from a point's centre
const EDGE_PX = 5; // from a box's edge, outside and inside

/**
 * @typedef {object} Mark
 * @property {number} index of its step
 * @property {"x0" | "x1" | null} x the box's vertical edge that is held; null: none
 * @property {"y0" | "y1" | null} y the horizontal one
 * @property {boolean} isPoint
 */

/**
 * @param {Prompt} prompt
 * @param {ViewPoint} place
 * @param {ViewFrame} view
 * @returns {Mark | null} the newest one there, points before the box
 */
export function markAt({steps}, place, view) {
    for (let index = steps.length - 1; index >= 0; index--) {
        const step = steps[index];
        if (step.kind !== "point") continue;
        const centre = imageToView({x: step.point.x + 0.5, y: step.point.y + 0.5, frame: "image"}, view);
        if (Math.hypot(centre.x - place.x, centre.y - place.y) <= POINT_PX)
            return {index, x: null, y: null, isPoint: true};
    }
    const index = steps.findIndex((step) => step.kind === "box");
    const step = steps[index];
    if (step?.kind !== "box") return null;
    const from = imageToView({x: step.box.x0, y: step.box.y0, frame: "image"}, view);
    const to = imageToView({x: step.box.x1, y: step.box.y1, frame: "image"}, view);
    const isWithin =
        place.x >= from.x - EDGE_PX &&
        place.x <= to.x + EDGE_PX &&
        place.y >= from.y - EDGE_PX &&
        place.y <= to.y + EDGE_PX;
    if (!isWithin) return null;
    const x = nearest(place.x, from.x, to.x);
    const y = nearest(place.y, from.y, to.y);
    if (x === null && y === null) return null;
    return {index, x: x === null ? null : `x${x}`, y: y === null ? null : `y${y}`, isPoint: false};
}

/**
 * @param {Prompt} prompt
 * @param {Mark} mark
 * @param {ImagePoint} place
 * @param {ImageSize} imageSize
 * @returns {Prompt} what was chosen from that step on is chosen anew
 */
export function withMarkMoved(prompt, mark, place, imageSize) {
    const steps = prompt.steps.map((step, k) => {
        if (k < mark.index) return step;
        const open = {...step, maskIndex: null};
        if (k > mark.index) return open;
        if (open.kind === "point") return {...open, point: pixelAt(place, imageSize)};
        return {...open, box: resized(open.box, mark, place, imageSize)};
    });
    return {...prompt, steps};
}

/**
 * @param {Prompt} prompt
 * @param {number} index
 * @returns {Prompt} what was chosen after that step is chosen anew
 */
export function withoutStep(prompt, index) {
    /** @type {PromptStep[]} */
    const steps = prompt.steps.flatMap((step, k) => {
        if (k === index) return [];
        return [k < index ? step : {...step, maskIndex: null}];
    });
    return {...prompt, steps: withBase(steps, baseOf(prompt))};
}

/**
 * @param {ImageBox} box
 * @param {Mark} mark
 * @param {ImagePoint} place
 * @param {ImageSize} imageSize
 * @returns {ImageBox} at least a pixel wide and high, however far the edge was dragged
 */
function resized(box, {x, y}, place, {height, width}) {
    const [px, py] = [Math.round(place.x), Math.round(place.y)];
    const x0 = x === "x0" ? Math.min(Math.max(px, 0), box.x1 - 1) : box.x0;
    const y0 = y === "y0" ? Math.min(Math.max(py, 0), box.y1 - 1) : box.y0;
    const x1 = x === "x1" ? Math.max(Math.min(px, width), box.x0 + 1) : box.x1;
    const y1 = y === "y1" ? Math.max(Math.min(py, height), box.y0 + 1) : box.y1;
    return {x0, y0, x1, y1, frame: "image"};
}

/**
 * @param {number} at
 * @param {number} first
 * @param {number} second
 * @returns {0 | 1 | null} the edge that is near; null: neither is
 */
function nearest(at, first, second) {
    const [toFirst, toSecond] = [Math.abs(at - first), Math.abs(at - second)];
    if (Math.min(toFirst, toSecond) > EDGE_PX) return null;
    return toFirst <= toSecond ? 0 : 1;
}
