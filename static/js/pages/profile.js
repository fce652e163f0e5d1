/** One's own page: name, e-mail address, API tokens, and how the workbench behaves. */

import {makeToken, saveProfile, withdrawToken} from "../api/account.js";
import {Http, thisPage} from "../api/http.js";
import {saveSwitch} from "../api/preferences.js";
import {find} from "../view/elements.js";
import {copyFrom} from "../view/site/copy.js";
import {act, ask, toast} from "../view/site/feedback.js";
import "../view/site/page.js";

const http = new Http();

const profile = find("[data-profile]", HTMLFormElement);
const email = find("[name=email]", HTMLInputElement, profile);
const password = find("[name=password]", HTMLInputElement, profile);
const isNewAddress = () => email.value.trim() !== profile.dataset.email;
email.addEventListener("input", () => {
    find("[data-own-password]", HTMLElement).hidden = !isNewAddress();
    password.required = isNewAddress();
});
profile.addEventListener("submit", (event) => {
    event.preventDefault();
    act(profile, async () => {
        const data = new FormData(profile);
        const address = isNewAddress() ? {email: email.value.trim(), password: password.value} : {};
        await saveProfile(http, {
            firstName: String(data.get("first_name")),
            lastName: String(data.get("last_name")),
            ...address,
        });
        profile.dataset.email = email.value.trim();
        password.value = "";
        find("[data-own-password]", HTMLElement).hidden = true;
        password.required = false;
        toast("Saved.");
    });
});

const tokens = find("[data-tokens]", HTMLTableElement);
const rows = () => find("tbody", HTMLElement, tokens);

function showWhetherAny() {
    tokens.hidden = rows().childElementCount === 0;
    find("[data-no-tokens]", HTMLElement).hidden = !tokens.hidden;
}

tokens.addEventListener("click", async (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-withdraw-token]") : null;
    const row = button?.closest("tr");
    if (!button || !row) return;
    const dialog = find("#confirm-withdraw", HTMLDialogElement);
    const title = `Withdraw “${row.dataset.name}”?`;
    find("[data-withdraw-title]", HTMLElement, dialog).textContent = title;
    if ((await ask(dialog)) !== "withdraw") return;
    act(button, async () => {
        await withdrawToken(http, Number(row.dataset.tokenId));
        row.remove();
        showWhetherAny();
        toast(`“${row.dataset.name}” is withdrawn.`);
    });
});

const form = find("[data-new-token]", HTMLFormElement);
const made = find("#made-token", HTMLDialogElement);
const shown = find("[data-made-token]", HTMLInputElement);
const copied = find("[data-copied]", HTMLElement, made);
form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form, async () => {
        const data = new FormData(form);
        shown.value = await makeToken(http, String(data.get("name")), Number(data.get("expires_in_days")));
        form.closest("dialog")?.close();
        form.reset();
        copied.textContent = "";
        made.showModal();
        shown.select();
        const page = new DOMParser().parseFromString(await thisPage(http), "text/html");
        rows().replaceWith(find("[data-tokens] tbody", HTMLElement, page));
        showWhetherAny();
    });
});
find("[data-copy-token]", HTMLButtonElement).addEventListener("click", async () => {
    copied.textContent = (await copyFrom(shown)) ? "Copied." : "Copy it from the field.";
});
// What is shown once does not lie in the page afterwards.
made.addEventListener("close", () => {
    shown.value = "";
});

const switches = find("[data-switches]", HTMLFormElement);
switches.addEventListener("change", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement)) return;
    act(switches, async () => {
        try {
            await saveSwitch(http, box.name, box.checked);
        } catch (error) {
            box.checked = !box.checked;
            throw error;
        }
        toast("Saved.");
    });
});
