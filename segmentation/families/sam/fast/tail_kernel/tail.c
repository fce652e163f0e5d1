// The decoder's tail as WebAssembly SIMD: upscaling by four and the product with the masks' filters.
//
// segmentation/families/sam/fast/tail_graph.py is the same computation as an ONNX graph, and the reference in tests. This one is
// faster because a tile of 16 positions stays in the first cache from the first product to the logits, and because GELU
// costs a third. Build: python scripts/build_kernels.py (plain and relaxed SIMD; the latter has fused multiply-add).
//
// HQ-SAM adds one more mask to each: 3 x 3 filters of the upscaled features, norm, GELU, 3 x 3 filters to one channel, and a
// sum over features that depend on the image alone. It is done in two more stages over the whole window. The second filters'
// nine places are first products at one position (FILTER), whose shifted sums are the mask (ADD).
//
// Several threads may run `run_tail` on one shared memory: they take tiles from `next_tile`. Nothing here may use the
// C stack in memory, because every thread's instance would put its own at the same place: no arrays, no addresses of
// locals. The build refuses any.

#include "../../../kernels/simd.h"
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
        for (int i = 0; i < SECOND_ROWS; i++) {
            vec bias = splat(job->bias + i);
            for (int j = 0; j < TILE; j += 4) store(second + i * TILE + j, bias);
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

// FILTER: what TILE pixels give at each place of the second filters. The window is in pixels here.
// scratch: b (HQ_DEPTH, TILE), inner (MIDDLE, TILE), places (PLACE_ROWS, TILE).
INLINE void filter_tile(const Job* job, int row, int column, float* scratch) {
    float* b = scratch;
    float* inner = b + HQ_DEPTH * TILE;
    float* places = inner + MIDDLE * TILE;
    const float* from = job->features + row * LAST * PADDED + MARGIN + column - 1;  // the row above: one is before all
    for (int i = 0; i < 3 * LAST; i++, from += PADDED, b += 3 * TILE) {
        for (int j = 0; j < TILE; j += 4) {
            store(b + j, load(from + j));
            store(b + TILE + j, load(from + j + 1));
            store(b + 2 * TILE + j, load(from + j + 2));
        }
    }
    for (int i = 0; i < MIDDLE; i++) {
        vec bias = splat(job->hq_bias + i);
        for (int j = 0; j < TILE; j += 4) store(inner + i * TILE + j, bias);
    }
    multiply(job->hq_kernel, scratch, inner, TILE, MIDDLE, HQ_DEPTH, 1);
    for (int j = 0; j < TILE; j += 4) {
        // LayerNorm over the channels (their mean is zero already) and GELU.
        vec squares = wasm_f32x4_const_splat(0.0f);
        for (int i = 0; i < MIDDLE; i++) {
            vec value = load(inner + i * TILE + j);
            squares = MADD(value, value, squares);
        }
        vec variance = MADD(squares, wasm_f32x4_const_splat(1.0f / MIDDLE), wasm_f32x4_const_splat(1e-6f));
        vec gain = wasm_f32x4_div(wasm_f32x4_const_splat(1.0f), wasm_f32x4_sqrt(variance));
        for (int i = 0; i < MIDDLE; i++) {
            vec value = wasm_f32x4_mul(load(inner + i * TILE + j), gain);
            vec weight = splat(job->hq_bias + MIDDLE + i), bias = splat(job->hq_bias + 2 * MIDDLE + i);
            store(inner + i * TILE + j, gelu(MADD(value, weight, bias)));
        }
    }
    multiply(job->hq_places, inner, places, TILE, PLACE_ROWS, MIDDLE, 0);
    float* to = job->places + (row + 1) * PLACES * PADDED + MARGIN + column;
    for (int i = 0; i < PLACES; i++, to += PADDED) {
        for (int j = 0; j < TILE; j += 4) store(to + j, load(places + i * TILE + j));
    }
}

// ADD: one row of pixels of every mask with HQ-SAM's. `row` counts within the window.
INLINE void add_row(const Job* job, int row) {
    int columns = 4 * (job->end_column - job->column), rows = 4 * (job->end_row - job->row);
    int y = 4 * job->row + row, first = 4 * job->column;
    for (int x = 0; x < columns; x += 4) {
        vec sum = splat(&job->hq_constant);
        const float* places = job->places + y * PLACES * PADDED + MARGIN + first + x - 1;
        for (int line = 0; line < 3; line++, places += PLACES * PADDED) {
            for (int i = 0; i < 3; i++) sum = wasm_f32x4_add(sum, load(places + (3 * line + i) * PADDED + i));
        }
        const float* features = job->hq_features + y * SIDE + first + x;
        for (int i = 0; i < LAST; i++) sum = MADD(splat(job->mixed + i), load(features + i * SIDE * SIDE), sum);
        for (int mask = 0; mask < job->masks; mask++) {
            int at = (mask * rows + row) * columns + x;
            store(job->sums + at, wasm_f32x4_add(load(job->out + at), sum));
        }
    }
}

// Takes tiles until none is left. window columns start at a multiple of TILE. scratch: one per thread.
__attribute__((export_name("run_tail")))
void run_tail(Job* job, float* scratch) {
    int across = job->stage == ADD ? 1 : (job->end_column - job->column + TILE - 1) / TILE;
    int tiles = across * (job->end_row - job->row) * (job->stage == ADD ? 4 : 1);
    for (;;) {
        int tile = __atomic_fetch_add(&job->next_tile, 1, __ATOMIC_RELAXED);
        if (tile >= tiles) return;
        int row = job->row + tile / across, column = job->column + tile % across * TILE;
        if (job->stage == UPSCALE) run_tile(job, row, column, scratch);
        else if (job->stage == FILTER) filter_tile(job, row, column, scratch);
        else add_row(job, tile);
    }
}

// For tests: GELU of `count` values, a multiple of 4.
__attribute__((export_name("gelu_values")))
void gelu_values(const float* in, float* out, int count) {
    for (int i = 0; i < count; i += 4) store(out + i, gelu(load(in + i)));
}
