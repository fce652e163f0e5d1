/** Exports: started in a dialog, watched until they are ready. */

import {act, formatBytes, http, icon, need, projectId, sentence, toast} from "./site/page.js";

/**
 * @typedef {{id: number, format: string, options: {segmentation?: string, include_images?: boolean, states?: string[]},
 *   state: string, progress: number, done: number, total: number, error: string, size_bytes: number | null,
 *   file_url: string | null, file_name: string, created_at: string}} ExportRow
 */

const POLL_MS = 800;
const list = need("[data-exports]", HTMLUListElement);
const empty = need("[data-empty]", HTMLElement);
const mayManage = list.dataset.mayManage === "yes";
const MASKS_AS = /** @type {Record<string, string>} */ ({rle: "RLE", polygon: "polygons", both: "RLE and polygons"});

/** @param {ExportRow} row */
function draw(row) {
    const item = list.querySelector(`[data-export-id="${row.id}"]`) ?? document.createElement("li");
    if (!(item instanceof HTMLElement)) return;
    item.className = "card export";
    item.dataset.exportId = String(row.id);
    item.dataset.state = row.state;
    const text = document.createElement("div");
    const title = document.createElement("h3");
    title.textContent = `COCO · ${MASKS_AS[row.options.segmentation ?? "rle"]}`;
    const details = document.createElement("p");
    details.className = "small quiet number";
    details.textContent = [
        row.options.states?.length ? `images ${row.options.states.join(", ").replaceAll("_", " ")}` : "all images",
        row.options.include_images ? "with pictures" : "",
        new Date(row.created_at).toLocaleString(),
        row.size_bytes ? formatBytes(row.size_bytes) : "",
    ].filter(Boolean).join(" · ");
    text.append(title, details);
    const actions = document.createElement("div");
    actions.className = "export-actions";
    item.replaceChildren(text, actions);
    if (row.state === "ready" && row.file_url) {
        const link = document.createElement("a");
        link.className = "button tight";
        link.href = row.file_url;
        link.download = row.file_name;
        link.append(icon("download"), "Download");
        actions.append(link);
    } else if (row.state === "queued" || row.state === "running") {
        const badge = document.createElement("span");
        badge.className = row.state === "running" ? "badge working number" : "badge number";
        badge.append(
            icon(row.state === "running" ? "loader-circle" : "clock"),
            row.state === "running" ? `${row.done} of ${row.total} images` : "Waiting for the worker",
        );
        const bar = document.createElement("progress");
        bar.max = 1;
        bar.value = row.progress;
        bar.setAttribute("aria-label", "Progress of this export");
        actions.append(badge);
        item.append(bar);
    } else {
        const badge = document.createElement("span");
        badge.className = row.state === "failed" ? "badge bad" : "badge";
        badge.append(icon(row.state === "failed" ? "triangle-alert" : "x"), row.state === "failed" ? "Failed" : "Cancelled");
        actions.append(badge);
        if (row.error) {
            const why = document.createElement("p");
            why.className = "why small";
            why.textContent = row.error;
            item.append(why);
        }
    }
    if (mayManage) {
        const isPending = row.state === "queued" || row.state === "running";
        const button = document.createElement("button");
        button.type = "button";
        button.className = "button tight plain";
        button.dataset.remove = String(row.id);
        button.textContent = isPending ? "Cancel" : "Delete";
        actions.append(button);
    }
    if (!item.isConnected) list.prepend(item);
}

async function refresh() {
    /** @type {{results: ExportRow[]}} */
    const {results} = await http.json(`/api/projects/${projectId()}/exports/?page_size=50`);
    const known = new Set(results.map((row) => String(row.id)));
    for (const item of [...list.children])
        if (item instanceof HTMLElement && !known.has(item.dataset.exportId ?? "")) item.remove();
    for (const row of results.toReversed()) draw(row);
    empty.hidden = results.length > 0;
    return results.some((row) => row.state === "queued" || row.state === "running");
}

let isWatching = false;
async function watch() {
    if (isWatching) return;
    isWatching = true;
    try {
        while (await refresh()) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    } catch (error) {
        toast(sentence(error), "error");
        setTimeout(watch, 5000);
    } finally {
        isWatching = false;
    }
}
watch();

list.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-remove]") : null;
    if (!(button instanceof HTMLButtonElement)) return;
    act(button, async () => {
        await http.json(`/api/exports/${button.dataset.remove}/`, {method: "DELETE"});
        watch();
    });
});

const form = document.querySelector("[data-new-export]");
if (form instanceof HTMLFormElement)
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        act(form, async () => {
            const data = new FormData(form);
            const body = {
                format: data.get("format"),
                segmentation: data.get("segmentation"),
                include_images: data.get("include_images") === "on",
                ...(data.get("which") === "done" ? {states: ["done"]} : {}),
            };
            await http.json(`/api/projects/${projectId()}/exports/`, {method: "POST", body});
            form.closest("dialog")?.close();
            watch();
        });
    });
