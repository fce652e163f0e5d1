/** What every page of the site does: dialogs, messages, colours from the data, one way to the API. */

import {Http} from "../../api/http.js";

export const http = new Http("");

/** @param {string} name an icon of the sprite */
export function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${spriteUrl()}#${name}`);
    svg.append(use);
    return svg;
}

function spriteUrl() {
    // Hashed in production; any icon the server drew knows the address.
    const drawn = document.querySelector("svg.icon use")?.getAttribute("href") ?? "/static/vendor/icons.svg";
    return drawn.split("#")[0];
}

/**
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} type
 * @param {ParentNode} root
 * @returns {T}
 */
export function need(selector, type, root = document) {
    const found = root.querySelector(selector);
    if (!(found instanceof type)) throw new Error(`The page has no ${selector}.`);
    return found;
}

/** @param {string} id of a `json_script`; @returns {unknown} */
export function pageData(id) {
    return JSON.parse(need(`#${id}`, HTMLScriptElement).textContent ?? "null");
}

/** The project's id, from the page around the tab. */
export function projectId() {
    return Number(need("[data-project-id]", HTMLElement).dataset.projectId);
}

/** @param {unknown} error what to tell a person */
export function sentence(error) {
    if (!(error instanceof Error)) return String(error);
    const fields = "fields" in error ? /** @type {Record<string, string[]>} */ (error.fields) : {};
    const details = Object.entries(fields).flatMap(([name, texts]) =>
        [texts].flat().map((text) => (name === "non_field_errors" ? text : `${name}: ${text}`)),
    );
    return details.length ? details.join(" ") : error.message;
}

/**
 * @param {string} text
 * @param {"info" | "error"} kind
 */
export function toast(text, kind = "info") {
    const box = document.createElement("div");
    box.className = `toast ${kind}`;
    box.append(icon(kind === "error" ? "circle-alert" : "circle-check"), text);
    need("[data-toasts]", HTMLElement).append(box);
    setTimeout(() => box.remove(), kind === "error" ? 8000 : 4000);
}

/**
 * Runs what a button or form asked for; the button is off meanwhile, an error is shown beside it or as a message.
 *
 * @param {HTMLElement} from the form or button
 * @param {() => Promise<void>} work
 */
export async function act(from, work) {
    const button = from instanceof HTMLFormElement ? from.querySelector("button[type=submit], .button.primary") : from;
    const place = (from.closest("form") ?? from.closest("section") ?? document).querySelector("[data-form-error]");
    if (place) place.textContent = "";
    if (button instanceof HTMLButtonElement) button.disabled = true;
    try {
        await work();
    } catch (error) {
        if (place) place.textContent = sentence(error);
        else toast(sentence(error), "error");
    } finally {
        if (button instanceof HTMLButtonElement) button.disabled = false;
    }
}

/** @param {number} bytes */
export function formatBytes(bytes) {
    const units = ["bytes", "KB", "MB", "GB"];
    let value = bytes;
    let unit = 0;
    while (value >= 1000 && unit < units.length - 1) {
        value /= 1000;
        unit++;
    }
    return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** @param {number} count @param {string} word */
export function plural(count, word) {
    return `${count} ${word}${count === 1 ? "" : "s"}`;
}

document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const opener = event.target.closest("[data-open-dialog]");
    if (opener instanceof HTMLElement) need(`#${opener.dataset.openDialog}`, HTMLDialogElement).showModal();
    if (event.target.closest("[data-close-dialog]")) event.target.closest("dialog")?.close();
});

// The content security policy forbids style attributes set by nobody's script; widths and colours come as data.
for (const part of document.querySelectorAll("[data-share]"))
    if (part instanceof HTMLElement) part.style.setProperty("--share", part.dataset.share ?? "0");
for (const swatch of document.querySelectorAll("[data-swatch]"))
    if (swatch instanceof HTMLElement) swatch.style.setProperty("--swatch", swatch.dataset.swatch ?? "");
