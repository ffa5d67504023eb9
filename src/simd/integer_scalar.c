/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The definition of the kernels over 8- and 16-bit integers. */
#ifndef PKN_SIMD_INTEGER_SCALAR_C
#define PKN_SIMD_INTEGER_SCALAR_C

#include "simd/counters.h"
#include "simd/integer.h"

/* out[i] = clip(a[i] * b[i]). out may be a or b. */
PKN_INTERNAL void pkn_multiply_i8_scalar(const int8_t *a, const int8_t *b, size_t n, int8_t *out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = pkn_clip_i8(a[i] * b[i]);
    }
}

PKN_INTERNAL void pkn_multiply_i16_scalar(const int16_t *a, const int16_t *b, size_t n,
                                          int16_t *out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = pkn_clip_i16(a[i] * b[i]);
    }
}

/* y[i] = clip(y[i] + x[i]). */
PKN_INTERNAL void pkn_add_saturated_i16_scalar(const int16_t *x, size_t n, int16_t *y) {
    for (size_t i = 0; i < n; i++) {
        y[i] = pkn_clip_i16(y[i] + x[i]);
    }
}

/* sums[i] += x[i], modulo 2^32. */
PKN_INTERNAL void pkn_accumulate_i8_scalar(const int8_t *x, size_t n, int32_t *sums) {
    for (size_t i = 0; i < n; i++) {
        sums[i] = pkn_as_i32((uint32_t)sums[i] + (uint32_t)x[i]);
    }
}

PKN_INTERNAL void pkn_accumulate_i16_scalar(const int16_t *x, size_t n, int32_t *sums) {
    for (size_t i = 0; i < n; i++) {
        sums[i] = pkn_as_i32((uint32_t)sums[i] + (uint32_t)x[i]);
    }
}

/* out[t] = the sum of query[i] * targets[t * n + i] over i < n, for t < n_targets. */
PKN_INTERNAL void pkn_dot_tile_i8_scalar(const int8_t *query, const int8_t *targets,
                                         size_t n_targets, size_t n, int64_t *out) {
    for (size_t t = 0; t < n_targets; t++) {
        int64_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += query[i] * targets[t * n + i];
        }
        out[t] = sum;
    }
}

PKN_INTERNAL void pkn_dot_tile_i16_scalar(const int16_t *query, const int16_t *targets,
                                          size_t n_targets, size_t n, int64_t *out) {
    for (size_t t = 0; t < n_targets; t++) {
        int64_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += query[i] * targets[t * n + i];
        }
        out[t] = sum;
    }
}

#endif
