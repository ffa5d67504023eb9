/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Majority and column counts, one word of 64 columns at a time, on any CPU. */
#ifndef PKN_SIMD_MAJORITY_SCALAR_C
#define PKN_SIMD_MAJORITY_SCALAR_C

#include "simd/majority.h"

typedef uint64_t pkn_count_vector_scalar;

PKN_ALWAYS_INLINE uint64_t pkn_count_load_scalar(const uint64_t *p, size_t lanes) {
    PKN_UNUSED(lanes);
    return *p;
}

PKN_ALWAYS_INLINE void pkn_count_store_scalar(uint64_t *p, size_t lanes, uint64_t v) {
    PKN_UNUSED(lanes);
    *p = v;
}

PKN_ALWAYS_INLINE uint64_t pkn_count_fill_scalar(unsigned bit) {
    return 0 - (uint64_t)bit;
}

PKN_ALWAYS_INLINE uint64_t pkn_count_full_scalar(uint64_t *sum, uint64_t b, uint64_t c) {
    uint64_t a = *sum;
    uint64_t differ = a ^ b;
    *sum = differ ^ c;
    return (a & b) | (differ & c);
}

PKN_ALWAYS_INLINE uint64_t pkn_count_half_scalar(uint64_t *sum, uint64_t b) {
    uint64_t a = *sum;
    *sum = a ^ b;
    return a & b;
}

PKN_ALWAYS_INLINE uint64_t pkn_count_or_scalar(uint64_t a, uint64_t b) {
    return a | b;
}

#define PKN_COUNT_ANY_TARGET
PKN_DEFINE_MAJORITY(scalar, PKN_COUNT_ANY_TARGET, 1)

#endif
