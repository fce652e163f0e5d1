/** Saved masks whose pixels are changed without the model. */

import {rleOf} from "../core/edit/columns.js";

/** @import {Annotation} from "../core/types.d.ts" */
/** @import {Columns} from "../core/edit/columns.js" */

/**
 * A saved mask with other pixels. No prompt gives them and nobody has estimated them. With the same pixels it stays as it
 * was, prompt and scores too.
 *
 * @param {Annotation} before
 * @param {Columns} columns
 * @returns {Annotation}
 */
export function withPixels(before, columns) {
    const mask = rleOf(columns, before.segmentation.size[0]);
    if (mask.segmentation.counts === before.segmentation.counts) return before;
    return {...before, ...mask, prompt: null, predictedIou: null, stabilityScore: null, bundleDigest: ""};
}

/**
 * A new mask like a saved one.
 *
 * @param {Annotation} like
 * @param {{id: string, author: string, createdAt: string}} fresh
 * @returns {Annotation} nothing was spent on it yet, and its name is the other one's
 */
export function newLike(like, fresh) {
    return {
        ...{...like, ...fresh, name: "", color: "", isLocked: false, rank: null},
        ...{isToCheck: false, importedFrom: "", timeSpentS: 0, clicks: 0},
    };
}
