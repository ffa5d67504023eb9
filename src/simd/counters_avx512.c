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

typedef uint16_t PKN_MAY_ALIAS pkn_quarter_avx512;

/* sums + added where the quarter's bits are 1. The mask comes straight from memory: from a general
   register, which compilers prefer, it takes twice as long. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_add_masked_avx512(__m512i sums,
                                                                  const uint64_t *word, int quarter,
                                                                  __m512i added) {
    const pkn_quarter_avx512 *bits = (const pkn_quarter_avx512 *)(const void *)word + quarter;
    __mmask16 mask;
    __asm__("kmovw %1, %0" : "=k"(mask) : "m"(*bits));
    return _mm512_mask_add_epi32(sums, mask, sums, added);
}

/* The counters of a word. */
typedef struct pkn_sums_avx512 {
    __m512i a, b, c, d;
} pkn_sums_avx512;

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_sums_add_avx512(pkn_sums_avx512 *sums,
                                                             const uint64_t *word, __m512i added) {
    sums->a = pkn_add_masked_avx512(sums->a, word, 0, added);
    sums->b = pkn_add_masked_avx512(sums->b, word, 1, added);
    sums->c = pkn_add_masked_avx512(sums->c, word, 2, added);
    sums->d = pkn_add_masked_avx512(sums->d, word, 3, added);
}

/* Twice the sums and offset into the counters. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_sums_end_avx512(const pkn_sums_avx512 *sums,
                                                             __m512i offset, int32_t *counts) {
    pkn_add_clamped_to_avx512(counts, _mm512_add_epi32(_mm512_add_epi32(sums->a, sums->a), offset));
    pkn_add_clamped_to_avx512(counts + 16,
                              _mm512_add_epi32(_mm512_add_epi32(sums->b, sums->b), offset));
    pkn_add_clamped_to_avx512(counts + 32,
                              _mm512_add_epi32(_mm512_add_epi32(sums->c, sums->c), offset));
    pkn_add_clamped_to_avx512(counts + 48,
                              _mm512_add_epi32(_mm512_add_epi32(sums->d, sums->d), offset));
}

PKN_TARGET_AVX512 PKN_INTERNAL void
pkn_add_counts_i32_avx512(const uint64_t *planes, unsigned n_planes, size_t plane_stride,
                          size_t words, int32_t weight, int32_t offset, int32_t *counts) {
    for (size_t word = 0; word < words; word++, counts += 64) {
        __m512i step = _mm512_set1_epi32(weight);
        pkn_sums_avx512 sums;
        sums.a = sums.b = sums.c = sums.d = _mm512_setzero_si512();
        for (unsigned k = 0; k < n_planes; k++) {
            pkn_sums_add_avx512(&sums, planes + k * plane_stride + word, step);
            step = _mm512_add_epi32(step, step);
        }
        pkn_sums_end_avx512(&sums, _mm512_set1_epi32(offset), counts);
    }
}

/* Twice the weight where the bit is 1, less all weights. */
PKN_TARGET_AVX512 PKN_INTERNAL void pkn_add_weighted_i32_avx512(const uint64_t *rows,
                                                                const int32_t *weights,
                                                                size_t n_rows, size_t stride_words,
                                                                size_t words, int32_t *counts) {
    uint32_t all = 0;
    for (size_t row = 0; row < n_rows; row++) {
        all += (uint32_t)weights[row];
    }
    for (size_t word = 0; word < words; word++, counts += 64) {
        pkn_sums_avx512 sums;
        sums.a = sums.b = sums.c = sums.d = _mm512_setzero_si512();
        for (size_t row = 0; row < n_rows; row++) {
            pkn_sums_add_avx512(&sums, rows + row * stride_words + word,
                                _mm512_set1_epi32(weights[row]));
        }
        pkn_sums_end_avx512(&sums, _mm512_set1_epi32(pkn_as_i32(0 - all)), counts);
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
    *equal = pkn_mask_bits(_mm512_testn_epi32_mask(values, values));
    return pkn_mask_bits(_mm512_cmpgt_epi32_mask(values, _mm512_setzero_si512()));
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
