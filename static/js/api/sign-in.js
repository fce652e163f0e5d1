/** Signing in again without leaving the page. */

import {ApiError, tellSignedIn} from "./http.js";

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
    const send = () => http.json(url, {method: "POST", body: new URLSearchParams({username, password})});
    try {
        await send();
    } catch (error) {
        if (!(error instanceof ApiError && error.status === 403)) throw error;
        await http.request(url); // the cookie against forged requests is gone too: the sign-in page brings a new one
        await send();
    }
    tellSignedIn();
}
