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
import {filterModels} from "../view/site/model-filter.js";
import {Watch} from "../view/site/watch.js";

const http = new Http();
const INSTALLED = "[data-models]";

const applyFilter = filterModels(find("[data-filter]", HTMLFormElement));

/** @returns {Map<string, HTMLElement>} */
const installedCards = () =>
    new Map(
        findAll("[data-model]", HTMLElement, find(INSTALLED, HTMLElement)).map((card) => [
            card.dataset.model ?? "",
            card,
        ]),
    );

/** Draws all lists as the server has them now. A model that was installed meanwhile is shown where it is now. */
async function refresh() {
    const before = installedCards();
    const catalogue = findAll("[data-catalogue]", HTMLElement).map(({dataset}) => ({
        selector: `[data-catalogue="${CSS.escape(dataset.catalogue ?? "")}"]`,
        key: "model",
    }));
    syncLists(await thisPage(http), [{selector: INSTALLED, key: "model"}, ...catalogue]);
    applyFilter();
    const after = installedCards();
    find("[data-empty]", HTMLElement).hidden = after.size > 0;
    for (const [name, card] of after) if (!before.has(name)) welcome(card);
}

/** @param {HTMLElement} card of a model that has just been installed: it has left its place among the published ones */
function welcome(card) {
    toast(`${card.dataset.title} is installed: it stands on top now.`);
    // Whoever types or answers a question is not interrupted.
    if (document.activeElement !== document.body || document.querySelector("dialog[open]")) return;
    card.scrollIntoView({block: "center"});
    card.focus();
}

const isPending = () =>
    document.querySelector("[data-model][data-state=queued], [data-model][data-state=running]") !== null;
const watch = new Watch(isPending, refresh);

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
        watch.soon();
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
            showLicenceText(find("[data-dialog-text]", HTMLAnchorElement, dialog), card.dataset);
            find("input", HTMLInputElement, dialog).checked = false;
            if ((await ask(dialog)) !== "install") return;
        }
        await change(button, () => installModel(http, model, asks, button.dataset.digest ?? ""));
    },
    async copy({dataset: {copy: digest = ""}}, card) {
        try {
            await navigator.clipboard.writeText(digest); // undefined where the page came over http from elsewhere
            toast("The digest is copied.");
        } catch {
            for (const code of findAll("code", HTMLElement, card))
                if (code.textContent === digest) getSelection()?.selectAllChildren(code);
            toast("The digest is selected: copy it with Ctrl C or ⌘ C.");
        }
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

/**
 * @param {HTMLAnchorElement} link
 * @param {DOMStringMap} card
 */
function showLicenceText(link, {licenceText, publisher}) {
    link.href = licenceText || publisher || "";
    link.textContent = licenceText ? "read its text" : "read it on its publisher’s page";
    link.hidden = !link.getAttribute("href");
}

document.addEventListener("click", ({target}) => {
    const button = target instanceof Element ? target.closest("button") : null;
    const card = button?.closest("[data-model]");
    if (!button || !(card instanceof HTMLElement)) return;
    const action = Object.keys(ACTIONS).find((name) => name in button.dataset);
    if (action) void ACTIONS[action](button, card);
});
