/** Versions: made in a dialog, watched until they are ready, compared with each other and with now. */

import {Http, thisPage} from "../api/http.js";
import {createVersion, differenceOf, removeVersion} from "../api/versions.js";
import {element, find, findOptional} from "../view/elements.js";
import {drawDifference} from "../view/site/difference-table.js";
import {act, ask, toast} from "../view/site/feedback.js";
import {syncLists} from "../view/site/live-lists.js";
import {projectId} from "../view/site/page.js";
import {Watch} from "../view/site/watch.js";

const http = new Http();
const list = find("[data-versions]", HTMLUListElement);
const empty = find("[data-empty]", HTMLElement);

/** Draws the list as the server has it now. */
async function refresh() {
    syncLists(await thisPage(http), [{selector: "[data-versions]", key: "versionId"}]);
    empty.hidden = list.childElementCount > 0;
}

const isPending = () => list.querySelector("[data-state=queued], [data-state=running]") !== null;
const watch = new Watch(isPending, refresh);

list.addEventListener("click", ({target}) => {
    const button = target instanceof Element ? target.closest("button") : null;
    const row = button?.closest("li");
    if (!button || !row) return;
    if ("compare" in button.dataset) openComparison(row);
    if ("remove" in button.dataset) void remove(button, row);
});

/**
 * @param {HTMLElement} button
 * @param {HTMLElement} row
 */
async function remove(button, row) {
    const isThere = row.dataset.state === "ready";
    if (isThere && (await ask(find("#confirm-delete", HTMLDialogElement))) !== "delete") return;
    button.blur(); // a part of the page that has the focus is not exchanged
    await act(button, async () => {
        await removeVersion(http, Number(row.dataset.versionId));
        toast(isThere ? `Deleted ${row.dataset.name}.` : `Gave up ${row.dataset.name}.`);
        await refresh();
    });
}

// --- what changed ---
const comparison = find("#compare", HTMLDialogElement);
const choice = find("[data-to]", HTMLSelectElement, comparison);
const shown = find("[data-difference]", HTMLElement, comparison);
let before = 0;

/** @param {HTMLElement} row the earlier state */
function openComparison(row) {
    before = Number(row.dataset.versionId);
    find("[data-before]", HTMLElement, comparison).textContent = row.dataset.name ?? "";
    const others = [...list.querySelectorAll("li[data-state=ready]")].filter((other) => other !== row);
    choice.replaceChildren(
        element("option", {value: ""}, "The project now"),
        ...others.map((other) => {
            const {versionId = "", name = ""} = other instanceof HTMLElement ? other.dataset : {};
            return element("option", {value: versionId}, name);
        }),
    );
    comparison.showModal();
    void compare();
}

async function compare() {
    const asked = [before, choice.value].join();
    shown.replaceChildren(element("p", {class: "quiet"}, "Comparing…"));
    await act(comparison, async () => {
        let found;
        try {
            found = await differenceOf(http, before, choice.value ? Number(choice.value) : null);
        } catch (error) {
            shown.replaceChildren();
            throw error;
        }
        if (asked !== [before, choice.value].join()) return; // another one is asked for by now
        shown.replaceChildren(...drawDifference(found, (imageId) => `/images/${imageId}/annotate/`));
    });
}
choice.addEventListener("change", compare);

// --- a new one ---
const form = findOptional("[data-new-version]", HTMLFormElement);
form?.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form, async () => {
        const given = new FormData(form);
        await createVersion(http, projectId(), {
            name: String(given.get("name") ?? ""),
            note: String(given.get("note") ?? ""),
        });
        form.closest("dialog")?.close();
        form.reset();
        toast("The version is being made.");
        await refresh();
        watch.soon();
    });
});
