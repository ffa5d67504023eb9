/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The float kernels for AVX2, with the bits of float_scalar.c.

   add, multiply, axpy: two loads and a store per 32 bytes, one cycle. sum: a load per 32 bytes,
   half a cycle; dot: two, one cycle; eight sums in flight cover the addition's latency of 3 to 4
   cycles. sqrt: bound by the divider. The rest of a sum is masked: a masked lane adds +0, which
   changes no sum, since one that began as +0 is never -0. */
#ifndef PKN_SIMD_FLOAT_AVX2_C
#define PKN_SIMD_FLOAT_AVX2_C

#include "simd/align.h"
#include "simd/exact.h"
#include "simd/float_scalar.c"
#include "simd/intrinsics.h"
#include "simd/kernels.h"

#if PKN_ARCH_X86

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256 pkn_product_f32x8(__m256 a, __m256 b) {
    __m256 product = _mm256_mul_ps(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256d pkn_product_f64x4(__m256d a, __m256d b) {
    __m256d product = _mm256_mul_pd(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

/* The first n elements; the other lanes are 0 and not read. n may be 0 or less, or more than there
   are lanes. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256 pkn_load_first_f32x8(const float *x, int n) {
    return _mm256_maskload_ps(
        x, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 __m256d pkn_load_first_f64x4(const double *x, int n) {
    return _mm256_maskload_pd(
        x, _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3)));
}

/* The lanes, folded in half as float_scalar.c does. */
PKN_ALWAYS_INLINE PKN_TARGET_AVX2 float pkn_fold_f32x8(__m256 sum) {
    __m128 sum_f32x4 = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    sum_f32x4 = _mm_add_ps(sum_f32x4, _mm_movehl_ps(sum_f32x4, sum_f32x4));
    return _mm_cvtss_f32(_mm_add_ss(sum_f32x4, _mm_shuffle_ps(sum_f32x4, sum_f32x4, 1)));
}

PKN_ALWAYS_INLINE PKN_TARGET_AVX2 double pkn_fold_f64x4(__m256d sum) {
    __m128d sum_f64x2 = _mm_add_pd(_mm256_castpd256_pd128(sum), _mm256_extractf128_pd(sum, 1));
    return _mm_cvtsd_f64(_mm_add_sd(sum_f64x2, _mm_unpackhi_pd(sum_f64x2, sum_f64x2)));
}

/* The elementwise kernels: the scalar kernel up to the first aligned output and for the rest, whole
   registers between; two a turn, since a loop of one cycle needs luck with its place in the
   instruction cache. */
#define PKN_DEFINE_PAIRWISE_AVX2(name, operation, suffix, type, ps, lanes) \
    PKN_INTERNAL PKN_TARGET_AVX2 void pkn_##name##_##suffix##_avx2(const type *a, const type *b, \
                                                                   size_t n, type *out) { \
        size_t i = pkn_align_head(out, sizeof(type), n, 32); \
        if (i > 0) { \
            pkn_##name##_##suffix##_scalar(a, b, i, out); \
        } \
        for (; i + 2 * (lanes) <= n; i += 2 * (lanes)) { \
            const size_t j = i + (lanes); \
            _mm256_storeu_##ps(out + i, \
                               operation(_mm256_loadu_##ps(a + i), _mm256_loadu_##ps(b + i))); \
            _mm256_storeu_##ps(out + j, \
                               operation(_mm256_loadu_##ps(a + j), _mm256_loadu_##ps(b + j))); \
        } \
        if (i < n) { \
            pkn_##name##_##suffix##_scalar(a + i, b + i, n - i, out + i); \
        } \
    }

#define PKN_DEFINE_ELEMENTWISE_AVX2(suffix, type, vector, ps, lanes) \
    PKN_DEFINE_PAIRWISE_AVX2(add, _mm256_add_##ps, suffix, type, ps, lanes) \
    PKN_DEFINE_PAIRWISE_AVX2(multiply, _mm256_mul_##ps, suffix, type, ps, lanes) \
    PKN_INTERNAL PKN_TARGET_AVX2 void pkn_sqrt_##suffix##_avx2(const type *a, size_t n, \
                                                               type *out) { \
        size_t i = 0; /* the divider is slower than any store */ \
        for (; i + (lanes) <= n; i += (lanes)) { \
            _mm256_storeu_##ps(out + i, _mm256_sqrt_##ps(_mm256_loadu_##ps(a + i))); \
        } \
        if (i < n) { \
            pkn_sqrt_##suffix##_scalar(a + i, n - i, out + i); \
        } \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX2 void pkn_axpy_one_##suffix##_avx2(vector alphas, \
                                                                        const type *x, type *y) { \
        vector product = pkn_product_##suffix##x##lanes(alphas, _mm256_loadu_##ps(x)); \
        _mm256_storeu_##ps(y, _mm256_add_##ps(_mm256_loadu_##ps(y), product)); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX2 void pkn_axpy_##suffix##_avx2(type alpha, const type *x, \
                                                               size_t n, type *y) { \
        const vector alphas = _mm256_set1_##ps(alpha); \
        size_t i = pkn_align_head(y, sizeof(type), n, 32); \
        if (i > 0) { \
            pkn_axpy_##suffix##_scalar(alpha, x, i, y); \
        } \
        for (; i + 2 * (lanes) <= n; i += 2 * (lanes)) { \
            pkn_axpy_one_##suffix##_avx2(alphas, x + i, y + i); \
            pkn_axpy_one_##suffix##_avx2(alphas, x + i + (lanes), y + i + (lanes)); \
        } \
        if (i < n) { \
            pkn_axpy_##suffix##_scalar(alpha, x + i, n - i, y + i); \
        } \
    }

PKN_DEFINE_ELEMENTWISE_AVX2(f32, float, __m256, ps, 8)
PKN_DEFINE_ELEMENTWISE_AVX2(f64, double, __m256d, pd, 4)

/* sum and dot in one: the terms are x[i] * y[i], or x[i] where y is 0. Sum k of the eight holds the
   accumulators k * lanes .. k * lanes + lanes - 1 of simd.h. */
#define PKN_ADD_TERM_AVX2(k, suffix, ps, lanes) \
    sum##k = _mm256_add_##ps(sum##k, pkn_term_##suffix##_avx2(x, y, i + (k) * (lanes)))
#define PKN_ADD_REST_AVX2(k, suffix, ps, lanes) \
    sum##k = _mm256_add_##ps( \
        sum##k, pkn_rest_##suffix##_avx2(x, y, i + (k) * (lanes), rest - (k) * (lanes)))
#define PKN_ADD_EIGHT_AVX2(add, suffix, ps, lanes) \
    add(0, suffix, ps, lanes); \
    add(1, suffix, ps, lanes); \
    add(2, suffix, ps, lanes); \
    add(3, suffix, ps, lanes); \
    add(4, suffix, ps, lanes); \
    add(5, suffix, ps, lanes); \
    add(6, suffix, ps, lanes); \
    add(7, suffix, ps, lanes)

#define PKN_DEFINE_REDUCTION_AVX2(suffix, type, vector, ps, lanes) \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX2 vector pkn_term_##suffix##_avx2(const type *x, \
                                                                      const type *y, size_t i) { \
        vector term = _mm256_loadu_##ps(x + i); \
        return y ? pkn_product_##suffix##x##lanes(term, _mm256_loadu_##ps(y + i)) : term; \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX2 vector pkn_rest_##suffix##_avx2( \
        const type *x, const type *y, size_t i, int n) { \
        vector term = pkn_load_first_##suffix##x##lanes(x + i, n); \
        return y ? pkn_product_##suffix##x##lanes(term, \
                                                  pkn_load_first_##suffix##x##lanes(y + i, n)) \
                 : term; \
    } \
    PKN_ALWAYS_INLINE PKN_TARGET_AVX2 type pkn_reduce_##suffix##_avx2(const type *x, \
                                                                      const type *y, size_t n) { \
        vector sum0 = _mm256_setzero_##ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0; \
        vector sum4 = sum0, sum5 = sum0, sum6 = sum0, sum7 = sum0; \
        size_t i = 0; \
        for (; i + 8 * (lanes) <= n; i += 8 * (lanes)) { \
            PKN_ADD_EIGHT_AVX2(PKN_ADD_TERM_AVX2, suffix, ps, lanes); \
        } \
        if (i < n) { \
            int rest = (int)(n - i); \
            PKN_ADD_EIGHT_AVX2(PKN_ADD_REST_AVX2, suffix, ps, lanes); \
        } \
        sum0 = _mm256_add_##ps(_mm256_add_##ps(sum0, sum4), _mm256_add_##ps(sum2, sum6)); \
        sum1 = _mm256_add_##ps(_mm256_add_##ps(sum1, sum5), _mm256_add_##ps(sum3, sum7)); \
        return pkn_fold_##suffix##x##lanes(_mm256_add_##ps(sum0, sum1)); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX2 type pkn_sum_##suffix##_avx2(const type *x, size_t n) { \
        return pkn_reduce_##suffix##_avx2(x, 0, n); \
    } \
    PKN_INTERNAL PKN_TARGET_AVX2 type pkn_dot_##suffix##_avx2(const type *x, const type *y, \
                                                              size_t n) { \
        return y ? pkn_reduce_##suffix##_avx2(x, y, n) \
                 : 0; /* the test lets the compiler drop those in the loop */ \
    }

PKN_DEFINE_REDUCTION_AVX2(f32, float, __m256, ps, 8)
PKN_DEFINE_REDUCTION_AVX2(f64, double, __m256d, pd, 4)

#endif

#endif
