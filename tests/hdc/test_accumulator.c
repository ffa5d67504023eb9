/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { ACCUMULATOR_SEED = 91 };

static const size_t accumulator_words[] = {1, 3, 32, 157};

static int32_t *accumulator_counts(size_t words) {
    int32_t *counts = (int32_t *)malloc(words * 64 * sizeof *counts + 4);
    cr_assert_not_null(counts);
    memset(counts, 0x55, words * 64 * sizeof *counts + 4);
    return counts;
}

static void accumulator_oracle(const uint64_t *rows, size_t n, const int32_t *weights, size_t words,
                               int32_t *counts) {
    for (size_t bit = 0; bit < words * 64; bit++) {
        int64_t sum = counts[bit];
        for (size_t row = 0; row < n; row++) {
            int64_t weight = weights ? weights[row] : 1;
            sum += rows[row * words + bit / 64] >> (bit % 64) & 1 ? weight : -weight;
        }
        counts[bit] = sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : (int32_t)sum;
    }
}

/* mode 0: no weights; 1: all -3; 2: all kinds */
static const int32_t *accumulator_weights(int32_t *weights, size_t n, int mode) {
    for (size_t i = 0; i < n; i++)
        weights[i] = mode == 1 ? -3 : (int32_t)(pkn_random_at(3, i) % 2001) - 1000;
    return mode == 0 ? 0 : weights;
}

Test(hdc_accumulator, counts_are_those_of_each_bit) {
    static const size_t n_list[] = {0, 1, 2, 17, 64, 65, 211};
    int32_t buffer[211];
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < 4; w++) {
            size_t words = accumulator_words[w];
            uint64_t *rows = hdc_new(211 * words, w, ACCUMULATOR_SEED);
            int32_t *counts = accumulator_counts(words), *expected = accumulator_counts(words);
            pkern_hdc_accumulator a;
            cr_assert_eq(pkern_hdc_accumulator_init(&a, counts, words), PKERN_OK);
            memset(expected, 0, words * 256);
            int64_t sum = 0;
            for (size_t i = 0; i < 7; i++) {
                for (int mode = 0; mode < 3; mode++) {
                    const int32_t *weights = accumulator_weights(buffer, n_list[i], mode);
                    for (size_t r = 0; r < n_list[i]; r++) sum += weights ? weights[r] : 1;
                    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, n_list[i], weights),
                                 PKERN_OK);
                    accumulator_oracle(rows, n_list[i], weights, words, expected);
                    cr_assert_arr_eq(counts, expected, words * 256);
                    cr_assert_eq(a.weight, sum);
                }
            }
            cr_assert_eq(((unsigned char *)counts)[words * 256], 0x55);
            hdc_free(rows);
            free(counts);
            free(expected);
        }
    }
}

Test(hdc_accumulator, every_pool_gives_the_same_counters_however_rows_are_cut) {
    static const size_t cases[][2] = {{9001, 3}, {5000, 33}, {4096, 32}, {60, 1000}};
    int32_t *buffer = (int32_t *)malloc(9001 * sizeof *buffer);
    for (size_t c = 0; c < 4; c++) {
        size_t n = cases[c][0], words = cases[c][1];
        uint64_t *rows = hdc_new(n * words, 0, ACCUMULATOR_SEED);
        int32_t *counts = accumulator_counts(words), *expected = accumulator_counts(words);
        for (int mode = 0; mode < 3; mode++) {
            const int32_t *weights = accumulator_weights(buffer, n, mode);
            for (size_t p = 0; p < HDC_N_POOLS; p++) {
                pkern_hdc_accumulator a;
                pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
                cr_assert_eq(pkern_hdc_accumulator_init(&a, counts, words), PKERN_OK);
                cr_assert_eq(pkern_hdc_accumulator_add(pool, &a, rows, n, weights), PKERN_OK);
                if (p == 0) {
                    memset(expected, 0, words * 256);
                    accumulator_oracle(rows, n, weights, words, expected);
                }
                cr_assert_arr_eq(counts, expected, words * 256);
                cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
            }
        }
        hdc_free(rows);
        free(counts);
        free(expected);
    }
    free(buffer);
}

Test(hdc_accumulator, taking_rows_out_leaves_the_others) {
    enum { N = 37, WORDS = 5 };
    uint64_t *rows = hdc_new(N * WORDS, 0, ACCUMULATOR_SEED);
    int32_t counts[WORDS * 64], others[WORDS * 64], minus[N];
    pkern_hdc_accumulator a, b;
    for (size_t i = 0; i < N; i++) minus[i] = -1;
    cr_assert_eq(pkern_hdc_accumulator_init(&a, counts, WORDS), PKERN_OK);
    cr_assert_eq(pkern_hdc_accumulator_init(&b, others, WORDS), PKERN_OK);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, N, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, 11, minus), PKERN_OK);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &b, rows + 11 * WORDS, N - 11, 0), PKERN_OK);
    cr_assert_arr_eq(counts, others, sizeof counts);
    cr_assert(a.weight == N - 11 && b.weight == N - 11);
    /* parts that are merged are the whole */
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, 11, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_accumulator_init(&a, counts, WORDS), PKERN_OK);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, 11, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_accumulator_merge(&b, &a), PKERN_OK);
    cr_assert_eq(pkern_hdc_accumulator_init(&a, counts, WORDS), PKERN_OK);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, N, 0), PKERN_OK);
    cr_assert_arr_eq(counts, others, sizeof counts);
    cr_assert_eq(b.weight, (int64_t)N);
    cr_assert_eq(pkern_hdc_accumulator_merge(&a, &a), PKERN_OK);
    for (size_t i = 0; i < WORDS * 64; i++) cr_assert_eq(counts[i], 2 * others[i]);
    hdc_free(rows);
}

Test(hdc_accumulator, counters_stay_at_their_limits) {
    uint64_t row = UINT64_C(0xffffffff00000000);
    int32_t counts[64], big = INT32_MAX, minus = -INT32_MAX;
    pkern_hdc_accumulator a;
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        cr_assert_eq(pkern_hdc_accumulator_init(&a, counts, 1), PKERN_OK);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(pkern_hdc_accumulator_add(0, &a, &row, 1, &big), PKERN_OK);
        cr_assert(counts[0] == INT32_MIN && counts[63] == INT32_MAX);
        cr_assert_eq(a.weight, 3 * (int64_t)INT32_MAX);
        cr_assert_eq(pkern_hdc_accumulator_merge(&a, &a), PKERN_OK);
        cr_assert(counts[0] == INT32_MIN && counts[63] == INT32_MAX);
        cr_assert_eq(pkern_hdc_accumulator_add(0, &a, &row, 1, &minus), PKERN_OK);
        cr_assert(counts[0] == -1 && counts[63] == 0);
    }
    a.weight = INT64_MAX - 1;
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, &row, 1, &big), PKERN_OK);
    cr_assert_eq(a.weight, INT64_MAX);
    a.weight = INT64_MIN + 1;
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, &row, 1, &minus), PKERN_OK);
    cr_assert_eq(a.weight, INT64_MIN);
}

Test(hdc_accumulator, threshold_equals_bundle_and_breaks_ties_as_told) {
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < 4; w++) {
            size_t words = accumulator_words[w], offsets[2] = {0, 0};
            uint64_t *rows = hdc_new(8 * words, 0, ACCUMULATOR_SEED), *tie = hdc_new(words, 0, 5);
            uint64_t *out = hdc_new(words, 0, 0), *expected = hdc_new(words, 0, 0);
            int32_t *counts = accumulator_counts(words);
            pkern_hdc_accumulator a;
            for (size_t n = 0; n <= 8; n++) {
                offsets[1] = n;
                cr_assert_eq(pkern_hdc_accumulator_init(&a, counts, words), PKERN_OK);
                cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, n, 0), PKERN_OK);
                cr_assert_eq(pkern_hdc_bundle(0, rows, offsets, 1, words, expected), PKERN_OK);
                cr_assert_eq(pkern_hdc_accumulator_threshold(&a, PKERN_HDC_TIE_ZERO, 0, out),
                             PKERN_OK);
                cr_assert_arr_eq(out, expected, words * 8);
                for (int mode = PKERN_HDC_TIE_FIRST; mode <= PKERN_HDC_TIE_SEEDED; mode++) {
                    a.seed = 12;
                    if (mode == PKERN_HDC_TIE_SEEDED) pkern_hdc_random(12, tie, words);
                    cr_assert_eq(pkern_hdc_accumulator_threshold(&a, mode, tie, out), PKERN_OK);
                    for (size_t bit = 0; bit < words * 64; bit++) {
                        uint64_t from = counts[bit] == 0 ? tie[bit / 64] : expected[bit / 64];
                        cr_assert_eq((out[bit / 64] ^ from) >> (bit % 64) & 1, 0u);
                    }
                }
                memcpy(out, tie, words * 8);
                cr_assert_eq(pkern_hdc_accumulator_threshold(&a, PKERN_HDC_TIE_VECTOR, out, out),
                             PKERN_OK);
                cr_assert_eq(
                    pkern_hdc_accumulator_threshold(&a, PKERN_HDC_TIE_VECTOR, tie, expected),
                    PKERN_OK);
                cr_assert_arr_eq(out, expected, words * 8);
            }
            hdc_free(rows);
            hdc_free(tie);
            hdc_free(out);
            hdc_free(expected);
            free(counts);
        }
    }
}

Test(hdc_accumulator, without_memory_for_parts_one_thread_adds_all) {
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    uint64_t *rows = hdc_new(9001 * 3, 0, ACCUMULATOR_SEED);
    int32_t counts[192], expected[192];
    pkern_hdc_accumulator a;
    pkern_pool *pool = hdc_pool_new(3, &allocator);
    memset(expected, 0, sizeof expected);
    accumulator_oracle(rows, 9001, 0, 3, expected);
    for (int left = 0; left <= 1000000; left += 1000000) {
        state.left = left;
        cr_assert_eq(pkern_hdc_accumulator_init(&a, counts, 3), PKERN_OK);
        cr_assert_eq(pkern_hdc_accumulator_add(pool, &a, rows, 9001, 0), PKERN_OK);
        cr_assert_arr_eq(counts, expected, sizeof counts);
    }
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    hdc_free(rows);
}

Test(hdc_accumulator, bad_arguments_change_nothing) {
    uint64_t rows[64], before[64];
    int32_t counts[128], same[128], zeros[128], weights[3] = {INT32_MAX, 1, 0};
    int32_t lowest = INT32_MIN, one = 1;
    pkern_hdc_accumulator a, b;
    pkern_hdc_random(1, rows, 64);
    memcpy(before, rows, sizeof rows);
    cr_assert_eq(pkern_hdc_accumulator_init(0, counts, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_init(&a, 0, 2), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_init(&a, counts, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_init(&a, counts, ((size_t)1 << 26) + 1), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_accumulator_init(&a, counts, 2), PKERN_OK);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, 2, 0), PKERN_OK);
    memcpy(same, counts, sizeof counts);
    cr_assert_eq(pkern_hdc_accumulator_add(0, 0, rows, 2, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, 0, 2, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, 0, 0, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, SIZE_MAX / 8, 0), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, (size_t)1 << 31, 0), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, 2, weights), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, 1, &lowest), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, 1, counts + 3), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, (uint64_t *)(void *)counts, 1, 0), PKERN_EINVAL);
    b = a;
    b.words = 1;
    cr_assert_eq(pkern_hdc_accumulator_merge(&a, &b), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_merge(&a, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_merge(0, &a), PKERN_EINVAL);
    a.words = 1;
    b.counts = counts + 1;
    cr_assert_eq(pkern_hdc_accumulator_merge(&a, &b), PKERN_EINVAL);
    a.words = 2;
    cr_assert_eq(pkern_hdc_accumulator_threshold(0, 0, 0, rows), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_threshold(&a, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_threshold(&a, -1, rows, rows), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_threshold(&a, 4, rows, rows), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_threshold(&a, PKERN_HDC_TIE_FIRST, 0, rows), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_threshold(&a, PKERN_HDC_TIE_VECTOR, rows + 1, rows),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_accumulator_threshold(&a, 0, 0, (uint64_t *)(void *)(counts + 2)),
                 PKERN_EINVAL);
    a.words = 0;
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, 1, &one), PKERN_EINVAL);
    a.words = 2;
    a.counts = 0;
    cr_assert_eq(pkern_hdc_accumulator_add(0, &a, rows, 1, &one), PKERN_EINVAL);
    cr_assert_arr_eq(counts, same, sizeof counts);
    cr_assert_arr_eq(rows, before, sizeof rows);
    cr_assert_eq(a.weight, (int64_t)2);
    memset(zeros, 0, sizeof zeros);
    cr_assert_eq(pkern_hdc_accumulator_init(&a, counts, 2), PKERN_OK);
    cr_assert_arr_eq(counts, zeros, sizeof counts);
}
