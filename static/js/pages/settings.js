/** A project's name, description and model; and its end, behind its typed name. */

import {act, http, need, projectId, toast} from "./site/page.js";

const form = need("[data-settings]", HTMLFormElement);
form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form, async () => {
        const data = Object.fromEntries(new FormData(form));
        await http.json(`/api/projects/${projectId()}/`, {method: "PATCH", body: {...data, bundle: data.bundle || null}});
        toast("Saved");
    });
});

const end = need("[data-delete-project]", HTMLFormElement);
const typed = need("input", HTMLInputElement, end);
const button = need("button", HTMLButtonElement, end);
typed.addEventListener("input", () => {
    button.disabled = typed.value !== end.dataset.name;
});
end.addEventListener("submit", (event) => {
    event.preventDefault();
    if (typed.value !== end.dataset.name) return;
    act(button, async () => {
        await http.json(`/api/projects/${projectId()}/`, {method: "DELETE"});
        location.assign("/");
    });
});
