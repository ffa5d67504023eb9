/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Weighted majority of a few rows: bit-sliced counters, to which a row is added once at each place
   where its weight has a 1. They start so high that the top plane is set exactly where the rows with
   a 1 weigh more than half of all. Eight words at a time, in code that compilers make vectors of. */
#ifndef PKN_HDC_WEIGH_H
#define PKN_HDC_WEIGH_H

#include "base/bits.h"
#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

#define PKN_WEIGH_WORDS 8
#define PKN_WEIGH_PLANES 64

typedef struct pkn_weighed_row {
    const uint64_t *row;
    uint64_t weight;
} pkn_weighed_row;

/* Adds a row's words at plane k and carries up. */
PKN_INLINE void pkn_weigh_add(uint64_t planes[][PKN_WEIGH_WORDS], unsigned k, const uint64_t *row) {
    uint64_t carry[PKN_WEIGH_WORDS], any = 1;
    for (size_t i = 0; i < PKN_WEIGH_WORDS; i++) {
        carry[i] = row[i];
    }
    for (; any != 0; k++) {
        any = 0;
        for (size_t i = 0; i < PKN_WEIGH_WORDS; i++) {
            uint64_t sum = planes[k][i] ^ carry[i];
            carry[i] &= planes[k][i];
            planes[k][i] = sum;
            any |= carry[i];
        }
    }
}

/* out [words]: bit = the weights of the rows with a 1 there > half of all weights. The weights' sum
   is below 2^62. out is none of the rows. */
PKN_INTERNAL void pkn_weigh(const pkn_weighed_row *rows, size_t n, size_t words, uint64_t *out) {
    uint64_t total = 0, bias;
    unsigned top;
    for (size_t r = 0; r < n; r++) {
        total += rows[r].weight;
    }
    top = total == 0 ? 0 : 64 - pkn_clz_u64(total);
    bias = (UINT64_C(1) << top) - 1 - total / 2;
    for (size_t word = 0; word < words; word += PKN_WEIGH_WORDS) {
        uint64_t planes[PKN_WEIGH_PLANES][PKN_WEIGH_WORDS];
        size_t n_words = pkn_min_size(words - word, PKN_WEIGH_WORDS);
        for (unsigned k = 0; k <= top; k++) {
            for (size_t i = 0; i < PKN_WEIGH_WORDS; i++) {
                planes[k][i] = 0 - (bias >> k & 1);
            }
        }
        for (size_t r = 0; r < n; r++) {
            uint64_t part[PKN_WEIGH_WORDS] = {0};
            for (size_t i = 0; i < n_words; i++) {
                part[i] = rows[r].row[word + i];
            }
            for (uint64_t weight = rows[r].weight; weight != 0; weight &= weight - 1) {
                pkn_weigh_add(planes, pkn_ctz_u64(weight), part);
            }
        }
        for (size_t i = 0; i < n_words; i++) {
            out[word + i] = planes[top][i];
        }
    }
}

#endif
