/** The list of projects, and the dialog that makes a new one with its categories. */

import {Http} from "../api/http.js";
import {createCategory, createProject, projectUrl, updateProject} from "../api/projects.js";
import {isCategoryList, parseCategories} from "../core/category-list.js";
import {find, pageData} from "../view/elements.js";
import {act} from "../view/site/feedback.js";
import {FieldError, showFieldErrors} from "../view/site/field-errors.js";
import "../view/site/page.js";

const http = new Http();
const colors = /** @type {string[]} */ (pageData("category-colors"));
const form = find("[data-new-project]", HTMLFormElement);
const rows = find("[data-category-rows]", HTMLUListElement);
const template = find("#category-row", HTMLTemplateElement);
let rowCount = 0;

function addRow() {
    const row = find("li", HTMLLIElement, /** @type {DocumentFragment} */ (template.content.cloneNode(true)));
    find("[name=color]", HTMLInputElement, row).value = colors[rowCount % colors.length];
    rowCount++;
    rows.append(row);
    return row;
}

find("[data-add-category]", HTMLButtonElement).addEventListener("click", () =>
    find("[name=name]", HTMLInputElement, addRow()).focus(),
);
rows.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-remove-row]"))
        event.target.closest("li")?.remove();
});
rows.addEventListener("keydown", (event) => {
    // Enter goes on to the next category; the form is sent by its button.
    if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement) || event.isComposing) return;
    event.preventDefault();
    const next =
        event.target.closest("li")?.nextElementSibling ?? (event.target.value.trim() ? addRow() : null);
    if (next) find("[name=name]", HTMLInputElement, next).focus();
});
rows.addEventListener("paste", (event) => {
    const field = event.target;
    const text = event.clipboardData?.getData("text") ?? "";
    if (!(field instanceof HTMLInputElement) || field.name !== "name" || !isCategoryList(text)) return;
    event.preventDefault();
    const isFree = field.value.trim() === "";
    for (const [index, {name, supercategory}] of parseCategories(text).entries()) {
        const row = index === 0 && isFree ? /** @type {Element} */ (field.closest("li")) : addRow();
        find("[name=name]", HTMLInputElement, row).value = name;
        find("[name=supercategory]", HTMLInputElement, row).value = supercategory;
    }
});
addRow();

// What is made already when something fails in the middle: trying again goes on from there.
/** @type {number | null} */
let projectId = null;
/** @type {Set<string>} */
const madeNames = new Set();

form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form, async () => {
        const data = new FormData(form);
        const named = [...rows.children].filter((row) => categoryOf(row).name);
        const names = named.map((row) => categoryOf(row).name.toLowerCase());
        const twice = named.find((_, index) => names.indexOf(names[index]) !== index);
        if (twice) {
            showFieldErrors(twice, new FieldError("name", "Another category above is called so."));
            return;
        }
        const about = {name: String(data.get("name")), description: String(data.get("description"))};
        if (projectId === null) projectId = await createProject(http, about);
        else await updateProject(http, projectId, about); // it may have been corrected since
        for (const row of named) if (!(await act(row, () => makeCategory(row)))) return;
        location.assign(projectUrl(projectId));
    });
});

/** @param {Element} row */
async function makeCategory(row) {
    const category = categoryOf(row);
    if (projectId === null || madeNames.has(category.name)) return;
    await createCategory(http, projectId, category);
    madeNames.add(category.name);
}

/** @param {Element} row */
function categoryOf(row) {
    /** @param {string} name */
    const value = (name) => find(`[name=${name}]`, HTMLInputElement, row).value.trim();
    return {name: value("name"), color: value("color"), supercategory: value("supercategory")};
}
