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

/* Adds to out the sums of n rows (1 or 4, a constant) over one block of n_signs signs. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void pkn_dot_rows_avx512(const int16_t *weights, size_t stride,
                                                             int n, const int16_t *signs,
                                                             size_t n_signs, int64_t *out) {
    __m512i sums_i32x16[4];
    for (int r = 0; r < n; r++) {
        sums_i32x16[r] = _mm512_setzero_si512();
    }
    for (size_t i = 0; i < n_signs; i += 32) {
        __m512i signs_i16x32 = _mm512_load_si512(signs + i);
        for (int r = 0; r < n; r++) {
            __m512i row_i16x32 = _mm512_loadu_si512(weights + (size_t)r * stride + i);
            sums_i32x16[r] =
                _mm512_add_epi32(sums_i32x16[r], _mm512_madd_epi16(row_i16x32, signs_i16x32));
        }
    }
    for (int r = 0; r < n; r++) {
        out[r] += _mm512_reduce_add_epi32(sums_i32x16[r]);
    }
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
            pkn_dot_rows_avx512(block + r * words * 64, words * 64, 4, signs, 64 * n, out + r);
        }
        for (; r < n_rows; r++) {
            pkn_dot_rows_avx512(block + r * words * 64, words * 64, 1, signs, 64 * n, out + r);
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
        out[i] = (uint64_t)low | (uint64_t)high << 32;
    }
}

PKN_AVX512_END
#endif

#endif
