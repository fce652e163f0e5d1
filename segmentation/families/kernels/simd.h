// What the decoders' kernels share: SIMD in few words, and the product that takes most of their time.

#ifndef MASKWRIGHT_SIMD_H
#define MASKWRIGHT_SIMD_H

#include <wasm_simd128.h>

#include "layout.h"

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
#define CONST(value) wasm_f32x4_const_splat(value)

INLINE float sum_lanes(vec v) {
    return wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 1) + wasm_f32x4_extract_lane(v, 2)
        + wasm_f32x4_extract_lane(v, 3);
}

// e^x to float32's rounding: 2^n times a polynomial on [-ln2/2, ln2/2] (Cephes' expf).
INLINE vec exponential(vec x) {
    x = wasm_f32x4_pmin(CONST(88.0f), wasm_f32x4_pmax(CONST(-87.0f), x));
    vec n = wasm_f32x4_nearest(wasm_f32x4_mul(x, CONST(1.44269504088896341f)));
    vec r = MADD(n, CONST(-0.693359375f), x);
    r = MADD(n, CONST(2.12194440e-4f), r);
    vec p = CONST(1.9875691500e-4f);
    p = MADD(p, r, CONST(1.3981999507e-3f));
    p = MADD(p, r, CONST(8.3334519073e-3f));
    p = MADD(p, r, CONST(4.1665795894e-2f));
    p = MADD(p, r, CONST(1.6666665459e-1f));
    p = MADD(p, r, CONST(5.0000001201e-1f));
    p = MADD(wasm_f32x4_mul(p, r), r, wasm_f32x4_add(r, CONST(1.0f)));
    vec power = wasm_i32x4_shl(wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(n), wasm_i32x4_const_splat(127)), 23);
    return wasm_f32x4_mul(p, power);
}

// x/2 (1 + erf(x / sqrt 2)), exactly to float32's rounding where it matters: |error| < 1e-6 (tests). erf is the
// rational approximation of Eigen (MathFunctionsImpl.h, generic_fast_erf_float): odd degree 13 over even degree 8 on
// [-4, 4], beyond which erf is 1 in float32.
INLINE vec gelu(vec x) {
    const vec limit = wasm_f32x4_const_splat(4.0f);
    vec u = wasm_f32x4_mul(x, wasm_f32x4_const_splat(0.70710678118654752f));
    u = wasm_f32x4_pmin(limit, wasm_f32x4_pmax(wasm_f32x4_neg(limit), u));
    vec s = wasm_f32x4_mul(u, u);
    vec p = wasm_f32x4_const_splat(-2.72614225801306e-10f);
    p = MADD(p, s, wasm_f32x4_const_splat(2.77068142495902e-08f));
    p = MADD(p, s, wasm_f32x4_const_splat(-2.10102402082508e-06f));
    p = MADD(p, s, wasm_f32x4_const_splat(-5.69250639462346e-05f));
    p = MADD(p, s, wasm_f32x4_const_splat(-7.34990630326855e-04f));
    p = MADD(p, s, wasm_f32x4_const_splat(-2.95459980854025e-03f));
    p = MADD(p, s, wasm_f32x4_const_splat(-1.60960333262415e-02f));
    vec q = wasm_f32x4_const_splat(-1.45660718464996e-05f);
    q = MADD(q, s, wasm_f32x4_const_splat(-2.13374055278905e-04f));
    q = MADD(q, s, wasm_f32x4_const_splat(-1.68282697438203e-03f));
    q = MADD(q, s, wasm_f32x4_const_splat(-7.37332916720468e-03f));
    q = MADD(q, s, wasm_f32x4_const_splat(-1.42647390514189e-02f));
    vec half = wasm_f32x4_mul(x, wasm_f32x4_const_splat(0.5f));
    return MADD(half, wasm_f32x4_div(wasm_f32x4_mul(u, p), q), half);
}

// c (rows, TILE), c_row floats from row to row, += a (rows, depth, packed in blocks of 4 rows, k by k) times b (depth, TILE);
// c counts as zero unless is_added. rows is a multiple of 4.
//
// 4 rows by 8 positions at a time: 8 accumulators are what keeps two multiply-adds a cycle busy, and leave V8 registers
// for the operands. 6 by 8 would need fewer loads, but V8 then spills: half the speed (28 instead of 55 GFLOP/s).
// A function of its own, because V8 allots registers badly inside a large one.
__attribute__((noinline))
static void multiply(const float* a, const float* b, float* c, int c_row, int rows, int depth, int is_added) {
    for (int row = 0; row < rows; row += BLOCK, a += BLOCK * depth) {
        for (int half = 0; half < TILE; half += 8) {
            float* to = c + row * c_row + half;
            vec low[BLOCK], high[BLOCK];
            UNROLL for (int i = 0; i < BLOCK; i++) {
                low[i] = is_added ? load(to + i * c_row) : CONST(0.0f);
                high[i] = is_added ? load(to + i * c_row + 4) : CONST(0.0f);
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
                store(to + i * c_row, low[i]);
                store(to + i * c_row + 4, high[i]);
            }
        }
    }
}

#endif
