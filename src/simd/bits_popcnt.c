/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counts of ones with the POPCNT instruction alone, for x86 CPUs without AVX2: one word a cycle on Intel's, up to four on AMD's.
   Without it a compiler counts by arithmetic, about 12 operations a word. */
#ifndef PKN_SIMD_BITS_POPCNT_C
#define PKN_SIMD_BITS_POPCNT_C

#include "base/bits.h"
#include "simd/intrinsics.h"

#if PKN_ARCH_X86

PKN_TARGET_POPCNT PKN_INTERNAL uint64_t pkn_popcount_u64_popcnt(const uint64_t *a, size_t words) {
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++) {
        count += (uint64_t)__builtin_popcountll(a[i]);
    }
    return count;
}

PKN_TARGET_POPCNT PKN_INTERNAL uint64_t pkn_hamming_u64_popcnt(const uint64_t *a, const uint64_t *b,
                                                               size_t words) {
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++) {
        count += (uint64_t)__builtin_popcountll(a[i] ^ b[i]);
    }
    return count;
}

#endif

#endif
