/** Imports: a file is dropped, what was found in it is looked at and mapped, and it comes in. */

import {Http, thisPage} from "../api/http.js";
import {beginImport, beginImportOfPath, changeImport, removeImport, startImport} from "../api/imports.js";
import {sendDataset} from "../api/partial-uploads.js";
import {find, findOptional} from "../view/elements.js";
import {acceptDrops} from "../view/site/drop-zone.js";
import {act, ask, toast} from "../view/site/feedback.js";
import {syncLiveParts} from "../view/site/keyed-list.js";
import {syncLists} from "../view/site/live-lists.js";
import {projectId} from "../view/site/page.js";
import {Watch} from "../view/site/watch.js";
import {sentence} from "../view/words.js";

const http = new Http();
const list = find("[data-imports]", HTMLUListElement);
const empty = find("[data-empty]", HTMLElement);
const sending = find("[data-sending]", HTMLElement);

/** Draws the list as the server has it now. */
async function refresh() {
    const html = await thisPage(http);
    syncLists(html, [{selector: "[data-imports]", key: "importId"}]);
    syncLiveParts(html); // the project's figures
    showEmpty();
}

function showEmpty() {
    empty.hidden = list.childElementCount > 0 || !sending.hidden;
}

const isPending = () => list.querySelector("[data-pending]") !== null;
const watch = new Watch(isPending, refresh);

let underway = 0; // changes that were sent and not yet answered

/**
 * Does something with an import and draws what has become of it.
 *
 * @param {Element} from
 * @param {() => Promise<void>} work
 */
async function actAndDraw(from, work) {
    underway++;
    await act(from, work);
    underway--;
    if (underway > 0) return; // the last one draws: what is not yet sent would be drawn as it was
    await refresh().catch(() => {});
    watch.soon();
}

/** @param {Element} inside */
const idAround = (inside) =>
    Number(/** @type {HTMLElement | null} */ (inside.closest("[data-import-id]"))?.dataset.importId);

list.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (!button) return;
    const id = idAround(button);
    if ("remove" in button.dataset) void remove(button, id);
    if ("start" in button.dataset) void actAndDraw(button, () => startImport(http, id));
});

/**
 * What was cancelled could still go on, and its "Delete" stands where "Cancel" stood: a second click must not reach it.
 *
 * @param {HTMLButtonElement} button
 * @param {number} id
 */
async function remove(button, id) {
    if ("ask" in button.dataset && (await ask(find("#confirm-delete", HTMLDialogElement))) !== "delete")
        return;
    await actAndDraw(button, () => removeImport(http, id));
}

list.addEventListener("change", ({target}) => {
    if (target instanceof HTMLSelectElement && "allCategories" in target.dataset) {
        const rows = target.closest("table")?.querySelectorAll("select[data-category]") ?? [];
        const ids = [...rows].map((row) => /** @type {HTMLSelectElement} */ (row).dataset.category);
        const mapping = Object.fromEntries(ids.map((id) => [id, target.value]));
        target.value = ""; // it is no state, but something that is done
        void actAndDraw(target, () => changeImport(http, idAround(target), {mapping}));
    } else if (target instanceof HTMLSelectElement && target.dataset.category) {
        const chosen = Number(target.value) || target.value;
        const mapping = {[target.dataset.category]: chosen};
        void actAndDraw(target, () => changeImport(http, idAround(target), {mapping}));
    } else if (target instanceof HTMLSelectElement && target.dataset.option) {
        const changes = {[target.dataset.option]: target.value};
        void actAndDraw(target, () => changeImport(http, idAround(target), changes));
    } else if (target instanceof HTMLInputElement && target.dataset.option) {
        const changes = {[target.dataset.option]: target.checked};
        void actAndDraw(target, () => changeImport(http, idAround(target), changes));
    }
});

// --- a file or folder that lies on the server, for admins ---
const pathForm = findOptional("[data-import-path]", HTMLFormElement);
pathForm?.addEventListener("submit", (event) => {
    event.preventDefault();
    void actAndDraw(pathForm, async () => {
        await beginImportOfPath(http, projectId(), String(new FormData(pathForm).get("path")));
        pathForm.reset();
    });
});

// --- long lists of categories are filled when somebody opens one ---
/** @param {Event} event */
function offerAll({target}) {
    if (!(target instanceof HTMLSelectElement) || !("short" in target.dataset)) return;
    delete target.dataset.short;
    const chosen = target.value;
    target.length = 2; // a new category, skip
    target.append(find("[data-targets]", HTMLTemplateElement).content.cloneNode(true));
    target.value = chosen;
}
list.addEventListener("pointerdown", offerAll);
list.addEventListener("focusin", offerAll);

// --- a file is sent ---
const input = find("[data-dataset]", HTMLInputElement);
const bar = find("progress", HTMLProgressElement, sending);
/** @type {AbortController | null} */
let giveUp = null;

/** @param {File} file */
async function send(file) {
    if (giveUp) {
        toast("One file at a time: wait until the first is sent.", "error");
        return;
    }
    giveUp = new AbortController();
    const {signal} = giveUp;
    sending.hidden = false;
    showEmpty();
    find("[data-sending-name]", HTMLElement, sending).textContent = file.name;
    bar.value = 0;
    try {
        await sendDataset(projectId(), file, {
            signal,
            onProgress: (bytes) => (bar.value = bytes / file.size),
            handOver: (uploadId) => beginImport(http, projectId(), uploadId),
        });
    } catch (error) {
        if (!signal.aborted) toast(sentence(error), "error");
    }
    giveUp = null;
    sending.hidden = true;
    await refresh().catch(() => {});
    showEmpty();
    watch.soon();
}

find("[data-stop-sending]", HTMLButtonElement, sending).addEventListener("click", () => giveUp?.abort());
input.addEventListener("change", () => {
    const file = input.files?.[0];
    input.value = "";
    if (file) void send(file);
});
acceptDrops(
    find("[data-drop-veil]", HTMLElement),
    ([file, ...others]) => {
        if (others.length) toast("Import one file at a time; pack a folder into a .zip.", "error");
        else if (file) void send(file);
    },
    (error) => toast(sentence(error), "error"),
);
addEventListener("beforeunload", (event) => {
    if (giveUp) event.preventDefault();
});
