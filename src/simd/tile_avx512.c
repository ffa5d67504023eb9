/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles of AVX-512 without VPOPCNTDQ, and the search of their results. */
#ifndef PKN_SIMD_TILE_AVX512_C
#define PKN_SIMD_TILE_AVX512_C

#include "simd/tile_avx512.h"

#if PKN_ARCH_X86

/* Ones of each nibble from a table, summed over the 8 bytes of a lane. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_tile_count_avx512(__m512i x) {
    /* with a mask of ones, since gcc 12 warns of the plain form's unset operand */
    __m512i table = _mm512_maskz_broadcast_i32x4(
        0xffff, _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    __m512i nibble = _mm512_set1_epi8(15);
    __m512i low = _mm512_shuffle_epi8(table, _mm512_and_si512(x, nibble));
    __m512i high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble));
    return _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
}

PKN_DEFINE_TILES_AVX512(avx512, PKN_TARGET_AVX512, pkn_tile_count_avx512)

PKN_TARGET_AVX512 PKN_INTERNAL size_t pkn_below_u32_avx512(const uint32_t *values, size_t n,
                                                           uint32_t threshold, uint32_t first,
                                                           uint64_t *keys) {
    __m512i threshold_u32x16 = _mm512_set1_epi32((int)threshold);
    size_t count = 0;
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = (__mmask16)(n - i >= 16 ? 0xffff : (1u << (n - i)) - 1);
        __m512i values_u32x16 = _mm512_maskz_loadu_epi32(mask, values + i);
        unsigned below = _mm512_mask_cmplt_epu32_mask(mask, values_u32x16, threshold_u32x16);
        for (; PKN_UNLIKELY(below != 0); below &= below - 1) {
            size_t place = i + (size_t)__builtin_ctz(below);
            keys[count++] = (uint64_t)values[place] << 32 | (first + (uint32_t)place);
        }
    }
    return count;
}

PKN_TARGET_AVX512 PKN_INTERNAL void pkn_similarity_u32_avx512(const uint32_t *distances, size_t n,
                                                              uint64_t bits, float *out) {
    __m512d scale_f64x8 = _mm512_set1_pd(1.0 / (double)bits);
    __m512i bits_u64x8 = _mm512_set1_epi64((long long)bits);
    for (size_t i = 0; i < n; i += 8) {
        __mmask8 mask = (__mmask8)(n - i >= 8 ? 0xff : (1u << (n - i)) - 1);
        __m512i distances_u64x8 =
            _mm512_maskz_cvtepu32_epi64(mask, _mm256_maskz_loadu_epi32(mask, distances + i));
        __m512d same_f64x8 =
            _mm512_maskz_cvtepi64_pd(mask, _mm512_sub_epi64(bits_u64x8, distances_u64x8));
        _mm256_mask_storeu_ps(out + i, mask,
                              _mm512_maskz_cvtpd_ps(mask, _mm512_mul_pd(same_f64x8, scale_f64x8)));
    }
}

#endif

#endif
