/** The list of projects, and the dialog that makes a new one with its categories. */

import {act, http, need, pageData} from "./site/page.js";

const colors = /** @type {string[]} */ (pageData("category-colors"));
const form = need("[data-new-project]", HTMLFormElement);
const rows = need("[data-category-rows]", HTMLUListElement);
const template = need("#category-row", HTMLTemplateElement);

function addRow() {
    const row = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    need("input[type=color]", HTMLInputElement, row).value = colors[rows.children.length % colors.length];
    rows.append(row);
    const inputs = rows.lastElementChild?.querySelectorAll("input[type=text]");
    if (rows.children.length > 1 && inputs?.[0] instanceof HTMLInputElement) inputs[0].focus();
}

need("[data-add-category]", HTMLButtonElement).addEventListener("click", addRow);
rows.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-remove-row]")) event.target.closest("li")?.remove();
});
addRow();

form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form, async () => {
        const data = new FormData(form);
        const categories = [...rows.children]
            .map((row) => [...row.querySelectorAll("input")].map((input) => input.value.trim()))
            .filter(([, name]) => name);
        const names = categories.map(([, name]) => name.toLowerCase());
        const twice = names.find((name, index) => names.indexOf(name) !== index);
        if (twice) throw new Error(`Two categories are called “${twice}”.`);
        const body = {name: data.get("name"), description: data.get("description")};
        const project = await http.json("/api/projects/", {method: "POST", body});
        for (const [color, name, supercategory] of categories)
            await http.json(`/api/projects/${project.id}/categories/`, {method: "POST", body: {name, color, supercategory}});
        location.assign(`/projects/${project.id}/`);
    });
});
