/** One's own account: name, address, API tokens. */

/** @import {Http} from "./http.js" */

/**
 * @param {Http} http
 * @param {{firstName: string, lastName: string, email?: string, password?: string}} profile another address needs the password
 */
export async function saveProfile(http, {firstName, lastName, email, password}) {
    const body = {first_name: firstName, last_name: lastName, email, password};
    await http.json("/api/me/", {method: "PATCH", body});
}

/**
 * @param {Http} http
 * @param {string} name what it is for
 * @param {number} days until it expires
 * @returns {Promise<string>} the token, which the server never says again
 */
export async function makeToken(http, name, days) {
    const body = {name, expires_in_days: days};
    return (await http.json("/api/me/tokens/", {method: "POST", body})).token;
}

/**
 * @param {Http} http
 * @param {number} tokenId
 */
export async function withdrawToken(http, tokenId) {
    await http.json(`/api/me/tokens/${tokenId}/`, {method: "DELETE"});
}
