/** The table of categories: edit in place, order, add, delete. */

import {Http} from "../api/http.js";
import {createCategory, deleteCategory, updateCategory} from "../api/projects.js";
import {find, findOptional} from "../view/elements.js";
import {act, toast} from "../view/site/feedback.js";
import {projectId} from "../view/site/page.js";
import Sortable from "../../vendor/sortable/sortable.esm.js";

const http = new Http();
const SAVED_SHOWN_MS = 1500;
const table = find("[data-labels] tbody", HTMLTableSectionElement);
const form = findOptional("[data-new-category]", HTMLFormElement);

const rows = () => /** @type {HTMLTableRowElement[]} */ ([...table.querySelectorAll("tr[data-category-id]")]);
/** @param {HTMLElement} row */
const idOf = (row) => Number(row.dataset.categoryId);

// --- edit ---

table.addEventListener("change", (event) => {
    const input = event.target;
    const row = input instanceof Element ? input.closest("tr") : null;
    if (!(input instanceof HTMLInputElement) || !row) return;
    act(input, async () => {
        try {
            await updateCategory(http, idOf(row), {[input.name]: input.value.trim()});
        } catch (error) {
            input.setAttribute("aria-invalid", "true");
            throw error;
        }
        input.defaultValue = input.value;
        input.removeAttribute("aria-invalid");
        input.classList.add("is-saved");
        setTimeout(() => input.classList.remove("is-saved"), SAVED_SHOWN_MS);
    });
});
table.addEventListener("keydown", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement)) return;
    if (event.key === "Enter") input.blur(); // which saves a change
    if (event.key === "Escape") {
        input.value = input.defaultValue;
        input.removeAttribute("aria-invalid");
        input.blur();
    }
});

// --- order and delete ---

table.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    const row = button?.closest("tr");
    if (!button || !row) return;
    if (button.dataset.move) {
        const neighbour = button.dataset.move === "-1" ? row.previousElementSibling : row.nextElementSibling;
        if (!neighbour) return;
        if (button.dataset.move === "-1") neighbour.before(row);
        else neighbour.after(row);
        showOrder();
        // At the end of the list the button just used is off; the other one keeps the keyboard in the row.
        (button.disabled ? findOptional("[data-move]:enabled", HTMLButtonElement, row) : button)?.focus();
        act(table, saveOrder);
    } else if ("deleteCategory" in button.dataset) {
        act(button, async () => {
            await deleteCategory(http, idOf(row));
            row.remove();
            showOrder();
            if (!rows().length) location.reload();
        });
    }
});

if (form) {
    // Only the grip drags: text in the fields can be selected as usual.
    new Sortable(table, {
        handle: ".grip",
        draggable: "tr[data-category-id]",
        ghostClass: "is-dragged",
        onEnd: () => {
            showOrder();
            act(table, saveOrder);
        },
    });
}

/** Keys and arrows follow the order. */
function showOrder() {
    const all = rows();
    for (const [index, row] of all.entries()) {
        const key = find("[data-key]", HTMLElement, row);
        key.hidden = index > 8;
        key.textContent = String(index + 1);
        find("[data-move='-1']", HTMLButtonElement, row).disabled = index === 0;
        find("[data-move='1']", HTMLButtonElement, row).disabled = index === all.length - 1;
    }
}

async function saveOrder() {
    for (const [position, row] of rows().entries()) {
        if (row.dataset.position === String(position)) continue;
        await updateCategory(http, idOf(row), {position});
        row.dataset.position = String(position);
    }
    toast("Order saved.");
}

// --- add ---

form?.addEventListener("submit", (event) => {
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
if (form && sessionStorage.getItem("added-category")) {
    // Labels are added one after the other: the field is ready for the next.
    sessionStorage.removeItem("added-category");
    find("[name=name]", HTMLInputElement, form).focus();
}
