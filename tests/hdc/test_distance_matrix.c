/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "searching_oracle.h"

static void matrix_check(pkern_pool *pool, size_t n_queries, size_t n_targets, size_t words) {
    size_t n = n_queries * n_targets;
    uint64_t *queries = hdc_new(n_queries * words, 1, 120),
             *targets = hdc_new(n_targets * words, 2, 121);
    uint16_t *distances = (uint16_t *)malloc((n + 1) * sizeof *distances);
    float *similarities = (float *)malloc((n + 1) * sizeof *similarities);
    if (n > 0) /* all bits differ: the largest distance */
        for (size_t i = 0; i < words; i++) targets[i] = ~queries[i];
    distances[n] = 7;
    similarities[n] = 7;
    cr_assert_eq(pkern_hdc_distance_matrix_u16(pool, queries, n_queries, targets, n_targets, words,
                                               distances),
                 PKERN_OK);
    cr_assert_eq(pkern_hdc_similarity_matrix(pool, queries, n_queries, targets, n_targets, words,
                                             similarities),
                 PKERN_OK);
    for (size_t i = 0; i < n; i++) {
        pkern_hdc_match expected =
            searching_match(0,
                            hdc_oracle_distance(queries + i / n_targets * words,
                                                targets + i % n_targets * words, words),
                            words);
        cr_assert(distances[i] == expected.distance, "%zu of %zu x %zu, words %zu: %u, not %u", i,
                  n_queries, n_targets, words, (unsigned)distances[i], expected.distance);
        cr_assert_arr_eq(&similarities[i], &expected.similarity, sizeof(float));
    }
    cr_assert(distances[n] == 7 && similarities[n] == 7.0f);
    hdc_free(queries);
    hdc_free(targets);
    free(distances);
    free(similarities);
}

Test(hdc_distance_matrix, every_pair_for_any_shape) {
    static const size_t n_list[] = {0, 1, 3, 61, 131}, words_list[] = {1, 3, 32, 157, 1017, 1023};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < 6; w++) {
            for (size_t n = 0; n < 5; n++) {
                matrix_check(0, (n + w) % 7, n_list[n], words_list[w]);
            }
        }
    }
}

Test(hdc_distance_matrix, every_pool_gives_the_same) {
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        matrix_check(pool, 1, 4001, 8);
        matrix_check(pool, 67, 307, 32);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(hdc_distance_matrix, bad_arguments_change_nothing) {
    uint64_t a[32], b[32], before[32];
    uint16_t *u16 = (uint16_t *)(void *)b;
    float *f32 = (float *)(void *)b;
    pkern_hdc_random(1, a, 32);
    pkern_hdc_random(2, b, 32);
    memcpy(before, b, sizeof b);
    cr_assert_eq(pkern_hdc_distance_matrix_u16(0, a, 1, a, 1, 1024, u16), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_distance_matrix_u16(0, a, 1, a, 1, 0, u16), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_distance_matrix_u16(0, 0, 1, a, 1, 8, u16), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_distance_matrix_u16(0, a, 1, 0, 1, 8, u16), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_distance_matrix_u16(0, a, 1, a, 1, 8, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_distance_matrix_u16(0, b, 1, a, 1, 8, u16), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_distance_matrix_u16(0, a, SIZE_MAX / 4, a, 8, 8, u16), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_distance_matrix_u16(0, a, SIZE_MAX / 4, a, 1, 8, u16), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_similarity_matrix(0, a, 1, a, 1, 0, f32), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_similarity_matrix(0, a, 1, a, 1, ((size_t)1 << 26) + 1, f32),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_similarity_matrix(0, a, 1, b, 1, 8, f32), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_similarity_matrix(0, 0, 0, b, 1, 8, 0), PKERN_OK);
    cr_assert_arr_eq(b, before, sizeof b);
}
