/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * Baseline: what a C programmer writes, compiled with -O3 -march=native on its own, so that nothing of it is
 * inlined into the timing loop. One thread.
 */
#include "peer.h"

void plain_bind(const uint64_t *vectors, size_t n, const uint64_t *key, size_t words,
                uint64_t *out) {
    for (size_t row = 0; row < n; row++) {
        for (size_t w = 0; w < words; w++) {
            out[row * words + w] = vectors[row * words + w] ^ key[w];
        }
    }
}

static uint32_t plain_distance(const uint64_t *a, const uint64_t *b, size_t words) {
    uint64_t count = 0;
    for (size_t w = 0; w < words; w++) {
        count += (uint64_t)__builtin_popcountll(a[w] ^ b[w]);
    }
    return (uint32_t)count;
}

void plain_similarity(const uint64_t *query, const uint64_t *targets, size_t n, size_t words,
                      float *out) {
    const float bits = (float)words * 64.0f;
    for (size_t row = 0; row < n; row++) {
        out[row] = 1.0f - (float)plain_distance(query, targets + row * words, words) / bits;
    }
}

void plain_bundle(const uint64_t *vectors, size_t set_len, size_t n_sets, size_t words,
                  uint64_t *out) {
    for (size_t s = 0; s < n_sets; s++) {
        const uint64_t *set = vectors + s * set_len * words;
        for (size_t w = 0; w < words; w++) {
            uint16_t count[64] = {0};
            for (size_t row = 0; row < set_len; row++) {
                for (unsigned bit = 0; bit < 64; bit++) {
                    count[bit] = (uint16_t)(count[bit] + ((set[row * words + w] >> bit) & 1u));
                }
            }
            uint64_t result = 0;
            for (unsigned bit = 0; bit < 64; bit++) {
                result |= (uint64_t)(count[bit] > set_len / 2) << bit;
            }
            out[s * words + w] = result;
        }
    }
}

void plain_nearest(const uint64_t *queries, size_t n_queries, const uint64_t *memory,
                   size_t n_memory, size_t words, uint32_t *out_index, uint32_t *out_distance) {
    for (size_t q = 0; q < n_queries; q++) {
        uint32_t best = UINT32_MAX, best_index = 0;
        for (size_t m = 0; m < n_memory; m++) {
            uint32_t distance = plain_distance(queries + q * words, memory + m * words, words);
            if (distance < best) {
                best = distance;
                best_index = (uint32_t)m;
            }
        }
        out_index[q] = best_index;
        out_distance[q] = best;
    }
}

double plain_sum_squares(const double *x, size_t n) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] * x[i];
    }
    return sum;
}
