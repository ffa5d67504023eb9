/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the tests of searches share: memories with planted near vectors, masks, and rows found by a
   full sort. */
#ifndef PKN_TEST_SEARCHING_ORACLE_H
#define PKN_TEST_SEARCHING_ORACLE_H

#include "hdc_oracle.h"

/* Flips about share / 256 of a vector's bits. */
static inline void searching_noise(uint64_t *vector, size_t words, unsigned share, uint64_t seed) {
    for (size_t i = 0; i < words * 64; i++) {
        if ((pkn_random_at(seed, i) & 255) < share) vector[i / 64] ^= (uint64_t)1 << (i % 64);
    }
}

/* n random vectors of which every third is a noisy copy of the one before and every tenth an exact
   one. */
static inline uint64_t *searching_memory(size_t n, size_t words, uint64_t seed) {
    uint64_t *memory = hdc_new(n * words, 1, seed);
    for (size_t i = 1; i < n; i++) {
        if (i % 3 == 2 || i % 10 == 0)
            memcpy(memory + i * words, memory + (i - 1) * words, words * 8);
        if (i % 3 == 2)
            searching_noise(memory + i * words, words, 5 + (unsigned)(i % 20), seed + i);
    }
    return memory;
}

/* Queries near vectors of the memory, but for every fourth, which is random. */
static inline uint64_t *searching_queries(const uint64_t *memory, size_t n_memory, size_t n,
                                          size_t words, uint64_t seed) {
    uint64_t *queries = hdc_new(n * words, 0, seed);
    for (size_t i = 0; i < n && n_memory > 0; i++) {
        if (i % 4 == 3) continue;
        memcpy(queries + i * words, memory + (i * 7919 % n_memory) * words, words * 8);
        searching_noise(queries + i * words, words, (unsigned)(i % 30), seed + i);
    }
    return queries;
}

/* Bit t is 1 for about share / 256 of the n targets; 64-bit runs of zeros and ones in between. */
static inline uint64_t *searching_mask(size_t n, unsigned share, uint64_t seed) {
    uint64_t *mask = hdc_new(n / 64 + 1, 0, seed);
    memset(mask, 0, (n / 64 + 1) * 8);
    for (size_t t = 0; t < n; t++) {
        uint64_t run = pkn_random_at(seed + 1, t / 64) & 7;
        if (run == 0 || (run > 1 && (pkn_random_at(seed, t) & 255) < share))
            mask[t / 64] |= (uint64_t)1 << (t % 64);
    }
    return mask;
}

static inline int searching_compare(const void *a, const void *b) {
    const pkern_hdc_match *x = (const pkern_hdc_match *)a, *y = (const pkern_hdc_match *)b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static inline pkern_hdc_match searching_match(size_t index, uint32_t distance, size_t words) {
    pkern_hdc_match match;
    double bits = (double)words * 64;
    memset(&match, 0, sizeof match);
    match.index = index;
    match.distance = distance;
    match.similarity = (float)((bits - (double)distance) * (1.0 / bits));
    return match;
}

/* All matches of a query within a limit (exclusive) and a mask, by index or by distance; returns how
   many. out is [n]. */
static inline size_t searching_row(const uint64_t *query, const uint64_t *memory, size_t n,
                                   size_t words, const uint64_t *mask, uint64_t limit,
                                   int by_distance, pkern_hdc_match *out) {
    size_t count = 0;
    for (size_t t = 0; t < n; t++) {
        uint32_t distance = hdc_oracle_distance(query, memory + t * words, words);
        if (distance < limit && (!mask || (mask[t / 64] >> (t % 64) & 1)))
            out[count++] = searching_match(t, distance, words);
    }
    if (by_distance) qsort(out, count, sizeof *out, searching_compare);
    return count;
}

static inline int searching_same(const pkern_hdc_match *a, const pkern_hdc_match *b) {
    return a->index == b->index && a->distance == b->distance &&
           memcmp(&a->similarity, &b->similarity, sizeof(float)) == 0;
}

#endif
