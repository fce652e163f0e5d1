import assert from "node:assert/strict";
import test from "node:test";

import {columnsOf, emptyColumns, rleOf} from "../../static/js/core/edit/columns.js";
import {clearAround} from "../../static/js/core/edit/cutting-out.js";
import {fitted, moved, offsetFor} from "../../static/js/core/edit/placing.js";
import {decodeRle, encodeRle} from "../../static/js/core/rle.js";
import {CopiedMasks} from "../../static/js/session/copied-masks.js";
import {HandMadeStorage} from "./hand-made.js";
import {CATEGORIES, bench, categoriesOf, drawn, idsOf, picture} from "./hand-made-bench.js";

// --- pixels ---

const SIZE = {height: 9, width: 11};

test("a moved mask has its pixels elsewhere, without those that leave the image", () => {
    const mask = Uint8Array.from({length: 99}, (_, k) => ((k * 7) % 5 < 2 ? 1 : 0));
    const at = (x, y) => (x >= 0 && x < 11 && y >= 0 && y < 9 ? mask[y * 11 + x] : 0);
    for (const [dx, dy] of [
        [0, 0],
        [3, 2],
        [-4, 1],
        [2, -8],
        [-10, 0],
        [40, 40],
    ]) {
        const there = moved(columnsOf(encodeRle(mask, SIZE)), SIZE, {dx, dy});
        assert.deepEqual(
            [...decodeRle(rleOf(there, 9).segmentation)],
            Array.from({length: 99}, (_, k) => at((k % 11) - dx, Math.floor(k / 11) - dy)),
            `${dx} ${dy}`,
        );
    }
});

test("a mask fits an image of another size: cut off at its border, nothing beyond its own", () => {
    const mask = new Uint8Array(99).fill(1);
    const columns = columnsOf(encodeRle(mask, SIZE));
    assert.equal(rleOf(fitted(columns, {height: 4, width: 5}), 4).area, 20);
    const larger = rleOf(fitted(columns, {height: 20, width: 30}), 20);
    assert.deepEqual([larger.area, larger.bbox, larger.segmentation.size], [99, [0, 0, 11, 9], [20, 30]]);
    assert.deepEqual(fitted(emptyColumns(SIZE), SIZE), emptyColumns(SIZE));
});

test("a copy is put to the right and down, or the other way where the image ends", () => {
    const size = {height: 100, width: 100};
    assert.deepEqual(offsetFor([10, 10, 20, 20], size, 5), {dx: 5, dy: 5});
    assert.deepEqual(offsetFor([76, 75, 20, 20], size, 5), {dx: -5, dy: 5});
});

// --- at the workbench ---

const square = () => drawn("a", ["##", "##"], {categoryId: 2, timeSpentS: 4, clicks: 3});
const fresh = ({document}) => document.annotations.filter(({id}) => id.startsWith("made"));

test("a duplicate is a new mask beside the other one, and the one after it beside that", () => {
    const {workbench, said} = bench({masks: [square()]});
    workbench.select("a");
    workbench.copying.duplicate();
    assert.deepEqual(workbench.selection.ids, ["made-1"]);
    assert.deepEqual(
        [picture(workbench, "made-1"), picture(workbench, "a")],
        [
            ["", " ##", " ##"],
            ["##", "##"],
        ],
    );
    const [copy] = fresh(workbench);
    assert.deepEqual(
        [copy.categoryId, copy.timeSpentS, copy.clicks, copy.author, copy.imageId, copy.area, copy.bbox],
        [2, 0, 0, "ann", 7, 4, [1, 1, 2, 2]],
    );
    assert.deepEqual([copy.prompt, copy.predictedIou, copy.bundleDigest], [null, null, ""]);
    workbench.select("a");
    workbench.copying.duplicate();
    assert.deepEqual(picture(workbench, "made-2"), ["", "", "  ##", "  ##"]);
    assert.equal(said.changes.length, 2);
    workbench.undo();
    workbench.undo();
    assert.deepEqual(idsOf(workbench), ["a"]);
});

test("copied masks are pasted where they were on another image, cut off where it ends, as one step", () => {
    const masks = [
        square(),
        drawn("b", ["", "", "      ##", "      ##"]),
        drawn("c", ["", "", "", "", "     #"]),
    ];
    const {workbench, open, said} = bench({masks});
    workbench.several.selectAll();
    workbench.copying.copy();
    open(8, {height: 6, width: 7});
    workbench.arrivals.showSaved([]);
    workbench.copying.paste();
    assert.deepEqual(fresh(workbench).map(({imageId, segmentation: {size}}) => [imageId, ...size]), Array(3).fill([8, 6, 7])); // prettier-ignore
    assert.deepEqual(fresh(workbench).map(({area}) => area).sort(), [1, 2, 4]); // prettier-ignore
    assert.deepEqual(categoriesOf(workbench).sort(), [1, 1, 2]);
    assert.deepEqual(said.why, [
        "Copied 3 objects.",
        "1 mask lies partly outside this image: cut off there.",
    ]);
    assert.equal(workbench.selection.ids.length, 3);
    workbench.undo();
    assert.deepEqual(idsOf(workbench), []);
    open(9, {height: 2, width: 2});
    workbench.arrivals.showSaved([]);
    workbench.copying.paste();
    assert.equal(fresh(workbench).length, 1);
    assert.equal(said.why.at(-1), "2 masks lie outside this image: not pasted.");
});

test("a paste on the image that it was copied from does not lie on the very same pixels", () => {
    const {workbench} = bench({masks: [square()]});
    workbench.select("a");
    workbench.copying.copy();
    workbench.remove();
    workbench.copying.paste();
    assert.deepEqual(picture(workbench, "made-1"), ["##", "##"], "its place is free again");
    workbench.copying.paste();
    assert.deepEqual(picture(workbench, "made-2"), ["", " ##", " ##"]);
});

test("in another project a pasted mask has the category of the same name, else the next mask's", () => {
    const {workbench, open} = bench({masks: [square(), drawn("b", ["", "", "", "##"])]});
    workbench.several.selectAll();
    workbench.copying.copy();
    const categories = [
        {...CATEGORIES[0], id: 1, name: "leaf"},
        {...CATEGORIES[0], id: 9, name: "person"},
    ];
    open(8, {height: 8, width: 8}, {projectId: 4, categories});
    workbench.arrivals.showSaved([]);
    workbench.copying.paste();
    assert.deepEqual(categoriesOf(workbench).sort(), [1, 9], "cup is the next mask's, person person's");
    open(8, {height: 8, width: 8}, {projectId: 4, categories: []});
    workbench.arrivals.showSaved([]);
    workbench.copying.paste();
    assert.deepEqual(idsOf(workbench), [], "no category, no mask");
});

test("nothing that was copied, or something damaged, is said; a viewer copies and does not paste", () => {
    const {workbench, said, storage} = bench({masks: [square()]});
    workbench.copying.paste();
    storage.setItem(
        "maskwright.copied.ann",
        '{"projectId":3,"masks":[{"segmentation":{"size":[8,8],"counts":"~"}}]}',
    );
    workbench.copying.paste();
    assert.deepEqual(said.why, ["Nothing was copied so far.", "Nothing was copied so far."]);
    const viewer = bench({masks: [square()], mayAnnotate: false}).workbench;
    viewer.select("a");
    const {canCopy, canPaste, canDuplicate} = viewer.copying;
    assert.deepEqual([canCopy, canPaste, canDuplicate], [true, false, false]);
    viewer.copying.copy();
    viewer.copying.paste();
    assert.deepEqual(idsOf(viewer), ["a"]);
});

test("copied masks outlive the page, and a storage that is full only costs that", () => {
    const storage = new HandMadeStorage();
    const copied = {
        projectId: 3,
        masks: [{segmentation: square().segmentation, categoryId: 1, categoryName: "cup"}],
    };
    new CopiedMasks(storage, "ann").keep(copied);
    assert.deepEqual(new CopiedMasks(storage, "ann").get(), copied);
    assert.equal(new CopiedMasks(storage, "bob").get(), null);
    storage.limit = 10;
    const full = new CopiedMasks(storage, "ann");
    full.keep({...copied, projectId: 4});
    assert.equal(full.get().projectId, 4);
    assert.equal(
        new CopiedMasks(storage, "ann").get(),
        null,
        "what was copied before is not pasted in its place",
    );
});

test("a cut-out is transparent where the mask is not, and keeps the picture's pixels where it is", () => {
    const mask = Uint8Array.from({length: 99}, (_, k) => ((k * 3) % 7 < 3 ? 1 : 0));
    const [left, top, width, height] = [2, 3, 5, 4];
    const rgba = Uint8ClampedArray.from({length: 4 * width * height}, (_, k) =>
        k % 4 === 3 ? 255 : k % 200,
    );
    const before = rgba.slice();
    clearAround(rgba, columnsOf(encodeRle(mask, SIZE)), [left, top, width, height]);
    for (let k = 0; k < width * height; k++) {
        const isIn = mask[(top + Math.floor(k / width)) * 11 + left + (k % width)] === 1;
        assert.deepEqual(
            [...rgba.slice(4 * k, 4 * k + 4)],
            [...before.slice(4 * k, 4 * k + 3), isIn ? 255 : 0],
        );
    }
});
