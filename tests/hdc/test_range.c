/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "searching_oracle.h"

enum { RANGE_SEED = 140 };

/* All capacities of interest against rows by comparing all. */
static void range_check(pkern_pool *pool, const uint64_t *queries, size_t n_queries,
                        const uint64_t *memory, size_t n, size_t words, uint32_t radius,
                        const pkern_hdc_search_options *options) {
    size_t *offsets = (size_t *)malloc((n_queries + 1) * sizeof *offsets);
    size_t *expected_offsets = (size_t *)malloc((n_queries + 1) * sizeof *offsets);
    pkern_hdc_match *expected = (pkern_hdc_match *)malloc((n_queries * n + 1) * sizeof *expected);
    pkern_hdc_match *out = (pkern_hdc_match *)malloc((n_queries * n + 2) * sizeof *out);
    int by_distance = options && (options->flags & PKERN_HDC_BY_DISTANCE);
    size_t total = 0;
    expected_offsets[0] = 0;
    for (size_t q = 0; q < n_queries; q++) {
        total += searching_row(queries + q * words, memory, n, words, options ? options->mask : 0,
                               (uint64_t)radius + 1, by_distance, expected + total);
        expected_offsets[q + 1] = total;
    }
    for (int c = 0; c < 4; c++) {
        size_t capacity = c == 0 ? 0 : c == 1 ? total / 2 : c == 2 ? total : total + 1;
        memset(out, 0xee, (n_queries * n + 2) * sizeof *out);
        memset(offsets, 0xee, (n_queries + 1) * sizeof *offsets);
        cr_assert_eq(pkern_hdc_range_search(pool, queries, n_queries, memory, n, words, radius,
                                            options, offsets, c == 0 ? 0 : out, capacity),
                     PKERN_OK);
        cr_assert_arr_eq(offsets, expected_offsets, (n_queries + 1) * sizeof *offsets);
        for (size_t i = 0; i < total && i < capacity; i++) {
            cr_assert(searching_same(&out[i], &expected[i]),
                      "n %zu words %zu radius %u: place %zu of %zu: {%zu, %u}, not {%zu, %u}", n,
                      words, radius, i, capacity, out[i].index, out[i].distance, expected[i].index,
                      expected[i].distance);
        }
        cr_assert_eq(out[capacity < total ? capacity : total].distance, 0xeeeeeeeeu);
    }
    free(offsets);
    free(expected_offsets);
    free(expected);
    free(out);
}

Test(hdc_range, all_within_a_radius_for_any_shape) {
    static const size_t n_list[] = {0, 1, 2, 131, 1033}, words_list[] = {1, 3, 32, 157};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t c = 0; c < 5 * 4; c++) {
            size_t n = n_list[c % 5], words = words_list[c / 5], n_queries = c * 3 % 7 + (c != 9);
            uint64_t *memory = searching_memory(n, words, RANGE_SEED);
            uint64_t *queries = searching_queries(memory, n, n_queries, words, RANGE_SEED + 1);
            uint64_t *mask = searching_mask(n, c % 2 ? 200 : 20, RANGE_SEED + c);
            uint32_t bits = (uint32_t)words * 64,
                     radii[] = {0, bits / 10, bits / 4, bits / 2, UINT32_MAX};
            for (size_t r = 0; r < 5; r++) {
                pkern_hdc_search_options options = {0, 0, PKERN_HDC_BY_DISTANCE, 0};
                range_check(0, queries, n_queries, memory, n, words, radii[r], 0);
                range_check(0, queries, n_queries, memory, n, words, radii[r], &options);
                options.mask = mask;
                range_check(0, queries, n_queries, memory, n, words, radii[r], &options);
                options.flags = 0;
                range_check(0, queries, n_queries, memory, n, words, radii[r], &options);
            }
            hdc_free(memory);
            hdc_free(queries);
            hdc_free(mask);
        }
    }
}

/* Several splits, and more queries than counts fit on the stack. */
Test(hdc_range, every_pool_finds_the_same) {
    enum { WORDS = 8, N = 2503, QUERIES = 203 };
    uint64_t *memory = searching_memory(N, WORDS, RANGE_SEED);
    uint64_t *queries = searching_queries(memory, N, QUERIES, WORDS, RANGE_SEED + 1);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_hdc_search_options options = {0, 0, PKERN_HDC_BY_DISTANCE, 0};
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        range_check(pool, queries, QUERIES, memory, N, WORDS, 100, 0);
        range_check(pool, queries, QUERIES, memory, N, WORDS, 230, &options);
        range_check(pool, queries, 1, memory, N, WORDS, 256, &options);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    hdc_free(memory);
    hdc_free(queries);
}

static void range_check_join(pkern_pool *pool, const uint64_t *a, size_t n_a, const uint64_t *b,
                             size_t n_b, size_t words, uint32_t radius) {
    int self = a == b;
    size_t total = 0, count = 99;
    pkern_hdc_pair *expected = (pkern_hdc_pair *)malloc((n_a * n_b + 1) * sizeof *expected);
    pkern_hdc_pair *out = (pkern_hdc_pair *)malloc((n_a * n_b + 2) * sizeof *out);
    for (size_t i = 0; i < n_a; i++) {
        for (size_t j = self ? i + 1 : 0; j < n_b; j++) {
            pkern_hdc_match match =
                searching_match(j, hdc_oracle_distance(a + i * words, b + j * words, words), words);
            if (match.distance > radius) continue;
            expected[total].i = i;
            expected[total].j = j;
            expected[total].distance = match.distance;
            expected[total++].similarity = match.similarity;
        }
    }
    for (int c = 0; c < 4; c++) {
        size_t capacity = c == 0 ? 0 : c == 1 ? total / 3 : c == 2 ? total : total + 1;
        memset(out, 0xee, (n_a * n_b + 2) * sizeof *out);
        cr_assert_eq(
            self ? pkern_hdc_self_join(pool, a, n_a, words, radius, out, capacity, &count)
                 : pkern_hdc_join(pool, a, n_a, b, n_b, words, radius, out, capacity, &count),
            PKERN_OK);
        cr_assert_eq(count, total);
        for (size_t i = 0; i < total && i < capacity; i++) {
            cr_assert(out[i].i == expected[i].i && out[i].j == expected[i].j &&
                          out[i].distance == expected[i].distance &&
                          memcmp(&out[i].similarity, &expected[i].similarity, sizeof(float)) == 0,
                      "pair %zu of %zu: {%zu, %zu, %u}, not {%zu, %zu, %u}", i, total, out[i].i,
                      out[i].j, out[i].distance, expected[i].i, expected[i].j,
                      expected[i].distance);
        }
        cr_assert_eq(out[capacity < total ? capacity : total].distance, 0xeeeeeeeeu);
    }
    free(expected);
    free(out);
}

Test(hdc_range, joins_of_one_set_and_of_two) {
    static const size_t n_list[] = {0, 1, 2, 5, 67, 149}, words_list[] = {1, 3, 32, 157};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t c = 0; c < 6 * 4; c++) {
            size_t n = n_list[c % 6], words = words_list[c / 6];
            uint64_t *memory = searching_memory(n, words, RANGE_SEED);
            uint64_t *queries = searching_queries(memory, n, 13, words, RANGE_SEED + 1);
            for (uint32_t share = 1; share < 12; share += 5) {
                uint32_t radius = (uint32_t)words * 64 / share;
                range_check_join(0, memory, n, memory, n, words, radius);
                range_check_join(0, queries, 13, memory, n, words, radius);
            }
            hdc_free(memory);
            hdc_free(queries);
        }
    }
}

Test(hdc_range, every_pool_joins_the_same) {
    enum { WORDS = 8, N = 1511 };
    uint64_t *memory = searching_memory(N, WORDS, RANGE_SEED);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        range_check_join(pool, memory, N, memory, N, WORDS, 120);
        range_check_join(pool, memory, 37, memory + WORDS, N - 1, WORDS, 200);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    hdc_free(memory);
}

Test(hdc_range, equal_vectors_are_all_pairs) {
    enum { N = 200, WORDS = 32 };
    uint64_t *memory = hdc_new(N * WORDS, 0, RANGE_SEED);
    for (size_t i = 1; i < N; i++) memcpy(memory + i * WORDS, memory, WORDS * 8);
    range_check_join(0, memory, N, memory, N, WORDS, 0);
    range_check(0, memory, 3, memory, N, WORDS, 0, 0);
    hdc_free(memory);
}

Test(hdc_range, near_copies_save_most_of_the_words) {
    enum { N = 2000, WORDS = 32, QUERIES = 50 };
    uint64_t *memory = searching_memory(N, WORDS, RANGE_SEED), read = 0;
    pkern_hdc_search_options options = {0, 0, 0, 0};
    size_t offsets[QUERIES + 1];
    static pkern_hdc_match out[1000];
    double share;
    options.words_read = &read;
    cr_assert_eq(pkern_hdc_range_search(0, memory, QUERIES, memory, N, WORDS, 140, &options,
                                        offsets, out, 1000),
                 PKERN_OK);
    share = (double)read / ((double)QUERIES * N * WORDS);
    printf("words compared: %.3f\n", share);
    cr_assert_lt(share, 0.75);
    hdc_free(memory);
}

Test(hdc_range, without_memory_stripes_are_shorter) {
    enum { WORDS = 4, N = 2100, QUERIES = 400 };
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    pkern_pool *pool = hdc_pool_new(2, &allocator);
    uint64_t *memory = searching_memory(N, WORDS, RANGE_SEED);
    pkn_atomic_store_relaxed_u32(&state.used, 0);
    state.left = 0;
    range_check(pool, memory, QUERIES, memory, N, WORDS, 60, 0);
    state.left = 1000000;
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    hdc_free(memory);
}

Test(hdc_range, bad_arguments_change_nothing) {
    uint64_t a[32], b[32], before[32];
    pkern_hdc_match *out = (pkern_hdc_match *)(void *)b;
    pkern_hdc_pair *pairs = (pkern_hdc_pair *)(void *)b;
    size_t offsets[3] = {7, 7, 7}, count = 7;
    pkern_hdc_search_options options = {0, 0, 0, 0};
    pkern_hdc_random(1, a, 32);
    pkern_hdc_random(2, b, 32);
    memcpy(before, b, sizeof b);
    cr_assert_eq(pkern_hdc_range_search(0, a, 2, a, 2, 0, 9, 0, offsets, out, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_range_search(0, 0, 2, a, 2, 8, 9, 0, offsets, out, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_range_search(0, a, 2, 0, 2, 8, 9, 0, offsets, out, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_range_search(0, a, 2, a, 2, 8, 9, 0, 0, out, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_range_search(0, a, 2, a, 2, 8, 9, 0, offsets, 0, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_range_search(0, b, 2, a, 2, 8, 9, 0, offsets, out, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_range_search(0, a, 2, b, 2, 8, 9, 0, offsets, out, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_range_search(0, a, 2, a, 2, 8, 9, 0, (size_t *)(void *)b, out, 2),
                 PKERN_EINVAL);
    options.mask = b;
    cr_assert_eq(pkern_hdc_range_search(0, a, 2, a, 2, 8, 9, &options, offsets, out, 2),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_range_search(0, a, 2, a, 2, 8, 9, 0, offsets, out, SIZE_MAX),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_range_search(0, a, SIZE_MAX, a, 2, 8, 9, 0, offsets, out, 2),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_join(0, a, 2, a, 2, 0, 9, pairs, 2, &count), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_join(0, a, 2, a, 2, 8, 9, pairs, 2, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_join(0, a, 2, a, 2, 8, 9, 0, 2, &count), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_join(0, a, 2, b, 2, 8, 9, pairs, 2, &count), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_join(0, a, 2, a, 2, 8, 9, pairs, SIZE_MAX, &count), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_self_join(0, b, 2, 8, 9, pairs, 2, &count), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_self_join(0, a, SIZE_MAX / 8, 8, 9, pairs, 2, &count), PKERN_EOVERFLOW);
    cr_assert_eq(offsets[0], 7u);
    cr_assert_eq(count, 7u);
    cr_assert_arr_eq(b, before, sizeof b);
    cr_assert_eq(pkern_hdc_self_join(0, a, 0, 8, 9, pairs, 2, &count), PKERN_OK);
    cr_assert_eq(count, 0u);
}
