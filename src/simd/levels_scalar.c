/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Floats to level numbers, and bit-sliced counts to plain ones: the definitions. */
#ifndef PKN_SIMD_LEVELS_SCALAR_C
#define PKN_SIMD_LEVELS_SCALAR_C

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

/* out[i] = the number of the nearest of n_levels levels, or n_levels for a NaN; returns how many
   are NaN. low and scale are finite, n_levels is 1 to 2^22. The clamp stands between product and
   sum, so that no compiler can fuse them. */
PKN_INTERNAL size_t pkn_level_f32_scalar(const float *values, const float *low, const float *scale,
                                         size_t n, uint32_t n_levels, uint32_t *out) {
    size_t n_nan = 0;
    float top = (float)(n_levels - 1);
    for (size_t i = 0; i < n; i++) {
        float t = (values[i] - low[i]) * scale[i];
        t = t > 0 ? t : 0;
        t = t < top ? t : top;
        out[i] = (uint32_t)(t + 0.5f);
        if (values[i] != values[i]) {
            out[i] = n_levels;
            n_nan++;
        }
    }
    return n_nan;
}

/* out[64 * w + b] = first + the sum over k of 2^(k + 1) where bit b of word w of plane k is 1; with
   first = -n for counts of n terms that is ones less zeros. Planes are stride_words apart. */
PKN_INTERNAL void pkn_spread_i32_scalar(const uint64_t *planes, unsigned n_planes,
                                        size_t stride_words, size_t words, int32_t first,
                                        int32_t *out) {
    for (size_t i = 0; i < words * 64; i++) {
        uint32_t sum = (uint32_t)first;
        for (unsigned k = 0; k < n_planes; k++) {
            sum += (uint32_t)(planes[k * stride_words + i / 64] >> (i % 64) & 1) << (k + 1);
        }
        out[i] = (int32_t)sum;
    }
}

#endif
