/** A project's name, description, model and rule for overlaps; and its end, behind its typed name. */

import {Http, thisPage} from "../api/http.js";
import {deleteProject, updateProject} from "../api/projects.js";
import {find, pageData} from "../view/elements.js";
import {act, toast, toastOnNextPage} from "../view/site/feedback.js";
import {projectId} from "../view/site/page.js";
import {embeddingNeeds} from "../view/words.js";

/** @import {EmbeddingNeeds} from "../view/words.js" */

const http = new Http();
const form = find("[data-settings]", HTMLFormElement);
const bundle = find("[name=bundle]", HTMLSelectElement, form);
let needs = /** @type {Record<string, EmbeddingNeeds>} */ (pageData("bundle-needs"));
const showNeeds = () => {
    const place = find("[data-bundle-needs]", HTMLElement, form);
    place.textContent = bundle.value in needs ? embeddingNeeds(needs[bundle.value]) : "";
};
/**
 * @param {string} html this page, fetched once more
 * @returns {Record<string, EmbeddingNeeds> | null}
 */
function needsIn(html) {
    const data = new DOMParser().parseFromString(html, "text/html").getElementById("bundle-needs");
    return data && JSON.parse(data.textContent ?? "");
}
bundle.addEventListener("change", showNeeds);
// The page of models leads here with the one that is to be used; saving it is left to the person.
const proposed = new URLSearchParams(location.search).get("model");
if (proposed && [...bundle.options].some(({value}) => value === proposed)) {
    bundle.value = proposed;
    bundle.focus();
}
showNeeds();
form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form, async () => {
        const data = new FormData(form);
        const name = String(data.get("name")).trim();
        await updateProject(http, projectId(), {
            name,
            description: String(data.get("description")),
            bundle: String(data.get("bundle")) || null,
            overlap: String(data.get("overlap")),
        });
        for (const place of document.querySelectorAll("[data-project-name]")) place.textContent = name;
        find("[data-delete-project]", HTMLFormElement).dataset.name = name;
        toast("Saved.");
        needs = needsIn(await thisPage(http)) ?? needs; // what is queued by now
        showNeeds();
    });
});

const end = find("[data-delete-project]", HTMLFormElement);
const typed = find("input", HTMLInputElement, end);
const button = find("button[type=submit]", HTMLButtonElement, end);
const isConfirmed = () => typed.value.trim() === end.dataset.name;
typed.addEventListener("input", () => {
    button.disabled = !isConfirmed();
});
end.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isConfirmed()) return;
    act(end, async () => {
        await deleteProject(http, projectId());
        toastOnNextPage(`Deleted the project ${end.dataset.name}.`);
        location.assign("/");
    });
});
