/** Members of a project: add by user name, change role, remove. */

import {act, http, projectId} from "./site/page.js";

document.addEventListener("change", (event) => {
    const select = event.target;
    if (!(select instanceof HTMLSelectElement) || !("role" in select.dataset)) return;
    const id = select.closest("tr")?.dataset.memberId;
    act(select, async () => {
        try {
            await http.json(`/api/members/${id}/`, {method: "PATCH", body: {role: select.value}});
        } catch (error) {
            for (const option of select.options) option.selected = option.defaultSelected;
            throw error;
        }
        for (const option of select.options) option.defaultSelected = option.selected;
    });
});

document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-remove-member]") : null;
    if (!(button instanceof HTMLButtonElement)) return;
    const row = button.closest("tr");
    act(button, async () => {
        await http.json(`/api/members/${row?.dataset.memberId}/`, {method: "DELETE"});
        row?.remove();
    });
});

const form = document.querySelector("[data-new-member]");
if (form instanceof HTMLFormElement)
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        act(form, async () => {
            await http.json(`/api/projects/${projectId()}/members/`, {
                method: "POST",
                body: Object.fromEntries(new FormData(form)),
            });
            location.reload();
        });
    });
