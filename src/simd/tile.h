/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Arithmetic that all tile kernels share. */
#ifndef PKN_SIMD_TILE_H
#define PKN_SIMD_TILE_H

#include "base/bits.h"
#include "base/compiler.h"
#include "simd/intrinsics.h"

#include <stddef.h>
#include <stdint.h>

/* One product of exact operands, no sum that a compiler could fuse: the same bits everywhere. scale = 1 / bits. */
PKN_ALWAYS_INLINE float pkn_similarity_of(uint32_t distance, uint64_t bits, double scale) {
    return (float)((double)(int64_t)(bits - distance) * scale);
}

/* Sum of two counts, 2^32 given as the largest: a vector has at most 2^32 bits, so only the very last sum can get there. */
PKN_ALWAYS_INLINE uint32_t pkn_add_counts(uint32_t a, uint32_t b) {
    uint32_t sum = a + b;
    return sum < a ? UINT32_MAX : sum;
}

#endif
