/**
 * The fast decoder's click as a WebAssembly kernel: tokens, attentions and norms, on one thread or, with helpers, on several.
 *
 * Source and build: segmentation/families/two_way/click_kernel. It computes the same as the package's graphs `click-token` and
 * `click-token-mask`, which are used where this one cannot be; segmentation/families/two_way/click_graph.py has the reasons for
 * every step. Here is where everything lies in memory, and the list of operations that a click is.
 */

import {TILE, Work} from "../kernel/layout.js";
import {KernelThreads, runnableBuild} from "../kernel/threads.js";
import {
    CHANNELS, Combine, Dots, EXTRA, FILTER, Gather, HEADS, HIDDEN, INNER, Kind, Linear, MASK_BASIS, MASK_ROWS, MASKS, Mask,
    MAX_TOKENS, Norm, Op, OWN_TOKENS, POSITIONS, Self, SPAN, SPANS, Update, WIDTH,
} from "./click-layout.js"; // prettier-ignore

/** @import {FieldsOf, ValuesOf} from "../kernel/struct.js" */
/** @import {TailInputs} from "./tail-kernel.js" */

const MAX_ROWS = HEADS * MAX_TOKENS;
const MAX_DEPTH_0 = MASK_ROWS + MAX_ROWS;
const MAX_DEPTH = MAX_DEPTH_0 + MAX_ROWS + EXTRA;
const MAX_OPERATIONS = 96;
const PAGE_BYTES = 65536;
const MAX_PAGES = 2048; // as the build says

/** What each kind of operation is told. */
const JOBS = {
    LINEAR: Linear,
    DOTS: Dots,
    NORM: Norm,
    SELF: Self,
    MASK: Mask,
    GATHER: Gather,
    UPDATE: Update,
    COMBINE: Combine,
};
const JOB_WORDS = Math.max(...Object.values(JOBS).map(({words}) => words));

/** Of the image graph's outputs: those that lie in tiles and those that lie in spans, see click.c. */
const TILED = [
    "keys_0",
    "keys_1",
    "keys_2",
    "queries_0",
    "queries_1",
    "gathered_0",
    "gathered_0_carried",
    "gathered_1",
];
const SPANNED = ["values_0", "values_1", "values_2"];
const CONSTANTS = ["keys_1.constant", "keys_2.constant", "queries_1.constant"];
/** What is read here, not by the kernel, or once. */
const UNUSED = ["position_matrix", "point_kinds", "mask_basis.centred"];
/** Weights of linear maps, (in, out), that are packed by columns; the others lie as they come. */
const PACKED =
    /^(self_\d\.\w+|mlp_\d\.\d|image_\d\.[kv]|tokens_\d\.\w+|upscaling|iou\.\d|filters\.\d)\.weight$|^carried$/;

/**
 * @typedef {object} ClickKernelPrompt
 * @property {Float32Array} coords (N, 2) model pixels
 * @property {Float32Array} labels (N,): 1, 0, 2/3 box corners, -1 padding
 * @property {Float32Array | null} maskInput (256, 256) logits
 */

/**
 * @typedef {object} ClickKernelAnswer
 * @property {Float32Array} iouPredictions (4,)
 * @property {TailInputs} tailInputs of all four masks, in the outputs' order; parts of the kernel's memory: to be used before the next call
 */

/**
 * @typedef {object} KernelExports
 * @property {(operations: number, count: number, scratch: number) => number} run
 * @property {(from: number, rows: number, outRows: number, to: number) => void} pack_tiles
 * @property {(from: number, to: number) => void} pack_spans
 */

export class ClickKernel {
    #memory;
    #kernel;
    #layout;
    #threads;
    #words;
    #floats;
    #inputSide;
    #epsilon;
    /** @type {Map<string, number>} where each weight lies */
    #weights;
    /** @type {Float32Array} (2, CHANNELS / 2) */
    #positionMatrix;
    /** @type {Float32Array} (5, CHANNELS), of labels -1, 0, 1, 2, 3 */
    #pointKinds;
    /** @type {WeakRef<object> | null} whose tensors are in the memory */
    #image = null;
    #operations = 0;
    #ownTokens;
    /** How many of them something is made of. */
    #askedTokens;
    #maskLimit;
    #isSigmoid;

    /**
     * @param {Map<string, Uint8Array>} files a decoder package's
     * @param {{threads: number, helperUrl: string | null}} options as TailKernel's
     * @returns {Promise<ClickKernel | null>} null: the package has no kernel, or this browser cannot run it
     */
    static async open(files, {threads, helperUrl}) {
        const [index, shared] = [files.get("click-weights"), files.get("weights.bin")];
        const bytes = runnableBuild(files, "click");
        if (!index || !shared || !bytes) return null;
        const {
            input_side: inputSide,
            norm_epsilon: epsilon,
            mask_limit: maskLimit,
            is_sigmoid: isSigmoid,
            ...places
        } = JSON.parse(new TextDecoder().decode(index));
        /** @type {Map<string, Float32Array>} */
        const arrays = new Map();
        for (const [name, [offset, count]] of Object.entries(places)) {
            // A copy where the file does not lie on a multiple of four bytes.
            const start = shared.byteOffset + offset;
            arrays.set(
                name,
                start % 4
                    ? new Float32Array(shared.slice(offset, offset + 4 * count).buffer)
                    : new Float32Array(shared.buffer, start, count),
            );
        }
        const helpers = helperUrl && globalThis.crossOriginIsolated ? threads - 1 : 0;
        const layout = makeLayout(helpers + 1, arrays);
        const memory = new WebAssembly.Memory({
            initial: Math.ceil(layout.end / PAGE_BYTES),
            maximum: MAX_PAGES,
            shared: true,
        });
        const module = await WebAssembly.compile(bytes);
        const instance = await WebAssembly.instantiate(module, {env: {memory}});
        const kernel = new ClickKernel(memory, instance, layout, arrays, {
            inputSide,
            epsilon,
            maskLimit,
            isSigmoid,
        });
        const helping = layout.scratch
            .slice(1)
            .map((scratch) =>
                kernel.#threads.start(/** @type {string} */ (helperUrl), module, "run", [
                    layout.operations,
                    layout.count,
                    scratch,
                ]),
            );
        await Promise.all(helping);
        return kernel;
    }

    /**
     * @param {WebAssembly.Memory} memory
     * @param {WebAssembly.Instance} instance
     * @param {ReturnType<typeof makeLayout>} layout
     * @param {Map<string, Float32Array>} arrays
     * @param {{inputSide: number, epsilon: number, maskLimit: number | null, isSigmoid: boolean}} kind epsilon: of the
     *     tokens' and the image's norms; maskLimit: to which a mask prompt is cut, both ways; isSigmoid: whether the IoU
     *     predictions are sigmoids of what their head gives
     */
    constructor(memory, instance, layout, arrays, {inputSide, epsilon, maskLimit, isSigmoid}) {
        this.#memory = memory;
        this.#kernel = /** @type {KernelExports} */ (/** @type {unknown} */ (instance.exports));
        this.#layout = layout;
        this.#threads = new KernelThreads(memory, {
            control: layout.control, list: layout.operations, ownList: layout.ownOperations,
            words: MAX_OPERATIONS * Op.words, operationWords: Op.words, progress: [Work.at("next"), Work.at("done")],
        }); // prettier-ignore
        this.#words = new Int32Array(memory.buffer);
        this.#floats = new Float32Array(memory.buffer);
        this.#inputSide = inputSide;
        this.#epsilon = epsilon;
        this.#maskLimit = maskLimit;
        this.#isSigmoid = isSigmoid;
        this.#weights = layout.weights;
        this.#positionMatrix = /** @type {Float32Array} */ (arrays.get("position_matrix"));
        this.#pointKinds = /** @type {Float32Array} */ (arrays.get("point_kinds"));
        this.#ownTokens = ownTokensOf(arrays);
        this.#askedTokens = askedTokensOf(arrays);
        this.#setWeights(arrays);
    }

    get bytes() {
        return this.#memory.buffer.byteLength;
    }

    get threads() {
        return this.#threads.count;
    }

    get hasImage() {
        return this.#image !== null;
    }

    /** @param {Map<string, Float32Array>} arrays */
    #setWeights(arrays) {
        const {basis0, stage} = this.#layout;
        for (const [name, array] of arrays) {
            const to = this.#weights.get(name);
            if (CONSTANTS.includes(name)) {
                this.#put(stage, array);
                this.#kernel.pack_tiles(stage, INNER, INNER, this.#layout.constants[name]);
            } else if (to && PACKED.test(name)) {
                const bias = /** @type {Float32Array} */ (arrays.get(name.replace(/weight$/, "bias")));
                const groups = name.startsWith("filters") ? this.#askedTokens - 1 : 1;
                const columns = name === "carried" ? CHANNELS : bias.length / groups;
                this.#pack(array, groups, columns, to);
            } else if (to) {
                this.#put(to, array);
            }
        }
        this.#put(basis0, /** @type {Float32Array} */ (arrays.get("mask_basis.centred")));
    }

    /**
     * (groups, in, columns) -> (groups, columns / 16, in, 16), zeros behind the last column.
     *
     * @param {Float32Array} array
     * @param {number} groups
     * @param {number} columns
     * @param {number} to
     */
    #pack(array, groups, columns, to) {
        const inputs = array.length / groups / columns;
        const blocks = Math.ceil(columns / 16);
        for (let group = 0; group < groups; group++) {
            for (let block = 0; block < blocks; block++) {
                const width = Math.min(16, columns - 16 * block);
                for (let k = 0; k < inputs; k++) {
                    const from = (group * inputs + k) * columns + 16 * block;
                    this.#floats.set(
                        array.subarray(from, from + width),
                        to / 4 + ((group * blocks + block) * inputs + k) * 16,
                    );
                }
            }
        }
    }

    /**
     * Takes an image's tensors into the memory, unless they are there.
     *
     * @param {object} key the same for the same image
     * @param {(name: string) => Float32Array} tensor the image graph's outputs, by name
     */
    setImage(key, tensor) {
        if (this.#image?.deref() === key) return;
        this.#image = null; // until all is there
        const {stage, image, norms, maskProducts} = this.#layout;
        for (const name of TILED) {
            this.#put(stage, tensor(name));
            this.#kernel.pack_tiles(stage, INNER, INNER, image[name]);
        }
        for (const name of SPANNED) {
            this.#put(stage, tensor(name));
            this.#kernel.pack_spans(stage, image[name]);
        }
        this.#put(norms, tensor("norms"));
        const products = tensor("mask_products");
        for (const layer of [0, 1]) {
            this.#put(
                stage,
                products.subarray(layer * MASK_BASIS * POSITIONS, (layer + 1) * MASK_BASIS * POSITIONS),
            );
            this.#kernel.pack_tiles(stage, MASK_BASIS, MASK_ROWS, maskProducts[layer]);
        }
        this.#image = new WeakRef(key);
    }

    /**
     * @param {number} points and box corners, and the padding point
     */
    fits(points) {
        return this.#ownTokens + points <= MAX_TOKENS;
    }

    /**
     * @param {ClickKernelPrompt} prompt that `fits`
     * @returns {ClickKernelAnswer}
     */
    run({coords, labels, maskInput}) {
        const tokens = this.#ownTokens + labels.length;
        if (!this.fits(labels.length)) throw new RangeError(`${labels.length} points do not fit`);
        const layout = this.#layout;
        this.#operations = 0;
        this.#setTokens(coords, labels);
        if (maskInput) this.#setMask(maskInput);
        const {depth, ones} = this.#list(tokens, Boolean(maskInput));
        this.#words[layout.count / 4] = this.#operations;
        this.#threads.work((list) => this.#kernel.run(list, layout.count, layout.scratch[0]));
        this.#copy(this.#weight("upscaling.bias"), layout.tailBasis + 4 * ones * CHANNELS, CHANNELS);
        return {
            iouPredictions: this.#iouPredictions(),
            tailInputs: {
                gain: this.#view(layout.gain, POSITIONS),
                coefficients: this.#view(layout.plain, depth * POSITIONS),
                basis: this.#view(layout.tailBasis, depth * CHANNELS),
                filters: this.#view(layout.filters, MASKS * FILTER),
                // HQ-SAM's own token makes one more.
                ...(this.#askedTokens > OWN_TOKENS && {
                    mixed: this.#view(layout.filters + 4 * MASKS * FILTER, FILTER),
                }),
            },
        };
    }

    /** @param {Float32Array} logits */
    #setMask(logits) {
        const to = this.#layout.maskInput;
        const limit = this.#maskLimit;
        this.#put(to, logits);
        if (limit === null) return;
        const cut = this.#view(to, logits.length);
        for (let k = 0; k < cut.length; k++) cut[k] = Math.min(limit, Math.max(-limit, cut[k]));
    }

    #iouPredictions() {
        const values = this.#view(this.#layout.iou, MASKS).slice();
        return this.#isSigmoid ? values.map((value) => 1 / (1 + Math.exp(-value))) : values;
    }

    /** Ends the helpers; the kernel goes on with one thread. */
    close() {
        this.#threads.close();
    }

    /**
     * The decoder's own tokens and the prompt's points: (T, CHANNELS).
     *
     * @param {Float32Array} coords
     * @param {Float32Array} labels
     */
    #setTokens(coords, labels) {
        const {prompt} = this.#layout;
        this.#copy(this.#weight("own_tokens"), prompt, this.#ownTokens * CHANNELS);
        const half = CHANNELS / 2;
        labels.forEach((label, n) => {
            const row = this.#view(prompt + 4 * (this.#ownTokens + n) * CHANNELS, CHANNELS);
            const kind = this.#pointKinds.subarray((label + 1) * CHANNELS, (label + 2) * CHANNELS);
            // A coordinate names a pixel, its centre is meant; then to -1..1, as in segment-anything.
            const [x, y] = [0, 1].map((axis) => (coords[2 * n + axis] + 0.5) / (this.#inputSide / 2) - 1);
            for (let i = 0; i < half; i++) {
                const angle = x * this.#positionMatrix[i] + y * this.#positionMatrix[half + i];
                row[i] = kind[i] + (label === -1 ? 0 : Math.sin(angle));
                row[half + i] = kind[half + i] + (label === -1 ? 0 : Math.cos(angle));
            }
        });
    }

    /**
     * Writes a click's operations.
     *
     * @param {number} tokens
     * @param {boolean} hasMask
     * @returns {{depth: number, ones: number}} of the coefficients for the tail, and which of them are ones
     */
    #list(tokens, hasMask) {
        const l = this.#layout;
        const askedTokens = this.#askedTokens;
        const rows = HEADS * tokens;
        const depthMask = hasMask ? MASK_ROWS : 0;
        const depth0 = depthMask + rows;
        const depth = depth0 + rows + EXTRA;
        const maskBasis = this.#weight("mask_basis");
        const basis0 = l.basis0 + 4 * (MASK_ROWS - depthMask) * CHANNELS;
        const tokenBasis0 = l.basis0 + 4 * MASK_ROWS * CHANNELS;
        const basis1 = l.basis + 4 * depth0 * CHANNELS;
        const maskCoefficients = {rows: l.maskRows, columns: l.maskColumns, depth: depthMask};
        const coefficients0 = {rows: l.rows0, columns: l.columns0, depth: depth0};
        const coefficients = {rows: l.rows, columns: l.columns, depth};
        if (hasMask)
            this.#add("MASK", SPANS, {
                logits: l.maskInput,
                weights: this.#weight("mask_filters"),
                rows: l.maskRows,
                columns: l.maskColumns,
            });

        // Layer 0: the tokens' side up to what the image attends to.
        this.#selfAttention(0, tokens, l.prompt, l.prompt);
        this.#queries(0, tokens, l.queries);
        if (hasMask) this.#scoresOfBasis("keys_0", l.queries, tokens, maskBasis, MASK_ROWS, l.scoresTokens);
        this.#add("GATHER", SPANS, this.#gather(0, tokens, null, l.scoresTokens, maskCoefficients));
        this.#tokensFromImage(0, tokens, maskBasis, depthMask);
        this.#imageFromTokens(0, tokens, l.keysTokens0, l.valuesTokens0, tokenBasis0);
        if (hasMask) {
            this.#scoresOfBasis("queries_0", l.keysTokens0, tokens, maskBasis, MASK_ROWS, l.scoresImage);
            this.#gram(basis0, tokenBasis0, l.mixed, depthMask, rows);
        }
        this.#gram(tokenBasis0, 0, l.own, rows, 0);

        // Layer 1 begins among the tokens, so that one pass over the image ends layer 0 and begins layer 1.
        this.#selfAttention(1, tokens, l.tokens, l.positioned);
        this.#queries(1, tokens, l.queries);
        this.#scoresOfBasis("keys_1", l.queries, tokens, basis0, depth0, l.scoresTokens);
        this.#add("UPDATE", SPANS, {
            keys: l.keysTokens0,
            queries: l.image.queries_0,
            rows: l.scoresImage,
            before: l.maskRows,
            maskProducts: hasMask ? l.maskProducts[0] : 0,
            values: l.valuesTokens0,
            gathered: l.image.gathered_0,
            mixed: l.mixed,
            own: l.own,
            norms: l.norms,
            gain: l.gain0,
            coefficients: l.rows0,
            columns: l.columns0,
            tokens,
            depthBefore: depthMask,
            depth: depth0,
            epsilon: this.#epsilon,
            gather: this.#gather(1, tokens, l.gain0, l.scoresTokens, coefficients0),
        });
        this.#tokensFromImage(1, tokens, basis0, depth0);
        this.#imageFromTokens(1, tokens, l.keysTokens1, l.valuesTokens1, basis1);
        this.#scoresOfBasis("queries_1", l.keysTokens1, tokens, basis0, depth0, l.scoresImage);
        this.#linear("carried", {
            x: basis0,
            y: l.basis,
            rows: depth0,
            inputs: CHANNELS,
            columns: CHANNELS,
            hasBias: false,
        });
        this.#copy(this.#weight("between"), basis1 + 4 * rows * CHANNELS, CHANNELS);
        this.#view(basis1 + 4 * (rows + 1) * CHANNELS, (EXTRA - 1) * CHANNELS).fill(0);
        this.#gram(l.basis, basis1, l.mixed, depth0, rows + EXTRA);
        this.#gram(basis1, 0, l.own, rows + EXTRA, 0);

        // The final attention, only of the decoder's own tokens that something is made of.
        this.#queries(2, askedTokens, l.queries);
        this.#scoresOfBasis("keys_2", l.queries, askedTokens, l.basis, depth, l.scoresTokens);
        this.#add("UPDATE", SPANS, {
            keys: l.keysTokens1,
            queries: l.image.queries_1,
            constant: l.constants["queries_1.constant"],
            rows: l.scoresImage,
            before: l.rows0,
            gainBefore: l.gain0,
            maskProducts: hasMask ? l.maskProducts[1] : 0,
            valuesBefore: l.valuesTokens0,
            gatheredBefore: l.image.gathered_0_carried,
            values: l.valuesTokens1,
            gathered: l.image.gathered_1,
            mixed: l.mixed,
            own: l.own,
            norms: l.norms + 4 * POSITIONS,
            constantProducts: l.norms + 8 * POSITIONS,
            gain: l.gain,
            coefficients: l.rows,
            columns: l.columns,
            plain: l.plain,
            tokens,
            depthBefore: depth0,
            depth,
            isLast: 1,
            epsilon: this.#epsilon,
            gather: this.#gather(2, askedTokens, l.gain, l.scoresTokens, coefficients),
        });
        this.#tokensFromImage(2, askedTokens, l.basis, depth);

        // What comes out.
        this.#linear("upscaling", {
            x: l.basis,
            y: l.tailBasis,
            rows: depth,
            inputs: CHANNELS,
            columns: CHANNELS,
            hasBias: false,
        });
        let from = l.tokens;
        for (const [number, to] of [l.hidden, l.attended, l.iou].entries()) {
            const columns = number < 2 ? CHANNELS : TILE;
            this.#linear(`iou.${number}`, {
                x: from,
                y: to,
                rows: 1,
                inputs: CHANNELS,
                columns,
                isRelu: number < 2,
            });
            from = to;
        }
        from = l.tokens + 4 * CHANNELS;
        for (const [number, to] of [l.hidden, l.attended, l.filters].entries()) {
            const columns = number < 2 ? CHANNELS : FILTER;
            this.#linear(`filters.${number}`, {
                x: from,
                y: to,
                rows: 1,
                groups: askedTokens - 1,
                inputs: CHANNELS,
                columns,
                isRelu: number < 2,
                xGroup: CHANNELS,
                yGroup: columns,
            });
            from = to;
        }
        return {depth, ones: depth0 + rows + 1};
    }

    /**
     * Attention among the tokens: `l.tokens` and, with the prompt added, `l.positioned`.
     *
     * @param {number} layer
     * @param {number} tokens
     * @param {number} from
     * @param {number} positioned the same with the prompt; the first layer has neither that nor a residual
     */
    #selfAttention(layer, tokens, from, positioned) {
        const l = this.#layout;
        const [queries, keys, values] = [
            l.hidden,
            l.hidden + 4 * MAX_TOKENS * CHANNELS,
            l.hidden + 8 * MAX_TOKENS * CHANNELS,
        ];
        const shape = {rows: tokens, inputs: CHANNELS, columns: CHANNELS};
        this.#linear(`self_${layer}.q`, {x: positioned, y: queries, ...shape});
        this.#linear(`self_${layer}.k`, {x: positioned, y: keys, ...shape});
        this.#linear(`self_${layer}.v`, {x: from, y: values, ...shape});
        this.#add("SELF", HEADS, {queries, keys, values, y: l.attended, tokens});
        this.#linear(`self_${layer}.out`, {
            x: l.attended,
            y: l.summed,
            add: layer === 0 ? 0 : from,
            ...shape,
        });
        this.#norm(`norm_${layer}.1`, tokens, l.tokens, l.positioned);
    }

    /**
     * What the tokens ask the image: (T, INNER), of `l.positioned`.
     *
     * @param {number} layer
     * @param {number} tokens
     * @param {number} to
     */
    #queries(layer, tokens, to) {
        this.#linear(`tokens_${layer}.q`, {
            x: this.#layout.positioned,
            y: to,
            rows: tokens,
            inputs: CHANNELS,
            columns: INNER,
        });
    }

    /**
     * What each row of a basis adds to the scores: (HEADS T, depth).
     *
     * @param {string} projection by head
     * @param {number} vectors (T, INNER)
     * @param {number} tokens
     * @param {number} basis (depth, CHANNELS)
     * @param {number} depth
     * @param {number} to
     */
    #scoresOfBasis(projection, vectors, tokens, basis, depth, to) {
        this.#byHead(projection, vectors, tokens, this.#layout.channels);
        this.#add("DOTS", HEADS * tokens, {x: this.#layout.channels, y0: basis, y: to, columns: depth});
    }

    /**
     * Inner products of a basis' rows with each other, each pair once, and with those of another.
     *
     * @param {number} basis (rows, CHANNELS)
     * @param {number} other (otherRows, CHANNELS), or 0
     * @param {number} to
     * @param {number} rows
     * @param {number} otherRows
     */
    #gram(basis, other, to, rows, otherRows) {
        this.#add("DOTS", rows, {
            x: basis,
            y0: basis,
            y1: other,
            y: to,
            columns: rows,
            columns1: otherRows,
            isGram: 1,
        });
    }

    /**
     * (T, INNER) vectors times a projection by head: (HEADS T, CHANNELS).
     *
     * @param {string} projection
     * @param {number} vectors
     * @param {number} tokens
     * @param {number} to
     */
    #byHead(projection, vectors, tokens, to) {
        this.#linear(projection, {
            x: vectors,
            y: to,
            rows: tokens,
            groups: HEADS,
            inputs: WIDTH,
            columns: CHANNELS,
            hasBias: false,
            xRow: INNER,
            xGroup: WIDTH,
            wRow: CHANNELS,
            wBlock: 16,
            wGroup: WIDTH * CHANNELS,
            yRow: CHANNELS,
            yGroup: tokens * CHANNELS,
        });
    }

    /**
     * @param {number} layer
     * @param {number} tokens
     * @param {number | null} gain
     * @param {number} scores what a coefficient adds to them
     * @param {{rows: number, columns: number, depth: number}} coefficients
     */
    #gather(layer, tokens, gain, scores, {rows, columns, depth}) {
        const l = this.#layout;
        return {
            queries: l.queries,
            keys: l.image[`keys_${layer}`],
            constant: layer ? l.constants[`keys_${layer}.constant`] : 0,
            values: l.image[`values_${layer}`],
            gain: gain ?? 0,
            rows: scores,
            coefficients: rows,
            columns,
            partial: l.partial,
            tokens,
            depth,
            partialSize: partialSize(tokens, depth),
        };
    }

    /**
     * Ends the tokens' attention to the image, and is followed by their MLP unless it is the final one.
     *
     * @param {number} layer
     * @param {number} tokens
     * @param {number} basis (depth, CHANNELS)
     * @param {number} depth
     */
    #tokensFromImage(layer, tokens, basis, depth) {
        const l = this.#layout;
        const rows = HEADS * tokens;
        this.#add("COMBINE", rows, {
            partial: l.partial,
            gathered: l.gathered,
            moments: l.moments,
            tokens,
            depth,
            partialSize: partialSize(tokens, depth),
        });
        let gathered = l.gathered;
        if (depth) {
            this.#linear(null, {
                x: l.moments,
                w: basis,
                y: l.channels,
                rows,
                inputs: depth,
                columns: CHANNELS,
                hasBias: false,
                wRow: CHANNELS,
                wBlock: 16,
            });
            this.#linear(`values_${layer}`, {
                x: l.channels,
                y: l.gatheredWhole,
                add: l.gathered,
                rows: tokens,
                groups: HEADS,
                inputs: CHANNELS,
                columns: WIDTH,
                hasBias: false,
                xRow: CHANNELS,
                xGroup: tokens * CHANNELS,
                wRow: WIDTH,
                wBlock: 0,
                wGroup: CHANNELS * WIDTH,
                yRow: INNER,
                yGroup: WIDTH,
            });
            gathered = l.gatheredWhole;
        }
        this.#linear(`tokens_${layer}.out`, {
            x: gathered,
            y: l.summed,
            add: l.tokens,
            rows: tokens,
            inputs: INNER,
            columns: CHANNELS,
        });
        if (layer === 2) {
            this.#norm("norm_2", tokens, l.tokens, 0);
            return;
        }
        this.#norm(`norm_${layer}.2`, tokens, l.attended, 0);
        this.#linear(`mlp_${layer}.1`, {
            x: l.attended,
            y: l.hidden,
            rows: tokens,
            inputs: CHANNELS,
            columns: HIDDEN,
            isRelu: true,
        });
        this.#linear(`mlp_${layer}.2`, {
            x: l.hidden,
            y: l.summed,
            add: l.attended,
            rows: tokens,
            inputs: HIDDEN,
            columns: CHANNELS,
        });
        this.#norm(`norm_${layer}.3`, tokens, l.tokens, l.positioned);
    }

    /**
     * What the image's positions find at the tokens, and the basis of what they gather.
     *
     * @param {number} layer
     * @param {number} tokens
     * @param {number} keys (T, INNER)
     * @param {number} values (T, INNER)
     * @param {number} basis (HEADS T, CHANNELS)
     */
    #imageFromTokens(layer, tokens, keys, values, basis) {
        const l = this.#layout;
        const shape = {rows: tokens, inputs: CHANNELS, columns: INNER};
        this.#linear(`image_${layer}.k`, {x: l.positioned, y: keys, ...shape});
        this.#linear(`image_${layer}.v`, {x: l.tokens, y: values, ...shape});
        this.#byHead(`image_${layer}.basis`, values, tokens, basis);
    }

    /**
     * The norm of `l.summed`.
     *
     * @param {string} name
     * @param {number} tokens
     * @param {number} to
     * @param {number} positioned where it goes with the prompt added, or 0
     */
    #norm(name, tokens, to, positioned) {
        const {summed, prompt} = this.#layout;
        this.#add("NORM", tokens, {
            x: summed,
            weight: this.#weight(`${name}.weight`),
            bias: this.#weight(`${name}.bias`),
            add: prompt,
            y: to,
            sum: positioned,
            epsilon: this.#epsilon,
        });
    }

    /**
     * y = x w + b + add; see click.c. The steps' defaults are those of one group and packed weights.
     *
     * @param {string | null} name of the weights, without `.weight`; null: `w` is where they lie
     * @param {{x: number, y: number, rows: number, inputs: number, columns: number, w?: number, add?: number, groups?: number,
     *     hasBias?: boolean, isRelu?: boolean, xRow?: number, xGroup?: number, wRow?: number, wBlock?: number, wGroup?: number,
     *     yRow?: number, yGroup?: number}} job
     */
    #linear(
        name,
        {
            x,
            y,
            rows,
            inputs,
            columns,
            w,
            add = 0,
            groups = 1,
            hasBias = true,
            isRelu = false,
            xRow = inputs,
            xGroup = 0,
            wRow = 16,
            wBlock = 16 * inputs,
            wGroup = inputs * columns,
            yRow = columns,
            yGroup = 0,
        },
    ) {
        this.#add("LINEAR", (groups * columns) / TILE, {
            x,
            w: w ?? this.#weights.get(`${name}.weight`) ?? this.#weight(`${name}`),
            b: hasBias ? this.#weight(`${name}.bias`) : 0,
            add,
            y,
            rows,
            inputs,
            columns,
            xRow,
            xGroup,
            wRow,
            wBlock,
            wGroup,
            yRow,
            yGroup,
            isRelu: isRelu ? 1 : 0,
        });
    }

    /**
     * Writes one operation.
     *
     * @template {keyof typeof JOBS} K
     * @param {K} kind
     * @param {number} units
     * @param {ValuesOf<FieldsOf<(typeof JOBS)[K]>>} values
     */
    #add(kind, units, values) {
        const number = this.#operations++;
        if (number >= MAX_OPERATIONS) throw new RangeError("too many operations");
        const job = this.#layout.jobs + 4 * number * JOB_WORDS;
        JOBS[kind].write(this.#words, job / 4, values);
        Op.write(this.#words, this.#threads.list / 4 + number * Op.words, {
            work: {kind: Kind[kind], units},
            job,
        });
    }

    /** @param {string} name */
    #weight(name) {
        const place = this.#weights.get(name);
        if (!place) throw new RangeError(`the decoder package has no ${name}`);
        return place;
    }

    /**
     * @param {number} to
     * @param {Float32Array} values
     */
    #put(to, values) {
        this.#floats.set(values, to / 4);
    }

    /**
     * @param {number} from
     * @param {number} to
     * @param {number} count
     */
    #copy(from, to, count) {
        this.#floats.copyWithin(to / 4, from / 4, from / 4 + count);
    }

    /**
     * @param {number} offset
     * @param {number} count
     */
    #view(offset, count) {
        return this.#floats.subarray(offset / 4, offset / 4 + count);
    }
}

/**
 * How many tokens are the decoder's own: for the IoU predictions, the four masks, and HQ-SAM's or SAM 2's.
 *
 * @param {Map<string, Float32Array>} arrays the weights
 */
function ownTokensOf(arrays) {
    return /** @type {Float32Array} */ (arrays.get("own_tokens")).length / CHANNELS;
}

/**
 * How many of them something is made of, the first ones: the IoU predictions, and a filter by an MLP of each other.
 *
 * @param {Map<string, Float32Array>} arrays the weights
 */
function askedTokensOf(arrays) {
    return 1 + /** @type {Float32Array} */ (arrays.get("filters.0.bias")).length / CHANNELS;
}

/**
 * Floats that a span's part of an attention takes: maximum, sum, values and coefficients of each row.
 *
 * @param {number} tokens
 * @param {number} depth
 */
function partialSize(tokens, depth) {
    return HEADS * tokens * (2 + WIDTH + 16 * Math.ceil(depth / 16));
}

/**
 * @param {number} threads
 * @param {Map<string, Float32Array>} arrays the weights
 */
function makeLayout(threads, arrays) {
    const askedTokens = askedTokensOf(arrays);
    let end = 1024; // the kernel has no data of its own; nothing lies at 0
    const place = (/** @type {number} */ floats) => {
        const offset = end;
        end = Math.ceil((end + 4 * floats) / 64) * 64;
        return offset;
    };
    const planes = (/** @type {string[]} */ names) =>
        /** @type {Record<string, number>} */ (
            Object.fromEntries(names.map((name) => [name, place(INNER * POSITIONS)]))
        );
    const tokenRows = () => place(MAX_TOKENS * CHANNELS);
    /** @type {Map<string, number>} */
    const weights = new Map();
    for (const [name, array] of arrays) {
        // Columns and rows of zeros where the kernel counts in blocks.
        if (!CONSTANTS.includes(name) && !UNUSED.includes(name))
            weights.set(
                name,
                place(Math.max(array.length, name.startsWith("iou") ? TILE * CHANNELS : 0) + 4 * CHANNELS),
            );
    }
    const layout = {
        weights,
        constants: planes(CONSTANTS),
        image: planes([...TILED, ...SPANNED]),
        norms: place(3 * POSITIONS),
        maskProducts: [place(MASK_ROWS * POSITIONS), place(MASK_ROWS * POSITIONS)],
        control: place(2),
        count: place(1),
        operations: place(MAX_OPERATIONS * Op.words),
        ownOperations: place(MAX_OPERATIONS * Op.words),
        jobs: place(MAX_OPERATIONS * JOB_WORDS),
        // Tokens.
        prompt: tokenRows(),
        tokens: tokenRows(),
        positioned: tokenRows(),
        summed: tokenRows(),
        attended: tokenRows(),
        hidden: place(MAX_TOKENS * HIDDEN),
        queries: place(MAX_TOKENS * INNER),
        keysTokens0: place(MAX_TOKENS * INNER),
        valuesTokens0: place(MAX_TOKENS * INNER),
        keysTokens1: place(MAX_TOKENS * INNER),
        valuesTokens1: place(MAX_TOKENS * INNER),
        gathered: place(MAX_TOKENS * INNER),
        gatheredWhole: place(MAX_TOKENS * INNER),
        iou: place(TILE),
        filters: place((askedTokens - 1) * FILTER),
        // Low rank.
        basis0: place(MAX_DEPTH_0 * CHANNELS),
        basis: place(MAX_DEPTH * CHANNELS),
        tailBasis: place(MAX_DEPTH * CHANNELS),
        channels: place(MAX_ROWS * CHANNELS),
        moments: place(MAX_ROWS * MAX_DEPTH),
        scoresTokens: place(MAX_ROWS * MAX_DEPTH),
        scoresImage: place(MAX_ROWS * MAX_DEPTH_0),
        mixed: place(MAX_DEPTH_0 * MAX_DEPTH),
        own: place((MAX_ROWS + EXTRA) ** 2),
        partial: place(
            SPANS * Math.max(partialSize(MAX_TOKENS, MAX_DEPTH_0), partialSize(askedTokens, MAX_DEPTH)),
        ),
        // Positions.
        maskInput: place(16 * POSITIONS),
        maskRows: place(MASK_ROWS * POSITIONS),
        maskColumns: place(32 * POSITIONS),
        gain0: place(POSITIONS),
        gain: place(POSITIONS),
        rows0: place(MAX_DEPTH_0 * POSITIONS),
        columns0: place(16 * Math.ceil(MAX_DEPTH_0 / 16) * POSITIONS),
        rows: place(MAX_DEPTH * POSITIONS),
        columns: place(16 * Math.ceil(MAX_DEPTH / 16) * POSITIONS),
        plain: place(MAX_DEPTH * POSITIONS),
        scratch: Array.from({length: threads}, () => place(MAX_TOKENS * INNER + 2 * MAX_ROWS * SPAN)),
    };
    // Packing's source is where the last click's answer lies.
    return {...layout, stage: layout.plain, end};
}
