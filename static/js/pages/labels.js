/** The table of categories, and the form that adds one. */

import {ApiError, Http} from "../api/http.js";
import {addCategoryList, createCategory, deleteCategory, updateCategory} from "../api/projects.js";
import {find, findOptional} from "../view/elements.js";
import {CategoryPaste} from "../view/site/category-paste.js";
import {act, toastOnNextPage} from "../view/site/feedback.js";
import {LabelsTable} from "../view/site/labels-table.js";
import {projectId} from "../view/site/page.js";
import Sortable from "../../vendor/sortable/sortable.esm.js";

const http = new Http();
const table = new LabelsTable({
    update: (categoryId, fields) => updateCategory(http, categoryId, fields),
    remove: (categoryId, moveTo) => deleteCategory(http, categoryId, moveTo),
    create: async (fields) => void (await createCategory(http, projectId(), fields)),
    isInUse: (error) => error instanceof ApiError && error.code === "category_in_use",
});

const search = findOptional("[data-label-search]", HTMLInputElement);
search?.addEventListener("input", () => {
    const count = table.search(search.value);
    find("[data-none-found]", HTMLElement).textContent = count
        ? ""
        : `No category is called “${search.value}”.`;
});

const form = findOptional("[data-new-category]", HTMLFormElement);
if (form) {
    // Only the grip drags: text in the fields can be selected as usual.
    new Sortable(table.body, {
        handle: ".grip",
        draggable: "tr[data-category-id]",
        ghostClass: "is-dragged",
        onStart: () => table.beginDrag(),
        onEnd: (event) => {
            const {originalEvent: end} = /** @type {{originalEvent?: Event}} */ (event);
            // The browser ends a drag that Escape gave up, or that ended elsewhere, without a drop.
            table.endDrag(!(end instanceof DragEvent && end.dataTransfer?.dropEffect === "none"));
        },
    });
    const paste = new CategoryPaste(async (rows) => {
        const {created, leftOut} = await addCategoryList(http, projectId(), rows);
        toastOnNextPage(addedWords(created, leftOut.length));
        location.reload();
    });
    paste.listenTo(find("[name=name]", HTMLInputElement, form));
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        act(form, async () => {
            const data = new FormData(form);
            await createCategory(http, projectId(), {
                name: String(data.get("name")).trim(),
                color: String(data.get("color")),
                supercategory: String(data.get("supercategory")).trim(),
            });
            sessionStorage.setItem("added-category", "1");
            location.reload();
        });
    });
    if (sessionStorage.getItem("added-category")) {
        // Labels are added one after the other: the field is ready for the next.
        sessionStorage.removeItem("added-category");
        find("[name=name]", HTMLInputElement, form).focus();
    }
}

/**
 * @param {number} created
 * @param {number} leftOut
 */
function addedWords(created, leftOut) {
    const added = created === 1 ? "Added 1 category." : `Added ${created} categories.`;
    if (leftOut === 0) return added;
    return `${added} ${leftOut === 1 ? "1 was" : `${leftOut} were`} there already.`;
}
