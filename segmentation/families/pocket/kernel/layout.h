// The kernel's kinds of operation, and what each of them is told; pocket.c says what each does.
// Written by scripts/build_kernels.py from segmentation/families/pocket/kernel/layout.json, which is to be changed.

#pragma once

#include "../../kernels/layout.h"

typedef enum {
    CONVOLVE,
    MIX,
    UPSAMPLE,
    POOL,
    PREVIOUS,
    SIMILAR,
    GATHER,
    SUMMARISE,
    SHIFT,
    LINEAR,
    TOTAL,
    HINT,
    PRESS,
    SHUFFLE,
    JUDGE,
} Kind;

typedef enum {
    NO_ACTIVATION,
    RELU,
    SIGMOID,
    ONE_PLUS_TANH,
} Activation;

typedef struct {
    float *data;  // channel 0's first position inside the margin
    int channels, height, width;
    int stride, plane;  // floats from row to row, from channel to channel
} PlaneMap;

typedef struct {
    Work work;
    PlaneMap in, out, add;  // `add` without data: nothing is added
    int kernel, dilation;
    Activation activation;
    const float *w0, *b0, *w1, *b1, *w2;  // weights, see each operation
    float *vector;
    int count, others;  // numbers, see each operation
    const int *list;
} Op;
