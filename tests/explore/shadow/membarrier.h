/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The barrier on all threads as the explorer has it. */
#ifndef PKN_EXPLORE_MEMBARRIER_H
#define PKN_EXPLORE_MEMBARRIER_H

#include "base/atomic.h"

#define PKN_MEMBARRIER 1

PKN_INTERNAL int pkn_membarrier_init(void) {
    return 1;
}

PKN_INTERNAL void pkn_fence_all_threads(int works) {
    if (works) {
        explore_barrier();
    } else {
        pkn_fence_seq_cst();
    }
}

PKN_INLINE void explore_no_barrier(int works) {
    PKN_UNUSED(works);
}

#endif
