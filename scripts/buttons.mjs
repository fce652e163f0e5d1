// Writes the workbench's buttons as templates, from the table of commands: the page has them at its first paint, before any
// script has come. `npm run buttons`; tests/js/buttons.test.js holds the files to the table.

import {readFileSync, writeFileSync} from "node:fs";
import {fileURLToPath} from "node:url";

import {Commands} from "../static/js/view/commands/commands.js";
import {COMMANDS} from "../static/js/view/commands/table.js";

const FOLDER = new URL("../templates/partials/buttons/", import.meta.url);
const NOTE = "{# Made by `npm run buttons` from static/js/view/commands/table.js. #}\n";

/** The bench of an annotator, as the page is when it has come: an image in this state, with neighbours. */
const benchWith = (state) => ({
    flow: {mayAnnotate: true, scene: {image: {state, isFlagged: false}}, canGo: () => true},
});
const [open, done] = ["in_progress", "done"].map((state) => new Commands(COMMANDS, benchWith(state)));

/** @returns {Map<string, string>} file name -> template, one for each place of the table */
export function buttonTemplates() {
    const templates = new Map();
    for (const row of COMMANDS) {
        if (!row.place) continue;
        const name = `${row.place}.html`;
        templates.set(name, (templates.get(name) ?? NOTE) + button(row));
    }
    return templates;
}

function button(row) {
    const {action} = row;
    const words = byState((commands) => commands.wordsOn(action));
    const label = row.words ? "" : ` aria-label="${row.name ?? row.title}"`;
    const html =
        `<button class="{{ class }}" type="button" data-action="${action}"${label} aria-keyshortcuts="${open.ariaKeysOf(action)}"` +
        ` title="${byState((commands) => commands.tipOf(action))}"${row.isOn ? ' aria-pressed="false"' : ""}` +
        `${row.when ? " disabled" : ""}>{% include "partials/icon.html" with name="${row.icon}" class="" %}` +
        `${row.words ? `<span>${words}</span>` : ""}</button>\n`;
    return row.isForAnnotators ? `{% if not is_read_only %}${html}{% endif %}\n` : html;
}

/** A text that may depend on whether the image is done. */
function byState(textOf) {
    const [now, then] = [textOf(open), textOf(done)];
    return now === then ? now : `{% if is_done %}${then}{% else %}${now}{% endif %}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    for (const [name, text] of buttonTemplates()) writeFileSync(new URL(name, FOLDER), text);
}

/** @param {string} name @returns {string} the template as it lies there */
export function writtenTemplate(name) {
    return readFileSync(new URL(name, FOLDER), "utf-8");
}
