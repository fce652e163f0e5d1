/** In which order the list shows the objects of an image. */

/** @import {Annotation} from "./types.d.ts" */

/** @typedef {"newest" | "number" | "category" | "largest" | "weakest"} ObjectOrder */

/** What a list of orders calls them. @type {Readonly<Record<ObjectOrder, string>>} */
export const OBJECT_ORDERS = Object.freeze({
    newest: "Newest first",
    number: "By number",
    category: "By category",
    largest: "Largest first",
    weakest: "Weakest first",
});

/**
 * @param {readonly Annotation[]} annotations in the order in which they were made
 * @param {ObjectOrder} order
 * @param {{numberOf: (id: string) => number, placeOf: (categoryId: number) => number}} known placeOf: of a category
 * @returns {Annotation[]} objects that are alike stay as they were, the newest first
 */
export function inListOrder(annotations, order, {numberOf, placeOf}) {
    /** @type {Record<ObjectOrder, (annotation: Annotation) => number>} */
    const keys = {
        newest: () => 0,
        number: ({id}) => numberOf(id),
        category: ({categoryId}) => placeOf(categoryId),
        largest: ({area}) => -area,
        weakest: ({predictedIou}) => predictedIou ?? Infinity, // nobody has estimated what was made by hand
    };
    const keyed = annotations.toReversed().map((annotation) => ({annotation, key: keys[order](annotation)}));
    return keyed.sort((a, b) => compare(a.key, b.key)).map(({annotation}) => annotation);
}

/** @param {number} a @param {number} b which may both be infinite */
function compare(a, b) {
    return a < b ? -1 : a > b ? 1 : 0;
}
