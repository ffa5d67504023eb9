/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A block of comparisons of which only those below a limit are wanted: it yields keys (keys.h).

   A first step compares the first words of every pair as a tile; of pairs that are below the limit
   then, which are few, the rest is compared one by one. Unrelated vectors differ in half of their
   bits, w words in 32 w +- 4 sqrt(w), so the step is as many words as bring that, less three
   standard deviations, up to the limit; where that is most of a row, the step is the row. Vectors
   that are alike make the step useless: where a quarter of a block gets over it, the next blocks
   are compared whole. The keys are the same in any case. */
#ifndef PKN_HDC_BOUNDED_H
#define PKN_HDC_BOUNDED_H

#include "hdc/tiles.h"
#include "simd/tile.h"

/* one line, and a register of AVX-512 */
#define PKN_BOUNDED_STEP_WORDS 8
#define PKN_BOUNDED_WHOLE_BLOCKS 16
/* A limit that every distance is below. */
#define PKN_BOUNDED_ALL ((uint64_t)UINT32_MAX + 1)

typedef struct pkn_bounded {
    const uint64_t *targets;
    const uint64_t *mask; /* 0: all targets */
    size_t stride, words; /* of a row; of it compared */
    size_t step;          /* of step_limit */
    uint64_t step_limit;
    unsigned n_whole; /* blocks to compare whole */
    uint64_t read;    /* words compared */
} pkn_bounded;

PKN_INLINE void pkn_bounded_init(pkn_bounded *bounded, const pkn_tiles *tiles, const uint64_t *mask,
                                 size_t words) {
    bounded->targets = tiles->targets;
    bounded->mask = mask;
    bounded->stride = tiles->words;
    bounded->words = words;
    bounded->step = words;
    bounded->step_limit = PKN_BOUNDED_ALL;
    bounded->n_whole = 0;
    bounded->read = 0;
}

PKN_INTERNAL size_t pkn_bounded_step(uint64_t limit, size_t words) {
    for (uint64_t step = PKN_BOUNDED_STEP_WORDS; step + step / 4 < words;
         step +=
         step / 8 / PKN_BOUNDED_STEP_WORDS * PKN_BOUNDED_STEP_WORDS + PKN_BOUNDED_STEP_WORDS) {
        uint64_t mean = step * 32;
        if (mean > limit && (mean - limit) * (mean - limit) >= 144 * step) {
            return (size_t)step;
        }
    }
    return words;
}

PKN_INLINE int pkn_bounded_allows(const uint64_t *mask, size_t target) {
    return (int)(mask[target / 64] >> (target % 64) & 1);
}

PKN_INLINE size_t pkn_bounded_count_allowed(const uint64_t *mask, size_t t, size_t n) {
    size_t count = 0;
    for (size_t end = t + n; t < end;) {
        size_t len = pkn_min_size(64 - t % 64, end - t);
        uint64_t bits = mask[t / 64] >> (t % 64);
        count += (size_t)pkn_popcount_u64(len < 64 ? bits & (((uint64_t)1 << len) - 1) : bits);
        t += len;
    }
    return count;
}

/* Few targets are allowed: those alone, whole. */
PKN_INTERNAL void pkn_bounded_sparse(pkn_bounded *bounded, const uint64_t *queries,
                                     size_t n_queries, size_t t, size_t n, const uint64_t *limits,
                                     uint32_t first, uint64_t *keys, size_t *counts) {
    for (size_t i = 0; i < n; i++) {
        uint32_t distances[PKN_PANEL_QUERIES];
        if (!pkn_bounded_allows(bounded->mask, t + i)) {
            continue;
        }
        pkn_simd()->hamming_part_u64(queries, n_queries,
                                     bounded->targets + (t + i) * bounded->stride, 1,
                                     bounded->stride, bounded->words, distances, 1);
        bounded->read += n_queries * bounded->words;
        for (size_t q = 0; q < n_queries; q++) {
            keys[q * PKN_BLOCK_MAX_TARGETS + counts[q]] =
                (uint64_t)distances[q] << 32 | (first + (uint32_t)i);
            counts[q] += distances[q] < limits[q];
        }
    }
}

/* Keeps of keys [n], which hold places from first on, those that are allowed. */
PKN_INLINE size_t pkn_bounded_filter(const uint64_t *mask, size_t t, uint32_t first, uint64_t *keys,
                                     size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t key = keys[i];
        keys[count] = key;
        count += (size_t)pkn_bounded_allows(mask, t + (size_t)((uint32_t)key - first));
    }
    return count;
}

/* Compares the rest of the pairs whose keys [n] the first step left. */
PKN_INTERNAL size_t pkn_bounded_finish(pkn_bounded *bounded, const uint64_t *query, size_t t,
                                       uint64_t limit, uint32_t first, size_t step, uint64_t *keys,
                                       size_t n) {
    size_t count = 0;
    bounded->read += n * (bounded->words - step);
    for (size_t i = 0; i < n; i++) {
        uint32_t place = (uint32_t)keys[i];
        const uint64_t *target = bounded->targets + (t + (size_t)(place - first)) * bounded->stride;
        uint64_t rest = pkn_simd()->hamming_u64(query + step, target + step, bounded->words - step);
        uint64_t distance = (keys[i] >> 32) + rest;
        distance = distance > UINT32_MAX ? UINT32_MAX : distance;
        keys[count] = distance << 32 | place;
        count += distance < limit;
    }
    return count;
}

/* Up to 4 queries with targets [t, t + n), n up to PKN_BLOCK_MAX_TARGETS. For each query q: keys [q
   x PKN_BLOCK_MAX_TARGETS] gets the counts[q] keys of allowed targets whose distance is below
   limits[q], ascending by place; target t has the place first. */
PKN_INTERNAL void pkn_bounded_block(pkn_bounded *bounded, const uint64_t *queries, size_t n_queries,
                                    size_t t, size_t n, const uint64_t *limits, uint32_t first,
                                    uint64_t *keys, size_t *counts) {
    uint32_t distances[PKN_PANEL_QUERIES * PKN_BLOCK_MAX_TARGETS];
    size_t step, n_left = 0;
    uint64_t limit = 0;
    for (size_t q = 0; q < n_queries; q++) {
        counts[q] = 0;
        limit = limits[q] > limit ? limits[q] : limit;
    }
    if (bounded->mask) {
        size_t n_allowed = pkn_bounded_count_allowed(bounded->mask, t, n);
        if (n_allowed * 2 < n) {
            if (n_allowed > 0) {
                pkn_bounded_sparse(bounded, queries, n_queries, t, n, limits, first, keys, counts);
            }
            return;
        }
    }
    if (limit != bounded->step_limit) {
        bounded->step_limit = limit;
        bounded->step = pkn_bounded_step(limit, bounded->words);
    }
    step = bounded->n_whole > 0 ? bounded->words : bounded->step;
    bounded->n_whole -= bounded->n_whole > 0;
    pkn_simd()->hamming_part_u64(queries, n_queries, bounded->targets + t * bounded->stride, n,
                                 bounded->stride, step, distances, PKN_BLOCK_MAX_TARGETS);
    bounded->read += n_queries * n * step;
    for (size_t q = 0; q < n_queries; q++) {
        const uint32_t *from = distances + q * PKN_BLOCK_MAX_TARGETS;
        uint64_t *to = keys + q * PKN_BLOCK_MAX_TARGETS;
        size_t count = n;
        if (limits[q] > UINT32_MAX) {
            for (size_t i = 0; i < n; i++) {
                to[i] = (uint64_t)from[i] << 32 | (first + (uint32_t)i);
            }
        } else {
            count = pkn_simd()->below_u32(from, n, (uint32_t)limits[q], first, to);
        }
        if (bounded->mask) {
            count = pkn_bounded_filter(bounded->mask, t, first, to, count);
        }
        if (step < bounded->words) {
            n_left += count;
            count = pkn_bounded_finish(bounded, queries + q * bounded->stride, t, limits[q], first,
                                       step, to, count);
        }
        counts[q] = count;
    }
    if (n_left * 4 > n * n_queries) {
        bounded->n_whole = PKN_BOUNDED_WHOLE_BLOCKS;
    }
}

#endif
