/** What admins do with models: install, test, choose, remove. */

/** @import {Http} from "./http.js" */

/**
 * Has a worker install a published model.
 *
 * @param {Http} http
 * @param {string} name
 * @param {boolean} acceptLicence
 * @param {string} acceptDigest the sha256 that is taken where nobody publishes one; "": none
 */
export async function installModel(http, name, acceptLicence, acceptDigest) {
    const body = {accept_licence: acceptLicence, accept_digest: acceptDigest};
    await http.json(`/api/catalogue/${encodeURIComponent(name)}/install/`, {method: "POST", body});
}

/**
 * Cancels a job that waits or runs.
 *
 * @param {Http} http
 * @param {number} jobId
 */
export async function cancelBundleJob(http, jobId) {
    await http.json(`/api/bundle-jobs/${jobId}/`, {method: "DELETE"});
}

/**
 * Has a worker test an installed model.
 *
 * @param {Http} http
 * @param {string} name
 */
export async function selfTestModel(http, name) {
    await http.json(`/api/bundles/${encodeURIComponent(name)}/selftest/`, {method: "POST"});
}

/**
 * @param {Http} http
 * @param {string} name
 * @returns {Promise<string>} which projects follow a new default, and what that costs, in words
 */
export async function defaultChange(http, name) {
    const {text} = await http.json(`/api/bundles/${encodeURIComponent(name)}/default/`);
    return text;
}

/**
 * @param {Http} http
 * @param {string} name
 */
export async function makeDefaultModel(http, name) {
    await http.json(`/api/bundles/${encodeURIComponent(name)}/default/`, {method: "POST"});
}

/**
 * @param {Http} http
 * @param {string} name
 */
export async function removeModel(http, name) {
    await http.json(`/api/bundles/${encodeURIComponent(name)}/`, {method: "DELETE"});
}
