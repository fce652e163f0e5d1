// What the kernels of all families share.
// Written by scripts/build_kernels.py from segmentation/families/kernels/layout.json, which is to be changed.

#pragma once

enum {
    TILE = 16,  // positions worked on at a time
    BLOCK = 4,  // rows multiplied at a time
};

typedef struct {
    int kind;
    int units;
    int next;  // the first unit that nobody has taken
    int done;  // how many are finished
} Work;
