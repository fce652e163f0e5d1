/** What can be done to a mask as a whole, by name. */

import {grown, shrunk, smoothed} from "../core/edit/growing.js";
import {withHolesFilled, withoutCrumbs} from "../core/edit/pieces.js";

/** @import {Columns} from "../core/edit/columns.js" */

/** @typedef {(columns: Columns, height: number) => Columns} Change */

/** @satisfies {Record<string, Change>} */
export const RESHAPES = {
    fillHoles: withHolesFilled,
    dropCrumbs: withoutCrumbs,
    smooth: smoothed,
    grow: (/** @type {Columns} */ columns, /** @type {number} */ height) => grown(columns, height, 1),
    shrink: (/** @type {Columns} */ columns, /** @type {number} */ height) => shrunk(columns, height, 1),
};

/** @typedef {keyof typeof RESHAPES} Reshape */
