/** In which order the list shows the objects of an image. */

/** @import {Annotation} from "./types.d.ts" */

/** @typedef {"newest" | "number" | "category" | "largest" | "weakest" | "own"} ObjectOrder */

/** What a list of orders calls them. @type {Readonly<Record<ObjectOrder, string>>} */
export const OBJECT_ORDERS = Object.freeze({
    newest: "Newest first",
    number: "By number",
    category: "By category",
    largest: "Largest first",
    weakest: "Weakest first",
    own: "My order",
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
        own: (annotation) => rankOf(annotation, numberOf(annotation.id)),
    };
    const keyed = annotations.toReversed().map((annotation) => ({annotation, key: keys[order](annotation)}));
    return keyed.sort((a, b) => compare(a.key, b.key)).map(({annotation}) => annotation);
}

/**
 * Where an object is in the order that people make by hand. One that nobody has moved is by its number, the latest first:
 * a new object comes above all of those.
 *
 * @param {Annotation} annotation
 * @param {number} number of it
 */
function rankOf({rank}, number) {
    return rank ?? -number;
}

/**
 * The ranks that give an object its place; others keep theirs wherever there is a number left between two of them.
 *
 * @param {readonly Annotation[]} annotations of the list in its new order, from the top
 * @param {string} movedId
 * @param {(id: string) => number} numberOf
 * @returns {Map<string, number>} the new ranks by the objects' ids
 */
export function ranksFor(annotations, movedId, numberOf) {
    const at = annotations.findIndex(({id}) => id === movedId);
    const ranks = annotations.map((annotation) => rankOf(annotation, numberOf(annotation.id)));
    const above = at === 0 ? ranks[at + 1] - 2 : ranks[at - 1];
    const below = at === ranks.length - 1 ? ranks[at - 1] + 2 : ranks[at + 1];
    const between = (above + below) / 2;
    if (above < between && between < below) return new Map([[movedId, between]]);
    return new Map(annotations.map(({id}, place) => [id, place]));
}

/** @param {number} a @param {number} b which may both be infinite */
function compare(a, b) {
    return a < b ? -1 : a > b ? 1 : 0;
}
