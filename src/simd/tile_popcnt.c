/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The tiles of POPCNT: 1 query x 2 targets, so that a query's word is loaded once for two. */
#ifndef PKN_SIMD_TILE_POPCNT_C
#define PKN_SIMD_TILE_POPCNT_C

#include "base/bits.h"
#include "simd/tile.h"

#if PKN_ARCH_X86

PKN_ALWAYS_INLINE uint32_t pkn_count_of_u32(uint64_t count) {
    return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

PKN_TARGET_POPCNT PKN_INTERNAL void
pkn_hamming_part_u64_popcnt(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                            size_t n_targets, size_t stride, size_t words, uint32_t *out,
                            size_t out_stride) {
    for (size_t t = 0; t < n_targets; t += 2) {
        const uint64_t *even = targets + t * stride;
        const uint64_t *odd = t + 1 < n_targets ? even + stride : even;
        for (size_t q = 0; q < n_queries; q++) {
            const uint64_t *query = queries + q * stride;
            uint32_t *place = out + q * out_stride + t;
            uint64_t n_even = 0, n_odd = 0;
            for (size_t i = 0; i < words; i++) {
                n_even += (uint64_t)__builtin_popcountll(query[i] ^ even[i]);
                n_odd += (uint64_t)__builtin_popcountll(query[i] ^ odd[i]);
            }
            place[0] = pkn_count_of_u32(n_even);
            if (odd != even) {
                place[1] = pkn_count_of_u32(n_odd);
            }
        }
    }
}

/* The same for whole rows: stride = words. */
PKN_TARGET_POPCNT PKN_INTERNAL void
pkn_hamming_tile_u64_popcnt(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                            size_t n_targets, size_t words, uint32_t *out, size_t out_stride) {
    pkn_hamming_part_u64_popcnt(queries, n_queries, targets, n_targets, words, words, out,
                                out_stride);
}

PKN_TARGET_POPCNT PKN_INTERNAL void
pkn_nearest_tile_u64_popcnt(const uint64_t *queries, size_t n_queries, const uint64_t *targets,
                            size_t n_targets, size_t words, uint32_t first, uint32_t *distances,
                            uint32_t *indices) {
    uint32_t block[PKN_NEAREST_BLOCK];
    for (size_t i = 0; i < n_targets; i += PKN_NEAREST_BLOCK) {
        size_t n = pkn_min_size(n_targets - i, PKN_NEAREST_BLOCK);
        for (size_t q = 0; q < n_queries; q++) {
            pkn_hamming_tile_u64_popcnt(queries + q * words, 1, targets + i * words, n, words,
                                        block, 0);
            pkn_nearest_update(block, n, first + (uint32_t)i, distances + q * PKN_NEAREST_LANES,
                               indices + q * PKN_NEAREST_LANES);
        }
    }
}

#endif

#endif
