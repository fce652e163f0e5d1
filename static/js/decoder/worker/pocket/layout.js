// The kernel's kinds of operation, and what each of them is told; pocket.c says what each does.
// Written by scripts/build_kernels.py from segmentation/families/pocket/kernel/layout.json, which is to be changed.

import {Work} from "../kernel/layout.js";
import {Struct, WORD} from "../kernel/struct.js";

export const Kind = Object.freeze({
    CONVOLVE: 0,
    MIX: 1,
    UPSAMPLE: 2,
    POOL: 3,
    PREVIOUS: 4,
    SIMILAR: 5,
    GATHER: 6,
    SUMMARISE: 7,
    SHIFT: 8,
    LINEAR: 9,
    TOTAL: 10,
    HINT: 11,
    PRESS: 12,
    SHUFFLE: 13,
    JUDGE: 14,
});

export const Activation = Object.freeze({
    NO_ACTIVATION: 0,
    RELU: 1,
    SIGMOID: 2,
    ONE_PLUS_TANH: 3,
});

export const PlaneMap = new Struct({
    data: WORD,
    channels: WORD,
    height: WORD,
    width: WORD,
    stride: WORD,
    plane: WORD,
});

export const Op = new Struct({
    work: Work,
    in: PlaneMap,
    out: PlaneMap,
    add: PlaneMap,
    kernel: WORD,
    dilation: WORD,
    activation: WORD,
    w0: WORD,
    b0: WORD,
    w1: WORD,
    b1: WORD,
    w2: WORD,
    vector: WORD,
    count: WORD,
    others: WORD,
    list: WORD,
});
