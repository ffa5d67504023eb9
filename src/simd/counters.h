/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters of 32 bits, one for each bit of a vector: the kernels' contracts. Counter i belongs to
   bit i % 64 of word i / 64.

   add_counts_i32     for each bit i of `words` words: counts[i] = clamp(counts[i] + 2 * weight * c +
                      offset), where c is the number whose binary digit k is bit i of
                      planes[k * plane_stride ..], k < n_planes <= 32
   add_weighted_i32   for each bit i: counts[i] = clamp(counts[i] + the sum over r < n_rows of
                      weights[r] * (bit i of row r is 1 ? 1 : -1))
   add_saturated_i32  out[i] = clamp(a[i] + b[i]), i < n; out may be a or b
   threshold_i32      bit i of out [words] = counts[i] > 0, or, where counts[i] is 0, bit i of ties,
                      which may be 0 for zeros, and may be out

   clamp is to the range of int32_t. What is added is taken modulo 2^32, so the caller sees to it
   that it fits: n_rows and the sum of the weights' magnitudes stay below 2^31. */
#ifndef PKN_SIMD_COUNTERS_H
#define PKN_SIMD_COUNTERS_H

#include "base/bits.h"
#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The number with these bits: a conversion of a large unsigned value is the compiler's choice. */
PKN_ALWAYS_INLINE int32_t pkn_as_i32(uint32_t bits) {
    int32_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

PKN_ALWAYS_INLINE int32_t pkn_add_clamped_i32(int32_t a, int32_t b) {
    int64_t sum = (int64_t)a + b;
    return sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : (int32_t)sum;
}

#endif
