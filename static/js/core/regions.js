/**
 * A region: the part of an image that an embedding is made of, at full resolution, in place of the whole image. Where it
 * lies for a view, and the ways between it and the image.
 *
 * segmentation/regions.py has the same rules; both are held to tests/data/region_cases.json.
 */

import {columnsOf, difference, emptyColumns, intersection, rleOf, union} from "./edit/columns.js";

/** @import {BaseMask, Bbox, ImageBox, ImagePoint, ImageSize, Prompt, PromptStep, Region, Rle, ViewFrame} from "./types.d.ts" */

const SIDES = Array.from({length: 11}, (_, octave) => [128 << octave, 192 << octave]).flat();
const STEPS_TO_A_SIDE = 4; // how often a region's side is divided by the grid's step
const ROOM = 4 / 3; // a region's side over the view's longer side: so the view lies in it wherever the grid falls
const WORTH_FROM = 1.5; // how many times sharper than the whole image a region has to be

/**
 * The region for what is looked at.
 *
 * @param {Pick<ImageBox, "x0" | "y0" | "x1" | "y1">} view what of the image is seen; it may reach beyond the image
 * @param {ImageSize} imageSize
 * @returns {Region | null} null: the view shows so much of the image that a region would hardly be sharper
 */
export function regionOfView(view, {height, width}) {
    const [x0, x1] = [Math.max(0, view.x0), Math.min(width, view.x1)];
    const [y0, y1] = [Math.max(0, view.y0), Math.min(height, view.y1)];
    if (x1 <= x0 || y1 <= y0) return null;
    const longer = Math.max(x1 - x0, y1 - y0);
    const side = SIDES.find((each) => each >= ROOM * longer);
    if (side === undefined || Math.max(height, width) < WORTH_FROM * side) return null;
    return {
        x: placeOf((x0 + x1) / 2, side, width),
        y: placeOf((y0 + y1) / 2, side, height),
        width: Math.min(side, width),
        height: Math.min(side, height),
    };
}

/** As the server writes it. @param {Region} region */
export function textOf({x, y, width, height}) {
    return [x, y, width, height].join();
}

/**
 * @param {Region | null | undefined} a
 * @param {Region | null | undefined} b
 */
export function isSame(a, b) {
    return a && b ? textOf(a) === textOf(b) : !a && !b;
}

/**
 * @param {Region} region
 * @param {{x: number, y: number}} point in image pixels
 */
export function contains({x, y, width, height}, point) {
    return point.x >= x && point.y >= y && point.x < x + width && point.y < y + height;
}

/**
 * Whether all steps of a prompt lie in a region.
 *
 * @param {Region} region
 * @param {readonly PromptStep[]} steps
 */
export function holdsSteps(region, steps) {
    const right = region.x + region.width;
    const bottom = region.y + region.height;
    return steps.every((step) =>
        step.kind === "point"
            ? contains(region, step.point)
            : step.box.x0 >= region.x &&
              step.box.y0 >= region.y &&
              step.box.x1 <= right &&
              step.box.y1 <= bottom,
    );
}

/**
 * The same prompt where the model can answer it: a new one in the region in use, one that was begun where it was begun. A
 * prompt with a step outside of its region goes to the one in use, if that holds all its steps, else to the whole image.
 *
 * @param {Prompt} prompt
 * @param {Region | null} inUse null: none
 * @returns {Prompt}
 */
export function placed(prompt, inUse) {
    const {steps, region} = prompt;
    if (region ? holdsSteps(region, steps) : steps.length > 1) return prompt;
    return movedTo(prompt, inUse && holdsSteps(inUse, steps) ? inUse : null);
}

/**
 * The same steps in another part of the image: what was chosen after each is chosen anew.
 *
 * @param {Prompt} prompt
 * @param {Region | null} region null: the whole image
 * @returns {Prompt}
 */
export function movedTo(prompt, region) {
    if (isSame(prompt.region, region)) return prompt;
    const steps = prompt.steps.map((step) => ({...step, maskIndex: null}));
    return region ? {steps, region} : {steps};
}

/**
 * The steps in pixels of a region.
 *
 * @param {readonly PromptStep[]} steps
 * @param {Region} region
 * @returns {readonly PromptStep[]}
 */
export function stepsIn(steps, region) {
    return steps.map((step) => {
        if (step.kind === "point") return {...step, point: pointIn(step.point, region)};
        const {x0, y0, x1, y1} = step.box;
        const {x, y} = region;
        return {...step, box: {x0: x0 - x, y0: y0 - y, x1: x1 - x, y1: y1 - y, frame: "image"}};
    });
}

/**
 * A point in pixels of a region.
 *
 * @param {ImagePoint} point
 * @param {Region | undefined} region undefined: of the whole image, as it is
 * @returns {ImagePoint}
 */
export function pointIn(point, region) {
    return region ? {x: point.x - region.x, y: point.y - region.y, frame: "image"} : point;
}

/**
 * The view of a region as if that were the image.
 *
 * @param {ViewFrame} view
 * @param {Region | undefined} region undefined: the whole image
 * @returns {ViewFrame}
 */
export function viewOf(view, region) {
    if (!region) return view;
    const {scale, offsetX, offsetY} = view;
    return {...view, offsetX: offsetX + region.x * scale, offsetY: offsetY + region.y * scale};
}

/**
 * What of a mask lies in a region.
 *
 * @param {Rle} rle
 * @param {Region} region
 * @returns {Rle} of the region's size
 */
export function croppedTo(rle, {x, y, width, height}) {
    const columns = columnsOf(rle)
        .slice(x, x + width)
        .map((spans) => intersection(spans, [y, y + height]).map((edge) => edge - y));
    return rleOf(columns, height).segmentation;
}

/**
 * A mask that was decoded in a region, at the image's size.
 *
 * @param {Rle} part of the region's size
 * @param {Region} region
 * @param {ImageSize} imageSize
 * @param {BaseMask | undefined} base what the prompt went on from: it stays outside of the region
 * @returns {{segmentation: Rle, area: number, bbox: Bbox}}
 */
export function pasted(part, {x, y, height}, imageSize, base) {
    const columns = base ? [...columnsOf(base.segmentation)] : [...emptyColumns(imageSize)];
    columnsOf(part).forEach((spans, k) => {
        const outside = difference(columns[x + k], [y, y + height]);
        columns[x + k] = union(
            outside,
            spans.map((edge) => edge + y),
        );
    });
    return rleOf(columns, imageSize.height);
}

/**
 * @param {number} middle
 * @param {number} side
 * @param {number} length of the image
 */
function placeOf(middle, side, length) {
    const step = side / STEPS_TO_A_SIDE;
    return Math.max(0, Math.min(Math.floor((middle - side / 2) / step + 0.5) * step, length - side));
}
