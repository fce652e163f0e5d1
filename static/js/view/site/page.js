/** What every page of the site does when it is loaded: shows its tab, opens and closes its dialogs. */

import {find} from "../elements.js";
import {showWaitingToast} from "./feedback.js";

/** The project's id, from the page around the tab. */
export function projectId() {
    return Number(find("[data-project-id]", HTMLElement).dataset.projectId);
}

// On a narrow screen the tabs scroll: the present one is shown.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({inline: "center", block: "nearest"});

showWaitingToast();

document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const opener = event.target.closest("[data-open-dialog]");
    if (opener instanceof HTMLElement) find(`#${opener.dataset.openDialog}`, HTMLDialogElement).showModal();
    if (event.target.closest("[data-close-dialog]")) event.target.closest("dialog")?.close();
});
