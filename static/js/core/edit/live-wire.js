/**
 * Lines that follow the edges of a picture, from a place that is set to wherever the pointer is.
 *
 * Source: Mortensen & Barrett, Intelligent Scissors for Image Composition, SIGGRAPH 1995, with the gradient alone as a line's
 * cost: the cheapest way from one pixel to all others is found once, and each place of the pointer then reads its own.
 */

/** @import {Place} from "./strokes.js" */

// What a step costs, straight or slanting, on the strongest edge and where there is none. Whole numbers, so that the pixels
// to be visited next lie in a ring of buckets.
const [STRAIGHT, SLANTING] = [5, 7];
const FLAT_FACTOR = 24;
const MAX_COST = SLANTING * (FLAT_FACTOR + 1);
const EDGE_QUANTILE = 0.97; // of the gradients: from there on an edge is as strong as any
const FAINTEST_EDGE = 24; // of 4 * 255: noise is no edge, however little else there is

const NONE = -1;

export class LiveWire {
    #width;
    #height;
    #factors;
    #from = new Int32Array(0);

    /**
     * @param {Uint8ClampedArray | Uint8Array} rgba of the part of the picture that is looked at, row by row
     * @param {number} width
     * @param {number} height
     */
    constructor(rgba, width, height) {
        this.#width = width;
        this.#height = height;
        this.#factors = factorsOf(gradientOf(rgba, width, height));
    }

    /** Lines begin here from now on. @param {Place} place in pixels of the part */
    setStart({x, y}) {
        const [width, height, factors] = [this.#width, this.#height, this.#factors];
        const count = width * height;
        const from = new Int32Array(count).fill(NONE);
        const costs = new Int32Array(count).fill(0x7fffffff);
        /** @type {number[][]} */
        const buckets = Array.from({length: MAX_COST + 1}, () => []);
        const start = this.#indexOf({x, y});
        costs[start] = 0;
        from[start] = start;
        buckets[0].push(start);
        let waiting = 1;
        for (let cost = 0; waiting > 0; cost++) {
            const bucket = buckets[cost % buckets.length];
            while (bucket.length > 0) {
                const at = /** @type {number} */ (bucket.pop());
                waiting--;
                if (costs[at] !== cost) continue; // a cheaper way was found since
                const [column, row] = [at % width, Math.floor(at / width)];
                for (let dy = -1; dy <= 1; dy++) {
                    if (row + dy < 0 || row + dy >= height) continue;
                    for (let dx = -1; dx <= 1; dx++) {
                        if ((dx === 0 && dy === 0) || column + dx < 0 || column + dx >= width) continue;
                        const next = at + dy * width + dx;
                        const step = dx === 0 || dy === 0 ? STRAIGHT : SLANTING;
                        const sum = cost + step * factors[next];
                        if (sum >= costs[next]) continue;
                        costs[next] = sum;
                        from[next] = at;
                        buckets[sum % buckets.length].push(next);
                        waiting++;
                    }
                }
            }
        }
        this.#from = from;
    }

    /**
     * @param {Place} place in pixels of the part
     * @returns {Place[]} the middles of the pixels from the start to there, both included
     */
    lineTo(place) {
        /** @type {Place[]} */
        const line = [];
        for (let at = this.#indexOf(place); at !== NONE && at !== undefined;) {
            line.push({x: (at % this.#width) + 0.5, y: Math.floor(at / this.#width) + 0.5});
            const before = this.#from[at];
            if (before === at) break;
            at = before;
        }
        return line.reverse();
    }

    /** @param {Place} place a place beyond the part is its nearest pixel */
    #indexOf({x, y}) {
        const column = Math.min(this.#width - 1, Math.max(0, Math.floor(x)));
        const row = Math.min(this.#height - 1, Math.max(0, Math.floor(y)));
        return row * this.#width + column;
    }
}

/**
 * @param {Uint8ClampedArray | Uint8Array} rgba
 * @param {number} width
 * @param {number} height
 * @returns {Float32Array} the Sobel gradient's size, 0 to about 4 * 255
 */
function gradientOf(rgba, width, height) {
    const grey = new Float32Array(width * height);
    for (let k = 0; k < grey.length; k++)
        grey[k] = 0.299 * rgba[4 * k] + 0.587 * rgba[4 * k + 1] + 0.114 * rgba[4 * k + 2];
    const gradient = new Float32Array(grey.length);
    for (let row = 1; row < height - 1; row++) {
        for (let k = row * width + 1; k < (row + 1) * width - 1; k++) {
            const [above, below] = [k - width, k + width];
            const gx =
                grey[above + 1] -
                grey[above - 1] +
                2 * (grey[k + 1] - grey[k - 1]) +
                grey[below + 1] -
                grey[below - 1];
            const gy =
                grey[below - 1] -
                grey[above - 1] +
                2 * (grey[below] - grey[above]) +
                grey[below + 1] -
                grey[above + 1];
            gradient[k] = Math.hypot(gx, gy);
        }
    }
    return gradient;
}

/** @param {Float32Array} gradient @returns {Uint8Array} by how much a step there costs more, 1 on an edge */
function factorsOf(gradient) {
    const sample = gradient.filter((_, k) => k % 7 === 0).sort();
    const strongest = Math.max(FAINTEST_EDGE, sample[Math.floor(EDGE_QUANTILE * (sample.length - 1))] ?? 0);
    return Uint8Array.from(
        gradient,
        (size) => 1 + Math.round(FLAT_FACTOR * (1 - Math.min(1, size / strongest))),
    );
}
