// The click kernel's sizes, kinds of operation and their jobs; click.c says what each does.
// Written by scripts/build_kernels.py from segmentation/families/two_way/click_kernel/layout.json, which is to be changed.

#pragma once

#include "../../kernels/layout.h"

enum {
    GRID = 64,
    POSITIONS = GRID * GRID,
    CHANNELS = 256,
    HEADS = 8,
    WIDTH = 16,  // of a head, in the attentions between tokens and image
    INNER = HEADS * WIDTH,
    OWN_WIDTH = 32,  // of a head, among the tokens
    HIDDEN = 2048,  // of the tokens' MLPs
    MASKS = 4,
    OWN_TOKENS = 1 + MASKS,  // the first is for the IoU predictions
    FILTER = CHANNELS / 8,  // values of a mask's filter
    SPAN = 256,  // positions a unit of work has
    SPAN_TILES = SPAN / TILE,
    SPANS = POSITIONS / SPAN,
    EXTRA = 4,  // rows behind those of layer 1: a constant, ones for the tail, two of zeros
    MAX_TOKENS = 16,
    MAX_VECTORS = MAX_TOKENS * INNER,
    MASK_BASIS = 17,  // the mask prompt's 16 channels and ones
    MASK_ROWS = 20,  // the same and three of zeros
};

typedef enum {
    LINEAR,
    DOTS,
    NORM,
    SELF,
    MASK,
    GATHER,
    UPDATE,
    COMBINE,
} Kind;

typedef struct {
    Work work;
    const void *job;
} Op;

typedef struct {
    const float *x, *w, *b, *add;
    float *y;
    int rows, inputs, columns;
    int x_row, x_group, w_row, w_block, w_group, y_row, y_group;
    int is_relu;
} Linear;

typedef struct {
    const float *x, *y0, *y1;
    float *y;
    int columns, columns1;
    int is_gram;
} Dots;

typedef struct {
    const float *x, *weight, *bias, *add;
    float *y, *sum;
    float epsilon;
} Norm;

typedef struct {
    const float *queries, *keys, *values;
    float *y;
    int tokens;
} Self;

typedef struct {
    const float *logits;  // (4 GRID, 4 GRID)
    const float *weights;  // filter (4, 4), bias, norm weight, norm bias (4 each); filter (16, 16), bias, weight, bias (16 each)
    float *rows, *columns;
} Mask;

typedef struct {
    const float *queries;  // (T, INNER), scaled
    const float *keys;  // image's part; times gain, plus `constant`
    const float *constant;  // or none
    const float *values;  // image's part, times gain
    const float *gain;  // (POSITIONS), or none
    const float *rows;  // (HEADS T, depth): what a coefficient adds to a score
    const float *coefficients, *columns;
    float *partial;  // per span: maximum (rows), sum (rows), values (rows, WIDTH), coefficients (blocks, rows, 16)
    int tokens, depth, partial_size;
} Gather;

typedef struct {
    const float *partial;
    float *gathered, *moments;
    int tokens, depth, partial_size;
} Combine;

typedef struct {
    const float *keys;  // (T, INNER) of the tokens, scaled
    const float *queries, *constant;  // image's part
    const float *rows;  // (HEADS T, depth_before)
    const float *before;  // (tile, depth_before, TILE)
    const float *gain_before;  // (POSITIONS), or none
    const float *mask_products;  // (tile, MASK_ROWS, TILE), or none
    const float *values_before, *gathered_before;  // (T, INNER) and image tensor of the layer before, or none
    const float *values, *gathered;
    const float *mixed;  // (depth_before, depth): Gram matrix of the basis
    const float *own;  // (depth - depth_before, depth - depth_before), the rest of it
    const float *norms, *constant_products;  // (POSITIONS)
    float *gain, *coefficients, *columns;
    float *plain;  // coefficients as (depth, POSITIONS) for the tail, or none
    int tokens, depth_before, depth, is_last;
    float epsilon;
    Gather gather;
} Update;
