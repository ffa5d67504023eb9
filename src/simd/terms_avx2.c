/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counted terms in 256-bit columns. */
#ifndef PKN_SIMD_TERMS_AVX2_C
#define PKN_SIMD_TERMS_AVX2_C

#include "simd/majority_avx2.c"
#include "simd/terms.h"
#include "simd/terms_scalar.c"

#if PKN_ARCH_X86

typedef __m256i pkn_terms_vector_avx2;
typedef int pkn_terms_mask_avx2;

PKN_ALWAYS_INLINE int pkn_terms_make_mask_avx2(size_t lanes) {
    return lanes != 0;
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_load_avx2(const uint64_t *p, int mask) {
    PKN_UNUSED(mask);
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_keep_avx2(__m256i v) {
    return v;
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_zero_avx2(void) {
    return _mm256_setzero_si256();
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_get_avx2(const uint64_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_terms_put_avx2(uint64_t *p, __m256i v) {
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_terms_store_avx2(uint64_t *p, int mask, __m256i v) {
    PKN_UNUSED(mask);
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_xor_avx2(__m256i a, __m256i b) {
    return _mm256_xor_si256(a, b);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_xor3_avx2(__m256i a, __m256i b, __m256i c) {
    return _mm256_xor_si256(_mm256_xor_si256(a, b), c);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_and_avx2(__m256i a, __m256i b) {
    return _mm256_and_si256(a, b);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_or_avx2(__m256i a, __m256i b) {
    return _mm256_or_si256(a, b);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_full_avx2(__m256i *sum, __m256i b, __m256i c) {
    return pkn_count_full_avx2(sum, b, c);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_terms_half_avx2(__m256i *sum, __m256i b) {
    return pkn_count_half_avx2(sum, b);
}

PKN_DEFINE_TERMS(avx2, PKN_TARGET_AVX2, 4, 4)

#endif

#endif
