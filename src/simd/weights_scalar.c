/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The definition of the kernels for integer vectors met by bits: weights of 16 bits, one for each
   bit of a hypervector, where a 1 stands for +1 and a 0 for -1. They are the inner loops of a
   classifier with integer prototypes. */
#ifndef PKN_SIMD_WEIGHTS_SCALAR_C
#define PKN_SIMD_WEIGHTS_SCALAR_C

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

/* The vector sets expand so many words of bits at a time, and sum within them in 32 bits: 32 * 64 *
   2^15 = 2^26. */
#define PKN_WEIGHTS_BLOCK_WORDS 32

/* out[r] = the sum over i < 64 * words of weights[r][i] where bit i is 1, -weights[r][i] where it is
   0, for n_rows rows of 64 * words weights. words is at most 2^26. */
PKN_INTERNAL void pkn_dot_i16_scalar(const int16_t *weights, size_t n_rows, const uint64_t *bits,
                                     size_t words, int64_t *out) {
    for (size_t r = 0; r < n_rows; r++) {
        int64_t sum = 0;
        for (size_t i = 0; i < words; i++) {
            const int16_t *row = weights + (r * words + i) * 64;
            for (unsigned j = 0; j < 64; j++) {
                sum += row[j] * ((int)(bits[i] >> j & 1) * 2 - 1);
            }
        }
        out[r] = sum;
    }
}

/* Adds rate to weights[i] where bit i is 1, takes it away where it is 0, for i < 64 * words;
   what leaves -32768 .. 32767 stays at the end. rate is -32767 .. 32767. */
PKN_INTERNAL void pkn_add_i16_scalar(const uint64_t *bits, size_t words, int rate,
                                     int16_t *weights) {
    for (size_t i = 0; i < words; i++) {
        for (unsigned j = 0; j < 64; j++) {
            int sum = weights[i * 64 + j] + rate * ((int)(bits[i] >> j & 1) * 2 - 1);
            weights[i * 64 + j] = (int16_t)(sum < -32768 ? -32768 : sum > 32767 ? 32767 : sum);
        }
    }
}

/* Bit i of out is 1 where weights[i] > 0, for i < 64 * words. */
PKN_INTERNAL void pkn_sign_i16_scalar(const int16_t *weights, size_t words, uint64_t *out) {
    for (size_t i = 0; i < words; i++) {
        uint64_t bits = 0;
        for (unsigned j = 0; j < 64; j++) {
            bits |= (uint64_t)(weights[i * 64 + j] > 0) << j;
        }
        out[i] = bits;
    }
}

#endif
