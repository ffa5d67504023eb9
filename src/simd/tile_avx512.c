/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles of AVX-512 without VPOPCNTDQ, and the search of their results. */
#ifndef PKN_SIMD_TILE_AVX512_C
#define PKN_SIMD_TILE_AVX512_C

#include "simd/tile_avx512.h"
#include "simd/tile_scalar.c"

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

/* Bit i: values[i] < threshold, i < 64. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE uint64_t pkn_below_64_avx512(const uint32_t *values,
                                                                 __m512i threshold_u32x16) {
    __mmask16 a = _mm512_cmplt_epu32_mask(_mm512_loadu_si512(values), threshold_u32x16);
    __mmask16 b = _mm512_cmplt_epu32_mask(_mm512_loadu_si512(values + 16), threshold_u32x16);
    __mmask16 c = _mm512_cmplt_epu32_mask(_mm512_loadu_si512(values + 32), threshold_u32x16);
    __mmask16 d = _mm512_cmplt_epu32_mask(_mm512_loadu_si512(values + 48), threshold_u32x16);
    return _mm512_kunpackd(_mm512_kunpackw(d, c), _mm512_kunpackw(b, a));
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE uint64_t pkn_below_key_avx512(const uint32_t *values,
                                                                  uint64_t below, uint32_t first) {
    unsigned place = (unsigned)pkn_ctz_u64(below);
    return (uint64_t)values[place] << 32 | (first + place);
}

/* In 64 values there are none below or, most often, one to four: four keys are written without a
   look at how many there are, since a branch on that would go wrong every other time. */
PKN_TARGET_AVX512 PKN_INTERNAL size_t pkn_below_u32_avx512(const uint32_t *values, size_t n,
                                                           uint32_t threshold, uint32_t first,
                                                           uint64_t *keys) {
    const uint64_t guard = UINT64_C(1) << 63;
    __m512i threshold_u32x16 = _mm512_set1_epi32((int)threshold);
    uint64_t *to = keys;
    for (; n >= 64; n -= 64, values += 64, first += 64) {
        uint64_t below = pkn_below_64_avx512(values, threshold_u32x16);
        uint64_t *end = to + pkn_popcount_u64(below);
        if (PKN_LIKELY(below == 0)) {
            continue;
        }
        to[0] = pkn_below_key_avx512(values, below, first);
        below &= below - 1;
        to[1] = pkn_below_key_avx512(values, below | guard, first);
        below &= below - 1;
        to[2] = pkn_below_key_avx512(values, below | guard, first);
        below &= below - 1;
        to[3] = pkn_below_key_avx512(values, below | guard, first);
        for (to += 3; to < end; to++) {
            *to = pkn_below_key_avx512(values, below, first);
            below &= below - 1;
        }
        to = end;
    }
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = (__mmask16)(n - i >= 16 ? 0xffff : (1u << (n - i)) - 1);
        __m512i values_u32x16 = _mm512_maskz_loadu_epi32(lanes, values + i);
        uint64_t below =
            pkn_mask_bits(_mm512_mask_cmplt_epu32_mask(lanes, values_u32x16, threshold_u32x16));
        for (; below != 0; below &= below - 1) {
            *to++ = pkn_below_key_avx512(values + i, below, first + (uint32_t)i);
        }
    }
    return (size_t)(to - keys);
}

PKN_TARGET_AVX512 PKN_INTERNAL size_t pkn_count_below_u64_avx512(const uint64_t *keys, size_t n,
                                                                 uint64_t threshold) {
    __m512i threshold_u64x8 = _mm512_set1_epi64((long long)threshold);
    size_t count = 0, i = 0;
    for (; n - i >= 16; i += 16) {
        __mmask8 low = _mm512_cmplt_epu64_mask(_mm512_loadu_si512(keys + i), threshold_u64x8);
        __mmask8 high = _mm512_cmplt_epu64_mask(_mm512_loadu_si512(keys + i + 8), threshold_u64x8);
        count += pkn_popcount_u64(pkn_mask_bits(_mm512_kunpackb(high, low)));
    }
    return count + pkn_count_below_u64_scalar(keys + i, n - i, threshold);
}

PKN_TARGET_AVX512 PKN_INTERNAL size_t pkn_keep_below_u64_avx512(uint64_t *keys, size_t n,
                                                                uint64_t threshold) {
    __m512i threshold_u64x8 = _mm512_set1_epi64((long long)threshold);
    size_t count = 0;
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        __m512i keys_u64x8 = _mm512_loadu_si512(keys + i);
        __mmask8 below = _mm512_cmplt_epu64_mask(keys_u64x8, threshold_u64x8);
        /* Compressed in a register and stored whole: straight to memory is slow on Zen 4. */
        _mm512_storeu_si512(keys + count, _mm512_maskz_compress_epi64(below, keys_u64x8));
        count += pkn_popcount_u64(pkn_mask_bits(below));
    }
    for (; i < n; i++) {
        uint64_t key = keys[i];
        keys[count] = key;
        count += key < threshold;
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
