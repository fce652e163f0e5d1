import assert from "node:assert/strict";
import test, {mock} from "node:test";

import {levelAt, partOf, tileKey, tilesOn} from "../../static/js/core/tiles.js";
import {TilesLayer} from "../../static/js/view/layers/tiles-layer.js";
import {settle} from "./hand-made.js";

const TILING = {side: 512, levels: 4};
const SIZE = {height: 8000, width: 10000};
const view = (scale, offsetX = 0, offsetY = 0) => ({scale, offsetX, offsetY, devicePixelRatio: 1});

test("the level is the coarsest whose pixels are as fine as the screen's", () => {
    assert.deepEqual(
        [4, 1, 0.6, 0.5, 0.3, 0.125, 0.01].map((scale) => levelAt(scale, TILING)),
        [0, 0, 0, 1, 1, 3, 3],
    );
});

test("the tiles of a part are those that it touches, from its middle outwards", () => {
    const tiles = tilesOn([500, 0, 1000, 500], 0, TILING, SIZE);
    assert.deepEqual(tiles.map(tileKey), ["0/1/0", "0/2/0", "0/0/0"]);
    assert.deepEqual(tilesOn([-900, -900, 800, 800], 0, TILING, SIZE), []);
    // At the last column little is left, beyond it nothing.
    assert.deepEqual(tilesOn([9990, 7990, 5000, 5000], 1, TILING, SIZE).map(tileKey), ["1/9/7"]);
    assert.deepEqual(partOf({level: 1, column: 9, row: 7}, TILING, SIZE), [9216, 7168, 784, 832]);
});

/** A layer whose tiles come when the test lets them, on a stage of 600 x 500. */
function layer() {
    const asked = [];
    const closed = [];
    const drawn = [];
    const made = new TilesLayer(
        (image, tile, signal) =>
            new Promise((resolve, reject) => {
                const key = tileKey(tile);
                signal.addEventListener("abort", () => reject(signal.reason));
                const give = () => resolve({key, close: () => closed.push(key)});
                asked.push({key, signal, give, fail: () => reject(new Error("offline"))});
            }),
        () => {},
    );
    made.open({tiles: TILING, size: SIZE});
    const canvas = {width: 600, height: 500};
    const context = {canvas, drawImage: ({key}, ...place) => drawn.push([key, ...place])};
    const draw = (at) => {
        drawn.length = 0;
        made.draw(context, at);
        return drawn.map(([key]) => key);
    };
    return {made, asked, closed, drawn, draw};
}

test("what is on the stage is fetched and drawn where it lies; what no longer is, is not waited for", async () => {
    const {asked, drawn, draw} = layer();
    draw(view(1, -100, 0));
    assert.deepEqual(asked.map(({key}) => key).sort(), ["0/0/0", "0/1/0"]);
    asked.find(({key}) => key === "0/1/0").give();
    await settle();
    draw(view(1, -100, 0));
    assert.deepEqual(drawn, [["0/1/0", 412, 0, 512, 512]]);
    draw(view(1, -5000, 0));
    assert.equal(asked.find(({key}) => key === "0/0/0").signal.aborted, true);
});

test("fitted, the overview is enough; coarser tiles stand in for finer ones that are on their way", async () => {
    const {asked, draw} = layer();
    draw(view(0.06));
    assert.equal(asked.length, 0);
    draw(view(0.5));
    for (const {give} of asked) give();
    await settle();
    assert.deepEqual(draw(view(1)), ["1/0/0"]);
    for (const {give} of asked) give();
    await settle();
    assert.equal(draw(view(1)).at(-1)[0], "0", "the fine ones lie on top");
});

test("memory is bounded, and all of it is given back with the image", async () => {
    const {made, asked, closed, draw} = layer();
    for (let x = 0; x < 9000; x += 600)
        for (let y = 0; y < 7500; y += 500) {
            draw(view(1, -x, -y));
            for (const {give} of asked.splice(0)) give();
            await settle();
        }
    draw(view(1, -9000, -7500));
    assert.ok(made.count <= 96 && closed.length > 100, `${made.count} kept, ${closed.length} given up`);
    made.open({tiles: null, size: SIZE});
    assert.equal(made.count, 0);
    assert.deepEqual(draw(view(1)), []);
});

test("a tile that could not be fetched is asked for again after a while", async () => {
    mock.timers.enable({apis: ["setTimeout"]});
    const {asked, draw} = layer();
    draw(view(1, -1024, -1024));
    asked[0].fail();
    await Promise.resolve().then(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    const count = asked.length;
    draw(view(1, -1024, -1024));
    assert.equal(asked.length, count);
    mock.timers.tick(4000);
    draw(view(1, -1024, -1024));
    assert.equal(asked.length, count + 1);
    mock.timers.reset();
});
