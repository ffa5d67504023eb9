/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The integer kernels of AVX2. Rests shorter than a register go to the scalar kernel.

   Dot products of 32 bytes: two sign extensions of the target, two multiply-adds, two adds (the
   query's extensions are shared by four targets), 6 to 7 operations; of 16 16-bit values: a
   multiply-add and an add. The clips of packs are to -128 and -32768, so a maximum goes before. */
#ifndef PKN_SIMD_INTEGER_AVX2_C
#define PKN_SIMD_INTEGER_AVX2_C

#include "simd/integer.h"
#include "simd/integer_scalar.c"

#if PKN_ARCH_X86

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_i8x16_avx2(const int8_t *p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_i16x8_avx2(const int16_t *p) {
    return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_load_i32x8_avx2(const int32_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_multiply_i8_avx2(const int8_t *a, const int8_t *b, size_t n,
                                                       int8_t *out) {
    const __m256i least = _mm256_set1_epi16(-127);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i product_i16x16 =
            _mm256_mullo_epi16(pkn_load_i8x16_avx2(a + i), pkn_load_i8x16_avx2(b + i));
        product_i16x16 = _mm256_max_epi16(product_i16x16, least);
        _mm_storeu_si128((__m128i *)(void *)(out + i),
                         _mm_packs_epi16(_mm256_castsi256_si128(product_i16x16),
                                         _mm256_extracti128_si256(product_i16x16, 1)));
    }
    pkn_multiply_i8_scalar(a + i, b + i, n - i, out + i);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_multiply_i16_avx2(const int16_t *a, const int16_t *b,
                                                        size_t n, int16_t *out) {
    const __m256i least = _mm256_set1_epi32(-32767);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i product_i32x8 =
            _mm256_mullo_epi32(pkn_load_i16x8_avx2(a + i), pkn_load_i16x8_avx2(b + i));
        product_i32x8 = _mm256_max_epi32(product_i32x8, least);
        _mm_storeu_si128((__m128i *)(void *)(out + i),
                         _mm_packs_epi32(_mm256_castsi256_si128(product_i32x8),
                                         _mm256_extracti128_si256(product_i32x8, 1)));
    }
    pkn_multiply_i16_scalar(a + i, b + i, n - i, out + i);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_add_saturated_i16_avx2(const int16_t *x, size_t n,
                                                             int16_t *y) {
    const __m256i least = _mm256_set1_epi16(-32767);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i *place = (__m256i *)(void *)(y + i);
        __m256i sum_i16x16 = _mm256_adds_epi16(
            _mm256_loadu_si256(place), _mm256_loadu_si256((const __m256i *)(const void *)(x + i)));
        _mm256_storeu_si256(place, _mm256_max_epi16(sum_i16x16, least));
    }
    pkn_add_saturated_i16_scalar(x + i, n - i, y + i);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_accumulate_i8_avx2(const int8_t *x, size_t n, int32_t *sums) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i x_i32x8 =
            _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(x + i)));
        _mm256_storeu_si256((__m256i *)(void *)(sums + i),
                            _mm256_add_epi32(pkn_load_i32x8_avx2(sums + i), x_i32x8));
    }
    pkn_accumulate_i8_scalar(x + i, n - i, sums + i);
}

PKN_INTERNAL PKN_TARGET_AVX2 void pkn_accumulate_i16_avx2(const int16_t *x, size_t n,
                                                          int32_t *sums) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_si256(
            (__m256i *)(void *)(sums + i),
            _mm256_add_epi32(pkn_load_i32x8_avx2(sums + i), pkn_load_i16x8_avx2(x + i)));
    }
    pkn_accumulate_i16_scalar(x + i, n - i, sums + i);
}

/* ---- dot products */

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_zero_avx2(void) {
    return _mm256_setzero_si256();
}

/* Rests come from a padded copy. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_load_i8_avx2(const int8_t *p, size_t n) {
    int8_t rest[16] = {0};
    if (n == 16) {
        return pkn_load_i8x16_avx2(p);
    }
    for (size_t i = 0; i < n; i++) {
        rest[i] = p[i];
    }
    return pkn_load_i8x16_avx2(rest);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_load_i16_avx2(const int16_t *p, size_t n) {
    int16_t rest[16] = {0};
    if (n == 16) {
        return _mm256_loadu_si256((const __m256i *)(const void *)p);
    }
    for (size_t i = 0; i < n; i++) {
        rest[i] = p[i];
    }
    return _mm256_loadu_si256((const __m256i *)(const void *)rest);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_step_i8_avx2(__m256i sum, __m256i query,
                                                               const int8_t *target, size_t n) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(query, pkn_dot_load_i8_avx2(target, n)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256i pkn_dot_step_i16_avx2(__m256i sum, __m256i query,
                                                                const int16_t *target, size_t n) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(query, pkn_dot_load_i16_avx2(target, n)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 int64_t pkn_dot_sum_avx2(__m256i sum) {
    __m256i sum_i64x4 = _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(sum)),
                                         _mm256_cvtepi32_epi64(_mm256_extracti128_si256(sum, 1)));
    __m128i sum_i64x2 =
        _mm_add_epi64(_mm256_castsi256_si128(sum_i64x4), _mm256_extracti128_si256(sum_i64x4, 1));
    return _mm_cvtsi128_si64(_mm_add_epi64(sum_i64x2, _mm_unpackhi_epi64(sum_i64x2, sum_i64x2)));
}

#define pkn_dot_excess_i8_avx2(query, n) 0
#define pkn_dot_excess_i16_avx2(query, n) 0

PKN_DEFINE_DOT_TILE(avx2, i8, int8_t, __m256i, 16, PKN_TARGET_AVX2)
PKN_DEFINE_DOT_TILE(avx2, i16, int16_t, __m256i, 16, PKN_TARGET_AVX2)

#endif

#endif
