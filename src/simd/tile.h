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

/* One product of exact operands, no sum that a compiler could fuse: the same bits everywhere. scale
   = 1 / bits. */
PKN_ALWAYS_INLINE float pkn_similarity_of(uint32_t distance, uint64_t bits, double scale) {
    return (float)((double)(int64_t)(bits - distance) * scale);
}

/* Sum of two counts, 2^32 given as the largest: a vector has at most 2^32 bits, so only the very
   last sum can get there. */
PKN_ALWAYS_INLINE uint32_t pkn_add_counts(uint32_t a, uint32_t b) {
    uint32_t sum = a + b;
    return sum < a ? UINT32_MAX : sum;
}

/* A query's nearest target so far is kept in this many candidates, candidate t % 4 for target t: a
   tile updates them without a look at what is in them. */
#define PKN_NEAREST_LANES 4

/* Where a set has no tile of its own for it, distances of this many targets are made, then looked
   at. */
#define PKN_NEAREST_BLOCK 64

/* Takes distances [n] of targets first, first + 1, ... into a query's candidates. */
PKN_ALWAYS_INLINE void pkn_nearest_update(const uint32_t *from, size_t n, uint32_t first,
                                          uint32_t *distances, uint32_t *indices) {
    for (size_t i = 0; i < n; i++) {
        if (from[i] < distances[i % PKN_NEAREST_LANES]) {
            distances[i % PKN_NEAREST_LANES] = from[i];
            indices[i % PKN_NEAREST_LANES] = first + (uint32_t)i;
        }
    }
}

#endif
