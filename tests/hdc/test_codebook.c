/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { CODEBOOK_SEED = 92 };

static const size_t codebook_words[] = {1, 3, 32, 157};
static const size_t codebook_levels[] = {1, 2, 3, 7, 16, 101};
enum { CODEBOOK_N_LEVELS = 6, CODEBOOK_MAX_LEVELS = 101 };

static uint64_t codebook_difference(uint64_t a, uint64_t b) {
    return a < b ? b - a : a - b;
}

Test(hdc_codebook, random_rows_are_one_long_random_vector) {
    for (size_t w = 0; w < 4; w++) {
        size_t words = codebook_words[w];
        uint64_t *out = hdc_new(17 * words + 1, 0, 1), *expected = hdc_new(17 * words, 0, 0);
        uint64_t guard = out[17 * words];
        pkern_hdc_random(CODEBOOK_SEED, expected, 17 * words);
        cr_assert_eq(pkern_hdc_codebook_random(0, CODEBOOK_SEED, 17, words, out), PKERN_OK);
        cr_assert_arr_eq(out, expected, 17 * words * 8);
        cr_assert_eq(out[17 * words], guard);
        hdc_free(out);
        hdc_free(expected);
    }
}

Test(hdc_codebook, density_is_the_share_of_ones) {
    static const double densities[] = {0, 0.5, 0.25, 0.1, 0.9, 1.0 / 3, 1e-3, 1};
    enum { WORDS = 4096 };
    uint64_t *out = hdc_new(WORDS, 0, 0);
    for (size_t i = 0; i < 8; i++) {
        double p = densities[i], ones = 0, bits = WORDS * 64.0, pairs = 0;
        cr_assert_eq(pkern_hdc_codebook_random_density(0, CODEBOOK_SEED, p, 32, WORDS / 32, out),
                     PKERN_OK);
        for (size_t w = 0; w < WORDS; w++) {
            ones += pkn_popcount_u64(out[w]);
            pairs += pkn_popcount_u64(out[w] & (out[w] >> 1)) +
                     pkn_popcount_u64(out[w] & out[(w + 1) % WORDS]);
        }
        /* five standard deviations; neighbours in a word and in words are independent */
        cr_assert_lt((ones - bits * p) * (ones - bits * p), 25 * bits * p * (1 - p) + 0.5,
                     "p %f, ones %f", p, ones);
        double expected = p * p * (bits + WORDS * 63.0);
        cr_assert_lt((pairs - expected) * (pairs - expected), 25 * 4 * (expected + 1),
                     "p %f, pairs %f", p, pairs);
    }
    hdc_free(out);
}

Test(hdc_codebook, a_biased_bit_is_a_comparison_of_binary_fractions) {
    static const double probabilities[] = {0.5, 0.75, 0.3, 1e-5, 0.999};
    for (size_t i = 0; i < 5; i++) {
        pkn_chance chance = pkn_chance_of(probabilities[i]);
        for (uint64_t index = 0; index < 50; index++) {
            uint64_t word = pkn_chance_word(chance, CODEBOOK_SEED, index);
            for (unsigned bit = 0; bit < 64; bit++) {
                uint64_t fraction = 0;
                for (unsigned k = 0; k < 64; k++)
                    fraction |= (pkn_random_at(CODEBOOK_SEED, index * 64 + k) >> bit & 1)
                                << (63 - k);
                cr_assert_eq(word >> bit & 1, (uint64_t)(fraction < chance.share));
            }
        }
    }
    cr_assert_eq(pkn_chance_word(pkn_chance_of(1), 1, 1), ~(uint64_t)0);
    cr_assert_eq(pkn_chance_word(pkn_chance_of(0), 1, 1), 0u);
    cr_assert_eq(pkn_chance_of(0.5).share, (uint64_t)1 << 63);
}

Test(hdc_codebook, levels_differ_in_exactly_the_difference_of_their_flips) {
    for (size_t w = 0; w < 4; w++) {
        size_t words = codebook_words[w];
        uint64_t bits = words * 64, *out = hdc_new(CODEBOOK_MAX_LEVELS * words, 0, 0);
        uint64_t *first = hdc_new(words, 0, 0);
        pkern_hdc_random(CODEBOOK_SEED, first, words);
        for (size_t l = 0; l < CODEBOOK_N_LEVELS; l++) {
            size_t n = codebook_levels[l];
            cr_assert_eq(pkern_hdc_codebook_level(0, CODEBOOK_SEED, n, words, out), PKERN_OK);
            cr_assert_arr_eq(out, first, words * 8);
            for (uint64_t i = 0; i < n; i++) {
                for (uint64_t j = 0; j < i; j++) {
                    uint64_t expected = i * (bits / 2) / (n - 1) - j * (bits / 2) / (n - 1);
                    cr_assert_eq(hdc_oracle_distance(out + i * words, out + j * words, words),
                                 expected, "words %zu, levels %zu", words, n);
                }
            }
            cr_assert_eq(pkern_hdc_codebook_thermometer(0, n, words, out), PKERN_OK);
            for (uint64_t i = 0; i < n; i++) {
                uint64_t ones = n == 1 ? 0 : i * bits / (n - 1);
                for (uint64_t bit = 0; bit < bits; bit++)
                    cr_assert_eq(out[i * words + bit / 64] >> (bit % 64) & 1,
                                 (uint64_t)(bit < ones));
            }
        }
        hdc_free(out);
        hdc_free(first);
    }
}

Test(hdc_codebook, a_circle_ends_where_it_begins) {
    for (size_t w = 0; w < 4; w++) {
        size_t words = codebook_words[w];
        uint64_t bits = words * 64, *out = hdc_new(CODEBOOK_MAX_LEVELS * words, 0, 0);
        for (size_t l = 0; l < CODEBOOK_N_LEVELS; l++) {
            size_t n = codebook_levels[l];
            cr_assert_eq(pkern_hdc_codebook_circular(0, CODEBOOK_SEED, n, words, out), PKERN_OK);
            for (uint64_t i = 0; i < n; i++) {
                for (uint64_t j = 0; j < n; j++) {
                    uint64_t way = codebook_difference(i * bits / n, j * bits / n);
                    cr_assert_eq(hdc_oracle_distance(out + i * words, out + j * words, words),
                                 way < bits - way ? way : bits - way, "words %zu, levels %zu",
                                 words, n);
                }
            }
        }
        hdc_free(out);
    }
}

Test(hdc_codebook, flips_are_spread_over_the_vector) {
    /* of the 1024 bits flipped between the ends each half of the vector has 512, +- 5 sd of a draw without
       repetition */
    enum { WORDS = 32 };
    uint64_t out[2 * WORDS];
    uint32_t order[2048], seen[2048] = {0};
    cr_assert_eq(pkern_hdc_codebook_level(0, CODEBOOK_SEED, 2, WORDS, out), PKERN_OK);
    cr_assert_float_eq((double)hdc_oracle_distance(out, out + WORDS, WORDS / 2), 512.0, 57.0);
    pkn_chance_order(CODEBOOK_SEED, 2048, 2048, order);
    for (size_t i = 0; i < 2048; i++) seen[order[i]]++;
    for (size_t i = 0; i < 2048; i++) cr_assert_eq(seen[i], 1u);
}

Test(hdc_codebook, every_pool_gives_the_same_bits) {
    enum { N = 5003, WORDS = 3, WIDE = 1000, LEVELS = 300 };
    uint64_t *expected = hdc_new(N * WORDS + LEVELS * WIDE, 0, 0),
             *out = hdc_new(N * WORDS + LEVELS * WIDE, 0, 0);
    for (int kind = 0; kind < 5; kind++) {
        for (size_t p = 0; p < HDC_N_POOLS; p++) {
            pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
            uint64_t *place = p == 0 ? expected : out;
            for (int wide = 0; wide < 2; wide++) {
                size_t n = wide ? LEVELS : N, words = wide ? WIDE : WORDS;
                cr_assert_eq(kind == 0 ? pkern_hdc_codebook_random(pool, 5, n, words, place)
                             : kind == 1
                                 ? pkern_hdc_codebook_random_density(pool, 5, 0.3, n, words, place)
                             : kind == 2 ? pkern_hdc_codebook_level(pool, 5, n, words, place)
                             : kind == 3 ? pkern_hdc_codebook_circular(pool, 5, n, words, place)
                                         : pkern_hdc_codebook_thermometer(pool, n, words, place),
                             PKERN_OK);
                place += n * words;
            }
            cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
            if (p > 0) cr_assert_arr_eq(out, expected, (N * WORDS + LEVELS * WIDE) * 8);
        }
    }
    hdc_free(expected);
    hdc_free(out);
}

Test(hdc_codebook, bad_arguments_change_nothing) {
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    uint64_t out[8], before[8];
    size_t wide = ((size_t)1 << 26) + 1, many = (size_t)1 << 60, levels = ((size_t)1 << 31) + 1;
    double nothing = 0;
    pkern_pool *pool = hdc_pool_new(1, &allocator);
    memset(out, 3, sizeof out);
    memcpy(before, out, sizeof out);
    cr_assert_eq(pkern_hdc_codebook_random(0, 1, 2, 0, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_codebook_random(0, 1, 2, 4, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_codebook_random(0, 1, 2, wide, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_codebook_random(0, 1, many, 4, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_codebook_random(0, 1, 0, 4, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_codebook_random_density(0, 1, -0.1, 2, 4, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_codebook_random_density(0, 1, 1.1, 2, 4, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_codebook_random_density(0, 1, nothing / nothing, 2, 4, out),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_codebook_random_density(0, 1, 0.5, 2, 0, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_codebook_random_density(0, 1, 0.5, 2, 4, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_codebook_random_density(0, 1, 0.5, many, 4, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_codebook_random_density(0, 1, 0.5, 0, 4, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_codebook_level(0, 1, 2, 0, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_codebook_level(0, 1, 2, 4, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_codebook_level(0, 1, levels, 1, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_codebook_level(0, 1, many, 4, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_codebook_level(0, 1, 0, 4, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_codebook_circular(0, 1, 2, wide, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_codebook_thermometer(0, 2, 0, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_codebook_thermometer(0, 2, 4, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_codebook_thermometer(0, levels, 1, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_codebook_thermometer(0, 0, 4, 0), PKERN_OK);
    state.left = 0;
    cr_assert_eq(pkern_hdc_codebook_level(pool, 1, 2, 4, out), PKERN_ENOMEM);
    state.left = 1000000;
    cr_assert_arr_eq(out, before, sizeof out);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
}
