// The tail kernel's sizes, stages and its job.
// Written by scripts/build_kernels.py from segmentation/families/two_way/tail_kernel/layout.json, which is to be changed.

import {TILE} from "../kernel/layout.js";
import {FLOAT, Struct, WORD} from "../kernel/struct.js";

export const GRID = 64;
export const POSITIONS = GRID * GRID;
export const CHANNELS = 256;
export const ROWS = CHANNELS; // of the first upscaling: (channel of 64, sub-position of 4)
export const MIDDLE = CHANNELS / 4; // channels after the first upscaling
export const LAST = CHANNELS / 8; // channels after the second
export const SECOND_ROWS = 4 * LAST; // (sub-position, channel)
export const MAX_MASKS = 4;
export const SIDE = 4 * GRID;
export const MARGIN = 16; // floats before and behind a row of SIDE, and a row above and below: zeros at the image's edge
export const PADDED = SIDE + 2 * MARGIN;
export const PLACES = 9; // of a 3 x 3 filter
export const PLACE_ROWS = 12; // the same in blocks
export const PATCH = 4; // pixels, of which 3 x 3 filters make 2 x 2: both sides
export const TERMS = PATCH * PATCH; // a patch's, after Winograd's transform
export const HQ_UNIT = 2 * TILE; // pixels of two rows that are filtered together

export const Stage = Object.freeze({
    UPSCALE: 0,
    FILTER: 1,
    ADD: 2,
});

export const Job = new Struct({
    upscaled: WORD,
    gain: WORD,
    coefficients: WORD,
    basis: WORD,
    norm: WORD,
    kernel: WORD,
    bias: WORD,
    filters: WORD,
    out: WORD,
    depth: WORD,
    masks: WORD,
    row: WORD,
    endRow: WORD,
    column: WORD,
    endColumn: WORD,
    nextTile: WORD,
    stage: WORD,
    features: WORD,
    places: WORD,
    hqBias: WORD,
    hqKernel: WORD,
    hqPlaces: WORD,
    mixed: WORD,
    hqFeatures: WORD,
    hqConstant: FLOAT,
    sums: WORD,
    middle: WORD,
    fine: WORD,
});
