/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { BUNDLE_WITH_SEED = 94 };

/* Every bit by the definition. */
static void bundle_with_check(const uint64_t *rows, const size_t *offsets, size_t n_sets,
                              size_t words, const pkern_hdc_bundle_options *options,
                              const uint64_t *out) {
    uint64_t *seeded = hdc_new(words, 0, 0);
    for (size_t set = 0; set < n_sets; set++) {
        const uint64_t *first = rows + offsets[set] * words;
        pkern_hdc_random(options->seed + set, seeded, words);
        const uint64_t *ties = options->tie == PKERN_HDC_TIE_FIRST    ? first
                               : options->tie == PKERN_HDC_TIE_VECTOR ? options->tie_vector
                                                                      : seeded;
        for (size_t bit = 0; bit < words * 64; bit++) {
            int64_t sum = 0;
            uint64_t expected;
            for (size_t r = offsets[set]; r < offsets[set + 1]; r++) {
                int64_t weight = options->weights ? options->weights[r] : 1;
                sum += rows[r * words + bit / 64] >> (bit % 64) & 1 ? weight : -weight;
            }
            expected =
                sum > 0 || (sum == 0 && options->tie != PKERN_HDC_TIE_ZERO &&
                            offsets[set] < offsets[set + 1] && (ties[bit / 64] >> (bit % 64) & 1));
            cr_assert_eq(out[set * words + bit / 64] >> (bit % 64) & 1, expected,
                         "tie %d, set %zu, words %zu, bit %zu", options->tie, set, words, bit);
        }
    }
    hdc_free(seeded);
}

Test(hdc_bundle_with, ties_and_weights_by_definition) {
    enum { N_SETS = 12, N_ROWS = 180 };
    static const size_t offsets[N_SETS + 1] = {2, 2, 3, 5, 8, 12, 22, 37, 53, 70, 70, 102, N_ROWS};
    static const size_t words_list[] = {1, 3, 32, 33};
    static int32_t weights[N_ROWS];
    for (size_t r = 0; r < N_ROWS; r++) weights[r] = (int32_t)(pkn_random_at(5, r) % 5) - 2;
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < 4; w++) {
            size_t words = words_list[w];
            uint64_t *rows = hdc_new(N_ROWS * words, w, BUNDLE_WITH_SEED);
            uint64_t *tie = hdc_new(words, 0, 4), *out = hdc_new(N_SETS * words + 1, 1, 7);
            uint64_t guard = out[N_SETS * words];
            for (int mode = 0; mode < 8; mode++) {
                pkern_hdc_bundle_options options = {0, 77, 0, 0};
                options.tie = mode % 4;
                options.tie_vector = mode % 4 == PKERN_HDC_TIE_VECTOR ? tie : 0;
                options.weights = mode < 4 ? 0 : weights;
                cr_assert_eq(pkern_hdc_bundle_with(0, rows, offsets, N_SETS, words, &options, out),
                             PKERN_OK);
                bundle_with_check(rows, offsets, N_SETS, words, &options, out);
            }
            cr_assert_eq(out[N_SETS * words], guard);
            hdc_free(rows);
            hdc_free(tie);
            hdc_free(out);
        }
    }
}

Test(hdc_bundle_with, no_options_are_the_plain_bundle) {
    static const size_t offsets[3] = {0, 4, 10};
    uint64_t rows[10 * 3], out[6], expected[6];
    pkern_hdc_random(BUNDLE_WITH_SEED, rows, 30);
    cr_assert_eq(pkern_hdc_bundle(0, rows, offsets, 2, 3, expected), PKERN_OK);
    cr_assert_eq(pkern_hdc_bundle_with(0, rows, offsets, 2, 3, 0, out), PKERN_OK);
    cr_assert_arr_eq(out, expected, sizeof out);
}

Test(hdc_bundle_with, every_pool_gives_the_same_bits_however_sets_are_cut) {
    static const size_t cases[][3] = {{300, 12, 32}, {2, 4500, 33}, {1, 9002, 5}, {3, 50, 300}};
    static int32_t weights[9002];
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    for (size_t r = 0; r < 9002; r++) weights[r] = (int32_t)(pkn_random_at(5, r) % 7) - 3;
    for (size_t c = 0; c < 4; c++) {
        size_t n_sets = cases[c][0], words = cases[c][2], offsets[301];
        for (size_t set = 0; set <= n_sets; set++) offsets[set] = set * cases[c][1];
        if (n_sets == 2) offsets[1] = 0;
        uint64_t *rows = hdc_new(offsets[n_sets] * words, 0, BUNDLE_WITH_SEED);
        uint64_t *expected = hdc_new(n_sets * words, 0, 0), *out = hdc_new(n_sets * words, 0, 0);
        for (int mode = 0; mode < 4; mode++) {
            pkern_hdc_bundle_options options = {0, 5, 0, 0};
            options.tie = mode % 2 == 0 ? PKERN_HDC_TIE_SEEDED : PKERN_HDC_TIE_FIRST;
            options.weights = mode < 2 || n_sets == 300 ? 0 : weights;
            for (size_t p = 0; p <= HDC_N_POOLS; p++) {
                pkern_pool *pool = hdc_pool_new(p < HDC_N_POOLS ? hdc_threads[p] : 3, &allocator);
                if (p == HDC_N_POOLS) state.left = 0; /* without memory for parts */
                cr_assert_eq(pkern_hdc_bundle_with(pool, rows, offsets, n_sets, words, &options,
                                                   p == 0 ? expected : out),
                             PKERN_OK);
                state.left = 1000000;
                if (p == 0) bundle_with_check(rows, offsets, n_sets, words, &options, expected);
                if (p > 0) cr_assert_arr_eq(out, expected, n_sets * words * 8);
                cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
            }
        }
        hdc_free(rows);
        hdc_free(expected);
        hdc_free(out);
    }
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
}

Test(hdc_bundle_with, bad_arguments_change_nothing) {
    static const size_t offsets[3] = {0, 2, 4}, down[3] = {0, 3, 2};
    static const size_t many[2] = {0, (size_t)1 << 31};
    int32_t weights[4] = {INT32_MAX, 1, 1, 1}, fine[4] = {1, 1, 1, 1};
    uint64_t a[32], before[32];
    size_t own[3] = {0, 2, 4};
    pkern_hdc_bundle_options first = {PKERN_HDC_TIE_FIRST, 0, 0, 0}, bad = {4, 0, 0, 0};
    pkern_hdc_bundle_options given = {PKERN_HDC_TIE_VECTOR, 0, 0, 0}, heavy = {0, 0, 0, weights};
    pkern_hdc_random(1, a, 32);
    memcpy(before, a, sizeof a);
    cr_assert_eq(pkern_hdc_bundle_with(0, a, offsets, 2, 4, &bad, a + 24), PKERN_EINVAL);
    bad.tie = -1;
    cr_assert_eq(pkern_hdc_bundle_with(0, a, offsets, 2, 4, &bad, a + 24), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle_with(0, a, offsets, 2, 4, &given, a + 24), PKERN_EINVAL);
    given.tie_vector = a + 20;
    cr_assert_eq(pkern_hdc_bundle_with(0, a, offsets, 2, 4, &given, a + 17), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle_with(0, a, offsets, 2, 4, &heavy, a + 24), PKERN_EOVERFLOW);
    heavy.weights = fine;
    cr_assert_eq(pkern_hdc_bundle_with(0, a, offsets, 2, 1, &heavy, (uint64_t *)(void *)fine),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle_with(0, a, offsets, 2, 0, &first, a + 24), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle_with(0, 0, offsets, 2, 4, &first, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle_with(0, a, 0, 2, 4, &first, a + 24), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle_with(0, a, offsets, 2, 4, &first, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle_with(0, a, down, 2, 4, &first, a + 24), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle_with(0, a, offsets, 2, 4, &first, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle_with(0, a, own, 2, 1, &first, (uint64_t *)(void *)own),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bundle_with(0, a, many, 1, 1, &first, a + 24), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_bundle_with(0, 0, 0, 0, 4, &first, 0), PKERN_OK);
    cr_assert_arr_eq(a, before, sizeof a);
}
