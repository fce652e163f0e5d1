/** Members of a project: add by user name, change role, remove; and invitations. */

import {Http, thisPage} from "../api/http.js";
import {makeInvitation, withdrawInvitation} from "../api/invitations.js";
import {addMember, changeRole, removeMember} from "../api/projects.js";
import {find, findOptional} from "../view/elements.js";
import {copyLink} from "../view/site/copy.js";
import {act, ask, toast} from "../view/site/feedback.js";
import {syncLists} from "../view/site/live-lists.js";
import {projectId} from "../view/site/page.js";

/** @import {Role} from "../core/types.d.ts" */

const http = new Http();
const table = find("[data-members]", HTMLElement);
/** @param {Element} part */
const memberOf = (part) => {
    const row = /** @type {HTMLElement} */ (part.closest("[data-member-id]"));
    return {row, id: Number(row.dataset.memberId), name: row.dataset.username ?? ""};
};

table.addEventListener("change", (event) => {
    const select = event.target;
    if (!(select instanceof HTMLSelectElement)) return;
    const {id, name} = memberOf(select);
    act(select, async () => {
        try {
            await changeRole(http, id, /** @type {Role} */ (select.value));
        } catch (error) {
            for (const option of select.options) option.selected = option.defaultSelected;
            throw error;
        }
        for (const option of select.options) option.defaultSelected = option.selected;
        toast(`${name} is ${select.selectedOptions[0].text.toLowerCase()} now.`);
    });
});

table.addEventListener("click", async (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-remove-member]") : null;
    if (!(button instanceof HTMLButtonElement)) return;
    const {row, id, name} = memberOf(button);
    const dialog = find("#confirm-remove", HTMLDialogElement);
    find("[data-remove-title]", HTMLElement, dialog).textContent = `Remove ${name} from this project?`;
    if ((await ask(dialog)) !== "remove") return;
    act(button, async () => {
        await removeMember(http, id);
        row.remove();
        toast(`${name} was removed.`);
    });
});

const form = findOptional("[data-new-member]", HTMLFormElement);
form?.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form, async () => {
        const data = new FormData(form);
        await addMember(http, projectId(), {
            username: String(data.get("username")).trim(),
            role: /** @type {Role} */ (data.get("role")),
        });
        location.reload();
    });
});

const invitations = findOptional("[data-invitations]", HTMLUListElement);

/**
 * @param {Element | null} row of the invitation
 * @param {string} url
 */
async function showLink(row, url) {
    const isCopied = await copyLink(row, url);
    toast(isCopied ? "The link is copied. Send it to whom you invite." : "Copy the link from the field.");
}

invitations?.addEventListener("click", async (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    const row = button?.closest("li");
    if (!button || !row) return;
    if (button.dataset.copyInvitation) await showLink(row, button.dataset.copyInvitation);
    if (!("withdrawInvitation" in button.dataset)) return;
    const isOver = !row.querySelector("[data-copy-invitation]");
    if (!isOver && (await ask(find("#confirm-withdraw", HTMLDialogElement))) !== "withdraw") return;
    act(button, async () => {
        await withdrawInvitation(http, String(row.dataset.invitationId));
        row.remove();
        toast(isOver ? "The invitation is removed." : "The invitation is withdrawn.");
    });
});

const newInvitation = findOptional("[data-new-invitation]", HTMLFormElement);
newInvitation?.addEventListener("submit", (event) => {
    event.preventDefault();
    act(newInvitation, async () => {
        const data = new FormData(newInvitation);
        const url = await makeInvitation(http, projectId(), {
            role: /** @type {Role} */ (data.get("role")),
            days: Number(data.get("expires_in_days")),
            uses: Number(data.get("uses")),
            note: String(data.get("note")),
        });
        newInvitation.closest("dialog")?.close();
        newInvitation.reset();
        syncLists(await thisPage(http), [{selector: "[data-invitations]", key: "invitationId"}]);
        await showLink(invitations?.firstElementChild ?? null, url);
    });
});
