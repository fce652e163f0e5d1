/** What changed between two states of a dataset, drawn. */

import {element} from "../elements.js";
import {plural} from "../words.js";

/** @import {Change, Difference} from "../../core/types.d.ts" */

/** @type {readonly (keyof Change)[]} */
const KINDS = ["added", "changed", "removed"];

/**
 * @param {Difference} difference
 * @param {(imageId: number) => string} addressOf an image's page
 * @returns {Node[]}
 */
export function drawDifference(difference, addressOf) {
    const {images, categories} = difference;
    const listed = images.length;
    const all = difference.images_added + difference.images_changed + difference.images_removed;
    if (all === 0 && newsOfCategories(difference).length === 0) {
        return [element("p", {class: "quiet"}, "Nothing changed.")];
    }
    const nodes = [
        element(
            "p",
            {},
            `Images: ${difference.images_added} added, ${difference.images_changed} changed, ` +
                `${difference.images_removed} removed.`,
        ),
        ...newsOfCategories(difference).map((text) => element("p", {}, text)),
    ];
    if (categories.length) {
        nodes.push(
            tableOf("Category", [
                ...categories.map((row) => ({cell: row.name || "(no category)", change: row})),
                {cell: element("strong", {}, "All masks"), change: difference.annotations},
            ]),
        );
    }
    if (listed) {
        nodes.push(
            tableOf(
                "Image",
                images.map((row) => ({
                    cell:
                        row.what === "removed"
                            ? `${row.file_name} (removed)`
                            : element(
                                  "a",
                                  {href: addressOf(row.id)},
                                  row.file_name + (row.what === "added" ? " (new)" : ""),
                              ),
                    change: row,
                })),
            ),
        );
    }
    if (listed < all)
        nodes.push(element("p", {class: "small quiet"}, `And ${plural(all - listed, "more image")}.`));
    return nodes;
}

/** @param {Difference} difference */
function newsOfCategories({categories_added: added, categories_removed: removed}) {
    return [
        ...(added.length ? [`New categories: ${added.join(", ")}.`] : []),
        ...(removed.length ? [`Categories that are gone: ${removed.join(", ")}.`] : []),
    ];
}

/**
 * @param {string} title of the first column
 * @param {{cell: string | Node, change: Change}[]} rows
 */
function tableOf(title, rows) {
    return element(
        "table",
        {class: "difference"},
        element(
            "thead",
            {},
            element(
                "tr",
                {},
                element("th", {scope: "col"}, title),
                ...KINDS.map((kind) => element("th", {scope: "col", class: "number"}, kind)),
            ),
        ),
        element(
            "tbody",
            {},
            ...rows.map(({cell, change}) =>
                element(
                    "tr",
                    {},
                    element("td", {}, cell),
                    ...KINDS.map((kind) =>
                        element("td", {class: "number"}, change[kind] ? String(change[kind]) : "–"),
                    ),
                ),
            ),
        ),
    );
}
