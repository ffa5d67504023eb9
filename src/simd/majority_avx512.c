/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Majority and column counts in 512-bit columns; a full adder is two VPTERNLOGs. */
#ifndef PKN_SIMD_MAJORITY_AVX512_C
#define PKN_SIMD_MAJORITY_AVX512_C

#include "simd/majority.h"

#if PKN_ARCH_X86

typedef __m512i pkn_count_vector_avx512;

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_load_avx512(const uint64_t *p, size_t lanes) {
    __m512i v = lanes >= 8 ? _mm512_loadu_si512(p)
                           : _mm512_maskz_loadu_epi64((__mmask8)((1u << lanes) - 1), p);
    /* gcc would load it twice, once for each VPTERNLOG, and loads are what limits this kernel */
    __asm__("" : "+v"(v));
    return v;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_count_store_avx512(uint64_t *p, size_t lanes,
                                                                __m512i v) {
    if (lanes >= 8) {
        _mm512_storeu_si512(p, v);
    } else {
        _mm512_mask_storeu_epi64(p, (__mmask8)((1u << lanes) - 1), v);
    }
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_fill_avx512(unsigned bit) {
    return _mm512_set1_epi64(-(long long)bit);
}

/* 0x96 is the parity of three bits, 0xe8 their majority. */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_full_avx512(__m512i *sum, __m512i b,
                                                                  __m512i c) {
    __m512i carry = _mm512_ternarylogic_epi64(*sum, b, c, 0xe8);
    *sum = _mm512_ternarylogic_epi64(*sum, b, c, 0x96);
    return carry;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_half_avx512(__m512i *sum, __m512i b) {
    __m512i carry = _mm512_and_si512(*sum, b);
    *sum = _mm512_xor_si512(*sum, b);
    return carry;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE __m512i pkn_count_or_avx512(__m512i a, __m512i b) {
    return _mm512_or_si512(a, b);
}

PKN_DEFINE_MAJORITY(avx512, PKN_TARGET_AVX512, 8)

#endif

#endif
