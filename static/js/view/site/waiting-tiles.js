/** Marks on the gallery's tiles for what only this computer knows: masks that were begun, changes that are not saved. */

import {element, icon} from "../elements.js";
import {plural} from "../words.js";

/** @import {WaitingWork} from "../../session/waiting-work.js" */

/** @type {WaitingWork} */
let known = {unsaved: new Map(), drafts: new Set()};

/** @param {WaitingWork} [work] as it is now; left out: as it was, on tiles that were drawn anew */
export function markTiles(work = known) {
    known = work;
    for (const tile of document.querySelectorAll("[data-gallery] [data-image-id]")) {
        const imageId = Number(tile.getAttribute("data-image-id"));
        const unsaved = work.unsaved.get(imageId) ?? 0;
        const isBegun = work.drafts.has(imageId);
        const marks = [
            ...(unsaved > 0 ? [mark("cloud-off", "bad", `${unsaved} not saved`, unsavedTitle(unsaved))] : []),
            ...(isBegun ? [mark("pencil", "working", "Mask begun", BEGUN_TITLE)] : []),
        ];
        const shown = [...tile.querySelectorAll("[data-waiting-mark]")];
        const isSame = marks.length === shown.length && marks.every((each, k) => each.isEqualNode(shown[k]));
        if (isSame) continue;
        for (const old of shown) old.remove();
        tile.querySelector(".tile-badges")?.append(...marks);
    }
}

const BEGUN_TITLE = "A mask was begun on this computer and is not accepted yet";

/** @param {number} count */
function unsavedTitle(count) {
    return `${plural(count, "change")} made on this computer: the server does not have ${count === 1 ? "it" : "them"} yet`;
}

/**
 * @param {string} picture
 * @param {string} kind
 * @param {string} words
 * @param {string} title
 */
function mark(picture, kind, words, title) {
    return element("span", {class: `badge ${kind}`, title, "data-waiting-mark": ""}, icon(picture), words);
}
