// The decoder's tail as WebAssembly SIMD: upscaling by four and the product with the masks' filters.
//
// segmentation/families/two_way/tail_graph.py is the same computation as an ONNX graph, and the reference in tests. This one is
// faster because a tile of 16 positions stays in the first cache from the first product to the logits, and because GELU
// costs a third. Build: python scripts/build_kernels.py (plain and relaxed SIMD; the latter has fused multiply-add).
//
// HQ-SAM adds one more mask to each: 3 x 3 filters of the upscaled features, norm, GELU, 3 x 3 filters to one channel, and a
// sum over features that depend on the image alone. It is done in two more stages over the whole window. The second filters'
// nine places are first products at one position (FILTER), whose shifted sums are the mask (ADD).
//
// SAM 2 adds features of the image in both upscalings: they lie in the order in which the tiles read them.
//
// Several threads may run `run_tail` on one shared memory: they take tiles from `next_tile`. Nothing here may use the
// C stack in memory, because every thread's instance would put its own at the same place: no arrays, no addresses of
// locals. The build refuses any.

#include "../../kernels/simd.h"
#include "layout.h"

// a's element (row, k) at row * row_stride + k * depth_stride -> blocks of 4 rows, k by k.
__attribute__((export_name("pack_rows")))
void pack_rows(const float* a, int row_stride, int depth_stride, int rows, int depth, float* out) {
    for (int row = 0; row < rows; row += BLOCK) {
        for (int k = 0; k < depth; k++) {
            for (int i = 0; i < BLOCK; i++) *out++ = a[(row + i) * row_stride + k * depth_stride];
        }
    }
}

// (ROWS, POSITIONS) -> per tile (ROWS, TILE): rows 16 KB apart would all fall on the same lines of the cache.
__attribute__((export_name("pack_image")))
void pack_image(const float* upscaled, float* out) {
    for (int row = 0; row < ROWS; row++) {
        for (int tile = 0; tile < POSITIONS / TILE; tile++) {
            const float* from = upscaled + row * POSITIONS + tile * TILE;
            float* to = out + (tile * ROWS + row) * TILE;
            for (int j = 0; j < TILE; j += 4) store(to + j, load(from + j));
        }
    }
}

// Eight floats from `from` on, as the even ones and the odd ones.
INLINE vec even(const float* from) { return wasm_i32x4_shuffle(load(from), load(from + 4), 0, 2, 4, 6); }
INLINE vec odd(const float* from) { return wasm_i32x4_shuffle(load(from), load(from + 4), 1, 3, 5, 7); }

// What SAM 2 adds in the first upscaling, (MIDDLE, 2 GRID, 2 GRID) -> per tile (ROWS, TILE), centred over the channels, because
// a norm follows.
__attribute__((export_name("pack_middle")))
void pack_middle(const float* features, float* out) {
    for (int tile = 0; tile < POSITIONS / TILE; tile++, out += ROWS * TILE) {
        int row = tile * TILE / GRID, column = tile * TILE % GRID;
        for (int y = 0; y < 2; y++) {
            const float* from = features + (2 * row + y) * 2 * GRID + 2 * column;
            for (int j = 0; j < TILE; j += 4) {
                float* to = out + 2 * y * TILE + j;
                vec left = CONST(0.0f), right = left;
                for (int i = 0; i < MIDDLE; i++) {
                    const float* at = from + i * 4 * POSITIONS + 2 * j;
                    vec first = even(at), second = odd(at);
                    left = wasm_f32x4_add(left, first);
                    right = wasm_f32x4_add(right, second);
                    store(to + 4 * i * TILE, first);
                    store(to + (4 * i + 1) * TILE, second);
                }
                left = wasm_f32x4_mul(left, CONST(1.0f / MIDDLE));
                right = wasm_f32x4_mul(right, CONST(1.0f / MIDDLE));
                for (int i = 0; i < MIDDLE; i++) {
                    float *first = to + 4 * i * TILE, *second = first + TILE;
                    store(first, wasm_f32x4_sub(load(first), left));
                    store(second, wasm_f32x4_sub(load(second), right));
                }
            }
        }
    }
}

// What SAM 2 adds in the second upscaling, `count` channels from `first` on of (LAST, SIDE, SIDE) -> per tile and sub-position
// (SECOND_ROWS, TILE), with the upscaling's own bias (SECOND_ROWS).
__attribute__((export_name("pack_fine")))
void pack_fine(const float* features, const float* bias, int first, int count, float* out) {
    for (int channel = 0; channel < count; channel++, features += SIDE * SIDE) {
        for (int tile = 0; tile < POSITIONS / TILE; tile++) {
            int row = tile * TILE / GRID, column = tile * TILE % GRID;
            for (int y = 0; y < 4; y++) {
                const float* from = features + (4 * row + y) * SIDE + 4 * column;
                for (int x = 0; x < 4; x++) {
                    int sub = (y >> 1) * 2 + (x >> 1), inner = (y & 1) * 2 + (x & 1);
                    float constant = bias[inner * LAST + first + channel];
                    float* to = out + (((tile * 4 + sub) * 4 + inner) * LAST + first + channel) * TILE;
                    for (int j = 0; j < TILE; j++) to[j] = from[4 * j + x] + constant;
                }
            }
        }
    }
}

// Makes one tile's logits. scratch: first (ROWS, TILE), b (max(depth, MIDDLE), TILE), second (SECOND_ROWS, TILE),
// logits (masks, sub-position, inner sub-position, TILE).
INLINE void run_tile(const Job* job, int row, int column, float* scratch) {
    int position = row * GRID + column;
    float* first = scratch;
    float* second = first + ROWS * TILE;
    float* logits = second + SECOND_ROWS * TILE;
    float* b = logits + 4 * 16 * TILE;

    // First upscaling: gain * image part + basis^T coefficients.
    const float* image = job->upscaled + position * ROWS;
    for (int j = 0; j < TILE; j += 4) {
        vec gain = load(job->gain + position + j);
        for (int i = 0; i < ROWS; i++) store(first + i * TILE + j, wasm_f32x4_mul(gain, load(image + i * TILE + j)));
    }
    if (job->middle) {
        const float* from = job->middle + position * ROWS;
        for (int i = 0; i < ROWS * TILE; i += 4) store(first + i, wasm_f32x4_add(load(first + i), load(from + i)));
    }
    for (int k = 0; k < job->depth; k++) {
        const float* from = job->coefficients + k * POSITIONS + position;
        for (int j = 0; j < TILE; j += 4) store(b + k * TILE + j, load(from + j));
    }
    multiply(job->basis, b, first, TILE, ROWS, job->depth, 1);

    for (int sub = 0; sub < 4; sub++) {
        // LayerNorm over the channels (their mean is zero already) and GELU, gathered by channel.
        for (int j = 0; j < TILE; j += 4) {
            vec squares = wasm_f32x4_const_splat(0.0f);
            for (int i = 0; i < MIDDLE; i++) {
                vec value = load(first + (4 * i + sub) * TILE + j);
                squares = MADD(value, value, squares);
            }
            vec variance = MADD(squares, wasm_f32x4_const_splat(1.0f / MIDDLE), wasm_f32x4_const_splat(1e-6f));
            vec gain = wasm_f32x4_div(wasm_f32x4_const_splat(1.0f), wasm_f32x4_sqrt(variance));
            for (int i = 0; i < MIDDLE; i++) {
                vec value = wasm_f32x4_mul(load(first + (4 * i + sub) * TILE + j), gain);
                store(b + i * TILE + j, gelu(MADD(value, splat(job->norm + i), splat(job->norm + MIDDLE + i))));
            }
        }
        // Second upscaling, GELU, filters.
        if (job->fine) {
            const float* from = job->fine + (position * 4 + sub * TILE) * SECOND_ROWS;
            for (int i = 0; i < SECOND_ROWS * TILE; i += 4) store(second + i, load(from + i));
        } else {
            for (int i = 0; i < SECOND_ROWS; i++) {
                vec bias = splat(job->bias + i);
                for (int j = 0; j < TILE; j += 4) store(second + i * TILE + j, bias);
            }
        }
        multiply(job->kernel, b, second, TILE, SECOND_ROWS, MIDDLE, 1);
        for (int inner = 0; inner < 4; inner++) {
            float* rows = second + inner * LAST * TILE;
            for (int i = 0; i < LAST * TILE; i += 8) {
                store(rows + i, gelu(load(rows + i)));
                store(rows + i + 4, gelu(load(rows + i + 4)));
            }
            if (job->features) {
                // Every fourth pixel of a row, in both directions.
                int y = 4 * row + 2 * (sub >> 1) + (inner >> 1), x = 4 * column + 2 * (sub & 1) + (inner & 1);
                float* to = job->features + (y + 1) * LAST * PADDED + MARGIN + x;
                for (int i = 0; i < LAST; i++, to += PADDED) {
                    for (int j = 0; j < TILE; j++) to[4 * j] = rows[i * TILE + j];
                }
            }
            for (int mask = 0; mask < job->masks; mask++) {
                const float* filter = job->filters + mask * LAST;
                vec sum0 = wasm_f32x4_const_splat(0.0f), sum1 = sum0, sum2 = sum0, sum3 = sum0;
                for (int i = 0; i < LAST; i++) {
                    vec weight = splat(filter + i);
                    sum0 = MADD(weight, load(rows + i * TILE), sum0);
                    sum1 = MADD(weight, load(rows + i * TILE + 4), sum1);
                    sum2 = MADD(weight, load(rows + i * TILE + 8), sum2);
                    sum3 = MADD(weight, load(rows + i * TILE + 12), sum3);
                }
                float* to = logits + ((mask * 4 + sub) * 4 + inner) * TILE;
                store(to, sum0);
                store(to + 4, sum1);
                store(to + 8, sum2);
                store(to + 12, sum3);
            }
        }
    }

    // Pixel shuffle: sub-position = 2 y + x of the 2 x 2 block, the inner one of the block inside it.
    int columns = job->end_column - job->column;
    int count = job->end_column - column < TILE ? job->end_column - column : TILE;
    for (int mask = 0; mask < job->masks; mask++) {
        for (int y = 0; y < 4; y++) {
            float* to = job->out + ((mask * (job->end_row - job->row) + row - job->row) * 4 + y) * 4 * columns
                + 4 * (column - job->column);
            for (int x = 0; x < 4; x++) {
                int sub = (y >> 1) * 2 + (x >> 1), inner = (y & 1) * 2 + (x & 1);
                const float* from = logits + ((mask * 4 + sub) * 4 + inner) * TILE;
                for (int i = 0; i < count; i++) to[4 * i + x] = from[i];
            }
        }
    }
}

// Of TILE patches side by side, two pixels apart: their terms, terms (TERMS, step floats). from: above and left of the first.
INLINE void patch_terms(const float* from, int row, float* terms, int step) {
    for (int j = 0; j < TILE; j += 4, from += 8) {
        vec lines[PATCH][PATCH];
        UNROLL for (int i = 0; i < PATCH; i++) {
            const float* at = from + i * row;
            vec first = even(at), second = odd(at), third = even(at + 2), fourth = odd(at + 2);
            lines[i][0] = wasm_f32x4_sub(first, third);
            lines[i][1] = wasm_f32x4_add(second, third);
            lines[i][2] = wasm_f32x4_sub(third, second);
            lines[i][3] = wasm_f32x4_sub(second, fourth);
        }
        UNROLL for (int i = 0; i < PATCH; i++) {
            store(terms + (0 * PATCH + i) * step + j, wasm_f32x4_sub(lines[0][i], lines[2][i]));
            store(terms + (1 * PATCH + i) * step + j, wasm_f32x4_add(lines[1][i], lines[2][i]));
            store(terms + (2 * PATCH + i) * step + j, wasm_f32x4_sub(lines[2][i], lines[1][i]));
            store(terms + (3 * PATCH + i) * step + j, wasm_f32x4_sub(lines[1][i], lines[3][i]));
        }
    }
}

// The 2 x 2 pixels that TILE patches' terms (TERMS, BLOCK * TILE) become, of one channel: to (4, MIDDLE * TILE), row by row.
INLINE void pixels_of_terms(const float* terms, vec bias, float* to) {
    for (int j = 0; j < TILE; j += 4) {
        vec left[PATCH], right[PATCH];
        UNROLL for (int i = 0; i < PATCH; i++) {
            const float* at = terms + i * PATCH * BLOCK * TILE + j;
            vec first = load(at), second = load(at + BLOCK * TILE), third = load(at + 2 * BLOCK * TILE);
            vec fourth = load(at + 3 * BLOCK * TILE);
            left[i] = wasm_f32x4_add(first, wasm_f32x4_add(second, third));
            right[i] = wasm_f32x4_sub(second, wasm_f32x4_add(third, fourth));
        }
        vec up = wasm_f32x4_add(left[0], wasm_f32x4_add(left[1], left[2]));
        vec down = wasm_f32x4_sub(left[1], wasm_f32x4_add(left[2], left[3]));
        store(to + j, wasm_f32x4_add(up, bias));
        store(to + 2 * MIDDLE * TILE + j, wasm_f32x4_add(down, bias));
        up = wasm_f32x4_add(right[0], wasm_f32x4_add(right[1], right[2]));
        down = wasm_f32x4_sub(right[1], wasm_f32x4_add(right[2], right[3]));
        store(to + MIDDLE * TILE + j, wasm_f32x4_add(up, bias));
        store(to + 3 * MIDDLE * TILE + j, wasm_f32x4_add(down, bias));
    }
}

// FILTER: what HQ_UNIT pixels of two rows give at each place of the second filters. The window is in pixels here, its first row
// even. The first filters work on patches of 4 x 4 pixels, which Winograd's transform F(2 x 2, 3 x 3) takes to 16 terms: 16
// multiplications in place of 36. scratch: b (TERMS, LAST, TILE), c (TERMS, BLOCK, TILE), inner (4, MIDDLE, TILE), places (2,
// PLACE_ROWS, TILE).
INLINE void filter_tile(const Job* job, int row, int column, float* scratch) {
    float* b = scratch;
    float* c = b + TERMS * LAST * TILE;
    float* inner = c + TERMS * BLOCK * TILE;
    float* places = inner + 4 * MIDDLE * TILE;
    const float* from = job->features + row * LAST * PADDED + MARGIN + column - 1;  // the row above: one is before all
    for (int i = 0; i < LAST; i++, from += PADDED) patch_terms(from, LAST * PADDED, b + i * TILE, LAST * TILE);
    for (int block = 0; block < MIDDLE; block += BLOCK) {
        for (int term = 0; term < TERMS; term++) {
            const float* kernel = job->hq_kernel + (term * MIDDLE + block) * LAST;
            multiply(kernel, b + term * LAST * TILE, c + term * BLOCK * TILE, TILE, BLOCK, LAST, 0);
        }
        for (int i = 0; i < BLOCK; i++) {
            pixels_of_terms(c + i * TILE, splat(job->hq_bias + block + i), inner + (block + i) * TILE);
        }
    }
    for (int line = 0; line < 2; line++) {
        for (int side = 0; side < 2; side++) {
            float* rows = inner + (2 * line + side) * MIDDLE * TILE;
            for (int j = 0; j < TILE; j += 4) {
                // LayerNorm over the channels (their mean is zero already) and GELU.
                vec squares = wasm_f32x4_const_splat(0.0f);
                for (int i = 0; i < MIDDLE; i++) {
                    vec value = load(rows + i * TILE + j);
                    squares = MADD(value, value, squares);
                }
                vec variance = MADD(squares, wasm_f32x4_const_splat(1.0f / MIDDLE), wasm_f32x4_const_splat(1e-6f));
                vec gain = wasm_f32x4_div(wasm_f32x4_const_splat(1.0f), wasm_f32x4_sqrt(variance));
                for (int i = 0; i < MIDDLE; i++) {
                    vec value = wasm_f32x4_mul(load(rows + i * TILE + j), gain);
                    vec weight = splat(job->hq_bias + MIDDLE + i), bias = splat(job->hq_bias + 2 * MIDDLE + i);
                    store(rows + i * TILE + j, gelu(MADD(value, weight, bias)));
                }
            }
            multiply(job->hq_places, rows, places + side * PLACE_ROWS * TILE, TILE, PLACE_ROWS, MIDDLE, 0);
        }
        float* to = job->places + (row + line + 1) * PLACES * PADDED + MARGIN + column;
        for (int i = 0; i < PLACES; i++, to += PADDED) {
            for (int j = 0; j < TILE; j += 4) {
                vec left = load(places + i * TILE + j), right = load(places + (PLACE_ROWS + i) * TILE + j);
                store(to + 2 * j, wasm_i32x4_shuffle(left, right, 0, 4, 1, 5));
                store(to + 2 * j + 4, wasm_i32x4_shuffle(left, right, 2, 6, 3, 7));
            }
        }
    }
}

// ADD: one row of pixels of every mask with HQ-SAM's. `row` counts within the window, whose columns are tiles. The image's
// features lie 256 KB apart, on the same lines of the cache: a tile's are read once.
INLINE void add_row(const Job* job, int row) {
    int columns = 4 * (job->end_column - job->column), rows = 4 * (job->end_row - job->row);
    int y = 4 * job->row + row, first = 4 * job->column;
    for (int x = 0; x < columns; x += TILE) {
        vec sums[TILE / 4];
        UNROLL for (int j = 0; j < TILE / 4; j++) sums[j] = splat(&job->hq_constant);
        const float* places = job->places + y * PLACES * PADDED + MARGIN + first + x - 1;
        for (int line = 0; line < 3; line++, places += PLACES * PADDED) {
            for (int i = 0; i < 3; i++) {
                const float* from = places + (3 * line + i) * PADDED + i;
                UNROLL for (int j = 0; j < TILE / 4; j++) sums[j] = wasm_f32x4_add(sums[j], load(from + 4 * j));
            }
        }
        const float* features = job->hq_features + y * SIDE + first + x;
        for (int i = 0; i < LAST; i++, features += SIDE * SIDE) {
            vec share = splat(job->mixed + i);
            UNROLL for (int j = 0; j < TILE / 4; j++) sums[j] = MADD(share, load(features + 4 * j), sums[j]);
        }
        for (int mask = 0; mask < job->masks; mask++) {
            int at = (mask * rows + row) * columns + x;
            UNROLL for (int j = 0; j < TILE / 4; j++) {
                store(job->sums + at + 4 * j, wasm_f32x4_add(load(job->out + at + 4 * j), sums[j]));
            }
        }
    }
}

// Takes tiles until none is left. window columns start at a multiple of TILE. scratch: one per thread.
__attribute__((export_name("run_tail")))
void run_tail(Job* job, float* scratch) {
    // FILTER takes two rows at a time, ADD a row of pixels.
    int wide = job->stage == FILTER ? HQ_UNIT : TILE;
    int across = job->stage == ADD ? 1 : (job->end_column - job->column + wide - 1) / wide;
    int rows = job->end_row - job->row;
    int tiles = across * (job->stage == ADD ? 4 * rows : job->stage == FILTER ? rows / 2 : rows);
    for (;;) {
        int tile = __atomic_fetch_add(&job->next_tile, 1, __ATOMIC_RELAXED);
        if (tile >= tiles) return;
        int row = tile / across, column = job->column + tile % across * wide;
        if (job->stage == UPSCALE) run_tile(job, job->row + row, column, scratch);
        else if (job->stage == FILTER) filter_tile(job, job->row + 2 * row, column, scratch);
        else add_row(job, tile);
    }
}

// For tests: GELU of `count` values, a multiple of 4.
__attribute__((export_name("gelu_values")))
void gelu_values(const float* in, float* out, int count) {
    for (int i = 0; i < count; i += 4) store(out + i, gelu(load(in + i)));
}
