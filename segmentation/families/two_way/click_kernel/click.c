// The click of the fast decoder as WebAssembly SIMD: prompt -> IoU predictions and what the tail makes masks from.
//
// segmentation/families/two_way/click_graph.py is the same computation as an ONNX graph, its form "token", with the reasons for
// every step, and the reference in tests. This one is faster because all that is done to a position stays in the first
// cache, so that the image's tensors are read once per layer; because nothing is copied in or out; and because the products
// reach twice the speed of onnxruntime-web's. Build: python scripts/build_kernels.py.
//
// static/js/decoder/worker/two-way/click-kernel.js lays out the memory and writes the list of operations that threads work
// through together (threads.h). Nothing here may use the C stack in memory, because every thread's instance would put its
// own at the same place: no arrays but those that fit into registers, no addresses of locals. The build
// refuses any.
//
// T tokens: the decoder's five and the prompt's points. Rows of an attention are (head, token).

#include "../../kernels/simd.h"
#include "../../kernels/threads.h"
#include "layout.h"

INLINE int least(int a, int b) { return a < b ? a : b; }

// c (rows, TILE) = a (rows, depth) times b (depth, TILE), a few rows, any number of them: where it is no multiple of 4,
// the last ones are computed more than once. a_row and c_row: floats from row to row.
__attribute__((noinline))
static void few_rows(const float* a, int a_row, const float* b, float* c, int c_row, int rows, int depth) {
    for (int row = 0; row < rows; row += BLOCK) {
        const float* from[BLOCK];
        float* to[BLOCK];
        UNROLL for (int i = 0; i < BLOCK; i++) {
            int at = least(row + i, rows - 1);
            from[i] = a + at * a_row;
            to[i] = c + at * c_row;
        }
        for (int half = 0; half < TILE; half += 8) {
            vec low[BLOCK], high[BLOCK];
            UNROLL for (int i = 0; i < BLOCK; i++) low[i] = high[i] = CONST(0.0f);
            for (int k = 0; k < depth; k++) {
                vec first = load(b + k * TILE + half), second = load(b + k * TILE + half + 4);
                UNROLL for (int i = 0; i < BLOCK; i++) {
                    vec value = splat(from[i] + k);
                    low[i] = MADD(value, first, low[i]);
                    high[i] = MADD(value, second, high[i]);
                }
            }
            UNROLL for (int i = 0; i < BLOCK; i++) {
                store(to[i] + half, low[i]);
                store(to[i] + half + 4, high[i]);
            }
        }
    }
}

// c (rows, TILE) += a (rows, depth, as `dots` makes a Gram matrix) times b (depth, TILE).
INLINE void multiply_gram(const float* a, const float* b, float* c, int rows, int depth) {
    for (int row = 0; row < rows; row += BLOCK) {
        multiply(a + row * depth + row * BLOCK, b + row * TILE, c + row * TILE, TILE, BLOCK, depth - row, 1);
    }
}

// Vectors of the tokens (T, INNER) -> per head, tokens in blocks of 4, k by k.
INLINE void pack_heads(const float* vectors, int tokens, float* to) {
    for (int head = 0; head < HEADS; head++) {
        for (int token = 0; token < tokens; token += BLOCK) {
            for (int k = 0; k < WIDTH; k++) {
                for (int i = 0; i < BLOCK; i++) *to++ = vectors[least(token + i, tokens - 1) * INNER + head * WIDTH + k];
            }
        }
    }
}

// Every head's vectors, packed, times its part of b (INNER, TILE): c (HEADS, tokens, TILE), c_row floats from row to row.
__attribute__((noinline))
static void heads_product(const float* a, const float* b, float* c, int c_row, int tokens) {
    for (int head = 0; head < HEADS; head++, b += WIDTH * TILE, c += tokens * c_row) {
        for (int row = 0; row < tokens; row += BLOCK, a += BLOCK * WIDTH) {
            for (int half = 0; half < TILE; half += 8) {
                vec low[BLOCK], high[BLOCK];
                UNROLL for (int i = 0; i < BLOCK; i++) low[i] = high[i] = CONST(0.0f);
                for (int k = 0; k < WIDTH; k++) {
                    vec first = load(b + k * TILE + half), second = load(b + k * TILE + half + 4);
                    UNROLL for (int i = 0; i < BLOCK; i++) {
                        vec value = splat(a + k * BLOCK + i);
                        low[i] = MADD(value, first, low[i]);
                        high[i] = MADD(value, second, high[i]);
                    }
                }
                float* to = c + row * c_row + half;
                UNROLL for (int i = 0; i < BLOCK; i++) {
                    if (row + i < tokens) {
                        store(to + i * c_row, low[i]);
                        store(to + i * c_row + 4, high[i]);
                    }
                }
            }
        }
    }
}

// Four rows of four -> their columns, to_step floats apart.
INLINE void transpose(const vec a, const vec b, const vec c, const vec d, float* to, int to_step) {
    vec low = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), high = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7);
    vec low2 = wasm_i32x4_shuffle(c, d, 0, 4, 1, 5), high2 = wasm_i32x4_shuffle(c, d, 2, 6, 3, 7);
    store(to, wasm_i64x2_shuffle(low, low2, 0, 2));
    store(to + to_step, wasm_i64x2_shuffle(low, low2, 1, 3));
    store(to + 2 * to_step, wasm_i64x2_shuffle(high, high2, 0, 2));
    store(to + 3 * to_step, wasm_i64x2_shuffle(high, high2, 1, 3));
}

// --- Tokens ---

// y (rows, groups of columns) = x w + b, plus `add`, which lies as y does, but elsewhere: the last rows are written twice. w: columns in blocks of 16, w_block floats
// apart, w_row from one input to the next. A unit is a block of a group.
__attribute__((noinline))
static void linear(const Linear* job, int unit) {
    int blocks = job->columns / TILE, group = unit / blocks, block = unit % blocks;
    const float* x = job->x + group * job->x_group;
    const float* b = job->b + group * job->columns + block * TILE;
    int place = group * job->y_group + block * TILE;
    for (int row = 0; row < job->rows; row += BLOCK) {
        const float* from[BLOCK];
        UNROLL for (int i = 0; i < BLOCK; i++) from[i] = x + least(row + i, job->rows - 1) * job->x_row;
        for (int half = 0; half < TILE; half += 8) {
            vec low[BLOCK], high[BLOCK];
            UNROLL for (int i = 0; i < BLOCK; i++) {
                low[i] = job->b ? load(b + half) : CONST(0.0f);
                high[i] = job->b ? load(b + half + 4) : CONST(0.0f);
            }
            const float* w = job->w + group * job->w_group + block * job->w_block + half;
            for (int k = 0; k < job->inputs; k++, w += job->w_row) {
                vec first = load(w), second = load(w + 4);
                UNROLL for (int i = 0; i < BLOCK; i++) {
                    vec value = splat(from[i] + k);
                    low[i] = MADD(value, first, low[i]);
                    high[i] = MADD(value, second, high[i]);
                }
            }
            UNROLL for (int i = 0; i < BLOCK; i++) {
                int at = place + least(row + i, job->rows - 1) * job->y_row + half;
                if (job->add) {
                    low[i] = wasm_f32x4_add(low[i], load(job->add + at));
                    high[i] = wasm_f32x4_add(high[i], load(job->add + at + 4));
                }
                if (job->is_relu) {
                    low[i] = wasm_f32x4_max(CONST(0.0f), low[i]);  // unlike pmax it keeps what is no number
                    high[i] = wasm_f32x4_max(CONST(0.0f), high[i]);
                }
                store(job->y + at, low[i]);
                store(job->y + at + 4, high[i]);
            }
        }
    }
}

INLINE float dot(const float* a, const float* b) {
    vec sum0 = CONST(0.0f), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (int i = 0; i < CHANNELS; i += 16) {
        sum0 = MADD(load(a + i), load(b + i), sum0);
        sum1 = MADD(load(a + i + 4), load(b + i + 4), sum1);
        sum2 = MADD(load(a + i + 8), load(b + i + 8), sum2);
        sum3 = MADD(load(a + i + 12), load(b + i + 12), sum3);
    }
    return sum_lanes(wasm_f32x4_add(wasm_f32x4_add(sum0, sum1), wasm_f32x4_add(sum2, sum3)));
}

// y (rows, columns + columns1), packed in blocks of 4 rows = x times (y0, y1) transposed, all of CHANNELS. Where y0 is x
// itself (is_gram) a block's columns begin at its own rows, and there count half: for half of a sum over all pairs. A unit is a
// row.
__attribute__((noinline))
static void dots(const Dots* job, int row) {
    const float* x = job->x + row * CHANNELS;
    float* y = job->y + row / BLOCK * BLOCK * (job->columns + job->columns1) + row % BLOCK;
    int block = row / BLOCK * BLOCK, first = job->is_gram ? block : 0;
    y += first * BLOCK;
    for (int i = first; i < job->columns; i++, y += BLOCK) {
        float share = job->is_gram && i < block + BLOCK ? 0.5f : 1.0f;
        *y = share * dot(x, job->y0 + i * CHANNELS);
    }
    for (int i = 0; i < job->columns1; i++, y += BLOCK) *y = dot(x, job->y1 + i * CHANNELS);
}

// y = LayerNorm(x), and y + `add` beside it where `sum` is given. A unit is a token.
__attribute__((noinline))
static void norm(const Norm* job, int row) {
    const float* x = job->x + row * CHANNELS;
    float* y = job->y + row * CHANNELS;
    vec total = CONST(0.0f), squares = total;
    for (int i = 0; i < CHANNELS; i += 4) total = wasm_f32x4_add(total, load(x + i));
    vec mean = wasm_f32x4_splat(sum_lanes(total) / CHANNELS);
    for (int i = 0; i < CHANNELS; i += 4) {
        vec value = wasm_f32x4_sub(load(x + i), mean);
        squares = MADD(value, value, squares);
    }
    vec gain = wasm_f32x4_div(CONST(1.0f), wasm_f32x4_sqrt(wasm_f32x4_splat(sum_lanes(squares) / CHANNELS + job->epsilon)));
    for (int i = 0; i < CHANNELS; i += 4) {
        vec value = wasm_f32x4_mul(wasm_f32x4_sub(load(x + i), mean), gain);
        value = MADD(value, load(job->weight + i), load(job->bias + i));
        store(y + i, value);
        if (job->sum) store(job->sum + row * CHANNELS + i, wasm_f32x4_add(value, load(job->add + row * CHANNELS + i)));
    }
}

// Attention among the tokens; all (T, CHANNELS), queries scaled. scratch: (T). A unit is a head.
__attribute__((noinline))
static void self_attention(const Self* job, int head, float* scratch) {
    int place = head * OWN_WIDTH;
    for (int t = 0; t < job->tokens; t++) {
        const float* query = job->queries + t * CHANNELS + place;
        float most = -3.4e38f, total = 0.0f;
        for (int s = 0; s < job->tokens; s++) {
            const float* key = job->keys + s * CHANNELS + place;
            vec sum = CONST(0.0f);
            for (int i = 0; i < OWN_WIDTH; i += 4) sum = MADD(load(query + i), load(key + i), sum);
            scratch[s] = sum_lanes(sum);
            most = scratch[s] > most ? scratch[s] : most;
        }
        for (int s = 0; s < job->tokens; s++) {
            scratch[s] = wasm_f32x4_extract_lane(exponential(wasm_f32x4_splat(scratch[s] - most)), 0);
            total += scratch[s];
        }
        for (int i = 0; i < OWN_WIDTH; i += 4) {
            vec sum = CONST(0.0f);
            for (int s = 0; s < job->tokens; s++) {
                sum = MADD(wasm_f32x4_splat(scratch[s] / total), load(job->values + s * CHANNELS + place + i), sum);
            }
            store(job->y + t * CHANNELS + place + i, sum);
        }
    }
}

// --- Positions ---
// Image tensors lie in tiles (tile, INNER, TILE), values in spans (span, head, SPAN, WIDTH), coefficients in both: as rows
// for what is projected from them, (tile, depth, TILE), and as columns for sums over positions, (span, depth / 16, SPAN, 16).

// Writes a tile's rows, a multiple of 4, as columns.
INLINE void store_columns(const float* rows, int depth, float* columns, int tile, int blocks) {
    float* span = columns + tile / SPAN_TILES * blocks * SPAN * 16 + tile % SPAN_TILES * TILE * 16;
    for (int row = 0; row < depth; row += 4, rows += 4 * TILE) {
        float* to = span + row / 16 * SPAN * 16 + row % 16;
        for (int j = 0; j < TILE; j += 4) {
            transpose(load(rows + j), load(rows + TILE + j), load(rows + 2 * TILE + j), load(rows + 3 * TILE + j), to + j * 16, 16);
        }
    }
}

// The mask prompt's 16 channels at every position, ones and zeros behind them. A unit is a span.
// Of `channels` rows of 4 positions each: LayerNorm over them (their mean is zero already) and GELU. weight, bias: (channels).
INLINE void norm_and_gelu(float* rows, int channels, int row, const float* weight) {
    vec squares = CONST(0.0f);
    for (int i = 0; i < channels; i++) {
        vec value = load(rows + i * row);
        squares = MADD(value, value, squares);
    }
    vec variance = MADD(squares, wasm_f32x4_splat(1.0f / channels), CONST(1e-6f));
    vec gain = wasm_f32x4_div(CONST(1.0f), wasm_f32x4_sqrt(variance));
    for (int i = 0; i < channels; i++) {
        vec value = wasm_f32x4_mul(load(rows + i * row), gain);
        store(rows + i * row, gelu(MADD(value, splat(weight + i), splat(weight + channels + i))));
    }
}

__attribute__((noinline))
static void mask_features(const Mask* job, int span, float* scratch) {
    const float *first = job->weights, *second = first + 16 + 3 * 4;
    for (int tile = span * SPAN_TILES; tile < (span + 1) * SPAN_TILES; tile++) {
        int y = tile * TILE / GRID, x = tile * TILE % GRID;
        float* middle = scratch;                 // (sub-position, channel, TILE)
        float* rows = job->rows + tile * MASK_ROWS * TILE;
        for (int sub = 0; sub < 4; sub++) {
            float* to = middle + sub * 4 * TILE;
            const float* from = job->logits + (4 * y + sub / 2 * 2) * 4 * GRID + 4 * x + sub % 2 * 2;
            for (int channel = 0; channel < 4; channel++) {
                const float* filter = first + channel * 4;
                for (int j = 0; j < TILE; j++) {
                    to[channel * TILE + j] = first[16 + channel] + filter[0] * from[4 * j] + filter[1] * from[4 * j + 1]
                        + filter[2] * from[4 * j + 4 * GRID] + filter[3] * from[4 * j + 4 * GRID + 1];
                }
            }
            for (int j = 0; j < TILE; j += 4) norm_and_gelu(to + j, 4, TILE, first + 20);
        }
        for (int channel = 0; channel < 16; channel++) {
            for (int j = 0; j < TILE; j += 4) {
                vec sum = splat(second + 256 + channel);
                for (int i = 0; i < 16; i++) sum = MADD(splat(second + channel * 16 + i), load(middle + i * TILE + j), sum);
                store(rows + channel * TILE + j, sum);
            }
        }
        for (int j = 0; j < TILE; j += 4) {
            norm_and_gelu(rows + j, 16, TILE, second + 272);
            store(rows + 16 * TILE + j, CONST(1.0f));
            for (int i = 17; i < MASK_ROWS; i++) store(rows + i * TILE + j, CONST(0.0f));
        }
        store_columns(rows, MASK_ROWS, job->columns, tile, 2);
    }
}

// Tokens attend to a span of the image.
// base (INNER, TILE) times gain plus constant; base itself where there is neither.
INLINE const float* effective(const float* base, const float* constant, const float* gain, int tile, float* to) {
    base += tile * INNER * TILE;
    if (!gain) return base;
    constant += tile * INNER * TILE;
    for (int j = 0; j < TILE; j += 4) {
        vec scale = load(gain + tile * TILE + j);
        for (int i = 0; i < INNER; i++) store(to + i * TILE + j, MADD(load(base + i * TILE + j), scale, load(constant + i * TILE + j)));
    }
    return to;
}

// scratch: the queries packed, (rows, SPAN), then the same packed, or (INNER, TILE).
__attribute__((noinline))
static void gather(const Gather* job, int span, float* scratch) {
    int tokens = job->tokens, rows = HEADS * tokens, depth = job->depth, blocks = (depth + 15) / 16;
    float *queries = scratch, *scores = queries + MAX_VECTORS, *rest = scores + rows * SPAN;
    pack_heads(job->queries, tokens, queries);
    for (int i = 0; i < SPAN_TILES; i++) {
        int tile = span * SPAN_TILES + i;
        const float* keys = effective(job->keys, job->constant, job->gain, tile, rest);
        heads_product(queries, keys, scores + i * TILE, SPAN, tokens);
        if (depth) multiply(job->rows, job->coefficients + tile * depth * TILE, scores + i * TILE, SPAN, rows, depth, 1);
    }
    float* partial = job->partial + span * job->partial_size;
    float *gathered = partial + 2 * rows, *moments = gathered + rows * WIDTH;
    for (int row = 0; row < rows; row++) {
        float* score = scores + row * SPAN;
        vec best = load(score), total = CONST(0.0f);
        for (int i = 4; i < SPAN; i += 4) best = wasm_f32x4_pmax(best, load(score + i));
        best = wasm_f32x4_pmax(best, wasm_i32x4_shuffle(best, best, 2, 3, 0, 1));
        best = wasm_f32x4_pmax(best, wasm_i32x4_shuffle(best, best, 1, 0, 3, 2));
        for (int i = 0; i < SPAN; i += 4) {
            vec value = exponential(wasm_f32x4_sub(load(score + i), best));
            total = wasm_f32x4_add(total, value);
            store(score + i, value);
        }
        partial[row] = wasm_f32x4_extract_lane(best, 0);
        partial[rows + row] = sum_lanes(total);
    }
    if (blocks) {
        for (int row = 0; row < rows; row += BLOCK) {
            const float* score = scores + row * SPAN;
            for (int i = 0; i < SPAN; i += 4) {
                transpose(load(score + i), load(score + SPAN + i), load(score + 2 * SPAN + i), load(score + 3 * SPAN + i),
                    rest + row * SPAN + i * BLOCK, BLOCK);
            }
        }
        for (int block = 0; block < blocks; block++) {
            const float* columns = job->columns + (span * blocks + block) * SPAN * 16;
            multiply(rest, columns, moments + block * rows * 16, 16, rows, SPAN, 0);
        }
    }
    if (job->gain) {
        for (int row = 0; row < rows; row++) {
            float* score = scores + row * SPAN;
            for (int i = 0; i < SPAN; i += 4) store(score + i, wasm_f32x4_mul(load(score + i), load(job->gain + span * SPAN + i)));
        }
    }
    for (int head = 0; head < HEADS; head++) {
        few_rows(scores + head * tokens * SPAN, SPAN, job->values + (span * HEADS + head) * SPAN * WIDTH,
            gathered + head * tokens * WIDTH, WIDTH, tokens, SPAN);
    }
}

// The spans' parts of a softmax to the whole: gathered (T, INNER) and moments (HEADS T, depth). A unit is a row.
__attribute__((noinline))
static void combine(const Combine* job, int row) {
    int rows = HEADS * job->tokens, depth = job->depth, size = job->partial_size;
    const float* partial = job->partial;
    float most = partial[row], total = 0.0f;
    for (int span = 1; span < SPANS; span++) {
        float other = partial[span * size + row];
        most = other > most ? other : most;
    }
    for (int span = 0; span < SPANS; span++) {
        const float* part = partial + span * size;
        total += wasm_f32x4_extract_lane(exponential(wasm_f32x4_splat(part[row] - most)), 0) * part[rows + row];
    }
    float* gathered = job->gathered + row % job->tokens * INNER + row / job->tokens * WIDTH;
    float* moments = job->moments + row * depth;
    for (int i = 0; i < WIDTH; i += 4) store(gathered + i, CONST(0.0f));
    for (int i = 0; i < depth; i += 4) store(moments + i, CONST(0.0f));
    for (int span = 0; span < SPANS; span++) {
        const float* part = partial + span * size;
        vec share = exponential(wasm_f32x4_splat(part[row] - most));
        share = wasm_f32x4_div(share, wasm_f32x4_splat(total));
        const float *values = part + 2 * rows + row * WIDTH, *columns = part + 2 * rows + rows * WIDTH + row * 16;
        for (int i = 0; i < WIDTH; i += 4) store(gathered + i, MADD(share, load(values + i), load(gathered + i)));
        for (int i = 0; i < depth; i += 4) {
            store(moments + i, MADD(share, load(columns + i / 16 * rows * 16 + i % 16), load(moments + i)));
        }
    }
}

// A span of the image attends to the tokens, LayerNorm, and the tokens attend to what comes out. Coefficients: those
// from before (`depth_before`, a multiple of 4), the tokens', and where `is_last` EXTRA more.
// Over the tokens of each head: (HEADS, tokens, TILE).
INLINE void softmax_over_tokens(float* scores, int tokens) {
    for (int head = 0; head < HEADS; head++, scores += tokens * TILE) {
        for (int j = 0; j < TILE; j += 4) {
            vec most = load(scores + j), total = CONST(0.0f);
            for (int t = 1; t < tokens; t++) most = wasm_f32x4_pmax(most, load(scores + t * TILE + j));
            for (int t = 0; t < tokens; t++) {
                vec value = exponential(wasm_f32x4_sub(load(scores + t * TILE + j), most));
                total = wasm_f32x4_add(total, value);
                store(scores + t * TILE + j, value);
            }
            vec share = wasm_f32x4_div(CONST(1.0f), total);
            for (int t = 0; t < tokens; t++) store(scores + t * TILE + j, wasm_f32x4_mul(load(scores + t * TILE + j), share));
        }
    }
}

// scratch: the tokens' vectors packed, see `update`, then (INNER, TILE), (depth, TILE).
__attribute__((noinline))
static void update_tile(const Update* job, int tile, float* scratch) {
    const float *keys = scratch, *values = keys + MAX_VECTORS, *values_before = values + MAX_VECTORS;
    scratch += 3 * MAX_VECTORS;
    int tokens = job->tokens, before = job->depth_before, rows = HEADS * tokens, depth = job->depth;
    float* whole = job->coefficients + tile * depth * TILE;
    float* fresh = whole + before * TILE;
    float* inner = scratch + INNER * TILE;
    const float* gain = job->gain_before ? job->gain_before + tile * TILE : 0;

    // Attention.
    const float* queries = effective(job->queries, job->constant, job->gain_before, tile, scratch);
    heads_product(keys, queries, fresh, TILE, tokens);
    const float* old = job->before + tile * before * TILE;
    if (before) multiply(job->rows, old, fresh, TILE, rows, before, 1);
    softmax_over_tokens(fresh, tokens);
    for (int i = 0; i < before * TILE; i += 4) store(whole + i, load(old + i));
    if (job->is_last) {
        for (int j = 0; j < TILE; j += 4) store(fresh + rows * TILE + j, CONST(1.0f));
        for (int j = TILE; j < EXTRA * TILE; j += 4) store(fresh + rows * TILE + j, CONST(0.0f));
    }

    // Inner products of each coefficient's vector with the image's part.
    float* to = inner;
    if (job->mask_products) {
        const float* from = job->mask_products + tile * MASK_ROWS * TILE;
        for (int i = 0; i < MASK_ROWS * TILE; i += 4) store(to + i, load(from + i));
        to += MASK_ROWS * TILE;
    }
    if (job->values_before) {
        heads_product(values_before, job->gathered_before + tile * INNER * TILE, to, TILE, tokens);
        to += rows * TILE;
    }
    heads_product(values, job->gathered + tile * INNER * TILE, to, TILE, tokens);
    to += rows * TILE;
    if (job->is_last) {
        for (int j = 0; j < TILE; j += 4) store(to + j, load(job->constant_products + tile * TILE + j));
        for (int j = TILE; j < EXTRA * TILE; j += 4) store(to + j, CONST(0.0f));
    }
    if (gain) {
        for (int i = 0; i < depth; i++) {
            for (int j = 0; j < TILE; j += 4) store(inner + i * TILE + j, wasm_f32x4_mul(load(inner + i * TILE + j), load(gain + j)));
        }
    }

    // The norm of the sum, and its gain.
    if (before) multiply_gram(job->mixed, whole, inner, before, depth);
    multiply_gram(job->own, fresh, inner + before * TILE, depth - before, depth - before);
    for (int j = 0; j < TILE; j += 4) {
        vec half = CONST(0.0f);
        for (int i = 0; i < depth; i++) half = MADD(load(whole + i * TILE + j), load(inner + i * TILE + j), half);
        vec squares = load(job->norms + tile * TILE + j), all = CONST(1.0f);
        if (gain) {
            all = load(gain + j);
            squares = wasm_f32x4_mul(squares, wasm_f32x4_mul(all, all));
        }
        squares = wasm_f32x4_add(squares, wasm_f32x4_add(half, half));
        vec variance = MADD(squares, CONST(1.0f / CHANNELS), wasm_f32x4_splat(job->epsilon));
        vec scale = wasm_f32x4_div(CONST(1.0f), wasm_f32x4_sqrt(variance));
        store(job->gain + tile * TILE + j, wasm_f32x4_mul(all, scale));
        for (int i = 0; i < depth; i++) store(whole + i * TILE + j, wasm_f32x4_mul(load(whole + i * TILE + j), scale));
        if (job->is_last) store(fresh + (rows + 1) * TILE + j, CONST(1.0f));
    }
    store_columns(whole, depth, job->columns, tile, (depth + 15) / 16);
    if (job->plain) {
        for (int i = 0; i < depth; i++) {
            for (int j = 0; j < TILE; j += 4) store(job->plain + i * POSITIONS + tile * TILE + j, load(whole + i * TILE + j));
        }
    }
}

static void update(const Update* job, int span, float* scratch) {
    pack_heads(job->keys, job->tokens, scratch);
    pack_heads(job->values, job->tokens, scratch + MAX_VECTORS);
    if (job->values_before) pack_heads(job->values_before, job->tokens, scratch + 2 * MAX_VECTORS);
    for (int i = 0; i < SPAN_TILES; i++) update_tile(job, span * SPAN_TILES + i, scratch);
    gather(&job->gather, span, scratch);
}

// --- The list ---

INLINE void do_unit(const void* operation, int unit, float* scratch) {
    const Op* op = operation;
    switch ((Kind)op->work.kind) {
        case LINEAR: return linear(op->job, unit);
        case DOTS: return dots(op->job, unit);
        case NORM: return norm(op->job, unit);
        case SELF: return self_attention(op->job, unit, scratch);
        case MASK: return mask_features(op->job, unit, scratch);
        case GATHER: return gather(op->job, unit, scratch);
        case COMBINE: return combine(op->job, unit);
        case UPDATE: return update(op->job, unit, scratch);
    }
}

// count: where the number of operations stands, since that differs from click to click; scratch: one per thread.
__attribute__((export_name("run")))
int run(Op* ops, const int* count, float* scratch) { return work_through((char*)ops, *count, sizeof(Op), scratch, do_unit); }

// --- Packing ---

// (rows, POSITIONS) -> (tile, out_rows, TILE), zeros behind the rows.
__attribute__((export_name("pack_tiles")))
void pack_tiles(const float* from, int rows, int out_rows, float* to) {
    for (int row = 0; row < out_rows; row++) {
        for (int tile = 0; tile < POSITIONS / TILE; tile++) {
            for (int j = 0; j < TILE; j += 4) {
                vec value = row < rows ? load(from + row * POSITIONS + tile * TILE + j) : CONST(0.0f);
                store(to + (tile * out_rows + row) * TILE + j, value);
            }
        }
    }
}

// (HEADS, WIDTH, POSITIONS) -> (span, HEADS, SPAN, WIDTH).
__attribute__((export_name("pack_spans")))
void pack_spans(const float* from, float* to) {
    for (int span = 0; span < SPANS; span++) {
        for (int head = 0; head < HEADS; head++) {
            for (int i = 0; i < SPAN; i += 4, to += 4 * WIDTH) {
                for (int k = 0; k < WIDTH; k += 4) {
                    const float* rows = from + (head * WIDTH + k) * POSITIONS + span * SPAN + i;
                    transpose(load(rows), load(rows + POSITIONS), load(rows + 2 * POSITIONS), load(rows + 3 * POSITIONS), to + k, WIDTH);
                }
            }
        }
    }
}
