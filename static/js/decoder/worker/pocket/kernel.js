/**
 * pocket's whole decoder as a WebAssembly kernel: this lays out the memory and writes the list of operations, draws the
 * prompt, and has the kernel work through the list, on one thread or with helpers on several.
 *
 * segmentation/families/pocket/network.py is the network, and what everything here is named after; the kernel's source and build
 * are in segmentation/families/pocket/kernel.
 */

import {TILE, Work} from "../kernel/layout.js";
import {KernelThreads, runnableBuild} from "../kernel/threads.js";
import {Activation, Kind, Op} from "./layout.js";
import {drawPrompt} from "./prompt-maps.js";

/** @import {FieldsOf, ValuesOf} from "../kernel/struct.js" */
/** @import {DrawnPrompt} from "./prompt-maps.js" */

const PAGE_BYTES = 65536;
const MIN_PAGES = 16; // as the build says, both
const MAX_PAGES = 1024;
const OUTPUTS = 4;
const MAX_CLICKS = 1024; // of each kind whose similarity is read; later ones are drawn all the same
const LOGIT_SCALE = 8;

/**
 * Planes in the kernel's memory, each with a margin of zeros.
 *
 * @typedef {object} PlaneMap
 * @property {number} data byte offset of channel 0's first position inside the margin
 * @property {number} channels
 * @property {number} height
 * @property {number} width
 * @property {number} stride floats from row to row
 * @property {number} plane floats from channel to channel
 */

/** @typedef {Omit<ValuesOf<FieldsOf<typeof Op>>, "work">} OpFields what an operation is told */

/**
 * @typedef {object} KernelExports
 * @property {(a: number, rows: number, depth: number, out: number) => void} pack_rows
 * @property {(a: number, rows: number, channels: number, taps: number, list: number, count: number, out: number) => void} pack_some
 * @property {(ops: number, count: number, scratch: number) => number} run
 */

/**
 * A decoder package's weights: state_dict names of the decoder, gains folded in.
 *
 * @typedef {Map<string, Float32Array>} Weights
 */

/** @typedef {{raw: number, list: number, channels: number, rows: number}} DrawnFilter byte offsets and sizes */

/** @typedef {{coords: Float32Array, labels: Float32Array, maskInput: Float32Array | null}} Prompt model pixels */

export class PocketKernel {
    #memory;
    #kernel;
    #weights;
    #threads;
    #end = 1024; // the kernel has no data of its own; nothing lies at 0
    /** @type {Int32Array[]} */
    #ops = [];
    /** @type {Map<string, number>} operations that a prompt changes -> their place in the list */
    #named = new Map();
    /** @type {Map<string, DrawnFilter>} */
    #chosen = new Map();
    #scratchAt = 0;
    #side;
    #plan;
    /** @type {object | null} the image whose embedding is in the memory */
    #image = null;

    /**
     * @param {Map<string, Uint8Array>} files a decoder package's
     * @param {{inputSide: number, threads: number, helperUrl: string | null}} options helperUrl: kernel/helper.js
     * @returns {Promise<PocketKernel | null>} null: this browser cannot run it, or it is not made for such an input side
     */
    static async open(files, {inputSide, threads, helperUrl}) {
        const bytes = runnableBuild(files, "pocket");
        if (!bytes || inputSide % 64) return null;
        const helpers = helperUrl && globalThis.crossOriginIsolated ? threads - 1 : 0;
        const memory = new WebAssembly.Memory({initial: MIN_PAGES, maximum: MAX_PAGES, shared: true});
        const module = await WebAssembly.compile(bytes);
        const instance = await WebAssembly.instantiate(module, {env: {memory}});
        /** @type {Weights} */
        const weights = new Map();
        for (const [name, content] of files) {
            if (!name.endsWith(".wasm")) weights.set(name, new Float32Array(content.slice().buffer));
        }
        const exports = /** @type {KernelExports} */ (/** @type {unknown} */ (instance.exports));
        const kernel = new PocketKernel(memory, exports, weights, inputSide, 1 + helpers);
        for (let k = 1; k <= helpers; k++) {
            const args = [kernel.#threads.list, kernel.#ops.length, kernel.#scratch(k)];
            await kernel.#threads.start(/** @type {string} */ (helperUrl), module, "run", args);
        }
        return kernel;
    }

    /**
     * @param {WebAssembly.Memory} memory
     * @param {KernelExports} kernel
     * @param {Weights} weights
     * @param {number} inputSide
     * @param {number} threads at most
     */
    constructor(memory, kernel, weights, inputSide, threads) {
        this.#memory = memory;
        this.#kernel = kernel;
        this.#weights = weights;
        this.#side = inputSide;
        const control = this.#place(2);
        this.#plan = this.#makePlan();
        const words = Op.words * this.#ops.length;
        const [list, ownList] = [this.#place(words), this.#place(words)];
        this.#scratchAt = this.#end;
        this.#place(threads * this.#scratchFloats());
        const memoryOfList = new Int32Array(memory.buffer, list, words);
        this.#ops.forEach((op, k) => memoryOfList.set(op, k * Op.words));
        const progress = [Work.at("next"), Work.at("done")];
        this.#threads = new KernelThreads(memory, {
            control,
            list,
            ownList,
            words,
            operationWords: Op.words,
            progress,
        });
    }

    get threads() {
        return this.#threads.count;
    }

    get bytes() {
        return this.#memory.buffer.byteLength;
    }

    /** Shapes of the embedding's tensors, by name. */
    get embedding() {
        const {stride16, stride8, stride4} = this.#plan;
        const shapeOf = (/** @type {PlaneMap} */ {channels, height, width}) => [channels, height, width];
        return {stride16: shapeOf(stride16), stride8: shapeOf(stride8), stride4: shapeOf(stride4)};
    }

    /**
     * @param {object} key whose embedding it is: a decode with the same key needs no new copy
     * @param {Record<string, Float32Array>} tensors as `embedding` says
     */
    setImage(key, tensors) {
        if (this.#image === key) return;
        const {stride16, stride8, stride4, unit16, unit8} = this.#plan;
        for (const [map, values] of /** @type {[PlaneMap, Float32Array][]} */ ([
            [stride16, tensors.stride16], [stride8, tensors.stride8], [stride4, tensors.stride4],
        ])) this.#floats(map.data, values.length).set(values); // prettier-ignore
        this.#normalise(tensors.stride16, unit16);
        this.#normalise(tensors.stride8, unit8);
        this.#image = key;
    }

    /**
     * Decodes one prompt on the image that was set.
     *
     * @param {Prompt} prompt
     * @returns {{logits: Float32Array, iouPredictions: Float32Array}} (4, side / 2, side / 2) and (4,)
     */
    decode({coords, labels, maskInput}) {
        const plan = this.#plan;
        const drawn = drawPrompt(coords, labels, this.#side);
        this.#draw(drawn);
        const hasMask = maskInput ? 1 : 0;
        if (maskInput) this.#floats(plan.maskInput.data, maskInput.length).set(maskInput);
        else this.#fill(plan.drawn4, 2, 0);
        this.#fill(plan.drawn8, 13, hasMask);
        this.#fill(plan.drawn4, 3, hasMask);
        const {foreground, background, hasBox} = drawn;
        this.#floats(plan.counts, 4).set([
            Math.min(foreground, 8) / 8,
            Math.min(background, 8) / 8,
            hasBox ? 1 : 0,
            hasMask,
        ]);
        if (!maskInput) this.#floats(plan.previousSums, this.#side / 4).fill(0);
        this.#opWords("previous")[Work.at("units")] = hasMask ? this.#side / 4 : 0;
        this.#gatherClicks(drawn);
        const chosen = chooseChannels(drawn, Boolean(maskInput));
        for (const name of ["prompt16", "prompt8"]) this.#choose(name, chosen.wide);
        this.#choose("prompt4", chosen.fine);
        this.#threads.work((list) => this.#kernel.run(list, this.#ops.length, this.#scratchAt));
        const side = this.#side / 2;
        const logits = this.#floats(plan.logits.data, OUTPUTS * side * side).slice();
        return {logits, iouPredictions: this.#predictIou()};
    }

    /** Ends the helpers; the kernel goes on with one thread. */
    close() {
        this.#threads.close();
    }

    // --- a run ---

    /** @param {DrawnPrompt} drawn */
    #draw({maps8, maps4, outside}) {
        const {drawn8, drawn4, outsideMap} = this.#plan;
        maps8.forEach((map, channel) => this.#copyIn(drawn8, channel, map));
        this.#copyIn(drawn4, 0, maps4[0]);
        this.#copyIn(drawn4, 1, maps4[1]);
        this.#copyIn(drawn4, 6, maps4[2]);
        const gains = this.#weight("box_gain");
        const cells = outside.length;
        const to = this.#floats(outsideMap.data, OUTPUTS * cells);
        for (let output = 0; output < OUTPUTS; output++) {
            for (let k = 0; k < cells; k++) to[output * cells + k] = -gains[output] * outside[k];
        }
    }

    /**
     * Puts what lies under the clicks where the kernel reads it: unit features of each click, and the foreground clicks'
     * weights as a map.
     *
     * @param {DrawnPrompt} drawn
     */
    #gatherClicks({clicks}) {
        const {unit16, unit8, clicked16, clicked8, clickWeights} = this.#plan;
        const side16 = unit16.width;
        const weights16 = this.#floats(clickWeights.data, side16 * side16);
        weights16.fill(0);
        /** @type {[number, number]} of foreground, of background */
        const counts = [0, 0];
        for (const {isForeground, places, weights} of clicks) {
            const kind = isForeground ? 0 : 1;
            const places16 = places.map((place) => {
                const [row, column] = [Math.floor(place / unit8.width), place % unit8.width];
                return (row >> 1) * side16 + (column >> 1);
            });
            if (isForeground) places16.forEach((place, k) => (weights16[place] += weights[k]));
            if (counts[kind] === MAX_CLICKS) continue;
            this.#sumUnder(unit16, places16, weights, clicked16[kind], counts[kind]);
            this.#sumUnder(unit8, places, weights, clicked8[kind], counts[kind]);
            counts[kind]++;
        }
        for (const [name, kind] of /** @type {[string, number][]} */ ([
            ["similar16-foreground", 0], ["similar8-foreground", 0], ["similar16-background", 1], ["similar8-background", 1],
        ])) this.#opWords(name)[Op.at("count")] = counts[kind]; // prettier-ignore
    }

    /**
     * @param {PlaneMap} map
     * @param {readonly number[]} places
     * @param {readonly number[]} weights
     * @param {number} to byte offset of the table (clicks, channels)
     * @param {number} row
     */
    #sumUnder(map, places, weights, to, row) {
        const values = this.#floats(map.data, map.channels * map.plane);
        const sums = this.#floats(to + 4 * row * map.channels, map.channels);
        for (let channel = 0; channel < map.channels; channel++) {
            let sum = 0;
            for (let k = 0; k < places.length; k++)
                sum += weights[k] * values[channel * map.plane + places[k]];
            sums[channel] = sum;
        }
    }

    /** The IoU head, on the sums the kernel left. */
    #predictIou() {
        const {stride8, judged, summary, stride16} = this.#plan;
        const rows = stride8.height;
        const width = stride8.channels + 3;
        const cells = rows * rows;
        const sums = new Float64Array(OUTPUTS * width);
        const parts = this.#floats(judged, rows * sums.length);
        for (let row = 0; row < rows; row++) {
            for (let k = 0; k < sums.length; k++) sums[k] += parts[row * sums.length + k];
        }
        const features = new Float64Array(sums.length + stride16.channels);
        for (let output = 0; output < OUTPUTS; output++) {
            const at = output * width;
            const inside = sums[at + width - 3];
            for (let k = 0; k < stride8.channels; k++) features[at + k] = sums[at + k] / (inside + 1);
            const area = inside / cells;
            features[at + width - 3] = Math.sqrt(area);
            features[at + width - 2] = sums[at + width - 2] / cells / (area + 1e-3);
            features[at + width - 1] = Math.tanh(sums[at + width - 1] / (16 * cells) / LOGIT_SCALE);
        }
        features.set(this.#floats(summary, stride16.channels), sums.length);
        const hidden = multiply(this.#weight("iou_head.0.weight"), features, this.#weight("iou_head.0.bias"));
        for (let k = 0; k < hidden.length; k++) hidden[k] = Math.max(0, hidden[k]);
        const rated = multiply(this.#weight("iou_head.2.weight"), hidden, this.#weight("iou_head.2.bias"));
        return Float32Array.from(rated, (value) => 1 / (1 + Math.exp(-value)));
    }

    // --- the plan, made once ---

    /** Places all maps and writes the operations in their order. */
    #makePlan() {
        const channelsOf = (/** @type {string} */ name) => this.#weight(`${name}.bias`).length;
        const [wide, middle, fine] = [channelsOf("prompt16"), channelsOf("prompt8"), channelsOf("prompt4")];
        const [s16, s8, s4] = [this.#side / 16, this.#side / 8, this.#side / 4];
        const drawnChannels = 14;
        const stride16 = this.#map(wide, s16);
        const stride8 = this.#map(middle, s8);
        const stride4 = this.#map(fine, s4);
        const unit16 = this.#map(wide, s16);
        const unit8 = this.#map(middle, s8);
        const drawn16 = this.#map(drawnChannels + 4, s16, 1);
        const drawn8 = this.#map(drawnChannels + 4, s8, 1);
        const drawn4 = this.#map(7, s4, 1);
        const maskInput = this.#map(1, 2 * s4);
        const clickWeights = this.#map(1, s16);
        const outsideMap = this.#map(OUTPUTS, s8);
        const tables = (/** @type {number} */ channels) =>
            [0, 1].map(() => this.#place(MAX_CLICKS * channels));
        const [clicked16, clicked8] = [tables(wide), tables(middle)];
        const previousSums = this.#place(s4);
        const context = this.#place(3 * wide + 5);
        const counts = context + 4 * 3 * wide;

        // What the prompt is, at strides 8 and 16.
        const previous4 = channel(drawn4, 2);
        this.#op("PREVIOUS", s4, {in: maskInput, out: previous4, vector: previousSums}, "previous");
        this.#op("POOL", s8, {in: previous4, out: channel(drawn8, 12)});
        this.#op("POOL", s16, {
            in: channel(drawn8, 0, drawnChannels),
            out: channel(drawn16, 0, drawnChannels),
        });
        ["foreground", "background"].forEach((kind, k) => {
            const places = [drawn16, drawn8].map((drawn) => channel(drawn, drawnChannels + 2 * k, 2));
            this.#op("SIMILAR", s16, {in: unit16, out: places[0], w0: clicked16[k]}, `similar16-${kind}`);
            this.#op("SIMILAR", s8, {in: unit8, out: places[1], w0: clicked8[k]}, `similar8-${kind}`);
        });
        [clickWeights, channel(drawn16, 6), channel(drawn16, 12)].forEach((add, k) =>
            this.#op("GATHER", wide, {in: stride16, add, vector: context + 4 * k * wide}),
        );
        this.#op("TOTAL", 1, {
            out: vectorMap(counts + 16),
            vector: previousSums,
            count: s4,
            others: (2 * s4) ** 2,
        });
        const asked = this.#place(2 * wide);
        const modulation = this.#place(2 * wide);
        this.#linear("context.0", context, asked, Activation.RELU);
        this.#linear("context.2", asked, modulation, Activation.ONE_PLUS_TANH, 0, wide);
        this.#linear("context.2", asked, modulation + 4 * wide, Activation.NO_ACTIVATION, wide, 2 * wide);

        // Stride 16.
        const blocks16 = this.#blockNames("blocks16");
        const margin16 = Math.max(...blocks16.map((name, k) => this.#reach(name, 1 + (k % 2))));
        let [x, spare] = [this.#map(wide, s16, margin16), this.#map(wide, s16, margin16)];
        this.#convolveDrawn("prompt16", drawn16, x, {
            add: stride16,
            activation: Activation.RELU,
            w1: modulation,
            b1: modulation + 4 * wide,
        });
        const summary = this.#place(2 * wide);
        blocks16.forEach((name, k) => {
            if (k === Math.floor(blocks16.length / 2)) {
                this.#op("SUMMARISE", wide, {in: x, vector: summary});
                const w0 = this.#copyOf("context_again.weight");
                const b0 = this.#copyOf("context_again.bias");
                this.#op("SHIFT", wide, {in: x, w0, b0, vector: summary, count: 2 * wide});
            }
            this.#mix(name, x, spare, 1 + (k % 2));
            [x, spare] = [spare, x];
        });

        // Stride 8.
        const small8 = this.#map(middle, s16);
        const from16 = this.#map(middle, s8);
        this.#convolve("down8", x, small8);
        this.#op("UPSAMPLE", s8, {in: small8, out: from16, add: stride8});
        const blocks8 = this.#blockNames("blocks8");
        const margin8 = Math.max(...blocks8.map((name) => this.#reach(name, 1)));
        let [y, spare8] = [this.#map(middle, s8, margin8), this.#map(middle, s8, margin8)];
        this.#convolveDrawn("prompt8", drawn8, y, {add: from16, activation: Activation.RELU});
        for (const name of blocks8) {
            this.#mix(name, y, spare8, 1);
            [y, spare8] = [spare8, y];
        }

        // Stride 4, and the logits at stride 2.
        const coarse = this.#map(OUTPUTS, s8);
        const coarse4 = this.#map(OUTPUTS, s4);
        const small4 = this.#map(fine, s8);
        const from8 = this.#map(fine, s4);
        this.#convolve("coarse", y, coarse, {add: outsideMap});
        this.#op("UPSAMPLE", s4, {in: coarse, out: coarse4});
        this.#op("HINT", s4, {in: coarse4, out: channel(drawn4, 4, 2)});
        this.#convolve("down4", y, small4);
        this.#op("UPSAMPLE", s4, {in: small4, out: from8, add: stride4});
        const blocks4 = this.#blockNames("blocks4");
        const margin4 = Math.max(...blocks4.map((name) => this.#reach(name, 1)));
        let [z, spare4] = [this.#map(fine, s4, margin4), this.#map(fine, s4, margin4)];
        this.#convolveDrawn("prompt4", drawn4, z, {add: from8, activation: Activation.RELU});
        for (const name of blocks4) {
            this.#mix(name, z, spare4, 1);
            [z, spare4] = [spare4, z];
        }
        const clickGains = this.#weight("click_gain"); // (2, OUTPUTS)
        const gains = this.#store(
            Float32Array.from(
                {length: 2 * OUTPUTS},
                (_, k) => (k % 2 ? -1 : 1) * clickGains[(k % 2) * OUTPUTS + (k >> 1)],
            ),
        );
        this.#op("PRESS", s4, {out: coarse4, add: channel(drawn4, 0, 2), w0: gains});
        const logits = this.#map(OUTPUTS, 2 * s4);
        this.#op("UPSAMPLE", 2 * s4, {in: coarse4, out: logits});
        this.#op("SHUFFLE", s4, {
            in: z,
            out: logits,
            w0: this.#packed("final"),
            b0: this.#copyOf("final.bias"),
        });

        // What the IoU head reads.
        const judged = this.#place(s8 * OUTPUTS * (middle + 3));
        this.#op("JUDGE", s8, {in: logits, add: y, vector: judged, count: s8});
        this.#op("SUMMARISE", wide, {in: x, vector: summary});
        return {
            stride16, stride8, stride4, unit16, unit8, drawn8, drawn4, maskInput, clickWeights, outsideMap,
            clicked16, clicked8, previousSums, counts, logits, judged, summary,
        }; // prettier-ignore
    }

    /**
     * @param {keyof typeof Kind} kind
     * @param {number} units
     * @param {OpFields} fields
     * @param {string} [name] to find it again
     */
    #op(kind, units, fields, name) {
        if (name) this.#named.set(name, this.#ops.length);
        const op = new Int32Array(Op.words);
        Op.write(op, 0, {dilation: 1, ...fields, work: {kind: Kind[kind], units}});
        this.#ops.push(op);
    }

    /**
     * A filter over drawn maps, of which each prompt leaves most empty: `#choose` says which are read.
     *
     * @param {string} name
     * @param {PlaneMap} from
     * @param {PlaneMap} to
     * @param {OpFields} fields
     */
    #convolveDrawn(name, from, to, fields) {
        const raw = this.#copyOf(`${name}.weight`);
        const list = this.#place(from.channels);
        this.#convolve(name, from, to, {...fields, list}, name);
        this.#chosen.set(name, {raw, list, channels: from.channels, rows: to.channels});
    }

    /**
     * @param {string} name of a filter over drawn maps
     * @param {readonly number[]} channels that are not empty
     */
    #choose(name, channels) {
        const {raw, list, channels: all, rows} = /** @type {DrawnFilter} */ (this.#chosen.get(name));
        const op = this.#opWords(name);
        new Int32Array(this.#memory.buffer, list, all).set(channels);
        op[Op.at("count")] = channels.length;
        this.#kernel.pack_some(raw, rows, all, 9, list, channels.length, op[Op.at("w0")]);
    }

    /**
     * @param {string} name
     * @param {PlaneMap} from
     * @param {PlaneMap} to
     * @param {OpFields} fields
     * @param {string} [opName]
     */
    #convolve(name, from, to, fields = {}, opName) {
        const taps = this.#weight(`${name}.weight`).length / (from.channels * to.channels);
        this.#op("CONVOLVE", to.height, {
            in: from, out: to, kernel: Math.sqrt(taps), w0: this.#packed(name), b0: this.#copyOf(`${name}.bias`), ...fields,
        }, opName); // prettier-ignore
    }

    /**
     * @param {string} name
     * @param {PlaneMap} from
     * @param {PlaneMap} to
     * @param {number} dilation
     */
    #mix(name, from, to, dilation) {
        this.#op("MIX", to.height, {
            in: from, out: to, dilation, kernel: this.#kernelSize(name), count: this.#weight(`${name}.widen.bias`).length,
            w0: this.#copyOf(`${name}.depthwise.weight`), b0: this.#copyOf(`${name}.depthwise.bias`),
            w1: this.#packed(`${name}.widen`), b1: this.#copyOf(`${name}.widen.bias`),
            w2: this.#packed(`${name}.narrow`), vector: this.#copyOf(`${name}.narrow.bias`),
        }); // prettier-ignore
    }

    /**
     * @param {string} name
     * @param {number} from byte offset of the vector it reads
     * @param {number} to
     * @param {number} activation
     * @param {number} firstRow
     * @param {number} endRow
     */
    #linear(name, from, to, activation, firstRow = 0, endRow = this.#weight(`${name}.bias`).length) {
        const weight = this.#weight(`${name}.weight`);
        const count = weight.length / this.#weight(`${name}.bias`).length;
        const w0 = this.#store(weight.subarray(firstRow * count, endRow * count));
        const b0 = this.#store(this.#weight(`${name}.bias`).subarray(firstRow, endRow));
        this.#op("LINEAR", endRow - firstRow, {out: vectorMap(to), activation, w0, b0, vector: from, count});
    }

    /** @param {string} stage */
    #blockNames(stage) {
        const names = [];
        while (this.#weights.has(`${stage}.${names.length}.widen.bias`))
            names.push(`${stage}.${names.length}`);
        return names;
    }

    /** @param {string} name */
    #kernelSize(name) {
        return Math.sqrt(
            this.#weight(`${name}.depthwise.weight`).length / this.#weight(`${name}.depthwise.bias`).length,
        );
    }

    /**
     * @param {string} name
     * @param {number} dilation
     */
    #reach(name, dilation) {
        return dilation * Math.floor(this.#kernelSize(name) / 2);
    }

    // --- memory ---

    /**
     * @param {number} floats
     * @returns {number} byte offset of so many zeros
     */
    #place(floats) {
        const offset = this.#end;
        // A tile may read a little further than a map goes.
        this.#end = Math.ceil((offset + 4 * floats + 4 * 4 * TILE) / 64) * 64;
        const missing = Math.ceil((this.#end - this.#memory.buffer.byteLength) / PAGE_BYTES);
        if (missing > 0) this.#memory.grow(missing);
        return offset;
    }

    /**
     * @param {number} channels
     * @param {number} side
     * @param {number} margin
     * @returns {PlaneMap}
     */
    #map(channels, side, margin = 0) {
        const stride = Math.ceil((side + 2 * margin) / 4) * 4;
        const plane = stride * (side + 2 * margin);
        const data = this.#place(channels * plane) + 4 * (margin * stride + margin);
        return {data, channels, height: side, width: side, stride, plane};
    }

    /** @param {Float32Array} values */
    #store(values) {
        const offset = this.#place(values.length);
        this.#floats(offset, values.length).set(values);
        return offset;
    }

    /** @param {string} name */
    #copyOf(name) {
        return this.#store(this.#weight(name));
    }

    /** @param {string} name of a filter, packed for the kernel's products */
    #packed(name) {
        const weight = this.#weight(`${name}.weight`);
        const rows = this.#weight(`${name}.bias`).length;
        const raw = this.#store(weight);
        const packed = this.#place(weight.length);
        this.#kernel.pack_rows(raw, rows, weight.length / rows, packed);
        return packed;
    }

    /** @param {string} name */
    #weight(name) {
        const values = this.#weights.get(name);
        if (!values) throw new Error(`the decoder package has no ${name}`);
        return values;
    }

    /** The largest need of an operation: mix's three tiles, or a dense filter's two, or a row of logits and its margin. */
    #scratchFloats() {
        const wide = this.#plan.stride16.channels;
        const tiles = Math.max(4 * wide, wide + 9 * this.#plan.drawn8.channels);
        return Math.max(tiles * TILE, 2 * this.#side + 64);
    }

    /** @param {number} thread */
    #scratch(thread) {
        return this.#scratchAt + 4 * thread * this.#scratchFloats();
    }

    /**
     * @param {number} offset
     * @param {number} count
     */
    #floats(offset, count) {
        return new Float32Array(this.#memory.buffer, offset, count);
    }

    /**
     * @param {PlaneMap} map
     * @param {number} index channel
     * @param {Float32Array} values (height, width)
     */
    #copyIn(map, index, values) {
        for (let y = 0; y < map.height; y++) {
            const row = this.#floats(map.data + 4 * (index * map.plane + y * map.stride), map.width);
            row.set(values.subarray(y * map.width, (y + 1) * map.width));
        }
    }

    /**
     * @param {PlaneMap} map
     * @param {number} index channel
     * @param {number} value
     */
    #fill(map, index, value) {
        for (let y = 0; y < map.height; y++) {
            this.#floats(map.data + 4 * (index * map.plane + y * map.stride), map.width).fill(value);
        }
    }

    /**
     * @param {Float32Array} features (channels, side, side)
     * @param {PlaneMap} to the same with every place's features of length 1
     */
    #normalise(features, to) {
        const places = to.plane;
        const squares = new Float64Array(places).fill(1e-4);
        for (let k = 0; k < features.length; k++) squares[k % places] += features[k] * features[k];
        for (let k = 0; k < places; k++) squares[k] = 1 / Math.sqrt(squares[k]);
        const out = this.#floats(to.data, features.length);
        for (let k = 0; k < features.length; k++) out[k] = features[k] * squares[k % places];
    }

    /** @param {string} name */
    #opWords(name) {
        const index = /** @type {number} */ (this.#named.get(name));
        return new Int32Array(this.#memory.buffer, this.#threads.list + 4 * Op.words * index, Op.words);
    }
}

/**
 * @param {PlaneMap} map
 * @param {number} first
 * @param {number} count
 * @returns {PlaneMap} some channels of it
 */
function channel(map, first, count = 1) {
    return {...map, data: map.data + 4 * first * map.plane, channels: count};
}

/**
 * The drawn maps that are not empty; `fine` is stride 4's.
 *
 * @param {DrawnPrompt} drawn
 * @param {boolean} hasMask
 */
function chooseChannels({foreground, background, hasBox}, hasMask) {
    const wide = [0, 2, 4].flatMap((bell) => [
        ...(foreground ? [bell] : []),
        ...(background ? [bell + 1] : []),
    ]);
    if (hasBox) wide.push(6, 7, 8, 9, 10, 11);
    if (hasMask) wide.push(12, 13);
    if (foreground) wide.push(14, 15);
    if (background) wide.push(16, 17);
    const fine = [...(foreground ? [0] : []), ...(background ? [1] : []), ...(hasMask ? [2, 3] : []), 4, 5];
    if (hasBox) fine.push(6);
    return {wide, fine};
}

/**
 * @param {number} data byte offset
 * @returns {PlaneMap} a vector, where an operation wants a map
 */
function vectorMap(data) {
    return {data, channels: 1, height: 1, width: 1, stride: 0, plane: 0};
}

/**
 * @param {Float32Array} weight (rows, vector.length)
 * @param {Float64Array} vector
 * @param {Float32Array} bias (rows,)
 */
function multiply(weight, vector, bias) {
    const out = Float64Array.from(bias);
    for (let row = 0; row < out.length; row++) {
        for (let k = 0; k < vector.length; k++) out[row] += weight[row * vector.length + k] * vector[k];
    }
    return out;
}
