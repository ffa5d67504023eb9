/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Majority and column counts in 256-bit columns. */
#ifndef PKN_SIMD_MAJORITY_AVX2_C
#define PKN_SIMD_MAJORITY_AVX2_C

#include "simd/majority.h"

#if PKN_ARCH_X86

typedef __m256i pkn_count_vector_avx2;

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_mask_avx2(size_t lanes) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)lanes), _mm256_setr_epi64x(0, 1, 2, 3));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_load_avx2(const uint64_t *p, size_t lanes) {
    return lanes >= 4 ? _mm256_loadu_si256((const __m256i *)(const void *)p)
                      : _mm256_maskload_epi64((const long long *)(const void *)p,
                                              pkn_count_mask_avx2(lanes));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_count_store_avx2(uint64_t *p, size_t lanes, __m256i v) {
    if (lanes >= 4) {
        _mm256_storeu_si256((__m256i *)(void *)p, v);
    } else {
        _mm256_maskstore_epi64((long long *)(void *)p, pkn_count_mask_avx2(lanes), v);
    }
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_fill_avx2(unsigned bit) {
    return _mm256_set1_epi64x(-(long long)bit);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_full_avx2(__m256i *sum, __m256i b, __m256i c) {
    __m256i a = *sum;
    __m256i differ = _mm256_xor_si256(a, b);
    *sum = _mm256_xor_si256(differ, c);
    return _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(differ, c));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_half_avx2(__m256i *sum, __m256i b) {
    __m256i carry = _mm256_and_si256(*sum, b);
    *sum = _mm256_xor_si256(*sum, b);
    return carry;
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_count_or_avx2(__m256i a, __m256i b) {
    return _mm256_or_si256(a, b);
}

PKN_DEFINE_MAJORITY(avx2, PKN_TARGET_AVX2, 4)

#endif

#endif
