/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "searching_oracle.h"

enum { WHERE_SEED = 130 };

/* One call against rows by a full sort. */
static void where_check(pkern_pool *pool, const uint64_t *queries, size_t n_queries,
                        const uint64_t *memory, size_t n, size_t words, size_t k,
                        const pkern_hdc_search_options *options) {
    pkern_hdc_match *out = (pkern_hdc_match *)malloc((n_queries * k + 1) * sizeof *out);
    pkern_hdc_match *row = (pkern_hdc_match *)malloc((n + 1) * sizeof *row);
    uint64_t limit = options->flags & PKERN_HDC_WITHIN ? (uint64_t)options->radius + 1 : UINT64_MAX;
    out[n_queries * k].distance = 77;
    cr_assert_eq(pkern_hdc_top_k_where(pool, queries, n_queries, memory, n, words, k, options, out),
                 PKERN_OK);
    for (size_t q = 0; q < n_queries; q++) {
        size_t count =
            searching_row(queries + q * words, memory, n, words, options->mask, limit, 1, row);
        for (size_t i = 0; i < k; i++) {
            pkern_hdc_match none = {SIZE_MAX, UINT32_MAX, 0};
            const pkern_hdc_match *expected = i < count ? &row[i] : &none;
            const pkern_hdc_match *got = &out[q * k + i];
            cr_assert(
                searching_same(got, expected),
                "n %zu words %zu k %zu flags %u, query %zu, place %zu: {%zu, %u}, not {%zu, %u}", n,
                words, k, options->flags, q, i, got->index, got->distance, expected->index,
                expected->distance);
        }
    }
    cr_assert_eq(out[n_queries * k].distance, 77u);
    free(out);
    free(row);
}

Test(hdc_top_k_where, first_k_of_those_that_are_allowed) {
    static const size_t n_list[] = {0, 1, 2, 67, 307}, k_list[] = {1, 3, 17, 40},
                        words_list[] = {1, 3, 8, 32, 157};
    static const unsigned share_list[] = {0, 10, 128, 250, 256};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t c = 0; c < 5 * 5 * 5; c++) {
            size_t n = n_list[c % 5], words = words_list[c / 5 % 5], k = k_list[c % 4];
            unsigned share = share_list[c / 25];
            uint64_t *memory = searching_memory(n, words, WHERE_SEED);
            uint64_t *queries = searching_queries(memory, n, 6, words, WHERE_SEED + 1);
            uint64_t *mask = searching_mask(n, share, WHERE_SEED + c);
            for (unsigned flags = 0; flags < 4; flags++) {
                pkern_hdc_search_options options = {0, 0, 0, 0};
                options.flags = flags;
                options.radius = (uint32_t)(words * 64 / (c % 7 + 2) - 1);
                where_check(0, queries, 6, memory, n, words, k, &options);
                options.mask = mask;
                where_check(0, queries, 6, memory, n, words, k, &options);
            }
            hdc_free(memory);
            hdc_free(queries);
            hdc_free(mask);
        }
    }
}

Test(hdc_top_k_where, every_pool_finds_the_same) {
    static const size_t shapes[][3] = {{1, 5003, 1}, {2, 3001, 10}, {70, 1009, 3}, {5, 3001, 300}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        size_t n_queries = shapes[s][0], n = shapes[s][1], k = shapes[s][2], words = 32;
        uint64_t *memory = searching_memory(n, words, WHERE_SEED);
        uint64_t *queries = searching_queries(memory, n, n_queries, words, WHERE_SEED + 1);
        uint64_t *mask = searching_mask(n, 200, WHERE_SEED + 2);
        for (size_t p = 0; p < HDC_N_POOLS; p++) {
            pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
            for (unsigned flags = 0; flags < 4; flags++) {
                pkern_hdc_search_options options = {0, 400, 0, 0};
                options.flags = flags;
                options.mask = flags == 2 ? 0 : mask;
                where_check(pool, queries, n_queries, memory, n, words, k, &options);
            }
            cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
        }
        hdc_free(memory);
        hdc_free(queries);
        hdc_free(mask);
    }
}

Test(hdc_top_k_where, equal_vectors_and_radius_zero) {
    enum { N = 300, WORDS = 40 };
    uint64_t *memory = hdc_new(N * WORDS, 0, WHERE_SEED);
    for (size_t i = 1; i < N; i++) memcpy(memory + i * WORDS, memory, WORDS * 8);
    for (unsigned flags = 0; flags < 4; flags++) {
        static const size_t k_list[] = {1, 5, 20, N, N + 9};
        for (size_t k = 0; k < 5; k++) {
            pkern_hdc_search_options options = {0, 0, 0, 0};
            options.flags = flags;
            where_check(0, memory, 2, memory, N, WORDS, k_list[k], &options);
            options.radius = UINT32_MAX;
            where_check(0, memory, 2, memory, N, WORDS, k_list[k], &options);
        }
    }
    hdc_free(memory);
}

/* Planted near vectors: the words that are compared, of all words of all pairs. */
static double where_share_read(size_t words, unsigned noise, size_t k, unsigned flags,
                               uint32_t radius) {
    enum { N = 2000, QUERIES = 8 };
    uint64_t *memory = hdc_new(N * words, 0, WHERE_SEED);
    uint64_t *queries = hdc_new(QUERIES * words, 0, WHERE_SEED);
    uint64_t read = 0;
    pkern_hdc_search_options options = {0, 0, 0, 0};
    for (size_t q = 0; q < QUERIES; q++) {
        memcpy(queries + q * words, memory + (q * 131 + 900) * words, words * 8);
        searching_noise(queries + q * words, words, noise, q);
        for (size_t i = 1; i < k; i++) {
            uint64_t *copy = memory + (q * 20 + i) * words;
            memcpy(copy, queries + q * words, words * 8);
            searching_noise(copy, words, noise, q * 20 + i);
        }
    }
    options.flags = flags;
    options.radius = radius;
    options.words_read = &read;
    where_check(0, queries, QUERIES, memory, N, words, k, &options);
    hdc_free(memory);
    hdc_free(queries);
    return (double)read / ((double)N * QUERIES * (double)words);
}

Test(hdc_top_k_where, near_targets_save_most_of_the_words) {
    double clean_up = where_share_read(32, 25, 1, PKERN_HDC_WITHIN, 300);
    double found_first = where_share_read(32, 25, 1, PKERN_HDC_EXPECT_NEAR, 0);
    double long_vectors = where_share_read(160, 50, 5, PKERN_HDC_EXPECT_NEAR, 0);
    double unknown = where_share_read(32, 128, 1, 0, 0);
    printf("words compared: %.3f within a radius, %.3f and %.3f expecting near, %.3f without\n",
           clean_up, found_first, long_vectors, unknown);
    cr_assert_lt(clean_up, 0.55);
    cr_assert_lt(found_first, 0.70);
    cr_assert_lt(long_vectors, 0.60);
    cr_assert_leq(unknown, 1.0);
}

Test(hdc_top_k_where, without_memory_there_is_a_status_or_another_way) {
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    pkern_pool *pool = hdc_pool_new(2, &allocator);
    uint64_t *memory = searching_memory(1009, 32, WHERE_SEED);
    pkern_hdc_match *out = (pkern_hdc_match *)malloc(30 * 100 * sizeof *out);
    pkern_hdc_search_options options = {0, 0, PKERN_HDC_EXPECT_NEAR, 0};
    for (int left = 0;; left++) {
        pkern_status status;
        pkn_atomic_store_relaxed_u32(&state.used, 0);
        state.left = left;
        status = pkern_hdc_top_k_where(pool, memory, 30, memory, 1009, 32, 100, &options, out);
        cr_assert(status == PKERN_OK || status == PKERN_ENOMEM);
        if (status == PKERN_OK) break;
    }
    cr_assert(out[0].index == 0 && out[0].distance == 0);
    state.left = 1000000;
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    hdc_free(memory);
    free(out);
}

Test(hdc_top_k_where, bad_arguments_change_nothing) {
    uint64_t a[32], b[32], before[32];
    pkern_hdc_match *out = (pkern_hdc_match *)(void *)b;
    pkern_hdc_search_options options = {0, 0, 0, 0}, over_out = {0, 0, 0, 0};
    over_out.mask = b;
    pkern_hdc_random(1, a, 32);
    pkern_hdc_random(2, b, 32);
    memcpy(before, b, sizeof b);
    cr_assert_eq(pkern_hdc_top_k_where(0, a, 2, a, 4, 0, 2, &options, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_top_k_where(0, 0, 2, a, 4, 8, 2, &options, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_top_k_where(0, a, 2, 0, 4, 8, 2, &options, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_top_k_where(0, a, 2, a, 4, 8, 2, &options, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_top_k_where(0, b, 2, a, 4, 8, 2, &options, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_top_k_where(0, a, 2, b, 4, 8, 2, &options, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_top_k_where(0, a, 2, a, 4, 8, 2, &over_out, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_top_k_where(0, a, 2, a, 4, 8, SIZE_MAX / 4, &options, out),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_top_k_where(0, a, SIZE_MAX / 16, a, 4, 8, 0, &options, out),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_top_k_where(0, a, 2, a, 4, 8, 0, &options, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_top_k_where(0, a, 2, a, 4, 0, 2, 0, out), PKERN_EINVAL);
    cr_assert_arr_eq(b, before, sizeof b);
    /* no options at all */
    cr_assert_eq(pkern_hdc_top_k_where(0, a, 2, a, 4, 8, 1, 0, out), PKERN_OK);
    cr_assert_eq(out[1].index, 1u);
}

Test(hdc_top_k_where, radius_is_where_similarities_begin) {
    static const size_t words_list[] = {1, 3, 32, 157, 1000, (size_t)1 << 26};
    uint32_t radius = 5;
    for (size_t w = 0; w < 6; w++) {
        size_t words = words_list[w];
        double bits = (double)words * 64, scale = 1.0 / bits;
        for (uint64_t i = 0; i < 300; i++) {
            float similarity = i < 3 ? (float)i / 2 : (float)(pkn_random_at(9, i) >> 40) * 0x1p-24f;
            cr_assert_eq(pkern_hdc_radius(similarity, words, &radius), PKERN_OK);
            cr_assert((float)((bits - radius) * scale) >= similarity);
            cr_assert(radius >= bits || radius == UINT32_MAX ||
                      (float)((bits - radius - 1) * scale) < similarity);
        }
    }
    cr_assert_eq(pkern_hdc_radius(1e-20f, (size_t)1 << 26, &radius), PKERN_OK);
    cr_assert_eq(radius, UINT32_MAX);
    cr_assert_eq(pkern_hdc_radius(-1.0f, 2, &radius), PKERN_OK);
    cr_assert_eq(radius, 128u);
    cr_assert_eq(pkern_hdc_radius(1.0f, 2, &radius), PKERN_OK);
    cr_assert_eq(radius, 0u);
    cr_assert_eq(pkern_hdc_radius(1.0001f, 2, &radius), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_radius((float)NAN, 2, &radius), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_radius(0.5f, 0, &radius), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_radius(0.5f, 2, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_radius(0.5f, ((size_t)1 << 26) + 1, &radius), PKERN_EOVERFLOW);
    cr_assert_eq(radius, 0u);
}

Test(hdc_top_k_where, recall_is_the_share_that_was_found) {
    pkern_hdc_match none = {SIZE_MAX, UINT32_MAX, 0};
    pkern_hdc_match exact[6], found[6];
    for (size_t i = 0; i < 6; i++) exact[i] = searching_match(i, (uint32_t)(10 + i % 3), 1);
    memcpy(found, exact, sizeof exact);
    cr_assert_eq(pkern_hdc_recall(exact, found, 2, 3), 1.0);
    found[1] = searching_match(9, 40, 1);
    found[2] = none;
    cr_assert_eq(pkern_hdc_recall(exact, found, 2, 3), 4.0 / 6);
    /* as near as the last one, though another */
    found[1] = searching_match(9, 12, 1);
    cr_assert_eq(pkern_hdc_recall(exact, found, 2, 3), 5.0 / 6);
    exact[4] = exact[5] = none;
    found[3] = none;
    cr_assert_eq(pkern_hdc_recall(exact, found, 2, 3), 2.0 / 4);
    exact[0] = exact[3] = none;
    cr_assert_eq(pkern_hdc_recall(exact, found, 2, 3), 1.0);
    cr_assert_eq(pkern_hdc_recall(0, 0, 0, 3), 1.0);
    cr_assert_eq(pkern_hdc_recall(0, 0, 3, 0), 1.0);
}
