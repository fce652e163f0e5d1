/** What every page of the site does: finds its parts, opens dialogs, shows messages and icons. */

const ERROR_SHOWN_MS = 10_000;
const INFO_SHOWN_MS = 4000;

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

/**
 * As `need`, for parts that only some roles have.
 *
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} type
 * @param {ParentNode} root
 * @returns {T | null}
 */
export function find(selector, type, root = document) {
    const found = root.querySelector(selector);
    return found instanceof type ? found : null;
}

/**
 * @param {string} id of a `json_script`
 * @returns {unknown}
 */
export function pageData(id) {
    return JSON.parse(need(`#${id}`, HTMLScriptElement).textContent ?? "null");
}

/** The project's id, from the page around the tab. */
export function projectId() {
    return Number(need("[data-project-id]", HTMLElement).dataset.projectId);
}

/** @param {string} name an icon of the sprite */
export function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${document.documentElement.dataset.icons}#${name}`);
    svg.append(use);
    return svg;
}

/**
 * A sentence for people: the fields' own where the server named fields.
 *
 * @param {unknown} error
 */
export function sentence(error) {
    if (!(error instanceof Error)) return String(error);
    const fields = "fields" in error ? /** @type {Record<string, string[]>} */ (error.fields) : {};
    const details = Object.values(fields).flat();
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
    setTimeout(() => box.remove(), kind === "error" ? ERROR_SHOWN_MS : INFO_SHOWN_MS);
}

/**
 * Runs what a button, field or form asked for. Its button is off meanwhile; an error is shown in the form or section it
 * belongs to, else as a message.
 *
 * @param {HTMLElement} from
 * @param {() => Promise<void>} work
 * @returns {Promise<boolean>} whether it went well
 */
export async function act(from, work) {
    const button = from instanceof HTMLFormElement ? from.querySelector("[type=submit]") : from;
    const place = errorPlace(from);
    if (place) place.textContent = "";
    if (button instanceof HTMLButtonElement) button.disabled = true;
    try {
        await work();
        return true;
    } catch (error) {
        if (place) place.textContent = sentence(error);
        else toast(sentence(error), "error");
        return false;
    } finally {
        if (button instanceof HTMLButtonElement) button.disabled = false;
    }
}

/** @param {HTMLElement} from */
function errorPlace(from) {
    for (
        let box = from.closest("form, section");
        box;
        box = box.parentElement?.closest("form, section") ?? null
    ) {
        const place = box.querySelector("[data-form-error]");
        if (place) return place;
    }
    return null;
}

/**
 * Opens a dialog that ends with a choice.
 *
 * @param {HTMLDialogElement} dialog its form has method="dialog"
 * @returns {Promise<string>} the pressed button's value; empty when it was closed by Esc
 */
export function ask(dialog) {
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) =>
        dialog.addEventListener("close", () => resolve(dialog.returnValue), {once: true}),
    );
}

/**
 * @param {number} count
 * @param {string} word
 */
export function plural(count, word) {
    return `${count} ${word}${count === 1 ? "" : "s"}`;
}

// On a narrow screen the tabs scroll: the present one is shown.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({inline: "center", block: "nearest"});

document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const opener = event.target.closest("[data-open-dialog]");
    if (opener instanceof HTMLElement) need(`#${opener.dataset.openDialog}`, HTMLDialogElement).showModal();
    if (event.target.closest("[data-close-dialog]")) event.target.closest("dialog")?.close();
});
