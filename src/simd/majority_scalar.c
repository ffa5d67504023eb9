/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The definition of majority: each bit of a word column is counted over all rows. */
#ifndef PKN_SIMD_MAJORITY_SCALAR_C
#define PKN_SIMD_MAJORITY_SCALAR_C

#include "simd/kernels.h"

PKN_INTERNAL void pkn_majority_u64_scalar(const uint64_t *rows, size_t n_rows, size_t stride_words, size_t words,
                                          uint64_t *out) {
    for (size_t word = 0; word < words; word++) {
        uint32_t counts[64] = {0};
        uint64_t majority = 0;
        for (size_t row = 0; row < n_rows; row++) {
            uint64_t bits = rows[row * stride_words + word];
            for (unsigned bit = 0; bit < 64; bit++) {
                counts[bit] += (uint32_t)(bits >> bit & 1u);
            }
        }
        for (unsigned bit = 0; bit < 64; bit++) {
            majority |= (uint64_t)(counts[bit] > n_rows / 2) << bit;
        }
        out[word] = majority;
    }
}

#endif
