import assert from "node:assert/strict";
import test from "node:test";

import {embeddingNeeds} from "../../static/js/view/words.js";

test("what a project would have to wait for with a model", () => {
    const words = (missing, seconds, queued = 0) => embeddingNeeds({missing, queued, seconds});
    assert.equal(words(0, 0), "Every image is ready for this model.");
    assert.equal(words(1, null), "1 image needs an embedding of this model.");
    assert.equal(words(3, 0.4), "3 images need an embedding of this model, about 1 second of one worker.");
    assert.equal(
        words(20, 1190),
        "20 images need an embedding of this model, about 20 minutes of one worker.",
    );
    assert.equal(
        words(5, 240, 5),
        "5 images need an embedding of this model, queued, about 4 minutes of one worker.",
    );
    assert.equal(words(5, null, 3), "5 images need an embedding of this model, 3 of them queued.");
    assert.equal(
        words(900, 36000),
        "900 images need an embedding of this model, about 10 hours of one worker.",
    );
});
