import assert from "node:assert/strict";
import test from "node:test";

import {fits} from "../../static/js/view/site/model-filter.js";

const ANY = {words: "", speed: "", licence: ""};
const EDGE = {words: "edgesam edge-sam the quickest; not for commercial use.", speed: "fast", free: "asks"};

test("a model is found by every word that is typed, in any order and case", () => {
    assert.equal(fits(EDGE, ANY), true);
    assert.equal(fits(EDGE, {...ANY, words: "  Commercial EDGE "}), true);
    assert.equal(fits(EDGE, {...ANY, words: "edge microscopy"}), false);
});

test("speed and licence narrow what the words find", () => {
    assert.equal(fits(EDGE, {words: "edge", speed: "fast", licence: "asks"}), true);
    assert.equal(fits(EDGE, {...ANY, speed: "slow"}), false);
    assert.equal(fits(EDGE, {...ANY, licence: "free"}), false);
});
