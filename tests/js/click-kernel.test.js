import assert from "node:assert/strict";
import test from "node:test";

import {ClickKernel} from "../../static/js/decoder/worker/two-way/click-kernel.js";

// That it answers as the graphs do: tests/segmentation/test_click_kernel.py.
test("a package without the kernel opens none", async () => {
    const options = {threads: 1, helperUrl: null};
    assert.equal(await ClickKernel.open(new Map(), options), null);
    const withoutBuild = new Map([
        ["click-weights", new Uint8Array(2)],
        ["weights.bin", new Uint8Array(4)],
    ]);
    assert.equal(await ClickKernel.open(withoutBuild, options), null);
});
