// pocket's decoder as WebAssembly SIMD: a list of operations, made by static/js/decoder/worker/pocket/kernel.js, that one
// thread or several work through.
//
// segmentation/families/pocket/network.py is the network, and its ONNX export the reference in tests. This is faster because a
// tile of 16 positions stays in the first cache from a block's depthwise filter to its sum, and because the products reach
// twice the speed of onnxruntime-web's. Build: python scripts/build_kernels.py (plain and relaxed SIMD; the latter has
// fused multiply-add).
//
// Threads share one memory and call `run` with the same list: they take an operation's units (rows or channels) from its
// `next`, and the next operation begins when all are done. Nothing here may use the C stack in memory, because every
// thread's instance would put its own at the same place: no arrays, no addresses of locals. The build refuses any.

#include "../../kernels/simd.h"
#include "../../kernels/threads.h"
#include "layout.h"

// Maps lie in planes with a margin of zeros around each, as wide as the filters reach.

INLINE float* row_of(const PlaneMap* map, int channel, int y) { return map->data + channel * map->plane + y * map->stride; }

INLINE vec sigmoid(vec x) {
    return wasm_f32x4_div(CONST(1.0f), wasm_f32x4_add(CONST(1.0f), exponential(wasm_f32x4_neg(x))));
}
INLINE vec hyperbolic_tangent(vec x) {
    vec power = exponential(wasm_f32x4_add(x, x));
    return wasm_f32x4_sub(CONST(1.0f), wasm_f32x4_div(CONST(2.0f), wasm_f32x4_add(power, CONST(1.0f))));
}
INLINE vec relu(vec x) { return wasm_f32x4_pmax(CONST(0.0f), x); }

// a (rows, depth) -> blocks of 4 rows, k by k. rows is a multiple of 4.
__attribute__((export_name("pack_rows")))
void pack_rows(const float* a, int rows, int depth, float* out) {
    for (int row = 0; row < rows; row += BLOCK) {
        for (int k = 0; k < depth; k++) {
            for (int i = 0; i < BLOCK; i++) *out++ = a[(row + i) * depth + k];
        }
    }
}

// The same of a filter (rows, channels, taps), with the `count` channels in `list` only.
__attribute__((export_name("pack_some")))
void pack_some(const float* a, int rows, int channels, int taps, const int* list, int count, float* out) {
    for (int row = 0; row < rows; row += BLOCK) {
        for (int k = 0; k < count * taps; k++) {
            int column = list[k / taps] * taps + k % taps;
            for (int i = 0; i < BLOCK; i++) *out++ = a[(row + i) * channels * taps + column];
        }
    }
}

INLINE void fill_rows(float* c, const float* bias, int rows) {
    for (int i = 0; i < rows; i++) {
        vec value = splat(bias + i);
        for (int j = 0; j < TILE; j += 4) store(c + i * TILE + j, value);
    }
}

// Writes TILE or, at a row's end, fewer values: what lies behind is margin and has to stay zero.
INLINE void put(float* to, const float* from, int count) {
    if (count >= TILE) {
        for (int j = 0; j < TILE; j += 4) store(to + j, load(from + j));
    } else {
        for (int j = 0; j < count; j++) to[j] = from[j];
    }
}

// A dense filter (1x1 or 3x3). w0: (out channels, in channels * kernel^2) packed; b0: bias; `add` is added before the
// activation; w1, b1: then times w1 plus b1 by channel, where w1 is given. Where `list` is given, it names the `count`
// channels of the input that are read: of a drawn prompt most are zero.
__attribute__((noinline))
static void convolve(const Op* op, int y, float* scratch) {
    int reach = op->kernel / 2, taps = op->kernel * op->kernel;
    int channels = op->list ? op->count : op->in.channels;
    int depth = channels * taps, rows = op->out.channels;
    float *c = scratch, *b = scratch + rows * TILE;
    for (int x = 0; x < op->out.width; x += TILE) {
        float* to = b;
        for (int i = 0; i < channels; i++) {
            int channel = op->list ? op->list[i] : i;
            for (int ky = 0; ky < op->kernel; ky++) {
                const float* from = row_of(&op->in, channel, y + ky - reach) + x - reach;
                for (int kx = 0; kx < op->kernel; kx++, to += TILE) {
                    for (int j = 0; j < TILE; j += 4) store(to + j, load(from + kx + j));
                }
            }
        }
        fill_rows(c, op->b0, rows);
        multiply(op->w0, b, c, TILE, rows, depth, 1);
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < TILE; j += 4) {
                vec value = load(c + i * TILE + j);
                if (op->add.data) value = wasm_f32x4_add(value, load(row_of(&op->add, i, y) + x + j));
                if (op->activation == RELU) value = relu(value);
                if (op->w1) value = MADD(value, splat(op->w1 + i), splat(op->b1 + i));
                store(c + i * TILE + j, value);
            }
            put(row_of(&op->out, i, y) + x, c + i * TILE, op->out.width - x);
        }
    }
}

// The network's Block: depthwise filter (w0: (channels, kernel^2), b0), widen (w1 packed, b1), ReLU, narrow (w2 packed,
// its bias in `vector`; both times the gain), sum. count: how many channels it widens to.
__attribute__((noinline))
static void mix(const Op* op, int y, float* scratch) {
    int channels = op->in.channels, kernel = op->kernel, reach = op->dilation * (kernel / 2);
    float *b = scratch, *wide = b + channels * TILE, *narrow = wide + op->count * TILE;
    for (int x = 0; x < op->out.width; x += TILE) {
        const float* weight = op->w0;
        for (int channel = 0; channel < channels; channel++) {
            vec sum0 = splat(op->b0 + channel), sum1 = sum0, sum2 = sum0, sum3 = sum0;
            for (int ky = 0; ky < kernel; ky++) {
                const float* from = row_of(&op->in, channel, y + ky * op->dilation - reach) + x - reach;
                for (int kx = 0; kx < kernel; kx++, from += op->dilation, weight++) {
                    vec value = splat(weight);
                    sum0 = MADD(value, load(from), sum0);
                    sum1 = MADD(value, load(from + 4), sum1);
                    sum2 = MADD(value, load(from + 8), sum2);
                    sum3 = MADD(value, load(from + 12), sum3);
                }
            }
            float* to = b + channel * TILE;
            store(to, sum0);
            store(to + 4, sum1);
            store(to + 8, sum2);
            store(to + 12, sum3);
        }
        fill_rows(wide, op->b1, op->count);
        multiply(op->w1, b, wide, TILE, op->count, channels, 1);
        for (int i = 0; i < op->count * TILE; i += 4) store(wide + i, relu(load(wide + i)));
        fill_rows(narrow, op->vector, channels);
        multiply(op->w2, wide, narrow, TILE, channels, op->count, 1);
        for (int channel = 0; channel < channels; channel++) {
            const float* before = row_of(&op->in, channel, y) + x;
            float* sum = narrow + channel * TILE;
            for (int j = 0; j < TILE; j += 4) store(sum + j, wasm_f32x4_add(load(sum + j), load(before + j)));
            put(row_of(&op->out, channel, y) + x, sum, op->out.width - x);
        }
    }
}

// Bilinear, twice as large, edges continued; plus `add`. A unit is a row of the output.
__attribute__((noinline))
static void upsample(const Op* op, int y, float* scratch) {
    int height = op->in.height, width = op->in.width;
    int near = y >> 1, far = y & 1 ? near + 1 : near - 1;
    far = far < 0 ? 0 : far >= height ? height - 1 : far;
    float* row = scratch + 4;  // one value before it, some behind
    for (int channel = 0; channel < op->in.channels; channel++) {
        const float *close = row_of(&op->in, channel, near), *other = row_of(&op->in, channel, far);
        for (int x = 0; x < width; x += 4) {
            store(row + x, MADD(load(close + x), CONST(0.75f), wasm_f32x4_mul(load(other + x), CONST(0.25f))));
        }
        row[-1] = row[0];
        row[width] = row[width - 1];
        float* to = row_of(&op->out, channel, y);
        const float* add = op->add.data ? row_of(&op->add, channel, y) : 0;
        for (int x = 0; x < width; x += 4) {
            vec middle = wasm_f32x4_mul(load(row + x), CONST(0.75f));
            vec even = MADD(load(row + x - 1), CONST(0.25f), middle), odd = MADD(load(row + x + 1), CONST(0.25f), middle);
            vec low = wasm_i32x4_shuffle(even, odd, 0, 4, 1, 5), high = wasm_i32x4_shuffle(even, odd, 2, 6, 3, 7);
            if (add) {
                low = wasm_f32x4_add(low, load(add + 2 * x));
                high = wasm_f32x4_add(high, load(add + 2 * x + 4));
            }
            store(to + 2 * x, low);
            store(to + 2 * x + 4, high);
        }
    }
}

// Means of 2 x 2, channel by channel.
INLINE void pool_row(const float* top, const float* bottom, float* to, int width) {
    for (int x = 0; x < width; x += 4) {
        vec low = wasm_f32x4_add(load(top + 2 * x), load(bottom + 2 * x));
        vec high = wasm_f32x4_add(load(top + 2 * x + 4), load(bottom + 2 * x + 4));
        vec sum = wasm_f32x4_add(wasm_i32x4_shuffle(low, high, 0, 2, 4, 6), wasm_i32x4_shuffle(low, high, 1, 3, 5, 7));
        store(to + x, wasm_f32x4_mul(sum, CONST(0.25f)));
    }
}
static void pool(const Op* op, int y) {
    for (int channel = 0; channel < op->out.channels; channel++) {
        pool_row(row_of(&op->in, channel, 2 * y), row_of(&op->in, channel, 2 * y + 1), row_of(&op->out, channel, y),
            op->out.width);
    }
}

// in: the logits fed back (1, 2s, 2s); out: tanh(logits / 8), pooled to s x s; vector[y]: its positive part's sum before
// pooling, of the two rows. A unit is a row of the output.
__attribute__((noinline))
static void previous(const Op* op, int y, float* scratch) {
    vec sum = CONST(0.0f);
    int width = op->in.width;
    for (int half = 0; half < 2; half++) {
        const float* from = row_of(&op->in, 0, 2 * y + half);
        float* to = scratch + half * width;
        for (int x = 0; x < width; x += 4) {
            vec value = hyperbolic_tangent(wasm_f32x4_mul(load(from + x), CONST(0.125f)));
            sum = wasm_f32x4_add(sum, relu(value));
            store(to + x, value);
        }
    }
    pool_row(scratch, scratch + width, row_of(&op->out, 0, y), op->out.width);
    op->vector[y] = sum_lanes(sum);
}

// How alike every place is to the clicked ones. in: unit features; w0: (count, channels), theirs; out: the best plus one
// and the mean, 0 without clicks.
__attribute__((noinline))
static void similar(const Op* op, int y) {
    float share = 1.0f / (op->count > 1 ? op->count : 1);
    for (int x = 0; x < op->out.width; x += 4) {
        vec best = CONST(0.0f), total = best;
        for (int click = 0; click < op->count; click++) {
            const float* clicked = op->w0 + click * op->in.channels;
            vec alike = CONST(0.0f);
            for (int channel = 0; channel < op->in.channels; channel++) {
                alike = MADD(splat(clicked + channel), load(row_of(&op->in, channel, y) + x), alike);
            }
            best = wasm_f32x4_pmax(best, wasm_f32x4_add(alike, CONST(1.0f)));
            total = wasm_f32x4_add(total, alike);
        }
        store(row_of(&op->out, 0, y) + x, best);
        store(row_of(&op->out, 1, y) + x, wasm_f32x4_mul(total, wasm_f32x4_splat(share)));
    }
}

// vector[channel] = mean of in's channel, weighted by the positive part of `add` (one channel), near 0 without weight.
__attribute__((noinline))
static void gather(const Op* op, int channel) {
    vec sum = CONST(0.0f), weights = sum;
    for (int y = 0; y < op->in.height; y++) {
        const float *from = row_of(&op->in, channel, y), *weight = row_of(&op->add, 0, y);
        for (int x = 0; x < op->in.width; x += 4) {
            vec share = relu(load(weight + x));
            sum = MADD(share, load(from + x), sum);
            weights = wasm_f32x4_add(weights, share);
        }
    }
    op->vector[channel] = sum_lanes(sum) / (sum_lanes(weights) + 0.05f);
}

// vector[channel] = in's mean, vector[channels + channel] = its maximum.
__attribute__((noinline))
static void summarise(const Op* op, int channel) {
    vec sum = CONST(0.0f), best = CONST(-3.4e38f);
    for (int y = 0; y < op->in.height; y++) {
        const float* from = row_of(&op->in, channel, y);
        for (int x = 0; x < op->in.width; x += 4) {
            sum = wasm_f32x4_add(sum, load(from + x));
            best = wasm_f32x4_pmax(best, load(from + x));
        }
    }
    float most = wasm_f32x4_extract_lane(best, 0), lane = wasm_f32x4_extract_lane(best, 1);
    most = lane > most ? lane : most;
    lane = wasm_f32x4_extract_lane(best, 2);
    most = lane > most ? lane : most;
    lane = wasm_f32x4_extract_lane(best, 3);
    op->vector[channel] = sum_lanes(sum) / (float)(op->in.height * op->in.width);
    op->vector[op->in.channels + channel] = lane > most ? lane : most;
}

INLINE float dot(const float* a, const float* b, int count) {
    float sum = 0.0f;
    for (int i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

// in, in place: channel += w0[channel] . vector + b0[channel]; w0: (channels, count).
__attribute__((noinline))
static void shift(const Op* op, int channel) {
    vec change = wasm_f32x4_splat(dot(op->w0 + channel * op->count, op->vector, op->count) + op->b0[channel]);
    for (int y = 0; y < op->in.height; y++) {
        float* row = row_of(&op->in, channel, y);
        for (int x = 0; x < op->in.width; x += 4) store(row + x, wasm_f32x4_add(load(row + x), change));
    }
}

// out.data[unit] = activation(w0[unit] . vector + b0[unit]); w0: (units, count).
static void linear(const Op* op, int unit) {
    float value = dot(op->w0 + unit * op->count, op->vector, op->count) + op->b0[unit];
    if (op->activation == RELU && value < 0.0f) value = 0.0f;
    if (op->activation == SIGMOID) value = wasm_f32x4_extract_lane(sigmoid(wasm_f32x4_splat(value)), 0);
    if (op->activation == ONE_PLUS_TANH) {
        value = 1.0f + wasm_f32x4_extract_lane(hyperbolic_tangent(wasm_f32x4_splat(value)), 0);
    }
    op->out.data[unit] = value;
}

// out.data[unit] = sum over `count` rows of vector (count, units), divided by `others`.
static void total(const Op* op, int unit) {
    float sum = 0.0f;
    for (int i = 0; i < op->count; i++) sum += op->vector[i * op->work.units + unit];
    op->out.data[unit] = sum / (float)op->others;
}

// What stride 4 is told of the coarse logits `in`: the single mask's, and the candidates' maximum, times 0.1.
static void hint(const Op* op, int y) {
    for (int x = 0; x < op->in.width; x += 4) {
        vec best = wasm_f32x4_pmax(load(row_of(&op->in, 1, y) + x), load(row_of(&op->in, 2, y) + x));
        best = wasm_f32x4_pmax(best, load(row_of(&op->in, 3, y) + x));
        store(row_of(&op->out, 0, y) + x, wasm_f32x4_mul(load(row_of(&op->in, 0, y) + x), CONST(0.1f)));
        store(row_of(&op->out, 1, y) + x, wasm_f32x4_mul(best, CONST(0.1f)));
    }
}

// out += w0 (channels, 2) times the two maps of the clicks, `add`.
static void press(const Op* op, int y) {
    for (int channel = 0; channel < op->out.channels; channel++) {
        vec foreground = splat(op->w0 + 2 * channel), background = splat(op->w0 + 2 * channel + 1);
        float* to = row_of(&op->out, channel, y);
        for (int x = 0; x < op->out.width; x += 4) {
            vec value = MADD(foreground, load(row_of(&op->add, 0, y) + x), load(to + x));
            store(to + x, MADD(background, load(row_of(&op->add, 1, y) + x), value));
        }
    }
}

// A 1x1 filter (w0 packed: (4 * out channels, in channels), b0) whose four rows of a channel are the 2 x 2 of a cell,
// added to out, which is twice as large.
__attribute__((noinline))
static void shuffle(const Op* op, int y, float* scratch) {
    int depth = op->in.channels, rows = 4 * op->out.channels;
    float *c = scratch, *b = scratch + rows * TILE;
    for (int x = 0; x < op->in.width; x += TILE) {
        for (int channel = 0; channel < depth; channel++) {
            const float* from = row_of(&op->in, channel, y) + x;
            for (int j = 0; j < TILE; j += 4) store(b + channel * TILE + j, load(from + j));
        }
        fill_rows(c, op->b0, rows);
        multiply(op->w0, b, c, TILE, rows, depth, 1);
        int count = op->in.width - x < TILE ? op->in.width - x : TILE;
        for (int pair = 0; pair < rows / 2; pair++) {
            const float *left = c + 2 * pair * TILE, *right = left + TILE;
            float* to = row_of(&op->out, pair / 2, 2 * y + (pair & 1)) + 2 * x;
            for (int j = 0; j < count; j += 4, to += 8) {
                vec even = load(left + j), odd = load(right + j);
                store(to, wasm_f32x4_add(load(to), wasm_i32x4_shuffle(even, odd, 0, 4, 1, 5)));
                store(to + 4, wasm_f32x4_add(load(to + 4), wasm_i32x4_shuffle(even, odd, 2, 6, 3, 7)));
            }
        }
    }
}

// What the IoU head reads of the logits `in` (masks, 4s, 4s) and of the features `add` (channels, s, s). A unit is a row
// of s; its sums go to vector + unit * masks * (channels + 3), mask by mask: for each channel the features under the mask,
// then the mask's cells, the unsure ones, and the size of the logits. `count` is s.
__attribute__((noinline))
static void judge(const Op* op, int y, float* scratch) {
    int width = op->count, channels = op->add.channels;
    float* to = op->vector + y * op->in.channels * (channels + 3);
    for (int mask = 0; mask < op->in.channels; mask++, to += channels + 3) {
        vec cells = CONST(0.0f), unsure = cells, size = cells;
        for (int x = 0; x < width; x++) {
            vec inside = CONST(0.0f);
            for (int j = 0; j < 4; j++) {
                vec logits = load(row_of(&op->in, mask, 4 * y + j) + 4 * x);
                inside = wasm_f32x4_add(inside, sigmoid(logits));
                size = wasm_f32x4_add(size, wasm_f32x4_abs(logits));
            }
            scratch[x] = sum_lanes(inside) * (1.0f / 16);
        }
        for (int x = 0; x < width; x += 4) {
            vec soft = load(scratch + x);
            cells = wasm_f32x4_add(cells, soft);
            unsure = MADD(soft, wasm_f32x4_sub(CONST(1.0f), soft), unsure);
        }
        for (int channel = 0; channel < channels; channel++) {
            const float* features = row_of(&op->add, channel, y);
            vec sum = CONST(0.0f);
            for (int x = 0; x < width; x += 4) sum = MADD(load(scratch + x), load(features + x), sum);
            to[channel] = sum_lanes(sum);
        }
        to[channels] = sum_lanes(cells);
        to[channels + 1] = sum_lanes(unsure);
        to[channels + 2] = sum_lanes(size);
    }
}

INLINE void do_unit(const void* operation, int unit, float* scratch) {
    const Op* op = operation;
    switch ((Kind)op->work.kind) {
        case CONVOLVE: return convolve(op, unit, scratch);
        case MIX: return mix(op, unit, scratch);
        case UPSAMPLE: return upsample(op, unit, scratch);
        case POOL: return pool(op, unit);
        case PREVIOUS: return previous(op, unit, scratch);
        case SIMILAR: return similar(op, unit);
        case GATHER: return gather(op, unit);
        case SUMMARISE: return summarise(op, unit);
        case SHIFT: return shift(op, unit);
        case LINEAR: return linear(op, unit);
        case TOTAL: return total(op, unit);
        case HINT: return hint(op, unit);
        case PRESS: return press(op, unit);
        case SHUFFLE: return shuffle(op, unit, scratch);
        case JUDGE: return judge(op, unit, scratch);
    }
}

// Works through the list together with the other threads, see threads.h; scratch: one per thread.
__attribute__((export_name("run")))
int run(Op* ops, int count, float* scratch) { return work_through((char*)ops, count, sizeof(Op), scratch, do_unit); }
