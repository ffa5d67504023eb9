/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counted terms in two columns of 512 bits at once, so that a pointer is read once for both; a xor of
   three and each half of a full adder are one VPTERNLOG. Words behind the end are masked. */
#ifndef PKN_SIMD_TERMS_AVX512_C
#define PKN_SIMD_TERMS_AVX512_C

#include "simd/majority_avx512.c"
#include "simd/terms.h"
#include "simd/terms_scalar.c"

#if PKN_ARCH_X86

PKN_AVX512_BEGIN

typedef struct pkn_terms_vector_avx512 {
    __m512i a, b;
} pkn_terms_vector_avx512;

typedef struct pkn_terms_mask_avx512 {
    __mmask8 a, b;
} pkn_terms_mask_avx512;

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_mask_avx512 pkn_terms_make_mask_avx512(size_t lanes) {
    pkn_terms_mask_avx512 mask;
    mask.a = (__mmask8)(lanes >= 8 ? 0xff : (1u << lanes) - 1);
    mask.b = (__mmask8)(lanes >= 16 ? 0xff : lanes <= 8 ? 0 : (1u << (lanes - 8)) - 1);
    return mask;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_load_avx512(const uint64_t *p, pkn_terms_mask_avx512 mask) {
    pkn_terms_vector_avx512 v;
    v.a = _mm512_maskz_loadu_epi64(mask.a, p);
    v.b = _mm512_maskz_loadu_epi64(mask.b, p + 8);
    return v;
}

/* gcc would load it twice, once for each VPTERNLOG */
PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_keep_avx512(pkn_terms_vector_avx512 v) {
    __asm__("" : "+v"(v.a));
    __asm__("" : "+v"(v.b));
    return v;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512 pkn_terms_zero_avx512(void) {
    pkn_terms_vector_avx512 v;
    v.a = v.b = _mm512_setzero_si512();
    return v;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_get_avx512(const uint64_t *p) {
    pkn_terms_vector_avx512 v;
    v.a = _mm512_loadu_si512(p);
    v.b = _mm512_loadu_si512(p + 8);
    return v;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void pkn_terms_put_avx512(uint64_t *p,
                                                              pkn_terms_vector_avx512 v) {
    _mm512_storeu_si512(p, v.a);
    _mm512_storeu_si512(p + 8, v.b);
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE void
pkn_terms_store_avx512(uint64_t *p, pkn_terms_mask_avx512 mask, pkn_terms_vector_avx512 v) {
    _mm512_mask_storeu_epi64(p, mask.a, v.a);
    _mm512_mask_storeu_epi64(p + 8, mask.b, v.b);
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_xor_avx512(pkn_terms_vector_avx512 x, pkn_terms_vector_avx512 y) {
    x.a = _mm512_xor_si512(x.a, y.a);
    x.b = _mm512_xor_si512(x.b, y.b);
    return x;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_and_avx512(pkn_terms_vector_avx512 x, pkn_terms_vector_avx512 y) {
    x.a = _mm512_and_si512(x.a, y.a);
    x.b = _mm512_and_si512(x.b, y.b);
    return x;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_or_avx512(pkn_terms_vector_avx512 x, pkn_terms_vector_avx512 y) {
    x.a = _mm512_or_si512(x.a, y.a);
    x.b = _mm512_or_si512(x.b, y.b);
    return x;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512 pkn_terms_xor3_avx512(
    pkn_terms_vector_avx512 x, pkn_terms_vector_avx512 y, pkn_terms_vector_avx512 z) {
    x.a = _mm512_ternarylogic_epi64(x.a, y.a, z.a, 0x96);
    x.b = _mm512_ternarylogic_epi64(x.b, y.b, z.b, 0x96);
    return x;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512 pkn_terms_full_avx512(
    pkn_terms_vector_avx512 *sum, pkn_terms_vector_avx512 y, pkn_terms_vector_avx512 z) {
    y.a = pkn_count_full_avx512(&sum->a, y.a, z.a);
    y.b = pkn_count_full_avx512(&sum->b, y.b, z.b);
    return y;
}

PKN_TARGET_AVX512 PKN_ALWAYS_INLINE pkn_terms_vector_avx512
pkn_terms_half_avx512(pkn_terms_vector_avx512 *sum, pkn_terms_vector_avx512 y) {
    y.a = pkn_count_half_avx512(&sum->a, y.a);
    y.b = pkn_count_half_avx512(&sum->b, y.b);
    return y;
}

PKN_DEFINE_TERMS(avx512, PKN_TARGET_AVX512, 16, 1)

PKN_AVX512_END

#endif

#endif
