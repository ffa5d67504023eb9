/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The integer kernels of AVX-512 (F, BW, VL, DQ). Rests shorter than a register are masked. The
   operations are those of AVX2, on twice the lanes. */
#ifndef PKN_SIMD_INTEGER_AVX512_C
#define PKN_SIMD_INTEGER_AVX512_C

#include "simd/integer.h"
#include "simd/integer_scalar.c"

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* The mask of the first n lanes of 32, or all. */
PKN_ALWAYS_INLINE __mmask32 pkn_first_lanes_x32(size_t n) {
    return (__mmask32)(n >= 32 ? 0xffffffffu : (1u << n) - 1u);
}

PKN_ALWAYS_INLINE __mmask16 pkn_first_lanes_x16(size_t n) {
    return (__mmask16)(n >= 16 ? 0xffffu : (1u << n) - 1u);
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_multiply_i8_avx512(const int8_t *a, const int8_t *b,
                                                           size_t n, int8_t *out) {
    const __m512i least = _mm512_set1_epi16(-127);
    for (size_t i = 0; i < n; i += 32) {
        __mmask32 mask = pkn_first_lanes_x32(n - i);
        __m512i product_i16x32 =
            _mm512_mullo_epi16(_mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, a + i)),
                               _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, b + i)));
        product_i16x32 = _mm512_max_epi16(product_i16x32, least);
        _mm256_mask_storeu_epi8(out + i, mask, _mm512_cvtsepi16_epi8(product_i16x32));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_multiply_i16_avx512(const int16_t *a, const int16_t *b,
                                                            size_t n, int16_t *out) {
    const __m512i least = _mm512_set1_epi32(-32767);
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = pkn_first_lanes_x16(n - i);
        __m512i product_i32x16 =
            _mm512_mullo_epi32(_mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, a + i)),
                               _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, b + i)));
        product_i32x16 = _mm512_max_epi32(product_i32x16, least);
        _mm256_mask_storeu_epi16(out + i, mask, _mm512_cvtsepi32_epi16(product_i32x16));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_add_saturated_i16_avx512(const int16_t *x, size_t n,
                                                                 int16_t *y) {
    const __m512i least = _mm512_set1_epi16(-32767);
    for (size_t i = 0; i < n; i += 32) {
        __mmask32 mask = pkn_first_lanes_x32(n - i);
        __m512i sum_i16x32 = _mm512_adds_epi16(_mm512_maskz_loadu_epi16(mask, y + i),
                                               _mm512_maskz_loadu_epi16(mask, x + i));
        _mm512_mask_storeu_epi16(y + i, mask, _mm512_max_epi16(sum_i16x32, least));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_accumulate_i8_avx512(const int8_t *x, size_t n,
                                                             int32_t *sums) {
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = pkn_first_lanes_x16(n - i);
        __m512i x_i32x16 = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, x + i));
        _mm512_mask_storeu_epi32(
            sums + i, mask, _mm512_add_epi32(_mm512_maskz_loadu_epi32(mask, sums + i), x_i32x16));
    }
}

PKN_INTERNAL PKN_TARGET_AVX512 void pkn_accumulate_i16_avx512(const int16_t *x, size_t n,
                                                              int32_t *sums) {
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = pkn_first_lanes_x16(n - i);
        __m512i x_i32x16 = _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, x + i));
        _mm512_mask_storeu_epi32(
            sums + i, mask, _mm512_add_epi32(_mm512_maskz_loadu_epi32(mask, sums + i), x_i32x16));
    }
}

/* ---- dot products */

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_zero_avx512(void) {
    return _mm512_setzero_si512();
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_load_i8_avx512(const int8_t *p, size_t n) {
    return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(pkn_first_lanes_x32(n), p));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_load_i16_avx512(const int16_t *p, size_t n) {
    return _mm512_maskz_loadu_epi16(pkn_first_lanes_x32(n), p);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_step_i8_avx512(__m512i sum, __m512i query,
                                                                   const int8_t *target, size_t n) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(query, pkn_dot_load_i8_avx512(target, n)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512i pkn_dot_step_i16_avx512(__m512i sum, __m512i query,
                                                                    const int16_t *target,
                                                                    size_t n) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(query, pkn_dot_load_i16_avx512(target, n)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 int64_t pkn_dot_sum_avx512(__m512i sum) {
    return _mm512_reduce_add_epi64(
        _mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(sum)),
                         _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sum, 1))));
}

#define pkn_dot_excess_i8_avx512(query, n) 0
#define pkn_dot_excess_i16_avx512(query, n) 0

PKN_DEFINE_DOT_TILE(avx512, i8, int8_t, __m512i, 32, PKN_TARGET_AVX512)
PKN_DEFINE_DOT_TILE(avx512, i16, int16_t, __m512i, 32, PKN_TARGET_AVX512)

PKN_AVX512_END
#endif

#endif
