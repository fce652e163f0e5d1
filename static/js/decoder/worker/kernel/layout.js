// What the kernels of all families share.
// Written by scripts/build_kernels.py from segmentation/families/kernels/layout.json, which is to be changed.

import {Struct, WORD} from "./struct.js";

export const TILE = 16; // positions worked on at a time
export const BLOCK = 4; // rows multiplied at a time

export const Work = new Struct({
    kind: WORD,
    units: WORD,
    next: WORD,
    done: WORD,
});
