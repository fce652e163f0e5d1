/** What becomes of pixels that two masks of an image share, as the project wishes. Exports follow the same rule. */

import {bboxesMeet} from "../core/bbox.js";
import {differenceOf} from "../core/edit/algebra.js";
import {columnsOf} from "../core/edit/columns.js";
import {withPixels} from "./by-hand.js";

/** @import {Annotation, OverlapPolicy} from "../core/types.d.ts" */

/**
 * @typedef {object} Settled
 * @property {Annotation} annotation
 * @property {{before: Annotation, after: Annotation}[]} updated others that lost pixels to it
 * @property {string} refusal why it cannot be accepted; empty: it can
 */

/**
 * @param {OverlapPolicy} policy
 * @param {Annotation} annotation as it is to be accepted
 * @param {readonly Annotation[]} all the image's, in the order in which they were made; it may be one of them
 * @returns {Settled}
 */
export function settled(policy, annotation, all) {
    if (policy === "allow") return {annotation, updated: [], refusal: ""};
    const known = all.findIndex(({id}) => id === annotation.id);
    const place = known < 0 ? all.length : known;
    const [older, newer] = [all.slice(0, place), all.slice(place + 1)].map((others) =>
        others.filter(({bbox}) => bboxesMeet(bbox, annotation.bbox)),
    );
    const [first, last] = policy === "oldest" ? [older, newer] : [newer, older];
    const winners = [...first, ...last.filter(({isLocked}) => isLocked)]; // a locked mask loses nothing
    const losers = last.filter(({isLocked}) => !isLocked);
    const own = differenceOf(
        columnsOf(annotation.segmentation),
        winners.map(({segmentation}) => columnsOf(segmentation)),
    );
    const after = withPixels(annotation, own);
    if (after.area === 0)
        return refused(
            annotation,
            "Nothing of this mask would be left: the masks over it go first in this project.",
        );
    const updated = losers
        .map((before) => ({
            before,
            after: withPixels(before, differenceOf(columnsOf(before.segmentation), [own])),
        }))
        .filter((change) => change.after !== change.before);
    if (updated.some((change) => change.after.area === 0))
        return refused(
            annotation,
            "This mask covers another one wholly, of which nothing would be left. Delete that one first.",
        );
    return {annotation: after, updated, refusal: ""};
}

/**
 * @param {Annotation} annotation
 * @param {string} refusal
 * @returns {Settled}
 */
function refused(annotation, refusal) {
    return {annotation, updated: [], refusal};
}
