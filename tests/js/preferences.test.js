import assert from "node:assert/strict";
import test from "node:test";

import {preferencesFromWire, savePreferences} from "../../static/js/api/preferences.js";
import {Preferences} from "../../static/js/session/preferences.js";
import {settle} from "./hand-made.js";

const USUAL = {
    acceptOnLeave: true,
    farClickAccepts: false,
    quickMode: false,
    refineAutomatically: false,
    filmstrip: true,
    keys: {},
    categoryKeys: {},
    lastCategories: {},
};

function preferencesOf(save) {
    const said = {changes: 0, problems: []};
    const events = {onChange: () => said.changes++, onProblem: (error) => said.problems.push(error.message)};
    return {preferences: new Preferences(USUAL, save, events), said};
}

test("a change is there at once, and of several only the last is sent after the first", async () => {
    const sent = [];
    const answers = [];
    const {preferences, said} = preferencesOf((settings) => {
        sent.push(settings);
        return new Promise((resolve) => answers.push(resolve));
    });
    preferences.change({quickMode: true});
    await settle();
    preferences.change({quickMode: false});
    preferences.change({farClickAccepts: true});
    assert.deepEqual(preferences.settings, {...USUAL, farClickAccepts: true});
    assert.deepEqual([sent, said.changes], [[{quickMode: true}], 3]);
    answers.shift()();
    await settle();
    assert.deepEqual(sent, [{quickMode: true}, {quickMode: false, farClickAccepts: true}]);
});

test("what cannot be saved is said, and what comes after it is still sent", async () => {
    let isDown = true;
    const sent = [];
    const {preferences, said} = preferencesOf(async (changes) => {
        if (isDown) throw new Error("away");
        sent.push(changes);
    });
    preferences.change({quickMode: true});
    await settle();
    isDown = false;
    preferences.change({filmstrip: false});
    await settle();
    assert.deepEqual([said.problems, sent], [["away"], [{quickMode: true, filmstrip: false}]]);
});

test("on the wire they are what the API says, there and back", async () => {
    let body;
    await savePreferences(
        {json: async (url, options) => ({body} = options)},
        {...USUAL, keys: {accept: ["g"]}},
    );
    assert.deepEqual(preferencesFromWire(body), {...USUAL, keys: {accept: ["g"]}});
});
