/** Invitations to a project. */

/** @import {Http} from "./http.js" */
/** @import {Role} from "../core/types.d.ts" */

/**
 * @param {Http} http
 * @param {number} projectId
 * @param {{role: Role, days: number, uses: number, note: string}} wanted uses: how many people can come by it
 * @returns {Promise<string>} the link
 */
export async function makeInvitation(http, projectId, {role, days, uses, note}) {
    const body = {role, expires_in_days: days, uses, note};
    return (await http.json(`/api/projects/${projectId}/invitations/`, {method: "POST", body})).url;
}

/**
 * @param {Http} http
 * @param {string} invitationId
 */
export async function withdrawInvitation(http, invitationId) {
    await http.json(`/api/invitations/${invitationId}/`, {method: "DELETE"});
}
