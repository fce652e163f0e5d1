// How the threads of a kernel work through one list of operations together.

#ifndef MASKWRIGHT_THREADS_H
#define MASKWRIGHT_THREADS_H

#include "layout.h"

enum {
    SPINS = 20000,    // looks at the others before a thread goes to sleep
    TIMED_OUT = 2,    // of atomic.wait
};
static const long long PATIENCE_NS = 5000000000LL;

// Works through `count` operations of `size` bytes, each beginning with its Work (layout.h); do_unit does one unit of one.
//
// An operation is over when all its units are done, no matter by whom: a thread that the system wakes late joins where the
// others are and holds nobody up. Returns 0, or 1 where a thread took a unit and did not finish it in time.
static inline __attribute__((always_inline)) int work_through(
    char* operations, int count, int size, float* scratch, void (*do_unit)(const void*, int, float*)
) {
    for (char* operation = operations; operation < operations + count * size; operation += size) {
        Work* work = (Work*)operation;
        int did = 0;
        while (__atomic_load_n(&work->next, __ATOMIC_RELAXED) < work->units) {
            int unit = __atomic_fetch_add(&work->next, 1, __ATOMIC_RELAXED);
            if (unit >= work->units) break;
            do_unit(operation, unit, scratch);
            did++;
        }
        if (did && __atomic_add_fetch(&work->done, did, __ATOMIC_SEQ_CST) == work->units) {
            __builtin_wasm_memory_atomic_notify(&work->done, 64);
        }
        int spins = 0;
        for (;;) {
            int done = __atomic_load_n(&work->done, __ATOMIC_SEQ_CST);
            if (done >= work->units) break;
            if (++spins < SPINS) continue;
            if (__builtin_wasm_memory_atomic_wait32(&work->done, done, PATIENCE_NS) == TIMED_OUT) return 1;
        }
    }
    return 0;
}

#endif
