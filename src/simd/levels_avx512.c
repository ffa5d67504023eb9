/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Levels and plain counts, sixteen at a time; a plane's bits are the masks of its additions. */
#ifndef PKN_SIMD_LEVELS_AVX512_C
#define PKN_SIMD_LEVELS_AVX512_C

#include "base/bits.h"
#include "simd/intrinsics.h"
#include "simd/levels_scalar.c"

#if PKN_ARCH_X86

PKN_AVX512_BEGIN

PKN_TARGET_AVX512 PKN_INTERNAL size_t pkn_level_f32_avx512(const float *values, const float *low,
                                                           const float *scale, size_t n,
                                                           uint32_t n_levels, uint32_t *out) {
    const __m512 top = _mm512_set1_ps((float)(n_levels - 1));
    const __m512i none = _mm512_set1_epi32((int)n_levels);
    size_t n_nan = 0;
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = (__mmask16)(n - i >= 16 ? 0xffff : (1u << (n - i)) - 1);
        __m512 v = _mm512_maskz_loadu_ps(mask, values + i);
        __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
        __m512 t = _mm512_mul_ps(_mm512_sub_ps(v, _mm512_maskz_loadu_ps(mask, low + i)),
                                 _mm512_maskz_loadu_ps(mask, scale + i));
        __m512i level;
        t = _mm512_min_ps(_mm512_max_ps(t, _mm512_setzero_ps()), top); /* a NaN becomes 0 */
        level = _mm512_cvttps_epi32(_mm512_add_ps(t, _mm512_set1_ps(0.5f)));
        _mm512_mask_storeu_epi32(out + i, mask, _mm512_mask_mov_epi32(level, nan, none));
        n_nan += pkn_popcount_u64(pkn_mask_bits(nan));
    }
    return n_nan;
}

PKN_TARGET_AVX512 PKN_INTERNAL void pkn_spread_i32_avx512(const uint64_t *planes, unsigned n_planes,
                                                          size_t stride_words, size_t words,
                                                          int32_t first, int32_t *out) {
    for (size_t word = 0; word < words; word++) {
        __m512i a = _mm512_set1_epi32(first), b = a, c = a, d = a;
        for (unsigned k = 0; k < n_planes; k++) {
            uint64_t plane = planes[k * stride_words + word];
            __m512i weight = _mm512_set1_epi32((int)(2u << k));
            a = _mm512_mask_add_epi32(a, (__mmask16)(plane & 0xffff), a, weight);
            b = _mm512_mask_add_epi32(b, (__mmask16)(plane >> 16 & 0xffff), b, weight);
            c = _mm512_mask_add_epi32(c, (__mmask16)(plane >> 32 & 0xffff), c, weight);
            d = _mm512_mask_add_epi32(d, (__mmask16)(plane >> 48), d, weight);
        }
        _mm512_storeu_si512(out + word * 64, a);
        _mm512_storeu_si512(out + word * 64 + 16, b);
        _mm512_storeu_si512(out + word * 64 + 32, c);
        _mm512_storeu_si512(out + word * 64 + 48, d);
    }
}

PKN_AVX512_END

#endif

#endif
