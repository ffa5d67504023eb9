/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counted terms in 128-bit columns. */
#ifndef PKN_SIMD_TERMS_NEON_C
#define PKN_SIMD_TERMS_NEON_C

#include "simd/majority_neon.c"
#include "simd/terms.h"
#include "simd/terms_scalar.c"

#if PKN_ARCH_ARM64

typedef uint64x2_t pkn_terms_vector_neon;
typedef int pkn_terms_mask_neon;

PKN_ALWAYS_INLINE int pkn_terms_make_mask_neon(size_t lanes) {
    return lanes != 0;
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_load_neon(const uint64_t *p, int mask) {
    PKN_UNUSED(mask);
    return vld1q_u64(p);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_keep_neon(uint64x2_t v) {
    return v;
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_zero_neon(void) {
    return vdupq_n_u64(0);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_get_neon(const uint64_t *p) {
    return vld1q_u64(p);
}

PKN_ALWAYS_INLINE void pkn_terms_put_neon(uint64_t *p, uint64x2_t v) {
    vst1q_u64(p, v);
}

PKN_ALWAYS_INLINE void pkn_terms_store_neon(uint64_t *p, int mask, uint64x2_t v) {
    PKN_UNUSED(mask);
    vst1q_u64(p, v);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_xor_neon(uint64x2_t a, uint64x2_t b) {
    return veorq_u64(a, b);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_xor3_neon(uint64x2_t a, uint64x2_t b, uint64x2_t c) {
    return veorq_u64(veorq_u64(a, b), c);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_and_neon(uint64x2_t a, uint64x2_t b) {
    return vandq_u64(a, b);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_or_neon(uint64x2_t a, uint64x2_t b) {
    return vorrq_u64(a, b);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_full_neon(uint64x2_t *sum, uint64x2_t b, uint64x2_t c) {
    return pkn_count_full_neon(sum, b, c);
}

PKN_ALWAYS_INLINE uint64x2_t pkn_terms_half_neon(uint64x2_t *sum, uint64x2_t b) {
    return pkn_count_half_neon(sum, b);
}

#define PKN_TERMS_NEON_TARGET
PKN_DEFINE_TERMS(neon, PKN_TERMS_NEON_TARGET, 2, 2)

#endif

#endif
