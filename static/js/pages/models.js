/** Models: installed and removed, tested, chosen; what the worker does is watched until it is over. */

import {Http, thisPage} from "../api/http.js";
import {
    cancelBundleJob,
    defaultChange,
    installModel,
    makeDefaultModel,
    removeModel,
    selfTestModel,
} from "../api/models.js";
import {find, findAll} from "../view/elements.js";
import {act, ask, toast} from "../view/site/feedback.js";
import {syncLists} from "../view/site/live-lists.js";
import {Poller} from "../view/site/poller.js";

const http = new Http();
const POLL_MS = 1000;
const POLL_AWAY_MS = 5000;
const INSTALLED = "[data-models]";

/** Draws both lists as the server has them now. */
async function refresh() {
    syncLists(await thisPage(http), [
        {selector: INSTALLED, key: "model"},
        {selector: "[data-catalogue]", key: "model"},
    ]);
    find("[data-empty]", HTMLElement).hidden = find(INSTALLED, HTMLUListElement).childElementCount > 0;
}

const isPending = () =>
    document.querySelector("[data-model][data-state=queued], [data-model][data-state=running]") !== null;
const poller = new Poller(async () => {
    if (!isPending()) return null;
    try {
        await refresh();
    } catch {
        return POLL_AWAY_MS; // the server is away; what is shown stays
    }
    return isPending() ? POLL_MS : null;
});
poller.after(POLL_MS);

/**
 * @param {string} id
 * @param {string} title
 */
function dialogAbout(id, title) {
    const dialog = find(`#${id}`, HTMLDialogElement);
    find("[data-dialog-title]", HTMLElement, dialog).textContent = title;
    return dialog;
}

/**
 * @param {HTMLElement} button
 * @param {() => Promise<void>} work
 * @param {string} [said]
 */
async function change(button, work, said) {
    await act(button, async () => {
        await work();
        if (said) toast(said);
        await refresh();
        poller.after(POLL_MS);
    });
}

/** What each button of a card does. @type {Record<string, (button: HTMLElement, card: HTMLElement) => unknown>} */
const ACTIONS = {
    async install(button, card) {
        const {model = "", title = "", licence = ""} = card.dataset;
        const asks = "asks" in card.dataset;
        if (asks) {
            const dialog = dialogAbout("accept-licence", `Install ${title}`);
            find("[data-dialog-licence]", HTMLElement, dialog).textContent = licence;
            find("input", HTMLInputElement, dialog).checked = false;
            if ((await ask(dialog)) !== "install") return;
        }
        await change(button, () => installModel(http, model, asks, button.dataset.digest ?? ""));
    },
    cancel: (button, card) => change(button, () => cancelBundleJob(http, Number(card.dataset.job))),
    selftest: (button, card) => change(button, () => selfTestModel(http, card.dataset.model ?? "")),
    async default(button, card) {
        const {model = "", title = ""} = card.dataset;
        await act(button, async () => {
            const dialog = dialogAbout("make-default", `Make ${title} the default?`);
            find("[data-dialog-text]", HTMLElement, dialog).textContent = await defaultChange(http, model);
            if ((await ask(dialog)) !== "default") return;
            await change(button, () => makeDefaultModel(http, model), `New projects get ${title}.`);
        });
    },
    async remove(button, card) {
        if ((await ask(dialogAbout("remove-model", `Remove ${card.dataset.title}?`))) !== "remove") return;
        await change(
            button,
            () => removeModel(http, card.dataset.model ?? ""),
            `${card.dataset.title} is removed.`,
        );
    },
    use(_button, card) {
        const dialog = dialogAbout("use-model", `Use ${card.dataset.title} in`);
        for (const link of findAll("[data-project]", HTMLAnchorElement, dialog))
            link.search = new URLSearchParams({model: card.dataset.model ?? ""}).toString();
        dialog.showModal();
    },
};

document.addEventListener("click", ({target}) => {
    const button = target instanceof Element ? target.closest("button") : null;
    const card = button?.closest("[data-model]");
    if (!button || !(card instanceof HTMLElement)) return;
    const action = Object.keys(ACTIONS).find((name) => name in button.dataset);
    if (action) void ACTIONS[action](button, card);
});
