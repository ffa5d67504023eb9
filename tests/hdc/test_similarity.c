/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { SIMILARITY_SEED = 80 };

Test(hdc_similarity, one_minus_the_share_of_bits_that_differ) {
    static const size_t n_list[] = {0, 1, 2, 17, 257, 1009};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < HDC_N_WORDS; w++) {
            for (size_t i = 0; i < sizeof n_list / sizeof n_list[0]; i++) {
                size_t n = n_list[i], words = hdc_words[w];
                uint64_t *query = hdc_new(words, 1, SIMILARITY_SEED),
                         *targets = hdc_new(n * words, 3, SIMILARITY_SEED + 1);
                float *out = (float *)malloc((n + 1) * sizeof *out);
                if (n > 0) memcpy(targets, query, words * 8);
                for (size_t k = 0; n > 1 && k < words; k++) targets[words + k] = ~query[k];
                out[n] = 7;
                cr_assert_eq(pkern_hdc_similarity(0, query, targets, n, words, out), PKERN_OK);
                for (size_t t = 0; t < n; t++) {
                    double bits = (double)words * 64;
                    double exact =
                        (bits - hdc_oracle_distance(query, targets + t * words, words)) / bits;
                    cr_assert(out[t] - exact < 6e-8 && exact - out[t] < 6e-8);
                    cr_assert((words & (words - 1)) != 0 || out[t] == (float)exact);
                }
                cr_assert(n < 1 || out[0] == 1.0f);
                cr_assert(n < 2 || out[1] == 0.0f);
                cr_assert(out[n] == 7.0f);
                hdc_free(query);
                hdc_free(targets);
                free(out);
            }
        }
    }
}

Test(hdc_similarity, distances_of_all_pairs) {
    static const size_t sizes[][2] = {{0, 5}, {5, 0},   {1, 1},   {1, 333},
                                      {2, 7}, {3, 129}, {4, 128}, {13, 131}};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < HDC_N_WORDS; w++) {
            for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
                size_t n_q = sizes[i][0], n_t = sizes[i][1], words = hdc_words[w];
                uint64_t *queries = hdc_new(n_q * words, 1, SIMILARITY_SEED);
                uint64_t *targets = hdc_new(n_t * words, 3, SIMILARITY_SEED + 1);
                uint32_t *out = (uint32_t *)malloc((n_q * n_t + 1) * sizeof *out);
                out[n_q * n_t] = 7;
                cr_assert_eq(pkern_hdc_distances(0, queries, n_q, targets, n_t, words, out),
                             PKERN_OK);
                for (size_t k = 0; k < n_q * n_t; k++) {
                    cr_assert_eq(out[k], hdc_oracle_distance(queries + k / n_t * words,
                                                             targets + k % n_t * words, words));
                }
                cr_assert_eq(out[n_q * n_t], 7u);
                hdc_free(queries);
                hdc_free(targets);
                free(out);
            }
        }
    }
}

Test(hdc_similarity, every_pool_and_set_gives_the_same_bits) {
    enum { N_Q = 37, N_T = 1501, WORDS = 33 };
    uint64_t *queries = hdc_new(N_Q * WORDS, 0, SIMILARITY_SEED),
             *targets = hdc_new(N_T * WORDS, 0, SIMILARITY_SEED + 1);
    static uint32_t distances[2][N_Q * N_T];
    static float similarities[2][N_T];
    int run = 0; /* the first one is what the others are compared with */
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set), run = 1) {
            memset(distances[run], 0xee, sizeof distances[0]);
            memset(similarities[run], 0xee, sizeof similarities[0]);
            cr_assert_eq(
                pkern_hdc_distances(pool, queries, N_Q, targets, N_T, WORDS, distances[run]),
                PKERN_OK);
            cr_assert_eq(
                pkern_hdc_similarity(pool, queries, targets, N_T, WORDS, similarities[run]),
                PKERN_OK);
            cr_assert_arr_eq(distances[0], distances[run], sizeof distances[0]);
            cr_assert_arr_eq(similarities[0], similarities[run], sizeof similarities[0]);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    hdc_free(queries);
    hdc_free(targets);
}

Test(hdc_similarity, bad_arguments_change_nothing) {
    uint64_t a[32];
    uint64_t b[32], before[32];
    pkern_hdc_random(1, a, 32);
    pkern_hdc_random(2, b, 32);
    memcpy(before, b, sizeof b);
    float *f = (float *)(void *)b;
    uint32_t *u = (uint32_t *)(void *)b;
    cr_assert_eq(pkern_hdc_similarity(0, a, a, 4, 0, f), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_similarity(0, 0, a, 4, 8, f), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_similarity(0, a, 0, 4, 8, f), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_similarity(0, a, a, 4, 8, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_similarity(0, b, a, 4, 8, f), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_similarity(0, a, b, 4, 8, f), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_similarity(0, a, a, 1, ((size_t)1 << 26) + 1, f), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_similarity(0, a, a, SIZE_MAX / 8, 8, f), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_similarity(0, 0, 0, 0, 8, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_distances(0, a, 2, a, 2, 0, u), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_distances(0, 0, 2, a, 2, 8, u), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_distances(0, a, 2, 0, 2, 8, u), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_distances(0, a, 2, a, 2, 8, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_distances(0, b, 2, a, 2, 8, u), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_distances(0, a, 2, b, 2, 8, u), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_distances(0, a, 2, a, 2, ((size_t)1 << 26) + 1, u), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_distances(0, a, SIZE_MAX / 8, a, 2, 8, u), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_distances(0, a, 2, a, SIZE_MAX / 8, 8, u), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_distances(0, a, (size_t)1 << 31, a, (size_t)1 << 31, 1, u),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_distances(0, 0, 0, 0, 0, 8, 0), PKERN_OK);
    cr_assert_arr_eq(b, before, sizeof b);
}
