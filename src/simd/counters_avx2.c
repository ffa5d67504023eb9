/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters 8 at a time. A byte of a word is spread over 8 lanes by shifting lane i left by 31 - i:
   then the lane's sign is its bit.

   Bounds: a row (plane) takes 4 operations for each 8 counters: shift, spread of the sign, and,
   add; at 3 vector ports 11 cycles a word and row. */
#ifndef PKN_SIMD_COUNTERS_AVX2_C
#define PKN_SIMD_COUNTERS_AVX2_C

#include "simd/counters.h"
#include "simd/counters_scalar.c"
#include "simd/intrinsics.h"

#if PKN_ARCH_X86

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_add_clamped_avx2(__m256i a, __m256i b) {
    __m256i sum = _mm256_add_epi32(a, b);
    __m256i outside = _mm256_andnot_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(a, sum));
    __m256i limit = _mm256_xor_si256(_mm256_srai_epi32(a, 31), _mm256_set1_epi32(INT32_MAX));
    return _mm256_castps_si256(_mm256_blendv_ps(
        _mm256_castsi256_ps(sum), _mm256_castsi256_ps(limit), _mm256_castsi256_ps(outside)));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_load_i32_avx2(const int32_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_add_clamped_to_avx2(int32_t *counts, __m256i added) {
    _mm256_storeu_si256((__m256i *)(void *)counts,
                        pkn_add_clamped_avx2(pkn_load_i32_avx2(counts), added));
}

/* Of half a word, all ones in lane i where bit 8 * byte + i is 1. */
PKN_TARGET_AVX2 PKN_ALWAYS_INLINE __m256i pkn_spread_avx2(__m256i half, int byte) {
    __m256i shifts = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
    shifts = _mm256_sub_epi32(shifts, _mm256_set1_epi32(8 * byte));
    return _mm256_srai_epi32(_mm256_sllv_epi32(half, shifts), 31);
}

/* Counters of half a word: step is added where the bit is 1. */
typedef struct pkn_half_avx2 {
    __m256i a, b, c, d;
} pkn_half_avx2;

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_half_add_avx2(pkn_half_avx2 *sums, uint32_t bits,
                                                         __m256i step) {
    __m256i half = _mm256_set1_epi32(pkn_as_i32(bits));
    sums->a = _mm256_add_epi32(sums->a, _mm256_and_si256(pkn_spread_avx2(half, 0), step));
    sums->b = _mm256_add_epi32(sums->b, _mm256_and_si256(pkn_spread_avx2(half, 1), step));
    sums->c = _mm256_add_epi32(sums->c, _mm256_and_si256(pkn_spread_avx2(half, 2), step));
    sums->d = _mm256_add_epi32(sums->d, _mm256_and_si256(pkn_spread_avx2(half, 3), step));
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE pkn_half_avx2 pkn_half_begin_avx2(int32_t offset) {
    pkn_half_avx2 sums;
    sums.a = sums.b = sums.c = sums.d = _mm256_set1_epi32(offset);
    return sums;
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE void pkn_half_end_avx2(const pkn_half_avx2 *sums,
                                                         int32_t *counts) {
    pkn_add_clamped_to_avx2(counts, sums->a);
    pkn_add_clamped_to_avx2(counts + 8, sums->b);
    pkn_add_clamped_to_avx2(counts + 16, sums->c);
    pkn_add_clamped_to_avx2(counts + 24, sums->d);
}

PKN_TARGET_AVX2 PKN_INTERNAL void pkn_add_counts_i32_avx2(const uint64_t *planes, unsigned n_planes,
                                                          size_t plane_stride, size_t words,
                                                          int32_t weight, int32_t offset,
                                                          int32_t *counts) {
    for (size_t half = 0; half < 2 * words; half++, counts += 32) {
        __m256i step = _mm256_set1_epi32(pkn_as_i32((uint32_t)weight * 2));
        pkn_half_avx2 sums = pkn_half_begin_avx2(offset);
        for (unsigned k = 0; k < n_planes; k++) {
            uint64_t plane = planes[k * plane_stride + half / 2];
            pkn_half_add_avx2(&sums, (uint32_t)(plane >> (half % 2 * 32)), step);
            step = _mm256_add_epi32(step, step);
        }
        pkn_half_end_avx2(&sums, counts);
    }
}

PKN_TARGET_AVX2 PKN_INTERNAL void pkn_add_weighted_i32_avx2(const uint64_t *rows,
                                                            const int32_t *weights, size_t n_rows,
                                                            size_t stride_words, size_t words,
                                                            int32_t *counts) {
    uint32_t all = 0;
    for (size_t row = 0; row < n_rows; row++) {
        all += (uint32_t)weights[row];
    }
    for (size_t half = 0; half < 2 * words; half++, counts += 32) {
        pkn_half_avx2 sums = pkn_half_begin_avx2(pkn_as_i32(0 - all));
        for (size_t row = 0; row < n_rows; row++) {
            uint64_t bits = rows[row * stride_words + half / 2];
            pkn_half_add_avx2(&sums, (uint32_t)(bits >> (half % 2 * 32)),
                              _mm256_set1_epi32(pkn_as_i32((uint32_t)weights[row] * 2)));
        }
        pkn_half_end_avx2(&sums, counts);
    }
}

PKN_TARGET_AVX2 PKN_INTERNAL void pkn_add_saturated_i32_avx2(const int32_t *a, const int32_t *b,
                                                             size_t n, int32_t *out) {
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        __m256i sum = pkn_add_clamped_avx2(pkn_load_i32_avx2(a + i), pkn_load_i32_avx2(b + i));
        _mm256_storeu_si256((__m256i *)(void *)(out + i), sum);
    }
    pkn_add_saturated_i32_scalar(a + i, b + i, n - i, out + i);
}

PKN_TARGET_AVX2 PKN_ALWAYS_INLINE uint64_t pkn_signs_avx2(__m256i values) {
    return (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(values));
}

PKN_TARGET_AVX2 PKN_INTERNAL void pkn_threshold_i32_avx2(const int32_t *counts, size_t words,
                                                         const uint64_t *ties, uint64_t *out) {
    for (size_t word = 0; word < words; word++, counts += 64) {
        uint64_t above = 0, equal = 0;
        for (int byte = 0; byte < 8; byte++) {
            __m256i values = pkn_load_i32_avx2(counts + 8 * byte), zero = _mm256_setzero_si256();
            above |= pkn_signs_avx2(_mm256_cmpgt_epi32(values, zero)) << (8 * byte);
            equal |= pkn_signs_avx2(_mm256_cmpeq_epi32(values, zero)) << (8 * byte);
        }
        out[word] = above | (ties ? equal & ties[word] : 0);
    }
}

#endif

#endif
