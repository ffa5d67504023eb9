/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { COMPARE_SEED = 97 };

static void compare_check(pkern_pool *pool, const uint64_t *a, size_t step, const uint64_t *b,
                          size_t n, size_t words) {
    uint32_t *h = (uint32_t *)malloc(n * 4 + 4);
    float *s = (float *)malloc(n * 4 + 4), *c = (float *)malloc(n * 4 + 4);
    int64_t *d = (int64_t *)malloc(n * 8 + 8);
    h[n] = 7;
    d[n] = 7;
    if (step == 0) {
        cr_assert_eq(pkern_hdc_hamming(pool, a, b, n, words, h), PKERN_OK);
        cr_assert_eq(pkern_hdc_similarity(pool, a, b, n, words, s), PKERN_OK);
        cr_assert_eq(pkern_hdc_cosine(pool, a, b, n, words, c), PKERN_OK);
        cr_assert_eq(pkern_hdc_dot(pool, a, b, n, words, d), PKERN_OK);
    } else {
        cr_assert_eq(pkern_hdc_hamming_pairs(pool, a, b, n, words, h), PKERN_OK);
        cr_assert_eq(pkern_hdc_similarity_pairs(pool, a, b, n, words, s), PKERN_OK);
        cr_assert_eq(pkern_hdc_cosine_pairs(pool, a, b, n, words, c), PKERN_OK);
        cr_assert_eq(pkern_hdc_dot_pairs(pool, a, b, n, words, d), PKERN_OK);
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t expected = hdc_oracle_distance(a + i * step * words, b + i * words, words);
        double bits = (double)words * 64, share = expected / bits, power = 1.0 / (1 << 23);
        cr_assert_eq(h[i], expected);
        cr_assert_eq(d[i], (int64_t)words * 64 - 2 * (int64_t)expected);
        cr_assert_float_eq(s[i], 1 - share, (words & (words - 1)) == 0 ? 0 : power);
        cr_assert_float_eq(c[i], 1 - 2 * share, (words & (words - 1)) == 0 ? 0 : power);
    }
    cr_assert(h[n] == 7 && d[n] == 7);
    free(h);
    free(s);
    free(c);
    free(d);
}

Test(hdc_compare, every_measure_of_one_with_many_and_of_pairs) {
    static const size_t words_list[] = {1, 3, 32, 157}, n_list[] = {0, 1, 2, 257, 601};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < 4; w++) {
            for (size_t c = 0; c < 5; c++) {
                size_t n = n_list[c], words = words_list[w];
                uint64_t *a = hdc_new((n + 1) * words, w, COMPARE_SEED),
                         *b = hdc_new(n * words, c, 2);
                for (size_t i = 0; i < words && n > 1; i++) b[words + i] = ~(b[i] = a[i]);
                compare_check(0, a, 0, b, n, words);
                compare_check(0, a, 1, b, n, words);
                compare_check(0, b, 1, b, n, words);
                hdc_free(a);
                hdc_free(b);
            }
        }
    }
}

Test(hdc_compare, every_pool_gives_the_same_measures) {
    uint64_t *a = hdc_new(3001 * 32, 0, COMPARE_SEED), *b = hdc_new(3001 * 32, 0, 2);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        compare_check(pool, a, 0, b, 3001, 32);
        compare_check(pool, a, 1, b, 3001, 32);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    hdc_free(a);
    hdc_free(b);
}

Test(hdc_compare, bad_arguments_change_nothing) {
    uint64_t a[8], before[8];
    uint32_t h[2];
    size_t wide = ((size_t)1 << 26) + 1;
    pkern_hdc_random(1, a, 8);
    memcpy(before, a, sizeof a);
    cr_assert_eq(pkern_hdc_hamming(0, a, a, 2, 0, h), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_hamming(0, 0, a, 2, 4, h), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_hamming(0, a, 0, 2, 4, h), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_hamming(0, a, a, 2, 4, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_hamming(0, a, a, 2, wide, h), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_hamming(0, a, a, SIZE_MAX / 8, 4, h), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_hamming(0, 0, 0, 0, 4, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_cosine(0, a, a + 4, 1, 4, (float *)(void *)(a + 1)), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_dot(0, a, a + 4, 1, 4, (int64_t *)(void *)(a + 7)), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_hamming_pairs(0, a, a, 2, 4, (uint32_t *)(void *)(a + 3)), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_similarity_pairs(0, a, a, 2, 0, (float *)(void *)h), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_cosine_pairs(0, a, 0, 2, 4, (float *)(void *)h), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_dot_pairs(0, 0, a, 2, 4, (int64_t *)(void *)h), PKERN_EINVAL);
    cr_assert_arr_eq(a, before, sizeof a);
}
