import assert from "node:assert/strict";
import {readFileSync, readdirSync} from "node:fs";
import test from "node:test";

import {buttonTemplates, writtenTemplate} from "../../scripts/buttons.mjs";
import {Commands} from "../../static/js/view/commands/commands.js";
import {COMMANDS} from "../../static/js/view/commands/table.js";

const TEMPLATES = new URL("../../templates/", import.meta.url);
const PAGE = readFileSync(new URL("pages/annotate.html", TEMPLATES), "utf-8");

test("the page's buttons are those of the table (else: npm run buttons)", () => {
    const templates = buttonTemplates();
    assert.deepEqual(
        readdirSync(new URL("partials/buttons/", TEMPLATES)).sort(),
        [...templates.keys()].sort(),
    );
    for (const [name, text] of templates) assert.equal(writtenTemplate(name), text, name);
    for (const name of templates.keys())
        assert.match(
            PAGE,
            new RegExp(`include "partials/buttons/${name}"`),
            `annotate.html has no room for ${name}`,
        );
});

test("keys that the page names before any script has come are the table's", () => {
    const commands = new Commands(COMMANDS, {});
    const named = [...PAGE.matchAll(/data-key-of="([a-z-]+)"\s*>([^<]*)</g)];
    assert.ok(named.length > 0);
    for (const [, action, text] of named) assert.equal(text, commands.keyOf(action));
});
