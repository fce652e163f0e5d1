/** Members of a project: add by user name, change role, remove. */

import {Http} from "../api/http.js";
import {addMember, changeRole, removeMember} from "../api/projects.js";
import {find, findOptional} from "../view/elements.js";
import {act, ask, toast} from "../view/site/feedback.js";
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
