/**
 * A prompt drawn as maps, as `pocket` reads it; segmentation/families/pocket/network.py has the same in torch.
 *
 * Bells are products of a row's and a column's, so that drawing costs a multiplication and a comparison a cell.
 */

const BELLS = [0.008, 0.03, 0.12]; // sigmas, in units of the side
const NEAR_BELL = 0.006;
const CLICK_BELL = 0.012; // of the weights with which features under a click are read
const CLICK_REACH = 8; // cells of stride 8; ten sigmas away a weight is nothing

/**
 * @typedef {object} ClickPlaces
 * @property {boolean} isForeground
 * @property {number[]} places cells of stride 8
 * @property {number[]} weights theirs, summing to 1
 */

/**
 * @typedef {object} DrawnPrompt
 * @property {Float32Array[]} maps8 12 maps (side / 8, side / 8): bells of foreground and background, then the box
 * @property {Float32Array[]} maps4 3 maps (side / 4, side / 4): foreground, background, inside the box
 * @property {Float32Array} outside (side / 8, side / 8): how many box sizes outside the box, at most 1
 * @property {number} foreground clicks
 * @property {number} background clicks
 * @property {boolean} hasBox
 * @property {ClickPlaces[]} clicks
 */

/**
 * @param {Float32Array} coords (N, 2), model pixels
 * @param {Float32Array} labels (N,): 1, 0, 2/3 box corners, -1 padding
 * @param {number} side the model's input, pixels
 * @returns {DrawnPrompt}
 */
export function drawPrompt(coords, labels, side) {
    const [cells8, cells4] = [side / 8, side / 4];
    /** @type {Float32Array[]} */
    const maps8 = Array.from({length: 12}, () => new Float32Array(cells8 * cells8));
    const maps4 = Array.from({length: 3}, () => new Float32Array(cells4 * cells4));
    /** @type {ClickPlaces[]} */
    const clicks = [];
    /** @type {[number, number][]} */
    const corners = [[0, 0], [0, 0]]; // prettier-ignore
    let hasBox = false;
    for (let k = 0; k < labels.length; k++) {
        const [x, y] = [(coords[2 * k] + 0.5) / side, (coords[2 * k + 1] + 0.5) / side];
        if (labels[k] === 2 || labels[k] === 3) corners[labels[k] - 2] = [x, y];
        if (labels[k] === 2) hasBox = true;
        if (labels[k] !== 0 && labels[k] !== 1) continue;
        const kind = labels[k] === 1 ? 0 : 1;
        BELLS.forEach((sigma, bell) => drawBell(maps8[2 * bell + kind], cells8, x, y, sigma));
        drawBell(maps4[kind], cells4, x, y, NEAR_BELL);
        clicks.push({isForeground: kind === 0, ...placesUnder(x, y, cells8)});
    }
    const outside = new Float32Array(cells8 * cells8);
    if (hasBox) {
        drawBox(maps8.slice(6), outside, cells8, corners[0], corners[1]);
        drawInside(maps4[2], cells4, corners[0], corners[1]);
    }
    const foreground = clicks.filter((click) => click.isForeground).length;
    return {maps8, maps4, outside, foreground, background: clicks.length - foreground, hasBox, clicks};
}

/**
 * @param {number} cells
 * @param {number} at 0..1
 * @param {number} sigma
 */
function bellAlong(cells, at, sigma) {
    return Float32Array.from({length: cells}, (_, k) =>
        Math.exp((-0.5 * ((k + 0.5) / cells - at) ** 2) / sigma ** 2),
    );
}

/**
 * The strongest of the bells so far and this one.
 *
 * @param {Float32Array} map
 * @param {number} cells
 * @param {number} x
 * @param {number} y
 * @param {number} sigma
 */
function drawBell(map, cells, x, y, sigma) {
    const [across, down] = [bellAlong(cells, x, sigma), bellAlong(cells, y, sigma)];
    for (let row = 0; row < cells; row++) {
        const height = down[row];
        if (height < 1e-12) continue;
        for (let column = 0, k = row * cells; column < cells; column++, k++) {
            const value = height * across[column];
            if (value > map[k]) map[k] = value;
        }
    }
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} cells
 * @returns {{places: number[], weights: number[]}}
 */
function placesUnder(x, y, cells) {
    const [across, down] = [bellAlong(cells, x, CLICK_BELL), bellAlong(cells, y, CLICK_BELL)];
    const around = (/** @type {number} */ at) => {
        const middle = Math.floor(at * cells);
        return [Math.max(0, middle - CLICK_REACH), Math.min(cells - 1, middle + CLICK_REACH)];
    };
    const [[left, right], [top, bottom]] = [around(x), around(y)];
    const places = [];
    const weights = [];
    let sum = 0;
    for (let row = top; row <= bottom; row++) {
        for (let column = left; column <= right; column++) {
            const weight = down[row] * across[column];
            places.push(row * cells + column);
            weights.push(weight);
            sum += weight;
        }
    }
    const total = Math.max(sum, 1e-6);
    return {places, weights: weights.map((weight) => weight / total)};
}

/**
 * @param {Float32Array[]} maps six: inside, outside, and the four relative distances to the edges
 * @param {Float32Array} outside
 * @param {number} cells
 * @param {[number, number]} first corner, 0..1
 * @param {[number, number]} second
 */
function drawBox(maps, outside, cells, first, second) {
    drawInside(maps[0], cells, first, second);
    const size = first.map((from, axis) => Math.max(second[axis] - from, 1e-3));
    const clamp = (/** @type {number} */ value) => Math.min(1.5, Math.max(-1, value));
    for (let row = 0; row < cells; row++) {
        const y = (row + 0.5) / cells;
        const [top, bottom] = [clamp((y - first[1]) / size[1]), clamp((second[1] - y) / size[1])];
        for (let column = 0; column < cells; column++) {
            const x = (column + 0.5) / cells;
            const [left, right] = [clamp((x - first[0]) / size[0]), clamp((second[0] - x) / size[0])];
            const k = row * cells + column;
            maps[1][k] = 1 - maps[0][k];
            maps[2][k] = left;
            maps[3][k] = right;
            maps[4][k] = top;
            maps[5][k] = bottom;
            outside[k] = Math.max(0, -Math.min(left, right, top, bottom));
        }
    }
}

/**
 * @param {Float32Array} map 1 inside the box, 0 outside, half a cell soft at its edges
 * @param {number} cells
 * @param {[number, number]} first
 * @param {[number, number]} second
 */
function drawInside(map, cells, first, second) {
    const along = (/** @type {0 | 1} */ axis) =>
        Float32Array.from({length: cells}, (_, k) => {
            const at = (k + 0.5) / cells;
            return 1 / (1 + Math.exp(-2 * cells * Math.min(at - first[axis], second[axis] - at)));
        });
    const [across, down] = [along(0), along(1)];
    for (let row = 0; row < cells; row++) {
        for (let column = 0; column < cells; column++) map[row * cells + column] = down[row] * across[column];
    }
}
