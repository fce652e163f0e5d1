/** Signing in again without leaving the page. */

import {tellSignedIn} from "./http.js";

/** @import {Http} from "./http.js" */

/**
 * Whoever waited for it goes on at once.
 *
 * @param {Http} http
 * @param {string} url of the sign-in page
 * @param {string} username
 * @param {string} password
 * @throws {Error} why not, in words for the person
 */
export async function signIn(http, url, username, password) {
    await http.json(url, {method: "POST", body: new URLSearchParams({username, password})});
    tellSignedIn();
}
