/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The float kernels for AVX-512, with the bits of float_scalar.c.

   add, multiply, axpy: two loads and a store per 64 bytes, two cycles where the CPU splits them
   (Zen 4), one elsewhere. sum: a load per 64 bytes, dot: two; four sums in flight. sqrt: bound by
   the divider. Rests are masked; in a sum a masked lane adds +0, which changes nothing, since a sum
   that began as +0 is never -0. */
#ifndef PKN_SIMD_FLOAT_AVX512_C
#define PKN_SIMD_FLOAT_AVX512_C

#include "simd/align.h"
#include "simd/exact.h"
#include "simd/intrinsics.h"
#include "simd/kernels.h"

#if PKN_ARCH_X86
PKN_AVX512_BEGIN

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512 pkn_product_f32x16(__m512 a, __m512 b) {
    __m512 product = _mm512_mul_ps(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 __m512d pkn_product_f64x8(__m512d a, __m512d b) {
    __m512d product = _mm512_mul_pd(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

/* The lanes, folded in half as float_scalar.c does. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX512 float pkn_fold_f32x16(__m512 sum) {
    __m256 sum_f32x8 = _mm256_add_ps(_mm512_castps512_ps256(sum), _mm512_extractf32x8_ps(sum, 1));
    __m128 sum_f32x4 =
        _mm_add_ps(_mm256_castps256_ps128(sum_f32x8), _mm256_extractf128_ps(sum_f32x8, 1));
    sum_f32x4 = _mm_add_ps(sum_f32x4, _mm_movehl_ps(sum_f32x4, sum_f32x4));
    return _mm_cvtss_f32(_mm_add_ss(sum_f32x4, _mm_shuffle_ps(sum_f32x4, sum_f32x4, 1)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX512 double pkn_fold_f64x8(__m512d sum) {
    __m256d sum_f64x4 = _mm256_add_pd(_mm512_castpd512_pd256(sum), _mm512_extractf64x4_pd(sum, 1));
    __m128d sum_f64x2 =
        _mm_add_pd(_mm256_castpd256_pd128(sum_f64x4), _mm256_extractf128_pd(sum_f64x4, 1));
    return _mm_cvtsd_f64(_mm_add_sd(sum_f64x2, _mm_unpackhi_pd(sum_f64x2, sum_f64x2)));
}

/* The elementwise kernels: a masked register up to the first aligned output and for the rest, whole
   registers between. */
#define PKN_DEFINE_PAIRWISE_AVX512(name, operation, suffix, type, mask_type, ps, lanes) \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void pkn_##name##_part_##suffix##_avx512( \
        const type *a, const type *b, size_t n, type *out) { \
        mask_type mask = (mask_type)((1u << n) - 1u); \
        _mm512_mask_storeu_##ps( \
            out, mask, \
            operation(_mm512_maskz_loadu_##ps(mask, a), _mm512_maskz_loadu_##ps(mask, b))); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX512 void pkn_##name##_##suffix##_avx512( \
        const type *a, const type *b, size_t n, type *out) { \
        size_t i = pkn_align_head(out, sizeof(type), n, 64); \
        if (i > 0) { \
            pkn_##name##_part_##suffix##_avx512(a, b, i, out); \
        } \
        for (; i + (lanes) <= n; i += (lanes)) { \
            _mm512_storeu_##ps(out + i, \
                               operation(_mm512_loadu_##ps(a + i), _mm512_loadu_##ps(b + i))); \
        } \
        if (i < n) { \
            pkn_##name##_part_##suffix##_avx512(a + i, b + i, n - i, out + i); \
        } \
    }

#define PKN_DEFINE_ELEMENTWISE_AVX512(suffix, type, vector, mask_type, ps, lanes) \
    PKN_DEFINE_PAIRWISE_AVX512(add, _mm512_add_##ps, suffix, type, mask_type, ps, lanes) \
    PKN_DEFINE_PAIRWISE_AVX512(multiply, _mm512_mul_##ps, suffix, type, mask_type, ps, lanes) \
    PKN_INTERNAL PKN_TARGET_AVX512 void pkn_sqrt_##suffix##_avx512(const type *a, size_t n, \
                                                                   type *out) { \
        size_t i = 0; /* the divider is slower than any store */ \
        for (; i + (lanes) <= n; i += (lanes)) { \
            _mm512_storeu_##ps(out + i, _mm512_sqrt_##ps(_mm512_loadu_##ps(a + i))); \
        } \
        if (i < n) { \
            mask_type mask = (mask_type)((1u << (n - i)) - 1u); \
            _mm512_mask_storeu_##ps(out + i, mask, \
                                    _mm512_sqrt_##ps(_mm512_maskz_loadu_##ps(mask, a + i))); \
        } \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 void pkn_axpy_part_##suffix##_avx512( \
        vector alphas, const type *x, size_t n, type *y) { \
        mask_type mask = (mask_type)((1u << n) - 1u); \
        vector product = pkn_product_##suffix##x##lanes(alphas, _mm512_maskz_loadu_##ps(mask, x)); \
        _mm512_mask_storeu_##ps(y, mask, \
                                _mm512_add_##ps(_mm512_maskz_loadu_##ps(mask, y), product)); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX512 void pkn_axpy_##suffix##_avx512(type alpha, const type *x, \
                                                                   size_t n, type *y) { \
        const vector alphas = _mm512_set1_##ps(alpha); \
        size_t i = pkn_align_head(y, sizeof(type), n, 64); \
        if (i > 0) { \
            pkn_axpy_part_##suffix##_avx512(alphas, x, i, y); \
        } \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vector product = pkn_product_##suffix##x##lanes(alphas, _mm512_loadu_##ps(x + i)); \
            _mm512_storeu_##ps(y + i, _mm512_add_##ps(_mm512_loadu_##ps(y + i), product)); \
        } \
        if (i < n) { \
            pkn_axpy_part_##suffix##_avx512(alphas, x + i, n - i, y + i); \
        } \
    }

PKN_DEFINE_ELEMENTWISE_AVX512(f32, float, __m512, __mmask16, ps, 16)
PKN_DEFINE_ELEMENTWISE_AVX512(f64, double, __m512d, __mmask8, pd, 8)

/* sum and dot in one: the terms are x[i] * y[i], or x[i] where y is 0. Sum k of the four holds the
   accumulators k * lanes .. k * lanes + lanes - 1 of simd.h. */
#define PKN_DEFINE_REDUCTION_AVX512(suffix, type, vector, mask_type, ps, lanes) \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 vector pkn_term_##suffix##_avx512( \
        const type *x, const type *y, size_t i) { \
        vector term = _mm512_loadu_##ps(x + i); \
        return y ? pkn_product_##suffix##x##lanes(term, _mm512_loadu_##ps(y + i)) : term; \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 vector pkn_rest_##suffix##_avx512( \
        const type *x, const type *y, size_t i, uint64_t lanes_left) { \
        vector term = _mm512_maskz_loadu_##ps((mask_type)lanes_left, x + i); \
        return y ? pkn_product_##suffix##x##lanes( \
                       term, _mm512_maskz_loadu_##ps((mask_type)lanes_left, y + i)) \
                 : term; \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX512 type pkn_reduce_##suffix##_avx512( \
        const type *x, const type *y, size_t n) { \
        vector sum0 = _mm512_setzero_##ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0; \
        size_t i = 0; \
        for (; i + 4 * (lanes) <= n; i += 4 * (lanes)) { \
            sum0 = _mm512_add_##ps(sum0, pkn_term_##suffix##_avx512(x, y, i)); \
            sum1 = _mm512_add_##ps(sum1, pkn_term_##suffix##_avx512(x, y, i + (lanes))); \
            sum2 = _mm512_add_##ps(sum2, pkn_term_##suffix##_avx512(x, y, i + 2 * (lanes))); \
            sum3 = _mm512_add_##ps(sum3, pkn_term_##suffix##_avx512(x, y, i + 3 * (lanes))); \
        } \
        if (i < n) { \
            uint64_t left = ((uint64_t)1 << (n - i)) - 1u; \
            sum0 = _mm512_add_##ps(sum0, pkn_rest_##suffix##_avx512(x, y, i, left)); \
            sum1 = _mm512_add_##ps( \
                sum1, pkn_rest_##suffix##_avx512(x, y, i + (lanes), left >> (lanes))); \
            sum2 = _mm512_add_##ps( \
                sum2, pkn_rest_##suffix##_avx512(x, y, i + 2 * (lanes), left >> 2 * (lanes))); \
            sum3 = _mm512_add_##ps( \
                sum3, pkn_rest_##suffix##_avx512(x, y, i + 3 * (lanes), left >> 3 * (lanes))); \
        } \
        sum0 = _mm512_add_##ps(_mm512_add_##ps(sum0, sum2), _mm512_add_##ps(sum1, sum3)); \
        return pkn_fold_##suffix##x##lanes(sum0); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX512 type pkn_sum_##suffix##_avx512(const type *x, size_t n) { \
        return pkn_reduce_##suffix##_avx512(x, 0, n); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX512 type pkn_dot_##suffix##_avx512(const type *x, const type *y, \
                                                                  size_t n) { \
        return y ? pkn_reduce_##suffix##_avx512(x, y, n) \
                 : 0; /* the test lets the compiler drop those in the loop */ \
    }

PKN_DEFINE_REDUCTION_AVX512(f32, float, __m512, __mmask16, ps, 16)
PKN_DEFINE_REDUCTION_AVX512(f64, double, __m512d, __mmask8, pd, 8)

PKN_AVX512_END
#endif

#endif
