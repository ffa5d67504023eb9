/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The counts for AVX-512 with VPOPCNTDQ: one instruction counts 8 words, so loads are the bound: a
   64-byte load a cycle on Zen 4 (two on Intel), 1 cycle per 64 bytes for popcount and 2 for
   hamming, which reads both rows. */
#ifndef PKN_SIMD_BITS_AVX512_VPOPCNT_C
#define PKN_SIMD_BITS_AVX512_VPOPCNT_C

#include "simd/bits_avx512.c"
#include "simd/intrinsics.h"
#include "simd/kernels.h"

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

/* As pkn_difference_avx512: a ^ b, or a where b is 0. Four sums, so that no addition waits for the
   one before. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512_VPOPCNT uint64_t pkn_count_avx512_vpopcnt(const uint64_t *a,
                                                                              const uint64_t *b,
                                                                              size_t words) {
    __m512i sum0 = _mm512_setzero_si512();
    __m512i sum1 = sum0, sum2 = sum0, sum3 = sum0;
    size_t i = 0;
    for (; i + 32 <= words; i += 32) {
        sum0 = _mm512_add_epi64(sum0, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i)));
        sum1 = _mm512_add_epi64(sum1, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i + 8)));
        sum2 = _mm512_add_epi64(sum2, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i + 16)));
        sum3 = _mm512_add_epi64(sum3, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i + 24)));
    }
    for (; i + 8 <= words; i += 8) {
        sum0 = _mm512_add_epi64(sum0, _mm512_popcnt_epi64(pkn_difference_avx512(a, b, i)));
    }
    if (i < words) {
        sum1 =
            _mm512_add_epi64(sum1, _mm512_popcnt_epi64(pkn_difference_rest_avx512(a, b, i, words)));
    }
    return (uint64_t)_mm512_reduce_add_epi64(
        _mm512_add_epi64(_mm512_add_epi64(sum0, sum1), _mm512_add_epi64(sum2, sum3)));
}

PKN_INTERNAL PKN_TARGET_AVX512_VPOPCNT uint64_t pkn_popcount_u64_avx512_vpopcnt(const uint64_t *a,
                                                                                size_t words) {
    return pkn_count_avx512_vpopcnt(a, 0, words);
}

PKN_INTERNAL PKN_TARGET_AVX512_VPOPCNT uint64_t pkn_hamming_u64_avx512_vpopcnt(const uint64_t *a,
                                                                               const uint64_t *b,
                                                                               size_t words) {
    return b ? pkn_count_avx512_vpopcnt(a, b, words)
             : 0; /* the test lets the compiler drop those in the loops */
}

PKN_AVX512_END
#endif

#endif
