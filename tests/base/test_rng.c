/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"

static int rng_compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The outputs for seed 1234567 that implementations of SplitMix64 agree on. */
Test(base_rng, mix_is_splitmix64) {
    static const uint64_t expected[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                        UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
                                        UINT64_C(16408922859458223821)};
    uint64_t state = 1234567;
    for (int i = 0; i < 5; i++) {
        state += UINT64_C(0x9e3779b97f4a7c15);
        cr_assert_eq(pkn_mix_u64(state), expected[i]);
    }
}

Test(base_rng, words_of_near_seeds_and_indices_never_repeat_and_are_balanced) {
    enum { SEEDS = 64, WORDS = 512 };
    static uint64_t words[SEEDS * WORDS];
    uint64_t ones = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        for (uint64_t i = 0; i < WORDS; i++) {
            words[seed * WORDS + i] = pkn_random_at(seed, i);
            cr_assert_eq(pkn_random_at(seed, i), words[seed * WORDS + i]);
            ones += pkn_popcount_u64(words[seed * WORDS + i]);
        }
    }
    qsort(words, SEEDS * WORDS, sizeof words[0], rng_compare);
    for (size_t i = 1; i < SEEDS * WORDS; i++) {
        cr_assert_neq(words[i - 1], words[i]);
    }
    /* half of 2^21 bits; the standard deviation is 724 */
    cr_assert(ones > 32u * SEEDS * WORDS - 4000 && ones < 32u * SEEDS * WORDS + 4000);
}

Test(base_rng, the_ends_of_seed_and_index_are_ordinary) {
    cr_assert_neq(pkn_random_at(0, 0), pkn_random_at(0, UINT64_MAX));
    cr_assert_neq(pkn_random_at(UINT64_MAX, 0), pkn_random_at(0, 0));
    cr_assert_neq(pkn_random_at(UINT64_MAX, UINT64_MAX), 0);
}
