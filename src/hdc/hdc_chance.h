/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Chance by counters: words of biased bits, numbers below a bound, orders of bits. All depend on
   (seed, index) alone. */
#ifndef PKN_HDC_HDC_CHANCE_H
#define PKN_HDC_HDC_CHANCE_H

#include "base/bits.h"
#include "base/rng.h"

#include <stddef.h>
#include <stdint.h>

/* Streams of one seed that must not meet those of pkern_hdc_random. */
#define PKN_CHANCE_ORDER UINT64_C(0x6f72646572206f66)
#define PKN_CHANCE_BIASED UINT64_C(0x6269617365642062)

/* A number below bound <= 2^32, each as probable as the others up to 2^-32. */
PKN_INLINE uint64_t pkn_chance_below(uint64_t seed, uint64_t index, uint64_t bound) {
    uint64_t random = pkn_random_at(seed, index);
    return ((random >> 32) * bound + ((random & UINT32_MAX) * bound >> 32)) >> 32;
}

/* The first n_drawn places of order [n] become a random draw without repetition from 0 .. n - 1, in
   random order; the others keep the rest. Fisher and Yates's shuffle. */
PKN_INLINE void pkn_chance_order(uint64_t seed, uint64_t n, uint64_t n_drawn, uint32_t *order) {
    for (uint64_t i = 0; i < n; i++) {
        order[i] = (uint32_t)i;
    }
    for (uint64_t i = 0; i < n_drawn; i++) {
        uint64_t other = i + pkn_chance_below(seed, i, n - i);
        uint32_t drawn = order[other];
        order[other] = order[i];
        order[i] = drawn;
    }
}

/* A probability as a number of 2^-64ths; `always` where that is 2^64. */
typedef struct pkn_chance {
    uint64_t share;
    int always;
} pkn_chance;

PKN_INLINE pkn_chance pkn_chance_of(double probability) {
    pkn_chance chance;
    chance.always = probability >= 1;
    chance.share = chance.always ? 0 : (uint64_t)(probability * 18446744073709551616.0);
    return chance;
}

/* Measured like the costs in hdc_run.h: a random word; that the number of draws is not foreseen. */
#define PKN_CHANCE_WORD_NS 1.8
#define PKN_CHANCE_SURPRISE_NS 7.0

/* Of a biased word in ns: as many draws as the share has digits, or as 64 lanes need on average
   until all are decided. */
PKN_INLINE double pkn_chance_cost(pkn_chance chance) {
    unsigned digits = chance.share == 0 ? 0 : 64 - pkn_ctz_u64(chance.share);
    return digits < 7 ? PKN_CHANCE_WORD_NS * (digits + 0.2)
                      : PKN_CHANCE_WORD_NS * 7.3 + PKN_CHANCE_SURPRISE_NS;
}

/* Word index of a stream of bits that are 1 with that probability. Each lane compares a random
   binary fraction with share, highest digit first, and is done where they differ; after j digits
   2^-j of the lanes are still open. */
PKN_INLINE uint64_t pkn_chance_word(pkn_chance chance, uint64_t seed, uint64_t index) {
    uint64_t ones = 0, open = ~(uint64_t)0, digits = chance.share;
    if (chance.always) {
        return open;
    }
    for (uint64_t draw = index * 64; digits != 0 && open != 0; draw++, digits <<= 1) {
        uint64_t random = pkn_random_at(seed, draw);
        if (digits >> 63) {
            ones |= open & ~random;
            open &= random;
        } else {
            open &= ~random;
        }
    }
    return ones;
}

#endif
