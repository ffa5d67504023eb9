/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The definition of the kernels for comparing many vectors with many: a block of Hamming distances,
   the search for small ones among them, and similarities from them. */
#ifndef PKN_SIMD_TILE_SCALAR_C
#define PKN_SIMD_TILE_SCALAR_C

#include "base/bits.h"
#include "simd/tile.h"

/* out[q * out_stride + t] = hamming(row q of queries, row t of targets), 2^32 as UINT32_MAX; of
   rows that are stride words apart the first words are compared. */
PKN_INTERNAL void pkn_hamming_part_u64_scalar(const uint64_t *queries, size_t n_queries,
                                              const uint64_t *targets, size_t n_targets,
                                              size_t stride, size_t words, uint32_t *out,
                                              size_t out_stride) {
    for (size_t q = 0; q < n_queries; q++) {
        for (size_t t = 0; t < n_targets; t++) {
            const uint64_t *query = queries + q * stride;
            const uint64_t *target = targets + t * stride;
            uint64_t count = 0;
            for (size_t i = 0; i < words; i++) {
                count += pkn_popcount_u64(query[i] ^ target[i]);
            }
            out[q * out_stride + t] = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
        }
    }
}

/* The same for whole rows: stride = words. */
PKN_INTERNAL void pkn_hamming_tile_u64_scalar(const uint64_t *queries, size_t n_queries,
                                              const uint64_t *targets, size_t n_targets,
                                              size_t words, uint32_t *out, size_t out_stride) {
    pkn_hamming_part_u64_scalar(queries, n_queries, targets, n_targets, words, words, out,
                                out_stride);
}

/* Keeps each query's nearest targets. For targets t ascending and each query q, with lane = 4 * q +
   t % 4: if hamming(q, t) < distances[lane], then distances[lane] becomes it and indices[lane] =
   first + t. At most 4 queries. */
PKN_INTERNAL void pkn_nearest_tile_u64_scalar(const uint64_t *queries, size_t n_queries,
                                              const uint64_t *targets, size_t n_targets,
                                              size_t words, uint32_t first, uint32_t *distances,
                                              uint32_t *indices) {
    for (size_t t = 0; t < n_targets; t++) {
        for (size_t q = 0; q < n_queries; q++) {
            size_t lane = q * PKN_NEAREST_LANES + t % PKN_NEAREST_LANES;
            uint32_t distance;
            pkn_hamming_tile_u64_scalar(queries + q * words, 1, targets + t * words, 1, words,
                                        &distance, 0);
            pkn_nearest_update(&distance, 1, first + (uint32_t)t, distances + lane, indices + lane);
        }
    }
}

/* Appends the key value << 32 | (first + i) of every values[i] < threshold to keys, i ascending,
   and returns how many. keys has room for n, all of which may be written. */
PKN_INTERNAL size_t pkn_below_u32_scalar(const uint32_t *values, size_t n, uint32_t threshold,
                                         uint32_t first, uint64_t *keys) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        keys[count] = (uint64_t)values[i] << 32 | (first + (uint32_t)i);
        count += values[i] < threshold;
    }
    return count;
}

/* How many keys are below the threshold. */
PKN_INTERNAL size_t pkn_count_below_u64_scalar(const uint64_t *keys, size_t n, uint64_t threshold) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += keys[i] < threshold;
    }
    return count;
}

/* Moves the keys below the threshold to the front, in their order, and returns how many. All n may
   be overwritten. */
PKN_INTERNAL size_t pkn_keep_below_u64_scalar(uint64_t *keys, size_t n, uint64_t threshold) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t key = keys[i];
        keys[count] = key;
        count += key < threshold;
    }
    return count;
}

/* out[i] = (bits - distances[i]) / bits. bits is a multiple of 64, at most 2^32, and no distance is
   larger. */
PKN_INTERNAL void pkn_similarity_u32_scalar(const uint32_t *distances, size_t n, uint64_t bits,
                                            float *out) {
    double scale = 1.0 / (double)bits;
    for (size_t i = 0; i < n; i++) {
        out[i] = pkn_similarity_of(distances[i], bits, scale);
    }
}

#endif
