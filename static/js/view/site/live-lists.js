/** Lists of a page, drawn as the server has them now: the page is fetched once more, and what differs is exchanged. */

import {find} from "../elements.js";
import {syncItems} from "./keyed-list.js";

/** @import {Http} from "../../api/http.js" */

/** @typedef {{selector: string, key: string}} LiveList key: of the items' dataset, which names an item */

/**
 * @param {Http} http
 * @param {readonly LiveList[]} lists
 * @returns {Promise<string>} the page as the server has it now
 * @throws {Error} the answer is another page: the person is signed out
 */
export async function refreshLists(http, lists) {
    const html = await (await http.request(location.pathname + location.search)).text();
    const page = new DOMParser().parseFromString(html, "text/html");
    const fresh = lists.map(({selector}) => page.querySelector(selector));
    if (fresh.includes(null)) throw new Error("You are signed out. Reload the page to sign in again.");
    lists.forEach(({selector, key}, k) =>
        syncItems(find(selector, HTMLUListElement), fresh[k]?.innerHTML ?? "", key, {isWhole: true}),
    );
    return html;
}
