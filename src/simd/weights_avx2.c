/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Weights met by bits, for AVX2.

   dot: the bits of a block become 1 and -1 once, 4 KiB on the stack, then each row is one
   multiply-add (VPMADDWD) and one addition for 16 weights; four rows share a load of the ones, so it
   is bound by 5 loads for 4 * 16 weights, two a cycle. add: a saturating addition and a store for 16
   weights, after a broadcast, two operations and a comparison that make the rate's sign. */
#ifndef PKN_SIMD_WEIGHTS_AVX2_C
#define PKN_SIMD_WEIGHTS_AVX2_C

#include "base/bits.h"
#include "simd/intrinsics.h"
#include "simd/weights_scalar.c"

#if PKN_ARCH_X86

/* 16 lanes: -1 where the bit of `bits` is 1, else 0. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_bit_lanes_avx2(unsigned bits) {
    const __m256i lane_i16x16 = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048,
                                                  4096, 8192, 16384, -32768);
    return _mm256_cmpeq_epi16(
        _mm256_and_si256(_mm256_set1_epi16((short)(unsigned short)bits), lane_i16x16), lane_i16x16);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 int pkn_sum_lanes_avx2(__m256i sum_i32x8) {
    __m128i sum =
        _mm_add_epi32(_mm256_castsi256_si128(sum_i32x8), _mm256_extracti128_si256(sum_i32x8, 1));
    sum = _mm_add_epi32(sum, _mm_unpackhi_epi64(sum, sum));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 1)));
}

/* The sum of a row's products so far and of the next 16. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_step_avx2(__m256i sum_i32x8, const void *row,
                                                            __m256i signs_i16x16) {
    return _mm256_add_epi32(
        sum_i32x8, _mm256_madd_epi16(_mm256_loadu_si256((const __m256i *)row), signs_i16x16));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_signs_avx2(const int16_t *signs) {
    return _mm256_load_si256((const __m256i *)(const void *)signs);
}

/* Adds to out the sums of four rows over one block of n signs; written out, since gcc at -O2 leaves
   a loop over the rows as it is and their sums in memory. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 void pkn_dot_rows4_avx2(const int16_t *row, size_t stride,
                                                          const int16_t *signs, size_t n,
                                                          int64_t *out) {
    const int16_t *row1 = row + stride, *row2 = row1 + stride, *row3 = row2 + stride;
    __m256i sum0 = _mm256_setzero_si256(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (size_t i = 0; i < n; i += 16) {
        __m256i signs_i16x16 = pkn_load_signs_avx2(signs + i);
        sum0 = pkn_dot_step_avx2(sum0, row + i, signs_i16x16);
        sum1 = pkn_dot_step_avx2(sum1, row1 + i, signs_i16x16);
        sum2 = pkn_dot_step_avx2(sum2, row2 + i, signs_i16x16);
        sum3 = pkn_dot_step_avx2(sum3, row3 + i, signs_i16x16);
    }
    out[0] += pkn_sum_lanes_avx2(sum0);
    out[1] += pkn_sum_lanes_avx2(sum1);
    out[2] += pkn_sum_lanes_avx2(sum2);
    out[3] += pkn_sum_lanes_avx2(sum3);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 void pkn_dot_row_avx2(const int16_t *row, const int16_t *signs,
                                                        size_t n, int64_t *out) {
    __m256i even = _mm256_setzero_si256(), odd = even; /* n is a multiple of 64 */
    for (size_t i = 0; i < n; i += 32) {
        even = pkn_dot_step_avx2(even, row + i, pkn_load_signs_avx2(signs + i));
        odd = pkn_dot_step_avx2(odd, row + i + 16, pkn_load_signs_avx2(signs + i + 16));
    }
    *out += pkn_sum_lanes_avx2(_mm256_add_epi32(even, odd));
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_dot_i16_avx2(const int16_t *weights, size_t n_rows,
                                                   const uint64_t *bits, size_t words,
                                                   int64_t *out) {
    PKN_ALIGNED(32) int16_t signs[64 * PKN_WEIGHTS_BLOCK_WORDS];
    const __m256i minus_one = _mm256_set1_epi16(-1);
    for (size_t r = 0; r < n_rows; r++) {
        out[r] = 0;
    }
    for (size_t first = 0; first < words; first += PKN_WEIGHTS_BLOCK_WORDS) {
        size_t n = pkn_min_size(words - first, PKN_WEIGHTS_BLOCK_WORDS);
        for (size_t i = 0; i < 4 * n; i++) {
            __m256i ones = pkn_bit_lanes_avx2((unsigned)(bits[first + i / 4] >> (i % 4 * 16)));
            _mm256_store_si256((__m256i *)(void *)(signs + 16 * i),
                               _mm256_sub_epi16(minus_one, _mm256_add_epi16(ones, ones)));
        }
        size_t r = 0;
        const int16_t *block = weights + 64 * first;
        for (; r + 4 <= n_rows; r += 4) {
            pkn_dot_rows4_avx2(block + r * words * 64, words * 64, signs, 64 * n, out + r);
        }
        for (; r < n_rows; r++) {
            pkn_dot_row_avx2(block + r * words * 64, signs, 64 * n, out + r);
        }
    }
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_add_i16_avx2(const uint64_t *bits, size_t words, int rate,
                                                   int16_t *weights) {
    const __m256i minus_rate = _mm256_set1_epi16((short)-rate);
    for (size_t i = 0; i < 4 * words; i++) {
        __m256i ones = pkn_bit_lanes_avx2((unsigned)(bits[i / 4] >> (i % 4 * 16)));
        __m256i *at = (__m256i *)(void *)(weights + 16 * i);
        /* x ^ -1, then minus -1, is -x */
        __m256i change = _mm256_sub_epi16(_mm256_xor_si256(minus_rate, ones), ones);
        _mm256_storeu_si256(at, _mm256_adds_epi16(_mm256_loadu_si256(at), change));
    }
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_sign_i16_avx2(const int16_t *weights, size_t words,
                                                    uint64_t *out) {
    const __m256i zero = _mm256_setzero_si256();
    for (size_t i = 0; i < words; i++) {
        uint64_t bits[2];
        for (size_t half = 0; half < 2; half++) {
            const void *at = weights + 64 * i + 32 * half,
                       *behind = weights + 64 * i + 32 * half + 16;
            __m256i low = _mm256_cmpgt_epi16(_mm256_loadu_si256((const __m256i *)at), zero);
            __m256i high = _mm256_cmpgt_epi16(_mm256_loadu_si256((const __m256i *)behind), zero);
            /* packing goes by halves of a register: put the quarters back in order */
            __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
            bits[half] = (uint32_t)_mm256_movemask_epi8(bytes);
        }
        out[i] = bits[0] | bits[1] << 32;
    }
}

#endif

#endif
