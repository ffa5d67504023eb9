/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Weights met by bits, for AVX-512: as with AVX2, but that bits are masks already, and 32 weights
   are a step. */
#ifndef PKN_SIMD_WEIGHTS_AVX512_C
#define PKN_SIMD_WEIGHTS_AVX512_C

#include "base/bits.h"
#include "simd/intrinsics.h"
#include "simd/weights_scalar.c"

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* The sum of a row's products so far and of the next 32. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_step_avx512(__m512i sum_i32x16,
                                                                const int16_t *row,
                                                                __m512i signs_i16x32) {
    return _mm512_add_epi32(sum_i32x16, _mm512_madd_epi16(_mm512_loadu_si512(row), signs_i16x32));
}

/* Adds to out the sums of four rows over one block of n signs; written out, since gcc at -O2 leaves
   a loop over the rows as it is and their sums in memory. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void pkn_dot_rows4_avx512(const int16_t *row, size_t stride,
                                                              const int16_t *signs, size_t n,
                                                              int64_t *out) {
    const int16_t *row1 = row + stride, *row2 = row1 + stride, *row3 = row2 + stride;
    __m512i sum0 = _mm512_setzero_si512(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (size_t i = 0; i < n; i += 32) {
        __m512i signs_i16x32 = _mm512_load_si512(signs + i);
        sum0 = pkn_dot_step_avx512(sum0, row + i, signs_i16x32);
        sum1 = pkn_dot_step_avx512(sum1, row1 + i, signs_i16x32);
        sum2 = pkn_dot_step_avx512(sum2, row2 + i, signs_i16x32);
        sum3 = pkn_dot_step_avx512(sum3, row3 + i, signs_i16x32);
    }
    out[0] += _mm512_reduce_add_epi32(sum0);
    out[1] += _mm512_reduce_add_epi32(sum1);
    out[2] += _mm512_reduce_add_epi32(sum2);
    out[3] += _mm512_reduce_add_epi32(sum3);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void
pkn_dot_row_avx512(const int16_t *row, const int16_t *signs, size_t n, int64_t *out) {
    __m512i even = _mm512_setzero_si512(), odd = even; /* n is a multiple of 64 */
    for (size_t i = 0; i < n; i += 64) {
        even = pkn_dot_step_avx512(even, row + i, _mm512_load_si512(signs + i));
        odd = pkn_dot_step_avx512(odd, row + i + 32, _mm512_load_si512(signs + i + 32));
    }
    *out += _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd));
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_dot_i16_avx512(const int16_t *weights, size_t n_rows,
                                                       const uint64_t *bits, size_t words,
                                                       int64_t *out) {
    PKN_ALIGNED(64) int16_t signs[64 * PKN_WEIGHTS_BLOCK_WORDS];
    const __m512i one = _mm512_set1_epi16(1), minus_one = _mm512_set1_epi16(-1);
    for (size_t r = 0; r < n_rows; r++) {
        out[r] = 0;
    }
    for (size_t first = 0; first < words; first += PKN_WEIGHTS_BLOCK_WORDS) {
        size_t n = pkn_min_size(words - first, PKN_WEIGHTS_BLOCK_WORDS);
        for (size_t i = 0; i < 2 * n; i++) {
            __mmask32 ones = (__mmask32)(bits[first + i / 2] >> (i % 2 * 32));
            _mm512_store_si512(signs + 32 * i, _mm512_mask_blend_epi16(ones, minus_one, one));
        }
        size_t r = 0;
        const int16_t *block = weights + 64 * first;
        for (; r + 4 <= n_rows; r += 4) {
            pkn_dot_rows4_avx512(block + r * words * 64, words * 64, signs, 64 * n, out + r);
        }
        for (; r < n_rows; r++) {
            pkn_dot_row_avx512(block + r * words * 64, signs, 64 * n, out + r);
        }
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_add_i16_avx512(const uint64_t *bits, size_t words, int rate,
                                                       int16_t *weights) {
    const __m512i plus = _mm512_set1_epi16((short)rate), minus = _mm512_set1_epi16((short)-rate);
    for (size_t i = 0; i < 2 * words; i++) {
        __mmask32 ones = (__mmask32)(bits[i / 2] >> (i % 2 * 32));
        __m512i row_i16x32 = _mm512_loadu_si512(weights + 32 * i);
        _mm512_storeu_si512(
            weights + 32 * i,
            _mm512_adds_epi16(row_i16x32, _mm512_mask_blend_epi16(ones, minus, plus)));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_sign_i16_avx512(const int16_t *weights, size_t words,
                                                        uint64_t *out) {
    const __m512i zero = _mm512_setzero_si512();
    for (size_t i = 0; i < words; i++) {
        __mmask32 low = _mm512_cmpgt_epi16_mask(_mm512_loadu_si512(weights + 64 * i), zero);
        __mmask32 high = _mm512_cmpgt_epi16_mask(_mm512_loadu_si512(weights + 64 * i + 32), zero);
        out[i] = pkn_mask_bits(low) | pkn_mask_bits(high) << 32;
    }
}

PKN_AVX512_END
#endif

#endif
