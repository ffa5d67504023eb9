/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { NEAREST_SEED = 110 };

static int nearest_compare(const void *a, const void *b) {
    const pkern_hdc_match *x = (const pkern_hdc_match *)a, *y = (const pkern_hdc_match *)b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Row of k matches by a full sort. */
static void nearest_oracle(const uint64_t *query, const uint64_t *memory, size_t n, size_t words,
                           size_t k, pkern_hdc_match *out) {
    pkern_hdc_match *all = (pkern_hdc_match *)malloc((n + 1) * sizeof *all);
    for (size_t i = 0; i < n; i++) {
        all[i].index = i;
        all[i].distance = hdc_oracle_distance(query, memory + i * words, words);
        all[i].similarity =
            (float)((double)(words * 64 - all[i].distance) * (1.0 / (double)(words * 64)));
    }
    qsort(all, n, sizeof *all, nearest_compare);
    for (size_t i = 0; i < k; i++) {
        memset(&out[i], 0, sizeof out[i]);
        out[i].index = i < n ? all[i].index : SIZE_MAX;
        out[i].distance = i < n ? all[i].distance : UINT32_MAX;
        out[i].similarity = i < n ? all[i].similarity : 0;
    }
    free(all);
}

static void nearest_same(const pkern_hdc_match *a, const pkern_hdc_match *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        cr_assert(a[i].index == b[i].index && a[i].distance == b[i].distance &&
                      memcmp(&a[i].similarity, &b[i].similarity, sizeof(float)) == 0,
                  "match %zu: {%zu, %u, %g}, not {%zu, %u, %g}", i, a[i].index, a[i].distance,
                  (double)a[i].similarity, b[i].index, b[i].distance, (double)b[i].similarity);
    }
}

/* Rows 3 apart are duplicates of each other in places, so that ties cross blocks and splits. */
static uint64_t *nearest_memory(size_t n, size_t words) {
    uint64_t *memory = hdc_new(n * words, 3, NEAREST_SEED);
    for (size_t i = 0; i + 3 < n; i += 2)
        memcpy(memory + (i + 3) * words, memory + i * words, words * 8);
    return memory;
}

static void nearest_check(pkern_pool *pool, size_t n_queries, size_t n_memory, size_t words,
                          size_t k) {
    uint64_t *queries = hdc_new(n_queries * words, 1, NEAREST_SEED + 1),
             *memory = nearest_memory(n_memory, words);
    pkern_hdc_match *out = (pkern_hdc_match *)malloc((n_queries * k + 1) * sizeof *out);
    pkern_hdc_match *expected = (pkern_hdc_match *)malloc((k + 1) * sizeof *out);
    if (n_queries > 1 && n_memory > 1)
        memcpy(queries + words, memory + (n_memory / 2) * words, words * 8);
    out[n_queries * k].distance = 77;
    cr_assert_eq(pkern_hdc_top_k(pool, queries, n_queries, memory, n_memory, words, k, out),
                 PKERN_OK);
    for (size_t q = 0; q < n_queries; q++) {
        nearest_oracle(queries + q * words, memory, n_memory, words, k, expected);
        nearest_same(out + q * k, expected, k);
    }
    cr_assert_eq(out[n_queries * k].distance, 77u);
    if (k == 1) {
        memset(out, 0xee, n_queries * sizeof *out);
        cr_assert_eq(pkern_hdc_nearest(pool, queries, n_queries, memory, n_memory, words, out),
                     PKERN_OK);
        for (size_t q = 0; q < n_queries; q++) {
            nearest_oracle(queries + q * words, memory, n_memory, words, 1, expected);
            nearest_same(out + q, expected, 1);
        }
    }
    hdc_free(queries);
    hdc_free(memory);
    free(out);
    free(expected);
}

Test(hdc_nearest, first_k_of_a_stable_sort_for_any_shape) {
    static const size_t n_list[] = {0, 1, 2, 63, 131, 500},
                        k_list[] = {0, 1, 2, 10, 16, 17, 100, 600};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < HDC_N_WORDS - 1; w++) {
            for (size_t n = 0; n < sizeof n_list / sizeof n_list[0]; n++) {
                for (size_t k = 0; k < sizeof k_list / sizeof k_list[0]; k++) {
                    if ((w + n + k) % 2 == 0 || w == 5)
                        nearest_check(0, w % 6 + 1, n_list[n], hdc_words[w], k_list[k]);
                }
            }
        }
        nearest_check(0, 70, 300, 2, 3);
        nearest_check(0, 5, 40, 1017, 3);
        /* distances too far apart to be counted */
        nearest_check(0, 2, 700, 1017, 100);
    }
    nearest_check(0, 0, 5, 3, 4);
}

Test(hdc_nearest, every_pool_and_set_finds_the_same) {
    /* few and many queries, small and large k: without and with splits, lists on the stack and on
       the heap */
    static const size_t shapes[][3] = {{1, 20011, 1}, {1, 5003, 10},  {3, 4001, 100},
                                       {10, 2003, 1}, {101, 1009, 5}, {7, 3001, 1000}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        size_t n_queries = shapes[s][0], n_memory = shapes[s][1], k = shapes[s][2], words = 32;
        uint64_t *queries = hdc_new(n_queries * words, 1, NEAREST_SEED + 1),
                 *memory = nearest_memory(n_memory, words);
        pkern_hdc_match *out = (pkern_hdc_match *)malloc(n_queries * k * sizeof *out);
        pkern_hdc_match *expected = (pkern_hdc_match *)malloc(n_queries * k * sizeof *out);
        for (size_t q = 0; q < n_queries; q++) {
            nearest_oracle(queries + q * words, memory, n_memory, words, k, expected + q * k);
        }
        for (size_t p = 0; p < HDC_N_POOLS; p++) {
            pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
            for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
                memset(out, 0xee, n_queries * k * sizeof *out);
                cr_assert_eq(
                    pkern_hdc_top_k(pool, queries, n_queries, memory, n_memory, words, k, out),
                    PKERN_OK);
                nearest_same(out, expected, n_queries * k);
            }
            cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
        }
        hdc_free(queries);
        hdc_free(memory);
        free(out);
        free(expected);
    }
}

/* Near targets last and wide rows: the buffer fills with far ones, then is counted, then
   compared. */
Test(hdc_nearest, large_k_with_distances_that_span_much) {
    enum { N = 3000, WORDS = 40 };
    static const size_t k_list[] = {20, 200, 1500};
    uint64_t *query = hdc_new(WORDS, 0, 0), *memory = hdc_new(N * WORDS, 0, 0);
    for (int order = 0; order < 2; order++) {
        memset(query, 0, WORDS * 8);
        memset(memory, 0, N * WORDS * 8);
        for (size_t i = 0; i < N; i++) {
            size_t ones = order == 0 ? (i < N / 2 ? 1900 + i % 50 : i * 7919 % 2500)
                                     : i * 7919 % 2500 / (1 + i / 500);
            for (size_t bit = 0; bit < ones; bit++)
                memory[i * WORDS + bit / 64] |= (uint64_t)1 << (bit % 64);
        }
        for (size_t k = 0; k < 3; k++) {
            static pkern_hdc_match out[N], expected[N];
            cr_assert_eq(pkern_hdc_top_k(0, query, 1, memory, N, WORDS, k_list[k], out), PKERN_OK);
            nearest_oracle(query, memory, N, WORDS, k_list[k], expected);
            nearest_same(out, expected, k_list[k]);
        }
    }
    hdc_free(query);
    hdc_free(memory);
}

Test(hdc_nearest, distances_that_only_fall_or_are_all_equal) {
    enum { N = 2000, WORDS = 32 };
    uint64_t *query = hdc_new(WORDS, 0, 0), *memory = hdc_new(N * WORDS, 0, 0);
    for (int equal = 0; equal < 2; equal++) {
        static const size_t k_list[] = {1, 10, 40, N};
        memset(query, 0, WORDS * 8);
        memset(memory, 0, N * WORDS * 8);
        for (size_t i = 0; i < N; i++) {
            for (size_t bit = 0; bit < (equal ? 9 : N - i); bit++)
                memory[i * WORDS + bit / 64] |= (uint64_t)1 << (bit % 64);
        }
        for (size_t k = 0; k < 4; k++) {
            static pkern_hdc_match out[N], expected[N];
            cr_assert_eq(pkern_hdc_top_k(0, query, 1, memory, N, WORDS, k_list[k], out), PKERN_OK);
            nearest_oracle(query, memory, N, WORDS, k_list[k], expected);
            nearest_same(out, expected, k_list[k]);
        }
    }
    hdc_free(query);
    hdc_free(memory);
}

typedef struct nearest_task {
    const uint64_t *queries, *memory;
    pkern_hdc_match *out;
} nearest_task;

static int nearest_nested(size_t begin, size_t end, void *ctx) {
    const nearest_task *task = (const nearest_task *)ctx;
    for (size_t i = begin; i < end; i++) {
        int status =
            pkern_hdc_top_k(0, task->queries, 10, task->memory, 1009, 32, 20, task->out + i * 200);
        if (status != 0) return status;
    }
    return 0;
}

Test(hdc_nearest, inside_of_a_loop) {
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool_config config;
        pkern_pool *pool = 0;
        nearest_task task;
        uint64_t *queries = hdc_new(320, 0, NEAREST_SEED), *memory = nearest_memory(1009, 32);
        pkern_hdc_match *out = (pkern_hdc_match *)malloc(20 * 200 * sizeof *out);
        memset(&config, 0, sizeof config);
        config.num_threads = hdc_threads[p];
        config.stack_size = 65536;
        cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_OK);
        task.queries = queries;
        task.memory = memory;
        task.out = out;
        cr_assert_eq(pkern_par_for(pool, 0, 20, 0, nearest_nested, &task), PKERN_OK);
        for (size_t i = 1; i < 20; i++) nearest_same(out + i * 200, out, 200);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
        hdc_free(queries);
        hdc_free(memory);
        free(out);
    }
}

Test(hdc_nearest, without_memory_there_is_a_status_or_another_way) {
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    pkern_pool *pool = hdc_pool_new(2, &allocator);
    uint64_t *queries = hdc_new(50 * 32, 0, NEAREST_SEED), *memory = nearest_memory(3001, 32);
    pkern_hdc_match *out = (pkern_hdc_match *)malloc(50 * 500 * sizeof *out);
    pkern_hdc_match *expected = (pkern_hdc_match *)malloc(50 * 500 * sizeof *out);
    cr_assert_eq(pkern_hdc_top_k(pool, queries, 50, memory, 3001, 32, 500, expected), PKERN_OK);
    /* k = 500 needs scratch memory wherever it is refused */
    for (int left = 0;; left++) {
        pkern_status status;
        pkn_atomic_store_relaxed_u32(&state.used, 0);
        state.left = left;
        status = pkern_hdc_top_k(pool, queries, 50, memory, 3001, 32, 500, out);
        cr_assert(status == PKERN_OK || status == PKERN_ENOMEM);
        if (status == PKERN_OK) {
            nearest_same(out, expected, 50 * 500);
            break;
        }
    }
    /* k = 10 does without: lists on the stack, and no splits */
    state.left = 1000000;
    cr_assert_eq(pkern_hdc_top_k(pool, queries, 50, memory, 3001, 32, 10, expected), PKERN_OK);
    state.left = 0;
    cr_assert_eq(pkern_hdc_top_k(pool, queries, 50, memory, 3001, 32, 10, out), PKERN_OK);
    state.left = 1000000;
    nearest_same(out, expected, 50 * 10);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    hdc_free(queries);
    hdc_free(memory);
    free(out);
    free(expected);
}

Test(hdc_nearest, empty_memory_gives_rows_of_none) {
    uint64_t query[2] = {0, 0};
    pkern_hdc_match out[3];
    cr_assert_eq(pkern_hdc_nearest(0, query, 1, 0, 0, 2, out), PKERN_OK);
    cr_assert(out[0].index == SIZE_MAX && out[0].distance == UINT32_MAX &&
              out[0].similarity == 0.0f);
    cr_assert_eq(pkern_hdc_top_k(0, query, 1, query, 0, 2, 3, out), PKERN_OK);
    cr_assert(out[2].index == SIZE_MAX && out[2].distance == UINT32_MAX &&
              out[2].similarity == 0.0f);
}

Test(hdc_nearest, bad_arguments_change_nothing) {
    uint64_t a[32], b[32], before[32];
    pkern_hdc_match *out = (pkern_hdc_match *)(void *)b;
    pkern_hdc_random(1, a, 32);
    pkern_hdc_random(2, b, 32);
    memcpy(before, b, sizeof b);
    cr_assert_eq(pkern_hdc_top_k(0, a, 2, a, 4, 0, 2, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_top_k(0, 0, 2, a, 4, 8, 2, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_top_k(0, a, 2, 0, 4, 8, 2, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_top_k(0, a, 2, a, 4, 8, 2, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_top_k(0, b, 2, a, 4, 8, 2, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_top_k(0, a, 2, b, 4, 8, 2, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_top_k(0, a, 2, a, 4, ((size_t)1 << 26) + 1, 2, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_top_k(0, a, SIZE_MAX / 8, a, 4, 8, 2, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_top_k(0, a, 2, a, SIZE_MAX / 8, 8, 2, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_top_k(0, a, 2, a, 4, 8, SIZE_MAX / 4, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_top_k(0, a, 2, a, 4, 8, 0, out), PKERN_OK);
    cr_assert_eq(pkern_hdc_top_k(0, a, 2, a, 4, 8, 0, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_top_k(0, 0, 0, a, 4, 8, 2, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_nearest(0, a, 2, a, 4, 0, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_nearest(0, 0, 2, a, 4, 8, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_nearest(0, a, 2, 0, 4, 8, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_nearest(0, a, 2, a, 4, 8, 0), PKERN_EINVAL);
    cr_assert_arr_eq(b, before, sizeof b);
}
