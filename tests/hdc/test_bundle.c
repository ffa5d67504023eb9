/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { BUNDLE_SEED = 90 };

static void bundle_check(const uint64_t *rows, const size_t *offsets, size_t n_sets, size_t words,
                         const uint64_t *out) {
    for (size_t set = 0; set < n_sets; set++) {
        size_t n = offsets[set + 1] - offsets[set];
        for (size_t bit = 0; bit < words * 64; bit++) {
            size_t count = 0;
            for (size_t row = offsets[set]; row < offsets[set + 1]; row++) {
                count += rows[row * words + bit / 64] >> (bit % 64) & 1;
            }
            cr_assert((out[set * words + bit / 64] >> (bit % 64) & 1) == (count > n / 2),
                      "set %zu of %zu rows, words %zu, bit %zu, count %zu", set, n, words, bit,
                      count);
        }
    }
}

Test(hdc_bundle, sets_of_any_size_for_any_row) {
    enum { N_SETS = 12, N_ROWS = 128 };
    static const size_t offsets[N_SETS + 1] = {2, 2, 3, 5, 8, 12, 22, 37, 53, 70, 70, 103, N_ROWS};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < HDC_N_WORDS; w++) {
            uint64_t *rows = hdc_new(N_ROWS * hdc_words[w], w % 8, BUNDLE_SEED),
                     *out = hdc_new(N_SETS * hdc_words[w] + 1, 1, 7);
            uint64_t guard = out[N_SETS * hdc_words[w]];
            cr_assert_eq(pkern_hdc_bundle(0, rows, offsets, N_SETS, hdc_words[w], out), PKERN_OK);
            bundle_check(rows, offsets, N_SETS, hdc_words[w], out);
            cr_assert_eq(out[N_SETS * hdc_words[w]], guard);
            hdc_free(rows);
            hdc_free(out);
        }
    }
}

/* Past 32,767 rows, where counters of 16 bits wrap; ties and their neighbours. */
Test(hdc_bundle, forty_thousand_rows) {
    enum { N = 40000 };
    uint64_t *rows = hdc_new(N, 0, 0);
    size_t offsets[2] = {0, N};
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
            uint64_t out = 0;
            memset(rows, 0, N * 8);
            for (size_t bit = 0; bit < 64; bit++) {
                size_t count = bit == 0 ? 0 : bit == 63 ? N : N / 2 - 32 + bit;
                for (size_t i = 0; i < count; i++) rows[(i * 7919 + bit) % N] |= (uint64_t)1 << bit;
            }
            cr_assert_eq(pkern_hdc_bundle(pool, rows, offsets, 1, 1, &out), PKERN_OK);
            cr_assert_eq(out, ~(uint64_t)0 << 33);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    hdc_free(rows);
}

Test(hdc_bundle, every_pool_gives_the_same_bits_however_sets_are_cut) {
    /* many sets; few long ones; one long and some short; wide rows */
    static const size_t cases[][3] = {{300, 11, 32}, {2, 9001, 33}, {1, 20011, 5}, {3, 50, 1000}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        size_t n_sets = cases[c][0], words = cases[c][2];
        size_t offsets[301];
        for (size_t set = 0; set <= n_sets; set++) offsets[set] = set * cases[c][1];
        if (n_sets == 2) offsets[1] = 7;
        uint64_t *rows = hdc_new(offsets[n_sets] * words, 0, BUNDLE_SEED);
        uint64_t *expected = hdc_new(n_sets * words, 0, 0), *out = hdc_new(n_sets * words, 0, 0);
        for (size_t p = 0; p < HDC_N_POOLS; p++) {
            pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
            cr_assert_eq(
                pkern_hdc_bundle(pool, rows, offsets, n_sets, words, p == 0 ? expected : out),
                PKERN_OK);
            if (p == 0) bundle_check(rows, offsets, n_sets, words, expected);
            if (p > 0) cr_assert_arr_eq(out, expected, n_sets * words * 8);
            cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
        }
        hdc_free(rows);
        hdc_free(expected);
        hdc_free(out);
    }
}

Test(hdc_bundle, members_agree_with_the_bundle_as_often_as_theory_says) {
    /* P(a bit agrees) = 1/2 + C(n - 1, (n - 1) / 2) / 2^n for odd n */
    static const size_t n_list[] = {3, 11, 101};
    static const double share[] = {0.75, 0.623, 0.5396};
    enum { WORDS = 1024 };
    for (size_t i = 0; i < 3; i++) {
        size_t offsets[2] = {0, n_list[i]};
        uint64_t *rows = hdc_new(n_list[i] * WORDS, 0, BUNDLE_SEED), *out = hdc_new(WORDS, 0, 0);
        double agree = 0;
        cr_assert_eq(pkern_hdc_bundle(0, rows, offsets, 1, WORDS, out), PKERN_OK);
        for (size_t r = 0; r < n_list[i]; r++)
            agree += 65536 - (double)hdc_oracle_distance(rows + r * WORDS, out, WORDS);
        cr_assert_float_eq(agree / 65536 / (double)n_list[i], share[i], 0.004);
        hdc_free(rows);
        hdc_free(out);
    }
}

Test(hdc_bundle, out_may_be_the_rows_where_the_shapes_are_equal) {
    static const size_t offsets[5] = {0, 0, 1, 4, 4}, each[5] = {0, 1, 2, 3, 4};
    hdc_allocator_state state = {0, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    uint64_t *rows = hdc_new(4 * 3, 0, BUNDLE_SEED), *before = hdc_new(4 * 3, 0, BUNDLE_SEED);
    pkern_pool *pool;
    cr_assert_eq(pkern_hdc_bundle(0, rows, each, 4, 3, rows), PKERN_OK);
    cr_assert_arr_eq(rows, before, 4 * 3 * 8);
    state.left = 1000000;
    pool = hdc_pool_new(1, &allocator);
    state.left = 0;
    cr_assert_eq(pkern_hdc_bundle(pool, rows, offsets, 4, 3, rows), PKERN_ENOMEM);
    state.left = 1000000;
    cr_assert_arr_eq(rows, before, 4 * 3 * 8);
    cr_assert_eq(pkern_hdc_bundle(pool, rows, offsets, 4, 3, rows), PKERN_OK);
    bundle_check(before, offsets, 4, 3, rows);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    hdc_free(rows);
    hdc_free(before);
}

Test(hdc_bundle, without_memory_for_parts_a_long_set_is_done_whole) {
    size_t offsets[2] = {0, 9001};
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    uint64_t *rows = hdc_new(9001 * 3, 0, BUNDLE_SEED);
    uint64_t out[3];
    pkern_pool *pool = hdc_pool_new(3, &allocator);
    cr_assert_eq(pkern_hdc_bundle(pool, rows, offsets, 1, 3, out), PKERN_OK);
    bundle_check(rows, offsets, 1, 3, out);
    memset(out, 0, sizeof out);
    state.left = 0;
    cr_assert_eq(pkern_hdc_bundle(pool, rows, offsets, 1, 3, out), PKERN_OK);
    state.left = 1000000;
    bundle_check(rows, offsets, 1, 3, out);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    hdc_free(rows);
}

Test(hdc_bundle, bad_arguments_change_nothing) {
    static const size_t offsets[3] = {0, 2, 4}, down[3] = {0, 3, 2}, none[3] = {5, 5, 5};
    static const size_t many[2] = {0, ((size_t)1 << 31) + 1}, beyond[2] = {0, SIZE_MAX / 16};
    uint64_t a[32], before[32], zero[2] = {1, 1};
    size_t own[3] = {0, 2, 4};
    pkern_hdc_random(1, a, 32);
    memcpy(before, a, sizeof a);
    cr_assert_eq(pkern_hdc_bundle(0, a, offsets, 2, 0, a + 24), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle(0, 0, offsets, 2, 4, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle(0, a, 0, 2, 4, a + 24), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle(0, a, offsets, 2, 4, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle(0, a, down, 2, 4, a + 24), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle(0, a, offsets, 2, 4, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle(0, a, offsets, 2, 4, a + 15), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle(0, a, own, 2, 1, (uint64_t *)(void *)own), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle(0, a, many, 1, 1, a + 24), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_bundle(0, a, beyond, 1, 4, a + 24), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_bundle(0, a, offsets, 2, ((size_t)1 << 26) + 1, a + 24),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_bundle(0, a, offsets, SIZE_MAX / 8, 4, a + 24), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_bundle(0, 0, 0, 0, 4, 0), PKERN_OK);
    cr_assert_arr_eq(a, before, sizeof a);
    cr_assert_eq(pkern_hdc_bundle(0, 0, none, 2, 1, zero), PKERN_OK);
    cr_assert(zero[0] == 0 && zero[1] == 0);
}
