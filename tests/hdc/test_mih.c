/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "searching_oracle.h"

enum { MIH_SEED = 160 };

/* Against the exact range search, whole and cut. */
static void mih_check(const pkern_hdc_mih *mih, pkern_pool *pool, const uint64_t *queries,
                      size_t n_queries, uint32_t radius, const pkern_hdc_search_options *options) {
    size_t *offsets = (size_t *)malloc((n_queries + 1) * sizeof *offsets);
    size_t *expected_offsets = (size_t *)malloc((n_queries + 1) * sizeof *offsets);
    pkern_hdc_match *expected =
        (pkern_hdc_match *)malloc((n_queries * mih->n + 1) * sizeof *expected);
    pkern_hdc_match *out = (pkern_hdc_match *)malloc((n_queries * mih->n + 1) * sizeof *out);
    size_t total;
    cr_assert_eq(pkern_hdc_range_search(pool, queries, n_queries, mih->vectors, mih->n, mih->words,
                                        radius, options, expected_offsets, expected,
                                        n_queries * mih->n),
                 PKERN_OK);
    total = expected_offsets[n_queries];
    for (int c = 0; c < 3; c++) {
        size_t capacity = c == 0 ? 0 : c == 1 ? total * 2 / 3 : total;
        if (options && (options->flags & PKERN_HDC_BY_DISTANCE))
            cr_assert_eq(pkern_hdc_range_search(pool, queries, n_queries, mih->vectors, mih->n,
                                                mih->words, radius, options, expected_offsets,
                                                expected, capacity),
                         PKERN_OK);
        memset(out, 0xee, (n_queries * mih->n + 1) * sizeof *out);
        cr_assert_eq(pkern_hdc_mih_search(mih, pool, queries, n_queries, radius, options, offsets,
                                          c == 0 ? 0 : out, capacity),
                     PKERN_OK);
        cr_assert_arr_eq(offsets, expected_offsets, (n_queries + 1) * sizeof *offsets);
        for (size_t i = 0; i < capacity; i++)
            cr_assert(searching_same(&out[i], &expected[i]),
                      "n %zu words %zu key %u radius %u: place %zu: {%zu, %u}, not {%zu, %u}",
                      mih->n, mih->words, mih->key_bits, radius, i, out[i].index, out[i].distance,
                      expected[i].index, expected[i].distance);
        cr_assert_eq(out[capacity].distance, 0xeeeeeeeeu);
    }
    free(offsets);
    free(expected_offsets);
    free(expected);
    free(out);
}

Test(hdc_mih, finds_what_a_comparison_with_all_finds) {
    static const size_t n_list[] = {0, 1, 2, 67, 1201}, words_list[] = {1, 3, 32, 157};
    static const unsigned key_list[] = {0, 8, 16, 32, 64};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t c = 0; c < 5 * 4; c++) {
            size_t n = n_list[c % 5], words = words_list[c / 5];
            uint64_t *memory = searching_memory(n, words, MIH_SEED);
            uint64_t *queries = searching_queries(memory, n, 7, words, MIH_SEED + 1);
            uint64_t *mask = searching_mask(n, 180, MIH_SEED + 2);
            for (size_t key = 0; key < 5; key++) {
                uint32_t bits = (uint32_t)words * 64;
                uint32_t pieces = bits / (key_list[key] ? key_list[key] : 32);
                uint32_t radii[] = {0, pieces / 2, pieces, pieces * 3 / 2, UINT32_MAX};
                for (size_t r = 0; r < 5; r++) {
                    pkern_hdc_search_options options = {0, 0, PKERN_HDC_BY_DISTANCE, 0};
                    pkern_hdc_mih *mih;
                    cr_assert_eq(
                        pkern_hdc_mih_build(0, memory, n, words, radii[r], key_list[key], &mih),
                        PKERN_OK);
                    cr_assert_geq(pkern_hdc_mih_bytes(mih), mih->n_tables * n * 4);
                    if (r == 4) { /* too wide for any index: all are compared */
                        size_t offsets[8];
                        cr_assert_eq(
                            pkern_hdc_mih_search(mih, 0, queries, 7, UINT32_MAX, 0, offsets, 0, 0),
                            PKERN_OK);
                        cr_assert_eq(offsets[7], 7 * n);
                    } else {
                        mih_check(mih, 0, queries, 7, radii[r], 0);
                        mih_check(mih, 0, queries, 7, radii[r] / 2, &options);
                        options.mask = mask;
                        mih_check(mih, 0, queries, 7, radii[r], &options);
                    }
                    pkern_hdc_mih_free(mih);
                }
            }
            hdc_free(memory);
            hdc_free(queries);
            hdc_free(mask);
        }
    }
}

Test(hdc_mih, every_pool_finds_the_same) {
    enum { N = 5003, WORDS = 32, QUERIES = 101 };
    uint64_t *memory = searching_memory(N, WORDS, MIH_SEED);
    uint64_t *queries = searching_queries(memory, N, QUERIES, WORDS, MIH_SEED + 1);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        pkern_hdc_mih *mih;
        cr_assert_eq(pkern_hdc_mih_build(pool, memory, N, WORDS, 63, 0, &mih), PKERN_OK);
        mih_check(mih, pool, queries, QUERIES, 63, 0);
        pkern_hdc_mih_free(mih);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    hdc_free(memory);
    hdc_free(queries);
}

Test(hdc_mih, near_copies_are_found_among_few_candidates) {
    enum { N = 20000, WORDS = 32, QUERIES = 40 };
    uint64_t *memory = searching_memory(N, WORDS, MIH_SEED), read = 0;
    size_t offsets[QUERIES + 1];
    static pkern_hdc_match out[1000];
    pkern_hdc_search_options options = {0, 0, 0, &read};
    pkern_hdc_mih *mih;
    double share;
    cr_assert_eq(pkern_hdc_mih_build(0, memory, N, WORDS, 60, 0, &mih), PKERN_OK);
    cr_assert_neq(mih->n_tables, 0u);
    mih_check(mih, 0, memory + 500 * WORDS, QUERIES, 60, 0);
    cr_assert_eq(pkern_hdc_mih_search(mih, 0, memory + 500 * WORDS, QUERIES, 60, &options, offsets,
                                      out, 1000),
                 PKERN_OK);
    cr_assert_geq(offsets[QUERIES], (size_t)QUERIES);
    share = (double)read / ((double)QUERIES * N * WORDS);
    printf("vectors compared: %.5f of all\n", share);
    cr_assert_lt(share, 0.02);
    pkern_hdc_mih_free(mih);
    hdc_free(memory);
}

Test(hdc_mih, equal_vectors_are_compared_once) {
    enum { N = 2000, WORDS = 32 };
    uint64_t *memory = hdc_new(N * WORDS, 0, MIH_SEED), read = 0;
    size_t offsets[4];
    pkern_hdc_search_options options = {0, 0, 0, &read};
    pkern_hdc_mih *mih;
    for (size_t i = 1; i < N; i++) memcpy(memory + i * WORDS, memory, WORDS * 8);
    cr_assert_eq(pkern_hdc_mih_build(0, memory, N, WORDS, 50, 32, &mih), PKERN_OK);
    mih_check(mih, 0, memory, 3, 50, 0);
    cr_assert_eq(pkern_hdc_mih_search(mih, 0, memory, 3, 50, &options, offsets, 0, 0), PKERN_OK);
    cr_assert_eq(offsets[3], (size_t)3 * N);
    cr_assert_leq(read, (uint64_t)3 * WORDS * (N + N / 4 + 64));
    pkern_hdc_mih_free(mih);
    hdc_free(memory);
}

Test(hdc_mih, bad_arguments_change_nothing) {
    hdc_allocator_state state = {0, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    pkern_pool *pool;
    uint64_t a[32], b[32], before[32];
    pkern_hdc_match *out = (pkern_hdc_match *)(void *)b;
    size_t offsets[3] = {7, 7, 7};
    pkern_hdc_mih *mih = 0;
    pkern_hdc_random(1, a, 32);
    pkern_hdc_random(2, b, 32);
    memcpy(before, b, sizeof b);
    cr_assert_eq(pkern_hdc_mih_build(0, a, 4, 8, 5, 8, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_mih_build(0, a, 4, 0, 5, 8, &mih), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_mih_build(0, 0, 4, 8, 5, 8, &mih), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_mih_build(0, a, 4, 8, 5, 12, &mih), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_mih_build(0, a, SIZE_MAX / 8, 8, 5, 8, &mih), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_mih_build(0, a, (size_t)UINT32_MAX, 1, 5, 8, &mih), PKERN_EOVERFLOW);
    state.left = 1000000;
    pool = hdc_pool_new(1, &allocator);
    state.left = 0;
    cr_assert_eq(pkern_hdc_mih_build(pool, a, 4, 8, 5, 8, &mih), PKERN_ENOMEM);
    cr_assert_null(mih);
    state.left = 1000000;
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    pkern_hdc_mih_free(0);
    cr_assert_eq(pkern_hdc_mih_build(0, a, 4, 8, 5, 8, &mih), PKERN_OK);
    cr_assert_eq(pkern_hdc_mih_search(0, 0, a, 2, 5, 0, offsets, out, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_mih_search(mih, 0, a, 2, 6, 0, offsets, out, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_mih_search(mih, 0, 0, 2, 5, 0, offsets, out, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_mih_search(mih, 0, a, 2, 5, 0, 0, out, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_mih_search(mih, 0, a, 2, 5, 0, offsets, 0, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_mih_search(mih, 0, b, 2, 5, 0, offsets, out, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_mih_search(mih, 0, a, 2, 5, 0, offsets, out, SIZE_MAX), PKERN_EOVERFLOW);
    cr_assert_arr_eq(b, before, sizeof b);
    cr_assert_eq(offsets[0], 7u);
    pkern_hdc_mih_free(mih);
}
