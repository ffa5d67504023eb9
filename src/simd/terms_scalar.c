/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counted terms, one word of 64 columns at a time, on any CPU. */
#ifndef PKN_SIMD_TERMS_SCALAR_C
#define PKN_SIMD_TERMS_SCALAR_C

#include "simd/terms.h"

typedef uint64_t pkn_terms_vector_scalar;
typedef int pkn_terms_mask_scalar;

PKN_ALWAYS_INLINE int pkn_terms_make_mask_scalar(size_t lanes) {
    return lanes != 0;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_load_scalar(const uint64_t *p, int mask) {
    PKN_UNUSED(mask);
    return *p;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_keep_scalar(uint64_t v) {
    return v;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_zero_scalar(void) {
    return 0;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_get_scalar(const uint64_t *p) {
    return *p;
}

PKN_ALWAYS_INLINE void pkn_terms_put_scalar(uint64_t *p, uint64_t v) {
    *p = v;
}

PKN_ALWAYS_INLINE void pkn_terms_store_scalar(uint64_t *p, int mask, uint64_t v) {
    PKN_UNUSED(mask);
    *p = v;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_xor_scalar(uint64_t a, uint64_t b) {
    return a ^ b;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_xor3_scalar(uint64_t a, uint64_t b, uint64_t c) {
    return a ^ b ^ c;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_and_scalar(uint64_t a, uint64_t b) {
    return a & b;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_or_scalar(uint64_t a, uint64_t b) {
    return a | b;
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_full_scalar(uint64_t *sum, uint64_t b, uint64_t c) {
    uint64_t a = *sum;
    uint64_t differ = a ^ b;
    *sum = differ ^ c;
    return (a & b) | (differ & c);
}

PKN_ALWAYS_INLINE uint64_t pkn_terms_half_scalar(uint64_t *sum, uint64_t b) {
    uint64_t a = *sum;
    *sum = a ^ b;
    return a & b;
}

#define PKN_TERMS_ANY_TARGET
PKN_DEFINE_TERMS(scalar, PKN_TERMS_ANY_TARGET, 1, 1)

#endif
