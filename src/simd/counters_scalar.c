/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The counters' definition: one counter at a time, on any CPU. */
#ifndef PKN_SIMD_COUNTERS_SCALAR_C
#define PKN_SIMD_COUNTERS_SCALAR_C

#include "simd/counters.h"

PKN_INTERNAL void pkn_add_counts_i32_scalar(const uint64_t *planes, unsigned n_planes,
                                            size_t plane_stride, size_t words, int32_t weight,
                                            int32_t offset, int32_t *counts) {
    for (size_t word = 0; word < words; word++) {
        uint32_t added[64];
        for (unsigned bit = 0; bit < 64; bit++) {
            added[bit] = (uint32_t)offset;
        }
        for (unsigned k = 0; k < n_planes; k++) {
            uint64_t plane = planes[k * plane_stride + word];
            uint32_t step = (uint32_t)weight * 2 << k;
            for (unsigned bit = 0; bit < 64; bit++) {
                added[bit] += (0 - (uint32_t)(plane >> bit & 1)) & step;
            }
        }
        for (unsigned bit = 0; bit < 64; bit++) {
            int32_t *count = &counts[word * 64 + bit];
            *count = pkn_add_clamped_i32(*count, pkn_as_i32(added[bit]));
        }
    }
}

PKN_INTERNAL void pkn_add_weighted_i32_scalar(const uint64_t *rows, const int32_t *weights,
                                              size_t n_rows, size_t stride_words, size_t words,
                                              int32_t *counts) {
    for (size_t word = 0; word < words; word++) {
        uint32_t added[64] = {0};
        for (size_t row = 0; row < n_rows; row++) {
            uint64_t bits = rows[row * stride_words + word];
            uint32_t weight = (uint32_t)weights[row];
            for (unsigned bit = 0; bit < 64; bit++) {
                uint32_t zero = (uint32_t)(bits >> bit & 1) - 1; /* all ones where the bit is 0 */
                added[bit] += (weight ^ zero) - zero;
            }
        }
        for (unsigned bit = 0; bit < 64; bit++) {
            int32_t *count = &counts[word * 64 + bit];
            *count = pkn_add_clamped_i32(*count, pkn_as_i32(added[bit]));
        }
    }
}

PKN_INTERNAL void pkn_add_saturated_i32_scalar(const int32_t *a, const int32_t *b, size_t n,
                                               int32_t *out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = pkn_add_clamped_i32(a[i], b[i]);
    }
}

PKN_INTERNAL void pkn_threshold_i32_scalar(const int32_t *counts, size_t words,
                                           const uint64_t *ties, uint64_t *out) {
    for (size_t word = 0; word < words; word++) {
        uint64_t above = 0, equal = 0;
        for (unsigned bit = 0; bit < 64; bit++) {
            int32_t count = counts[word * 64 + bit];
            above |= (uint64_t)(count > 0) << bit;
            equal |= (uint64_t)(count == 0) << bit;
        }
        out[word] = above | (ties ? equal & ties[word] : 0);
    }
}

#endif
