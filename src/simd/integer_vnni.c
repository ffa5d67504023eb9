/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Dot products by the instructions made for them: VNNI, in its AVX-512 and its AVX encoding.

   VPDPBUSD adds four products of an unsigned and a signed byte to a 32-bit lane. The targets are
   made unsigned by adding 128 (a xor), which gives 128 times the sum of the query too much; that
   sum is taken once a query. A step of a target is a load, a xor and a VPDPBUSD, 64 bytes (32) at a
   time, half of what AVX2 needs for 16. VPDPWSSD is a multiply-add and an add in one. */
#ifndef PKN_SIMD_INTEGER_VNNI_C
#define PKN_SIMD_INTEGER_VNNI_C

#include "simd/integer.h"
#include "simd/integer_avx2.c"
#include "simd/integer_avx512.c"
#include "simd/integer_scalar.c"

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* ---- 512 bits */

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_zero_avx512_vnni(void) {
    return _mm512_setzero_si512();
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_load_i8_avx512_vnni(const int8_t *p,
                                                                             size_t n) {
    return n == 64 ? _mm512_loadu_si512(p)
                   : _mm512_maskz_loadu_epi8((__mmask64)((UINT64_C(1) << n) - 1), p);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_load_i16_avx512_vnni(const int16_t *p,
                                                                              size_t n) {
    return n == 32 ? _mm512_loadu_si512(p)
                   : _mm512_maskz_loadu_epi16((__mmask32)((UINT32_C(1) << n) - 1), p);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_step_i8_avx512_vnni(__m512i sum,
                                                                             __m512i query,
                                                                             const int8_t *target,
                                                                             size_t n) {
    __m512i target_u8x64 =
        _mm512_xor_si512(pkn_dot_load_i8_avx512_vnni(target, n), _mm512_set1_epi8(-128));
    return _mm512_dpbusd_epi32(sum, target_u8x64, query);
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI __m512i pkn_dot_step_i16_avx512_vnni(__m512i sum,
                                                                              __m512i query,
                                                                              const int16_t *target,
                                                                              size_t n) {
    return _mm512_dpwssd_epi32(sum, query, pkn_dot_load_i16_avx512_vnni(target, n));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI int64_t pkn_dot_sum_avx512_vnni(__m512i sum) {
    return pkn_dot_sum_avx512(sum);
}

/* 128 times the sum of the query. Its bytes plus 128 are summed up; a rest's padding adds 128 each. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VNNI int64_t pkn_dot_excess_i8_avx512_vnni(const int8_t *query,
                                                                               size_t n) {
    const __m512i zero = _mm512_setzero_si512(), offset = _mm512_set1_epi8(-128);
    __m512i sum_u64x8 = zero;
    size_t i = 0;
    for (; i < n; i += 64) {
        __m512i query_i8x64 = pkn_dot_load_i8_avx512_vnni(query + i, pkn_min_size(n - i, 64));
        sum_u64x8 = _mm512_add_epi64(sum_u64x8,
                                     _mm512_sad_epu8(_mm512_xor_si512(query_i8x64, offset), zero));
    }
    return (_mm512_reduce_add_epi64(sum_u64x8) - (int64_t)i * 128) * 128;
}

#define pkn_dot_excess_i16_avx512_vnni(query, n) 0

PKN_DEFINE_DOT_TILE(avx512_vnni, i8, int8_t, __m512i, 64, PKN_TARGET_AVX512_VNNI)
PKN_DEFINE_DOT_TILE(avx512_vnni, i16, int16_t, __m512i, 32, PKN_TARGET_AVX512_VNNI)

/* ---- 256 bits. A macro over the two intrinsics, so that a CPU with either encoding can test it. */

#define PKN_DEFINE_DOT_TILES_256(isa, TARGET, dpbusd, dpwssd) \
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_zero_##isa(void) { \
        return _mm256_setzero_si256(); \
    } \
\
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_load_i8_##isa(const int8_t *p, size_t n) { \
        int8_t rest[32] = {0}; \
        if (n == 32) { \
            return _mm256_loadu_si256((const __m256i *)(const void *)p); \
        } \
        for (size_t i = 0; i < n; i++) { \
            rest[i] = p[i]; \
        } \
        return _mm256_loadu_si256((const __m256i *)(const void *)rest); \
    } \
\
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_load_i16_##isa(const int16_t *p, size_t n) { \
        return pkn_dot_load_i16_avx2(p, n); \
    } \
\
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_step_i8_##isa(__m256i sum, __m256i query, \
                                                           const int8_t *target, size_t n) { \
        __m256i target_u8x32 = \
            _mm256_xor_si256(pkn_dot_load_i8_##isa(target, n), _mm256_set1_epi8(-128)); \
        return dpbusd(sum, target_u8x32, query); \
    } \
\
    TARGET PKN_ALWAYS_INLINE __m256i pkn_dot_step_i16_##isa(__m256i sum, __m256i query, \
                                                            const int16_t *target, size_t n) { \
        return dpwssd(sum, query, pkn_dot_load_i16_avx2(target, n)); \
    } \
\
    TARGET PKN_ALWAYS_INLINE int64_t pkn_dot_sum_##isa(__m256i sum) { \
        return pkn_dot_sum_avx2(sum); \
    } \
\
    TARGET PKN_ALWAYS_INLINE int64_t pkn_dot_excess_i8_##isa(const int8_t *query, size_t n) { \
        const __m256i zero = _mm256_setzero_si256(), offset = _mm256_set1_epi8(-128); \
        __m256i sum_u64x4 = zero; \
        __m128i sum_u64x2; \
        size_t i = 0; \
        for (; i < n; i += 32) { \
            __m256i query_i8x32 = pkn_dot_load_i8_##isa(query + i, pkn_min_size(n - i, 32)); \
            sum_u64x4 = _mm256_add_epi64( \
                sum_u64x4, _mm256_sad_epu8(_mm256_xor_si256(query_i8x32, offset), zero)); \
        } \
        sum_u64x2 = _mm_add_epi64(_mm256_castsi256_si128(sum_u64x4), \
                                  _mm256_extracti128_si256(sum_u64x4, 1)); \
        sum_u64x2 = _mm_add_epi64(sum_u64x2, _mm_unpackhi_epi64(sum_u64x2, sum_u64x2)); \
        return (_mm_cvtsi128_si64(sum_u64x2) - (int64_t)i * 128) * 128; \
    } \
\
    PKN_DEFINE_DOT_TILE(isa, i8, int8_t, __m256i, 32, TARGET) \
    PKN_DEFINE_DOT_TILE(isa, i16, int16_t, __m256i, 16, TARGET)

#define pkn_dot_excess_i16_avx2_vnni(query, n) 0

PKN_DEFINE_DOT_TILES_256(avx2_vnni, PKN_TARGET_AVX2_VNNI, _mm256_dpbusd_avx_epi32,
                         _mm256_dpwssd_avx_epi32)

PKN_AVX512_END
#endif

#endif
