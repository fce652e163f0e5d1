// The tail kernel's sizes, stages and its job.
// Written by scripts/build_kernels.py from segmentation/families/two_way/tail_kernel/layout.json, which is to be changed.

#pragma once

#include "../../kernels/layout.h"

enum {
    GRID = 64,
    POSITIONS = GRID * GRID,
    CHANNELS = 256,
    ROWS = CHANNELS,  // of the first upscaling: (channel of 64, sub-position of 4)
    MIDDLE = CHANNELS / 4,  // channels after the first upscaling
    LAST = CHANNELS / 8,  // channels after the second
    SECOND_ROWS = 4 * LAST,  // (sub-position, channel)
    MAX_MASKS = 4,
    SIDE = 4 * GRID,
    MARGIN = 16,  // floats before and behind a row of SIDE, and a row above and below: zeros at the image's edge
    PADDED = SIDE + 2 * MARGIN,
    PLACES = 9,  // of a 3 x 3 filter
    PLACE_ROWS = 12,  // the same in blocks
    PATCH = 4,  // pixels, of which 3 x 3 filters make 2 x 2: both sides
    TERMS = PATCH * PATCH,  // a patch's, after Winograd's transform
    HQ_UNIT = 2 * TILE,  // pixels of two rows that are filtered together
};

typedef enum {
    UPSCALE,
    FILTER,
    ADD,
} Stage;

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
    int stage;  // what is done; the rest is HQ-SAM's
    float *features;  // (1 + SIDE + 1, LAST, PADDED): upscaled, for FILTER; or none
    float *places;  // (1 + SIDE + 1, PLACES, PADDED): what each place of the second filters gives
    const float *hq_bias;  // bias (MIDDLE), norm weight (MIDDLE), norm bias (MIDDLE)
    const float *hq_kernel;  // (TERMS, MIDDLE, LAST), each term packed by pack_rows
    const float *hq_places;  // (PLACE_ROWS, MIDDLE) for this click, packed by pack_rows
    const float *mixed;  // (LAST): how much of each of the image's features
    const float *hq_features;  // (LAST, SIDE, SIDE)
    float hq_constant;
    float *sums;  // as `out`, HQ-SAM's mask added: apart from it, so that ADD may be done again
    const float *middle;  // of SAM 2: packed by pack_middle; or none
    const float *fine;  // of SAM 2: packed by pack_fine, `bias` in it; or none
} Job;
