/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { NOISE_SEED = 95 };

Test(hdc_noise, flips_as_many_bits_as_the_probability_says) {
    static const double probabilities[] = {0, 0.5, 0.05, 1.0 / 3, 0.99, 1};
    enum { WORDS = 32, N = 128 };
    uint64_t *rows = hdc_new(N * WORDS, 0, NOISE_SEED), *out = hdc_new(N * WORDS + 1, 0, 0);
    for (size_t i = 0; i < 6; i++) {
        double p = probabilities[i], bits = N * WORDS * 64.0, flips;
        uint64_t guard = out[N * WORDS];
        cr_assert_eq(pkern_hdc_noise(0, rows, N, WORDS, p, NOISE_SEED, out), PKERN_OK);
        flips = hdc_oracle_distance(rows, out, N * WORDS);
        cr_assert_leq((flips - bits * p) * (flips - bits * p), 25 * bits * p * (1 - p), "p %f", p);
        cr_assert_eq(out[N * WORDS], guard);
    }
    /* what is flipped depends on the seed alone, and in place is the same */
    cr_assert_eq(pkern_hdc_noise(0, rows, N, WORDS, 0.1, 3, out), PKERN_OK);
    for (size_t i = 0; i < N * WORDS; i++) out[i] ^= rows[i];
    cr_assert_eq(pkern_hdc_noise(0, out, N, WORDS, 0.1, 3, out), PKERN_OK);
    for (size_t i = 0; i < N * WORDS; i++) cr_assert_eq(out[i], 0u);
    hdc_free(rows);
    hdc_free(out);
}

Test(hdc_noise, flips_exactly_as_many_bits_as_asked) {
    static const size_t words_list[] = {1, 3, 32, 157};
    for (size_t w = 0; w < 4; w++) {
        size_t words = words_list[w], bits = words * 64;
        size_t flips_list[] = {0, 1, 2, bits / 3, bits / 2, bits / 2 + 1, bits - 1, bits};
        uint64_t *rows = hdc_new(17 * words, w, NOISE_SEED), *out = hdc_new(17 * words, 0, 0);
        for (size_t f = 0; f < 8; f++) {
            cr_assert_eq(pkern_hdc_noise_flips(0, rows, 17, words, flips_list[f], f, out),
                         PKERN_OK);
            for (size_t r = 0; r < 17; r++)
                cr_assert_eq(hdc_oracle_distance(rows + r * words, out + r * words, words),
                             flips_list[f]);
        }
        hdc_free(rows);
        hdc_free(out);
    }
}

Test(hdc_noise, every_bit_is_as_likely_to_be_flipped) {
    enum { N = 6400 };
    static uint64_t rows[N], out[N];
    for (size_t flips = 16; flips < 64; flips += 32) {
        double expected = N * (double)flips / 64,
               deviation = N * (double)(flips * (64 - flips)) / 4096;
        cr_assert_eq(pkern_hdc_noise_flips(0, rows, N, 1, flips, 1, out), PKERN_OK);
        for (unsigned bit = 0; bit < 64; bit++) {
            double count = 0;
            for (size_t r = 0; r < N; r++) count += (double)(out[r] >> bit & 1);
            cr_assert_lt((count - expected) * (count - expected), 25 * deviation);
        }
    }
}

Test(hdc_noise, every_pool_gives_the_same_bits) {
    enum { N = 1009, WORDS = 32 };
    uint64_t *rows = hdc_new(N * WORDS, 0, NOISE_SEED);
    uint64_t *expected = hdc_new(2 * N * WORDS, 0, 0), *out = hdc_new(2 * N * WORDS, 0, 0);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        uint64_t *place = p == 0 ? expected : out;
        cr_assert_eq(pkern_hdc_noise(pool, rows, N, WORDS, 0.2, 1, place), PKERN_OK);
        cr_assert_eq(pkern_hdc_noise_flips(pool, rows, N, WORDS, 300, 1, place + N * WORDS),
                     PKERN_OK);
        if (p > 0) cr_assert_arr_eq(out, expected, 2 * N * WORDS * 8);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    hdc_free(rows);
    hdc_free(expected);
    hdc_free(out);
}

Test(hdc_noise, bad_arguments_change_nothing) {
    uint64_t a[16], before[16];
    size_t wide = ((size_t)1 << 26) + 1;
    double nothing = 0;
    pkern_hdc_random(1, a, 16);
    memcpy(before, a, sizeof a);
    cr_assert_eq(pkern_hdc_noise(0, a, 2, 4, -0.1, 1, a + 8), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_noise(0, a, 2, 4, 1.1, 1, a + 8), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_noise(0, a, 2, 4, nothing / nothing, 1, a + 8), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_noise(0, a, 2, 0, 0.5, 1, a + 8), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_noise(0, 0, 2, 4, 0.5, 1, a + 8), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_noise(0, a, 2, 4, 0.5, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_noise(0, a, 2, 4, 0.5, 1, a + 7), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_noise(0, a, 2, wide, 0.5, 1, a + 8), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_noise(0, 0, 0, 4, 0.5, 1, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_noise_flips(0, a, 2, 4, 257, 1, a + 8), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_noise_flips(0, a, 2, 0, 0, 1, a + 8), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_noise_flips(0, 0, 2, 4, 3, 1, a + 8), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_noise_flips(0, a, 2, 4, 3, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_noise_flips(0, a, 2, 4, 3, 1, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_noise_flips(0, a, SIZE_MAX / 8, 4, 3, 1, a), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_noise_flips(0, 0, 0, 4, 3, 1, 0), PKERN_OK);
    cr_assert_arr_eq(a, before, sizeof a);
}
