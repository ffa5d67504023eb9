/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Levels and plain counts, eight at a time. */
#ifndef PKN_SIMD_LEVELS_AVX2_C
#define PKN_SIMD_LEVELS_AVX2_C

#include "base/bits.h"
#include "simd/intrinsics.h"
#include "simd/levels_scalar.c"

#if PKN_ARCH_X86

PKN_TARGET_AVX2 PKN_INTERNAL size_t pkn_level_f32_avx2(const float *values, const float *low,
                                                       const float *scale, size_t n,
                                                       uint32_t n_levels, uint32_t *out) {
    const __m256 top = _mm256_set1_ps((float)(n_levels - 1));
    const __m256i none = _mm256_set1_epi32((int)n_levels);
    size_t n_nan = 0, i = 0;
    for (; n - i >= 8; i += 8) {
        __m256 v = _mm256_loadu_ps(values + i);
        __m256 nan = _mm256_cmp_ps(v, v, _CMP_UNORD_Q);
        __m256 t =
            _mm256_mul_ps(_mm256_sub_ps(v, _mm256_loadu_ps(low + i)), _mm256_loadu_ps(scale + i));
        __m256i level;
        t = _mm256_min_ps(_mm256_max_ps(t, _mm256_setzero_ps()), top); /* a NaN becomes 0 */
        level = _mm256_cvttps_epi32(_mm256_add_ps(t, _mm256_set1_ps(0.5f)));
        level = _mm256_blendv_epi8(level, none, _mm256_castps_si256(nan));
        _mm256_storeu_si256((__m256i *)(void *)(out + i), level);
        n_nan += pkn_popcount_u64((uint64_t)(unsigned)_mm256_movemask_ps(nan));
    }
    return n_nan + pkn_level_f32_scalar(values + i, low + i, scale + i, n - i, n_levels, out + i);
}

/* Horner's scheme from the highest plane down: 4 operations a plane. */
PKN_TARGET_AVX2 PKN_INTERNAL void pkn_spread_i32_avx2(const uint64_t *planes, unsigned n_planes,
                                                      size_t stride_words, size_t words,
                                                      int32_t first, int32_t *out) {
    const __m256i start = _mm256_set1_epi32(first);
    const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    for (size_t word = 0; word < words; word++) {
        for (unsigned byte = 0; byte < 8; byte++) {
            __m256i sum = _mm256_setzero_si256();
            for (unsigned k = n_planes; k > 0; k--) {
                uint64_t plane = planes[(k - 1) * stride_words + word];
                __m256i ones =
                    _mm256_and_si256(_mm256_set1_epi32((int)(plane >> (8 * byte) & 255)), bits);
                sum = _mm256_sub_epi32(_mm256_add_epi32(sum, sum), _mm256_cmpeq_epi32(ones, bits));
            }
            sum = _mm256_add_epi32(_mm256_add_epi32(sum, sum), start);
            _mm256_storeu_si256((__m256i *)(void *)(out + word * 64 + byte * 8), sum);
        }
    }
}

#endif

#endif
