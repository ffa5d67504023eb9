/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters 16 at a time: a quarter of a word is the mask under which its counters are added to.

   Bounds: add_weighted_i32 takes 4 masked additions a word and row, 2 cycles on two 512-bit ports.
   add_counts_i32 takes 4 a word and plane, and at the end 6 operations, a load and a store for each
   16 counters. */
#ifndef PKN_SIMD_COUNTERS_AVX512_C
#define PKN_SIMD_COUNTERS_AVX512_C

#include "simd/counters.h"
#include "simd/counters_scalar.c"
#include "simd/intrinsics.h"

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* Where both have the sign that the sum has not, it is out of range on a's side. 0x42: a and b
   agree, and differ from the sum. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_add_clamped_avx512(__m512i a, __m512i b) {
    __m512i sum = _mm512_add_epi32(a, b);
    __mmask16 outside = _mm512_movepi32_mask(_mm512_ternarylogic_epi32(a, b, sum, 0x42));
    __m512i limit = _mm512_xor_si512(_mm512_srai_epi32(a, 31), _mm512_set1_epi32(INT32_MAX));
    return _mm512_mask_mov_epi32(sum, outside, limit);
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_add_clamped_to_avx512(int32_t *counts, __m512i added) {
    _mm512_storeu_si512(counts, pkn_add_clamped_avx512(_mm512_loadu_si512(counts), added));
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_add_masked_avx512(__m512i sums, uint64_t mask,
                                                                  __m512i added) {
    return _mm512_mask_add_epi32(sums, (__mmask16)(mask & 0xffff), sums, added);
}

PKN_TARGET_AVX512 PKN_INTERNAL void
pkn_add_counts_i32_avx512(const uint64_t *planes, unsigned n_planes, size_t plane_stride,
                          size_t words, int32_t factor, int32_t offset, int32_t *counts) {
    for (size_t word = 0; word < words; word++, counts += 64) {
        __m512i step = _mm512_set1_epi32(factor);
        __m512i a = _mm512_set1_epi32(offset), b = a, c = a, d = a;
        for (unsigned k = 0; k < n_planes; k++) {
            uint64_t plane = planes[k * plane_stride + word];
            a = pkn_add_masked_avx512(a, plane, step);
            b = pkn_add_masked_avx512(b, plane >> 16, step);
            c = pkn_add_masked_avx512(c, plane >> 32, step);
            d = pkn_add_masked_avx512(d, plane >> 48, step);
            step = _mm512_add_epi32(step, step);
        }
        pkn_add_clamped_to_avx512(counts, a);
        pkn_add_clamped_to_avx512(counts + 16, b);
        pkn_add_clamped_to_avx512(counts + 32, c);
        pkn_add_clamped_to_avx512(counts + 48, d);
    }
}

/* Twice the weight where the bit is 1, less all weights at the end. */
PKN_TARGET_AVX512 PKN_INTERNAL void pkn_add_weighted_i32_avx512(const uint64_t *rows,
                                                                const int32_t *weights,
                                                                size_t n_rows, size_t stride_words,
                                                                size_t words, int32_t *counts) {
    uint32_t all = 0;
    for (size_t row = 0; row < n_rows; row++) {
        all += (uint32_t)weights[row];
    }
    for (size_t word = 0; word < words; word++, counts += 64) {
        __m512i a = _mm512_set1_epi32(pkn_as_i32(0 - all)), b = a, c = a, d = a;
        for (size_t row = 0; row < n_rows; row++) {
            uint64_t bits = rows[row * stride_words + word];
            __m512i twice = _mm512_set1_epi32(pkn_as_i32((uint32_t)weights[row] * 2));
            a = pkn_add_masked_avx512(a, bits, twice);
            b = pkn_add_masked_avx512(b, bits >> 16, twice);
            c = pkn_add_masked_avx512(c, bits >> 32, twice);
            d = pkn_add_masked_avx512(d, bits >> 48, twice);
        }
        pkn_add_clamped_to_avx512(counts, a);
        pkn_add_clamped_to_avx512(counts + 16, b);
        pkn_add_clamped_to_avx512(counts + 32, c);
        pkn_add_clamped_to_avx512(counts + 48, d);
    }
}

PKN_TARGET_AVX512 PKN_INTERNAL void pkn_add_saturated_i32_avx512(const int32_t *a, const int32_t *b,
                                                                 size_t n, int32_t *out) {
    size_t i = 0;
    for (; n - i >= 16; i += 16) {
        _mm512_storeu_si512(
            out + i, pkn_add_clamped_avx512(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i)));
    }
    pkn_add_saturated_i32_scalar(a + i, b + i, n - i, out + i);
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE uint64_t pkn_above_avx512(const int32_t *counts,
                                                              uint64_t *equal) {
    __m512i values = _mm512_loadu_si512(counts);
    *equal = (uint64_t)_mm512_testn_epi32_mask(values, values);
    return (uint64_t)_mm512_cmpgt_epi32_mask(values, _mm512_setzero_si512());
}

PKN_TARGET_AVX512 PKN_INTERNAL void pkn_threshold_i32_avx512(const int32_t *counts, size_t words,
                                                             const uint64_t *ties, uint64_t *out) {
    for (size_t word = 0; word < words; word++, counts += 64) {
        uint64_t equal[4];
        uint64_t above = pkn_above_avx512(counts, &equal[0]);
        above |= pkn_above_avx512(counts + 16, &equal[1]) << 16;
        above |= pkn_above_avx512(counts + 32, &equal[2]) << 32;
        above |= pkn_above_avx512(counts + 48, &equal[3]) << 48;
        if (ties) {
            above |= (equal[0] | equal[1] << 16 | equal[2] << 32 | equal[3] << 48) & ties[word];
        }
        out[word] = above;
    }
}

PKN_AVX512_END
#endif

#endif
