/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { PERMUTATION_SEED = 96 };

static uint32_t *permutation_new(size_t words) {
    uint32_t *permutation = (uint32_t *)malloc(words * 64 * sizeof *permutation);
    cr_assert_not_null(permutation);
    return permutation;
}

Test(hdc_permutation, each_bit_comes_from_where_the_table_says_and_goes_back) {
    static const size_t words_list[] = {1, 3, 32, 64, 65, 157};
    static const size_t n_list[] = {0, 1, 7, 8, 63, 64, 71, 140};
    for (size_t w = 0; w < 6; w++) {
        size_t words = words_list[w];
        uint32_t *permutation = permutation_new(words), *inverse = permutation_new(words);
        cr_assert_eq(pkern_hdc_permutation_random(PERMUTATION_SEED, words, permutation), PKERN_OK);
        cr_assert_eq(pkern_hdc_permutation_invert(permutation, words, inverse), PKERN_OK);
        for (size_t c = 0; c < 8; c++) {
            size_t n = n_list[c];
            uint64_t *rows = hdc_new(n * words, w, PERMUTATION_SEED);
            uint64_t *out = hdc_new(n * words + 1, 0, 0), *back = hdc_new(n * words, 0, 1);
            uint64_t guard = out[n * words];
            cr_assert_eq(pkern_hdc_permute_bits(0, rows, n, words, permutation, out), PKERN_OK);
            for (size_t r = 0; r < n; r++) {
                for (size_t bit = 0; bit < words * 64; bit++) {
                    uint64_t expected =
                        rows[r * words + permutation[bit] / 64] >> (permutation[bit] % 64);
                    cr_assert_eq((out[r * words + bit / 64] >> (bit % 64) ^ expected) & 1, 0u,
                                 "words %zu, rows %zu, row %zu, bit %zu", words, n, r, bit);
                }
            }
            cr_assert_eq(out[n * words], guard);
            cr_assert_eq(pkern_hdc_permute_bits(0, out, n, words, inverse, back), PKERN_OK);
            cr_assert_arr_eq(back, rows, n * words * 8);
            hdc_free(rows);
            hdc_free(out);
            hdc_free(back);
        }
        free(permutation);
        free(inverse);
    }
}

Test(hdc_permutation, permutations_are_uniform) {
    /* where bit 0 comes from, over many seeds: 64 cells of 100, +- 5 deviations */
    uint32_t permutation[64];
    double counts[64] = {0};
    for (uint64_t seed = 0; seed < 6400; seed++) {
        cr_assert_eq(pkern_hdc_permutation_random(seed, 1, permutation), PKERN_OK);
        counts[permutation[63]]++;
    }
    for (size_t i = 0; i < 64; i++) cr_assert_float_eq(counts[i], 100.0, 50.0);
}

Test(hdc_permutation, every_pool_gives_the_same_bits) {
    static const size_t cases[][2] = {{1003, 32}, {103, 157}};
    for (size_t c = 0; c < 2; c++) {
        size_t n = cases[c][0], words = cases[c][1];
        uint32_t *permutation = permutation_new(words);
        uint64_t *rows = hdc_new(n * words, 0, PERMUTATION_SEED);
        uint64_t *expected = hdc_new(n * words, 0, 0), *out = hdc_new(n * words, 0, 0);
        cr_assert_eq(pkern_hdc_permutation_random(1, words, permutation), PKERN_OK);
        for (size_t p = 0; p < HDC_N_POOLS; p++) {
            pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
            cr_assert_eq(
                pkern_hdc_permute_bits(pool, rows, n, words, permutation, p == 0 ? expected : out),
                PKERN_OK);
            if (p > 0) cr_assert_arr_eq(out, expected, n * words * 8);
            cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
        }
        free(permutation);
        hdc_free(rows);
        hdc_free(expected);
        hdc_free(out);
    }
}

Test(hdc_permutation, bad_arguments_are_refused) {
    uint32_t permutation[128], inverse[128];
    uint64_t a[8], before[8];
    size_t wide = ((size_t)1 << 26) + 1;
    pkern_hdc_random(1, a, 8);
    memcpy(before, a, sizeof a);
    cr_assert_eq(pkern_hdc_permutation_random(1, 0, permutation), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permutation_random(1, 2, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permutation_random(1, wide, permutation), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_permutation_random(1, 2, permutation), PKERN_OK);
    cr_assert_eq(pkern_hdc_permutation_invert(permutation, 0, inverse), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permutation_invert(0, 2, inverse), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permutation_invert(permutation, 2, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permutation_invert(permutation, 2, permutation + 64), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permutation_invert(permutation, wide, inverse), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_permute_bits(0, a, 2, 0, permutation, a + 4), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permute_bits(0, 0, 2, 2, permutation, a + 4), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permute_bits(0, a, 2, 2, 0, a + 4), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permute_bits(0, a, 2, 2, permutation, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permute_bits(0, a, 2, 2, permutation, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permute_bits(0, a, 2, 2, permutation, (uint64_t *)(void *)permutation),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permute_bits(0, a, SIZE_MAX / 8, 2, permutation, a), PKERN_EOVERFLOW);
    permutation[5] = permutation[6];
    cr_assert_eq(pkern_hdc_permutation_invert(permutation, 2, inverse), PKERN_EINVAL);
    permutation[5] = 128;
    cr_assert_eq(pkern_hdc_permutation_invert(permutation, 2, inverse), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permute_bits(0, a, 2, 2, permutation, a + 4), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permute_bits(0, 0, 0, 2, 0, 0), PKERN_OK);
    cr_assert_arr_eq(a, before, sizeof a);
}
