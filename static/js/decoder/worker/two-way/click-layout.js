// The click kernel's sizes, kinds of operation and their jobs; click.c says what each does.
// Written by scripts/build_kernels.py from segmentation/families/two_way/click_kernel/layout.json, which is to be changed.

import {TILE, Work} from "../kernel/layout.js";
import {FLOAT, Struct, WORD} from "../kernel/struct.js";

export const GRID = 64;
export const POSITIONS = GRID * GRID;
export const CHANNELS = 256;
export const HEADS = 8;
export const WIDTH = 16; // of a head, in the attentions between tokens and image
export const INNER = HEADS * WIDTH;
export const OWN_WIDTH = 32; // of a head, among the tokens
export const HIDDEN = 2048; // of the tokens' MLPs
export const MASKS = 4;
export const OWN_TOKENS = 1 + MASKS; // the first is for the IoU predictions
export const FILTER = CHANNELS / 8; // values of a mask's filter
export const SPAN = 256; // positions a unit of work has
export const SPAN_TILES = SPAN / TILE;
export const SPANS = POSITIONS / SPAN;
export const EXTRA = 4; // rows behind those of layer 1: a constant, ones for the tail, two of zeros
export const MAX_TOKENS = 16;
export const MAX_VECTORS = MAX_TOKENS * INNER;
export const MASK_BASIS = 17; // the mask prompt's 16 channels and ones
export const MASK_ROWS = 20; // the same and three of zeros

export const Kind = Object.freeze({
    LINEAR: 0,
    DOTS: 1,
    NORM: 2,
    SELF: 3,
    MASK: 4,
    GATHER: 5,
    UPDATE: 6,
    COMBINE: 7,
});

export const Op = new Struct({
    work: Work,
    job: WORD,
});

export const Linear = new Struct({
    x: WORD,
    w: WORD,
    b: WORD,
    add: WORD,
    y: WORD,
    rows: WORD,
    inputs: WORD,
    columns: WORD,
    xRow: WORD,
    xGroup: WORD,
    wRow: WORD,
    wBlock: WORD,
    wGroup: WORD,
    yRow: WORD,
    yGroup: WORD,
    isRelu: WORD,
});

export const Dots = new Struct({
    x: WORD,
    y0: WORD,
    y1: WORD,
    y: WORD,
    columns: WORD,
    columns1: WORD,
    isGram: WORD,
});

export const Norm = new Struct({
    x: WORD,
    weight: WORD,
    bias: WORD,
    add: WORD,
    y: WORD,
    sum: WORD,
    epsilon: FLOAT,
});

export const Self = new Struct({
    queries: WORD,
    keys: WORD,
    values: WORD,
    y: WORD,
    tokens: WORD,
});

export const Mask = new Struct({
    logits: WORD,
    weights: WORD,
    rows: WORD,
    columns: WORD,
});

export const Gather = new Struct({
    queries: WORD,
    keys: WORD,
    constant: WORD,
    values: WORD,
    gain: WORD,
    rows: WORD,
    coefficients: WORD,
    columns: WORD,
    partial: WORD,
    tokens: WORD,
    depth: WORD,
    partialSize: WORD,
});

export const Combine = new Struct({
    partial: WORD,
    gathered: WORD,
    moments: WORD,
    tokens: WORD,
    depth: WORD,
    partialSize: WORD,
});

export const Update = new Struct({
    keys: WORD,
    queries: WORD,
    constant: WORD,
    rows: WORD,
    before: WORD,
    gainBefore: WORD,
    maskProducts: WORD,
    valuesBefore: WORD,
    gatheredBefore: WORD,
    values: WORD,
    gathered: WORD,
    mixed: WORD,
    own: WORD,
    norms: WORD,
    constantProducts: WORD,
    gain: WORD,
    coefficients: WORD,
    columns: WORD,
    plain: WORD,
    tokens: WORD,
    depthBefore: WORD,
    depth: WORD,
    isLast: WORD,
    epsilon: FLOAT,
    gather: Gather,
});
