import assert from "node:assert/strict";
import test from "node:test";

import {hint} from "../../static/js/view/bench-status.js";

const NOW = {
    ...{mayAnnotate: true, bundleName: "pocket", isReady: true, isDecoding: false, candidateCount: 0},
    ...{isDraftEmpty: true, isMaskShown: false, isObjectSelected: false, hasCategory: true},
    embedding: {state: "ready", position: null, error: ""},
};
const say = (more) => hint({...NOW, ...more}, (action) => action);

test("the hint asks for a click until there is a draft, by click or by hand", () => {
    assert.match(say({}), /^Click an object/);
    const byHand = say({isDraftEmpty: false, isMaskShown: true});
    assert.equal(byHand, "[cancel] clear");
    assert.equal(say({isDraftEmpty: false, isMaskShown: true, candidateCount: 3}).split(" · ")[1], byHand);
});

test("a mask made by hand is no reason to wait for the model", () => {
    assert.equal(say({isReady: false}), "Loading the model…");
    assert.equal(say({isReady: false, isDraftEmpty: false, isMaskShown: true}), "[cancel] clear");
});
