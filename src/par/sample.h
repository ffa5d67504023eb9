/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Which elements to look at for an estimate of a rank, and how far off it may be. */
#ifndef PKN_PAR_SAMPLE_H
#define PKN_PAR_SAMPLE_H

#include "base/bits.h"
#include "base/rng.h"

/* floor(log2(n)), n > 0 */
PKN_INLINE unsigned pkn_log2_size(size_t n) {
    return 63u - pkn_clz_u64((uint64_t)n);
}

/* sqrt(n) to the next integer or one more, n > 0; Newton's steps from above. */
PKN_INLINE size_t pkn_root_size(size_t n) {
    size_t root = (size_t)1 << (pkn_log2_size(n) / 2 + 1);
    for (int i = 0; i < 5; i++) {
        root = (root + n / root + 1) / 2;
    }
    return root;
}

/* Four to six times sqrt(n): the rank of a sample is then off by 1 % of n at 10^6, for 1 % of the
   cost of a pass over the array. */
PKN_INLINE size_t pkn_sample_count(size_t n) {
    return (size_t)1 << (pkn_log2_size(n) + 5) / 2;
}

/* The index of sample i, one from each run of step, by a fixed stream: data with a period must not
   meet a sample with one. */
PKN_INLINE size_t pkn_sample_at(size_t i, size_t step) {
    uint64_t fraction = pkn_mix_u64(i + 1) >> 32;
    return i * step + (size_t)((fraction * (uint64_t)pkn_min_size(step, UINT32_MAX)) >> 32);
}

#endif
