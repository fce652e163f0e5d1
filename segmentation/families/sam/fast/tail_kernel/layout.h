// The tail kernel's sizes and its job.
// Written by scripts/build_kernels.py from segmentation/families/sam/fast/tail_kernel/layout.json, which is to be changed.

#pragma once

#include "../../../kernels/layout.h"

enum {
    GRID = 64,
    POSITIONS = GRID * GRID,
    CHANNELS = 256,
    ROWS = CHANNELS,  // of the first upscaling: (channel of 64, sub-position of 4)
    MIDDLE = CHANNELS / 4,  // channels after the first upscaling
    LAST = CHANNELS / 8,  // channels after the second
    SECOND_ROWS = 4 * LAST,  // (sub-position, channel)
    MAX_MASKS = 4,
};

typedef struct {
    const float *upscaled;  // packed by pack_image
    const float *gain;  // (POSITIONS)
    const float *coefficients;  // (depth, POSITIONS)
    const float *basis;  // (depth, ROWS), packed by pack_rows
    const float *norm;  // weight (MIDDLE), bias (MIDDLE)
    const float *kernel;  // (MIDDLE, SECOND_ROWS), packed by pack_rows
    const float *bias;  // (SECOND_ROWS)
    const float *filters;  // (masks, LAST)
    float *out;  // (masks, 4 * rows, 4 * columns) of the window
    int depth;
    int masks;
    int row, end_row;  // window of the grid
    int column, end_column;
    int next_tile;
} Job;
