/** The table of categories, and the form that adds one. */

import {ApiError, Http} from "../api/http.js";
import {createCategory, deleteCategory, updateCategory} from "../api/projects.js";
import {find, findOptional} from "../view/elements.js";
import {act} from "../view/site/feedback.js";
import {LabelsTable} from "../view/site/labels-table.js";
import {projectId} from "../view/site/page.js";
import Sortable from "../../vendor/sortable/sortable.esm.js";

const http = new Http();
const table = new LabelsTable({
    update: (categoryId, fields) => updateCategory(http, categoryId, fields),
    remove: (categoryId, moveTo) => deleteCategory(http, categoryId, moveTo),
    isInUse: (error) => error instanceof ApiError && error.code === "category_in_use",
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
