/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Majority and column counts in 128-bit columns; the carry of a full adder is a bit select. */
#ifndef PKN_SIMD_MAJORITY_NEON_C
#define PKN_SIMD_MAJORITY_NEON_C

#include "simd/majority.h"

#if PKN_ARCH_ARM64

typedef uint64x2_t pkn_count_vector_neon;

PKN_ALWAYS_INLINE uint64x2_t pkn_count_load_neon(const uint64_t *p, size_t lanes) {
    return lanes >= 2 ? vld1q_u64(p) : vcombine_u64(vld1_u64(p), vdup_n_u64(0));
}

PKN_ALWAYS_INLINE void pkn_count_store_neon(uint64_t *p, size_t lanes, uint64x2_t v) {
    if (lanes >= 2) {
        vst1q_u64(p, v);
    } else {
        vst1_u64(p, vget_low_u64(v));
    }
}

PKN_ALWAYS_INLINE uint64x2_t pkn_count_fill_neon(unsigned bit) {
    return vdupq_n_u64(0 - (uint64_t)bit);
}

/* Where a and b differ the carry is c, else it is a. */
PKN_ALWAYS_INLINE uint64x2_t pkn_count_full_neon(uint64x2_t *sum, uint64x2_t b, uint64x2_t c) {
    uint64x2_t a = *sum;
    uint64x2_t differ = veorq_u64(a, b);
    *sum = veorq_u64(differ, c);
    return vbslq_u64(differ, c, a);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_count_half_neon(uint64x2_t *sum, uint64x2_t b) {
    uint64x2_t carry = vandq_u64(*sum, b);
    *sum = veorq_u64(*sum, b);
    return carry;
}

PKN_ALWAYS_INLINE uint64x2_t pkn_count_or_neon(uint64x2_t a, uint64x2_t b) {
    return vorrq_u64(a, b);
}

#define PKN_COUNT_NEON_TARGET
PKN_DEFINE_MAJORITY(neon, PKN_COUNT_NEON_TARGET, 2)

#endif

#endif
