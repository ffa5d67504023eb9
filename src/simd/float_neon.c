/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The float kernels for NEON (64-bit ARM), with the bits of float_scalar.c.

   Elementwise kernels and sums are bound by loads and stores; sixteen sums in flight, half of the
   registers. The rest of a sum is copied into a block of zeros: +0 changes no sum, since one that
   began as +0 is never -0. */
#ifndef PKN_SIMD_FLOAT_NEON_C
#define PKN_SIMD_FLOAT_NEON_C

#include "base/platform.h"
#include "simd/exact.h"
#include "simd/float_scalar.c"
#include "simd/intrinsics.h"
#include "simd/kernels.h"

#if PKN_ARCH_ARM64

PKN_ALWAYS_INLINE float32x4_t pkn_product_f32x4(float32x4_t a, float32x4_t b) {
    float32x4_t product = vmulq_f32(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

PKN_ALWAYS_INLINE float64x2_t pkn_product_f64x2(float64x2_t a, float64x2_t b) {
    float64x2_t product = vmulq_f64(a, b);
    PKN_KEEP_ROUNDED(product);
    return product;
}

/* The lanes, folded in half as float_scalar.c does. */
PKN_ALWAYS_INLINE float pkn_fold_f32x4(float32x4_t sum) {
    float32x2_t sum_f32x2 = vadd_f32(vget_low_f32(sum), vget_high_f32(sum));
    return vget_lane_f32(sum_f32x2, 0) + vget_lane_f32(sum_f32x2, 1);
}

PKN_ALWAYS_INLINE double pkn_fold_f64x2(float64x2_t sum) {
    return vgetq_lane_f64(sum, 0) + vgetq_lane_f64(sum, 1);
}

/* The elementwise kernels: whole registers, then the scalar kernel for the rest. */
#define PKN_DEFINE_ELEMENTWISE_NEON(suffix, type, vector, lanes) \
    PKN_INTERNAL void pkn_add_##suffix##_neon(const type *a, const type *b, size_t n, type *out) { \
        size_t i = 0; \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vst1q_##suffix(out + i, vaddq_##suffix(vld1q_##suffix(a + i), vld1q_##suffix(b + i))); \
        } \
        if (i < n) { \
            pkn_add_##suffix##_scalar(a + i, b + i, n - i, out + i); \
        } \
    } \
    PKN_INTERNAL void pkn_multiply_##suffix##_neon(const type *a, const type *b, size_t n, \
                                                   type *out) { \
        size_t i = 0; \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vst1q_##suffix(out + i, vmulq_##suffix(vld1q_##suffix(a + i), vld1q_##suffix(b + i))); \
        } \
        if (i < n) { \
            pkn_multiply_##suffix##_scalar(a + i, b + i, n - i, out + i); \
        } \
    } \
    PKN_INTERNAL void pkn_sqrt_##suffix##_neon(const type *a, size_t n, type *out) { \
        size_t i = 0; \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vst1q_##suffix(out + i, vsqrtq_##suffix(vld1q_##suffix(a + i))); \
        } \
        if (i < n) { \
            pkn_sqrt_##suffix##_scalar(a + i, n - i, out + i); \
        } \
    } \
    PKN_INTERNAL void pkn_axpy_##suffix##_neon(type alpha, const type *x, size_t n, type *y) { \
        const vector alphas = vdupq_n_##suffix(alpha); \
        size_t i = 0; \
        for (; i + (lanes) <= n; i += (lanes)) { \
            vector product = pkn_product_##suffix##x##lanes(alphas, vld1q_##suffix(x + i)); \
            vst1q_##suffix(y + i, vaddq_##suffix(vld1q_##suffix(y + i), product)); \
        } \
        if (i < n) { \
            pkn_axpy_##suffix##_scalar(alpha, x + i, n - i, y + i); \
        } \
    }

PKN_DEFINE_ELEMENTWISE_NEON(f32, float, float32x4_t, 4)
PKN_DEFINE_ELEMENTWISE_NEON(f64, double, float64x2_t, 2)

/* sum and dot in one: the terms are x[i] * y[i], or x[i] where y is 0. Sum k of the sixteen holds
   the accumulators k * lanes .. k * lanes + lanes - 1 of simd.h. The loops over k have a constant
   end and unroll. */
#define PKN_DEFINE_REDUCTION_NEON(suffix, type, vector, lanes) \
    PKN_ALWAYS_INLINE void pkn_add_terms_##suffix##_neon(vector *sums, const type *x, \
                                                         const type *y) { \
        _Pragma("GCC unroll 16") for (size_t k = 0; k < 16; k++) { \
            vector term = vld1q_##suffix(x + k * (lanes)); \
            if (y) { \
                term = pkn_product_##suffix##x##lanes(term, vld1q_##suffix(y + k * (lanes))); \
            } \
            sums[k] = vaddq_##suffix(sums[k], term); \
        } \
    } \
    PKN_ALWAYS_INLINE type pkn_reduce_##suffix##_neon(const type *x, const type *y, size_t n) { \
        vector sums[16]; \
        size_t i = 0; \
        _Pragma("GCC unroll 16") for (size_t k = 0; k < 16; k++) { \
            sums[k] = vdupq_n_##suffix(0); \
        } \
        for (; i + 16 * (lanes) <= n; i += 16 * (lanes)) { \
            pkn_add_terms_##suffix##_neon(sums, x + i, y ? y + i : 0); \
        } \
        if (i < n) { \
            type last_x[16 * (lanes)] = {0}; \
            type last_y[16 * (lanes)] = {0}; \
            memcpy(last_x, x + i, (n - i) * sizeof(type)); \
            if (y) { \
                memcpy(last_y, y + i, (n - i) * sizeof(type)); \
            } \
            pkn_add_terms_##suffix##_neon(sums, last_x, y ? last_y : 0); \
        } \
        _Pragma("GCC unroll 4") for (size_t half = 8; half > 0; half /= 2) { \
            _Pragma("GCC unroll 8") for (size_t k = 0; k < half; k++) { \
                sums[k] = vaddq_##suffix(sums[k], sums[k + half]); \
            } \
        } \
        return pkn_fold_##suffix##x##lanes(sums[0]); \
    } \
    PKN_INTERNAL type pkn_sum_##suffix##_neon(const type *x, size_t n) { \
        return pkn_reduce_##suffix##_neon(x, 0, n); \
    } \
    PKN_INTERNAL type pkn_dot_##suffix##_neon(const type *x, const type *y, size_t n) { \
        return y ? pkn_reduce_##suffix##_neon(x, y, n) \
                 : 0; /* the test lets the compiler drop those in the loop */ \
    }

PKN_DEFINE_REDUCTION_NEON(f32, float, float32x4_t, 4)
PKN_DEFINE_REDUCTION_NEON(f64, double, float64x2_t, 2)

#endif

#endif
