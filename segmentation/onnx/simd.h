// What the decoders' kernels share: SIMD in few words, and the product that takes most of their time.

#ifndef MASKWRIGHT_SIMD_H
#define MASKWRIGHT_SIMD_H

#include <wasm_simd128.h>

enum {
    TILE = 16,   // positions worked on at a time
    BLOCK = 4,   // rows multiplied at a time
};

typedef v128_t vec;

#ifdef __wasm_relaxed_simd__
#define MADD(a, b, c) wasm_f32x4_relaxed_madd(a, b, c)
#else
#define MADD(a, b, c) wasm_f32x4_add(wasm_f32x4_mul(a, b), c)
#endif
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

INLINE vec load(const float* p) { return wasm_v128_load(p); }
INLINE vec splat(const float* p) { return wasm_v128_load32_splat(p); }
INLINE void store(float* p, vec value) { wasm_v128_store(p, value); }

// c (rows, TILE) += a (rows, depth, packed in blocks of 4 rows, k by k) times b (depth, TILE). rows is a multiple of 4.
//
// 4 rows by 8 positions at a time: 8 accumulators are what keeps two multiply-adds a cycle busy, and leave V8 registers
// for the operands. 6 by 8 would need fewer loads, but V8 then spills: half the speed (28 instead of 55 GFLOP/s).
// A function of its own, because V8 allots registers badly inside a large one.
__attribute__((noinline))
static void multiply(const float* a, const float* b, float* c, int rows, int depth) {
    for (int row = 0; row < rows; row += BLOCK, a += BLOCK * depth) {
        for (int half = 0; half < TILE; half += 8) {
            float* to = c + row * TILE + half;
            vec low[BLOCK], high[BLOCK];
            UNROLL for (int i = 0; i < BLOCK; i++) {
                low[i] = load(to + i * TILE);
                high[i] = load(to + i * TILE + 4);
            }
            for (int k = 0; k < depth; k++) {
                vec first = load(b + k * TILE + half), second = load(b + k * TILE + half + 4);
                UNROLL for (int i = 0; i < BLOCK; i++) {
                    vec value = splat(a + k * BLOCK + i);
                    low[i] = MADD(value, first, low[i]);
                    high[i] = MADD(value, second, high[i]);
                }
            }
            UNROLL for (int i = 0; i < BLOCK; i++) {
                store(to + i * TILE, low[i]);
                store(to + i * TILE + 4, high[i]);
            }
        }
    }
}

#endif
