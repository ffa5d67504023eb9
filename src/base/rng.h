/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Random numbers that depend on (seed, index) alone: the same everywhere, in any order.
   Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014 (SplitMix64). */
#ifndef PKN_BASE_RNG_H
#define PKN_BASE_RNG_H

#include "base/compiler.h"

#include <stdint.h>

PKN_INLINE uint64_t pkn_mix_u64(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Word index of the stream seed. The seed is mixed first, so that neighbouring seeds give unrelated streams. */
PKN_INLINE uint64_t pkn_random_at(uint64_t seed, uint64_t index) {
    uint64_t start = pkn_mix_u64(seed + UINT64_C(0x9e3779b97f4a7c15));
    return pkn_mix_u64(start + (index + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

#endif
