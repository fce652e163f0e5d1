/** What a page answers to what a person does: an error where it belongs, a message, a question. */

import {button, element, find, icon} from "../elements.js";
import {sentence} from "../words.js";
import {clearFieldErrors, showFieldErrors} from "./field-errors.js";

const ERROR_SHOWN_MS = 10_000;
const INFO_SHOWN_MS = 4000;

/**
 * @param {string} text
 * @param {"info" | "error"} kind
 * @param {{label: string, do: () => void}} [action] what can be done about it; then the message stays longer
 * @returns {() => void} takes the message away
 */
export function toast(text, kind = "info", action) {
    const box = element(
        "div",
        {class: `toast ${kind}`},
        icon(kind === "error" ? "circle-alert" : "circle-check"),
        text,
    );
    if (action) {
        const act = () => {
            box.remove();
            action.do();
        };
        box.append(button({class: "button tight"}, act, action.label));
    }
    const all = find("[data-toasts]", HTMLElement);
    // What is said again replaces what was said.
    for (const other of all.children) if (!action && other.textContent === box.textContent) other.remove();
    all.append(box);
    setTimeout(() => box.remove(), kind === "error" || action ? ERROR_SHOWN_MS : INFO_SHOWN_MS);
    return () => box.remove();
}

const NEXT_TOAST = "next-toast";

/** Says something on the page that comes next in this tab. @param {string} text */
export function toastOnNextPage(text) {
    sessionStorage.setItem(NEXT_TOAST, text);
}

/** Says what the page before has left to say. */
export function showWaitingToast() {
    const text = sessionStorage.getItem(NEXT_TOAST);
    sessionStorage.removeItem(NEXT_TOAST);
    if (text) toast(text);
}

/**
 * Runs what a button, field or form asked for. Its button is off meanwhile; an error is shown beside the fields that it is
 * about, in the form or section that it belongs to, else as a message.
 *
 * @param {Element} from
 * @param {() => Promise<void>} work
 * @returns {Promise<boolean>} whether it went well
 */
export async function act(from, work) {
    const button = from instanceof HTMLFormElement ? from.querySelector("[type=submit]") : from;
    const place = errorPlace(from);
    if (place) place.textContent = "";
    clearFieldErrors(from);
    if (button instanceof HTMLButtonElement) button.disabled = true;
    try {
        await work();
        return true;
    } catch (error) {
        if (showFieldErrors(from, error)) return false;
        if (place) place.textContent = sentence(error);
        else toast(sentence(error), "error");
        return false;
    } finally {
        if (button instanceof HTMLButtonElement) button.disabled = false;
    }
}

/** @param {Element} from */
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
