/** Lists of a page, drawn as the server has them now: what differs is exchanged. */

import {find} from "../elements.js";
import {syncItems} from "./keyed-list.js";

/** @typedef {{selector: string, key: string}} LiveList key: of the items' dataset, which names an item */

/**
 * @param {string} html the page, fetched once more
 * @param {readonly LiveList[]} lists
 * @throws {Error} it is another page: the person is signed out
 */
export function syncLists(html, lists) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const fresh = lists.map(({selector}) => page.querySelector(selector));
    if (fresh.includes(null)) throw new Error("You are signed out. Reload the page to sign in again.");
    lists.forEach(({selector, key}, k) =>
        syncItems(find(selector, HTMLUListElement), fresh[k]?.innerHTML ?? "", key, {isWhole: true}),
    );
}
