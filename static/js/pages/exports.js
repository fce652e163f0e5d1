/** Exports: started in a dialog, watched until they are ready. */

import {makeExportLink, measureExport, removeExport, startExport} from "../api/exports.js";
import {Http, thisPage} from "../api/http.js";
import {syncLists} from "../view/site/live-lists.js";
import {find, findOptional} from "../view/elements.js";
import {copyLink} from "../view/site/copy.js";
import {ExportSelection} from "../view/site/export-selection.js";
import {act, ask, toast} from "../view/site/feedback.js";
import {FormatChoice} from "../view/site/format-choice.js";
import {MeasuredPanel} from "../view/site/measured-panel.js";
import {projectId} from "../view/site/page.js";
import {Watch} from "../view/site/watch.js";

/** @import {ExportChoices, ImageState} from "../core/types.d.ts" */

const http = new Http();

/** Which images -> their states; none: all images. @type {Map<string, ImageState[]>} */
const STATES_OF = new Map([
    ["done", ["done"]],
    ["not-skipped", ["not_started", "in_progress", "done"]],
]);
const list = find("[data-exports]", HTMLUListElement);
const empty = find("[data-empty]", HTMLElement);

/** Draws the list as the server has it now. */
async function refresh() {
    syncLists(await thisPage(http), [{selector: "[data-exports]", key: "exportId"}]);
    empty.hidden = list.childElementCount > 0;
}

const isPending = () => list.querySelector("[data-state=queued], [data-state=running]") !== null;
const watch = new Watch(isPending, refresh);

list.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button?.dataset.link) act(button, () => showLink(button, Number(button.dataset.link)));
    if (button?.dataset.remove) void remove(button, Number(button.dataset.remove));
});

/**
 * @param {HTMLButtonElement} button
 * @param {number} exportId
 */
async function remove(button, exportId) {
    if ("ask" in button.dataset && (await ask(find("#confirm-delete", HTMLDialogElement))) !== "delete")
        return;
    await act(button, async () => {
        await removeExport(http, exportId);
        await refresh();
    });
}

/**
 * Makes a link, copies it where the browser lets us, and shows it below its export.
 *
 * @param {HTMLButtonElement} button
 * @param {number} exportId
 */
async function showLink(button, exportId) {
    const {url, expires_at: until} = await makeExportLink(http, exportId);
    const isCopied = await copyLink(button.closest("li"), url);
    const when = new Date(until).toLocaleString([], {dateStyle: "medium", timeStyle: "short"});
    toast(
        `${isCopied ? "The link is copied." : "Copy the link from the field."} It can be used until ${when}.`,
    );
}

const form = findOptional("[data-new-export]", HTMLFormElement);
if (form) {
    const format = new FormatChoice(form);
    // A version is exported whole.
    const version = findOptional("[name=version]", HTMLSelectElement, form);
    const which = find("[data-which]", HTMLFieldSetElement, form);
    const selection = new ExportSelection(form);
    const showWhich = () => {
        which.disabled = which.hidden = Boolean(version?.value);
        selection.setVersion(Boolean(version?.value));
    };
    version?.addEventListener("change", showWhich);
    showWhich();
    const dialog = form.closest("dialog");
    if (dialog && "openAtOnce" in dialog.dataset) dialog.showModal();

    /** @returns {ExportChoices} */
    const choices = () => {
        return {
            format: format.name,
            version: version?.value ? Number(version.value) : null,
            options: format.options,
            states: STATES_OF.get(String(new FormData(form).get("which"))) ?? [],
            selection: selection.value,
        };
    };
    const panel = new MeasuredPanel(form, async (signal) =>
        measureExport(http, projectId(), choices(), signal),
    );
    // A dialog says that it closes, not that it opens.
    new MutationObserver(() => dialog?.open && panel.refresh()).observe(dialog ?? form, {
        attributeFilter: ["open"],
    });
    dialog?.addEventListener("close", () => panel.stop());
    if (dialog?.open) panel.refresh();

    form.addEventListener("submit", (event) => {
        event.preventDefault();
        act(form, async () => {
            await startExport(http, projectId(), choices());
            dialog?.close();
            toast("The export has started.");
            await refresh();
            watch.soon();
        });
    });
}
