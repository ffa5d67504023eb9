/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The float kernels' definition: one element at a time, sums in the fixed order of simd.h. */
#ifndef PKN_SIMD_FLOAT_SCALAR_C
#define PKN_SIMD_FLOAT_SCALAR_C

#include "simd/exact.h"
#include "simd/kernels.h"

/* The accumulators fold in half until one is left. */
#define PKN_DEFINE_FOLD_SCALAR(suffix, type, lanes) \
    PKN_INTERNAL type pkn_fold_##suffix##_scalar(type *sums) { \
        for (unsigned half = (lanes) / 2; half > 0; half /= 2) { \
            for (unsigned i = 0; i < half; i++) { \
                sums[i] += sums[i + half]; \
            } \
        } \
        return sums[0]; \
    }

#define PKN_DEFINE_FLOAT_SCALAR(suffix, type, lanes) \
    PKN_DEFINE_FOLD_SCALAR(suffix, type, lanes) \
    PKN_INTERNAL void pkn_add_##suffix##_scalar(const type *a, const type *b, size_t n, \
                                                type *out) { \
        for (size_t i = 0; i < n; i++) { \
            out[i] = a[i] + b[i]; \
        } \
    } \
    PKN_INTERNAL void pkn_multiply_##suffix##_scalar(const type *a, const type *b, size_t n, \
                                                     type *out) { \
        for (size_t i = 0; i < n; i++) { \
            out[i] = a[i] * b[i]; \
        } \
    } \
    PKN_INTERNAL void pkn_sqrt_##suffix##_scalar(const type *a, size_t n, type *out) { \
        for (size_t i = 0; i < n; i++) { \
            out[i] = pkn_sqrt_one_##suffix(a[i]); \
        } \
    } \
    PKN_INTERNAL void pkn_axpy_##suffix##_scalar(type alpha, const type *x, size_t n, type *y) { \
        for (size_t i = 0; i < n; i++) { \
            y[i] += pkn_product_##suffix(alpha, x[i]); \
        } \
    } \
    PKN_INTERNAL type pkn_sum_##suffix##_scalar(const type *x, size_t n) { \
        type sums[lanes] = {0}; \
        for (size_t i = 0; i < n; i++) { \
            sums[i % (lanes)] += x[i]; \
        } \
        return pkn_fold_##suffix##_scalar(sums); \
    } \
    PKN_INTERNAL type pkn_dot_##suffix##_scalar(const type *x, const type *y, size_t n) { \
        type sums[lanes] = {0}; \
        for (size_t i = 0; i < n; i++) { \
            sums[i % (lanes)] += pkn_product_##suffix(x[i], y[i]); \
        } \
        return pkn_fold_##suffix##_scalar(sums); \
    }

PKN_DEFINE_FLOAT_SCALAR(f32, float, PKN_SUM_LANES_F32)
PKN_DEFINE_FLOAT_SCALAR(f64, double, PKN_SUM_LANES_F64)

#endif
