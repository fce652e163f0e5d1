/** The table of categories: edit in place, order, add, delete. */

import {act, http, need, projectId} from "./site/page.js";

const table = need("[data-labels] tbody", HTMLTableSectionElement);
const form = document.querySelector("[data-new-category]");

/** @param {Element} row */
const idOf = (row) => row instanceof HTMLElement ? Number(row.dataset.categoryId) : NaN;
const rows = () => [...table.querySelectorAll("tr[data-category-id]")];

table.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement)) return;
    const row = input.closest("tr");
    if (!row) return;
    act(input, async () => {
        try {
            await http.json(`/api/categories/${idOf(row)}/`, {method: "PATCH", body: {[input.name]: input.value}});
            input.defaultValue = input.value;
            input.removeAttribute("aria-invalid");
        } catch (error) {
            input.setAttribute("aria-invalid", "true");
            throw error;
        }
    });
});

table.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    const row = button?.closest("tr");
    if (!button || !row) return;
    if (button.dataset.move) {
        const step = Number(button.dataset.move);
        if (step < 0) row.previousElementSibling?.before(row);
        else row.nextElementSibling?.after(row);
        act(button, saveOrder);
    } else if ("deleteCategory" in button.dataset) {
        act(button, async () => {
            await http.json(`/api/categories/${idOf(row)}/`, {method: "DELETE"});
            location.reload();
        });
    }
});

/** @type {Element | null} */
let dragged = null;
table.addEventListener("dragstart", (event) => {
    dragged = event.target instanceof Element ? event.target.closest("tr") : null;
    dragged?.classList.add("is-dragged");
});
table.addEventListener("dragover", (event) => {
    const over = event.target instanceof Element ? event.target.closest("tr[data-category-id]") : null;
    if (!dragged || !over) return;
    event.preventDefault();
    if (over === dragged) return;
    const box = over.getBoundingClientRect();
    if (event.clientY < box.top + box.height / 2) over.before(dragged);
    else over.after(dragged);
});
table.addEventListener("dragend", () => {
    dragged?.classList.remove("is-dragged");
    if (dragged) act(table, saveOrder);
    dragged = null;
});

async function saveOrder() {
    for (const [position, row] of rows().entries())
        await http.json(`/api/categories/${idOf(row)}/`, {method: "PATCH", body: {position}});
    location.reload();
}

if (form instanceof HTMLFormElement)
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        act(form, async () => {
            await http.json(`/api/projects/${projectId()}/categories/`, {
                method: "POST",
                body: Object.fromEntries(new FormData(form)),
            });
            location.reload();
        });
    });
