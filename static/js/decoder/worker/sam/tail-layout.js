// The tail kernel's sizes and its job.
// Written by scripts/build_kernels.py from segmentation/families/sam/fast/tail_kernel/layout.json, which is to be changed.

import {Struct, WORD} from "../kernel/struct.js";

export const GRID = 64;
export const POSITIONS = GRID * GRID;
export const CHANNELS = 256;
export const ROWS = CHANNELS; // of the first upscaling: (channel of 64, sub-position of 4)
export const MIDDLE = CHANNELS / 4; // channels after the first upscaling
export const LAST = CHANNELS / 8; // channels after the second
export const SECOND_ROWS = 4 * LAST; // (sub-position, channel)
export const MAX_MASKS = 4;

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
});
