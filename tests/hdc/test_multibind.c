/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { MULTIBIND_SEED = 93 };

static const size_t multibind_words[] = {1, 3, 32, 157, 513, 1100};

static void multibind_check(const uint64_t *rows, const size_t *offsets, size_t n_sets,
                            size_t words, const uint64_t *out) {
    for (size_t set = 0; set < n_sets; set++) {
        for (size_t w = 0; w < words; w++) {
            uint64_t expected = 0;
            for (size_t r = offsets[set]; r < offsets[set + 1]; r++)
                expected ^= rows[r * words + w];
            cr_assert_eq(out[set * words + w], expected, "set %zu, words %zu, word %zu", set, words,
                         w);
        }
    }
}

Test(hdc_multibind, sets_of_any_size) {
    static const size_t offsets[8] = {1, 1, 2, 4, 7, 12, 12, 29};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t i = 0; i < 6; i++) {
            size_t words = multibind_words[i];
            uint64_t *rows = hdc_new(29 * words, i, MULTIBIND_SEED),
                     *out = hdc_new(7 * words + 1, 1, 7);
            uint64_t guard = out[7 * words];
            cr_assert_eq(pkern_hdc_multibind(0, rows, offsets, 7, words, out), PKERN_OK);
            multibind_check(rows, offsets, 7, words, out);
            cr_assert_eq(out[7 * words], guard);
            hdc_free(rows);
            hdc_free(out);
        }
    }
}

Test(hdc_multibind, every_pool_gives_the_same_bits_however_sets_are_cut) {
    static const size_t cases[][3] = {{300, 11, 32}, {2, 5001, 33}, {1, 9001, 5}, {3, 50, 1000}};
    for (size_t c = 0; c < 4; c++) {
        size_t n_sets = cases[c][0], words = cases[c][2], offsets[301];
        for (size_t set = 0; set <= n_sets; set++) offsets[set] = set * cases[c][1];
        if (n_sets == 2) offsets[1] = 0;
        uint64_t *rows = hdc_new(offsets[n_sets] * words, 0, MULTIBIND_SEED);
        uint64_t *out = hdc_new(n_sets * words, 0, 0);
        for (size_t p = 0; p < HDC_N_POOLS; p++) {
            pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
            memset(out, 9, n_sets * words * 8);
            cr_assert_eq(pkern_hdc_multibind(pool, rows, offsets, n_sets, words, out), PKERN_OK);
            multibind_check(rows, offsets, n_sets, words, out);
            cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
        }
        hdc_free(rows);
        hdc_free(out);
    }
}

Test(hdc_multibind, without_memory_for_parts_a_long_set_is_done_whole) {
    size_t offsets[2] = {0, 9001};
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    uint64_t *rows = hdc_new(9001 * 3, 0, MULTIBIND_SEED), out[3];
    pkern_pool *pool = hdc_pool_new(3, &allocator);
    state.left = 0;
    cr_assert_eq(pkern_hdc_multibind(pool, rows, offsets, 1, 3, out), PKERN_OK);
    multibind_check(rows, offsets, 1, 3, out);
    state.left = 1000000;
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    hdc_free(rows);
}

Test(hdc_multibind, masked_binding_and_complements) {
    static const size_t n_list[] = {0, 1, 2, 13, 301};
    for (size_t i = 0; i < 6; i++) {
        size_t words = multibind_words[i];
        uint64_t *key = hdc_new(words, 0, 1), *mask = hdc_new(words, 0, 2);
        for (size_t c = 0; c < 5; c++) {
            size_t n = n_list[c];
            uint64_t *rows = hdc_new(n * words + 1, i, MULTIBIND_SEED),
                     *out = hdc_new(n * words + 1, 0, 3);
            uint64_t *same = hdc_new(n * words + 1, i, MULTIBIND_SEED), guard = out[n * words];
            for (size_t p = 0; p < HDC_N_POOLS; p++) {
                pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
                cr_assert_eq(pkern_hdc_bind_masked(pool, rows, n, key, mask, words, out), PKERN_OK);
                for (size_t k = 0; k < n * words; k++)
                    cr_assert_eq(out[k], rows[k] ^ (key[k % words] & mask[k % words]));
                cr_assert_eq(pkern_hdc_bind_masked(pool, out, n, key, mask, words, out), PKERN_OK);
                cr_assert_arr_eq(out, same, n * words * 8);
                cr_assert_eq(pkern_hdc_negate(pool, rows, n, words, out), PKERN_OK);
                for (size_t k = 0; k < n * words; k++) cr_assert_eq(out[k], ~rows[k]);
                cr_assert_eq(pkern_hdc_negate(pool, out, n, words, out), PKERN_OK);
                cr_assert_arr_eq(out, same, n * words * 8);
                cr_assert_eq(out[n * words], guard);
                cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
            }
            hdc_free(rows);
            hdc_free(out);
            hdc_free(same);
        }
        hdc_free(key);
        hdc_free(mask);
    }
}

Test(hdc_multibind, bad_arguments_change_nothing) {
    static const size_t offsets[3] = {0, 2, 4}, down[3] = {0, 3, 2}, none[3] = {5, 5, 5};
    static const size_t beyond[2] = {0, SIZE_MAX / 16};
    uint64_t a[32], before[32], zero[2] = {1, 1};
    size_t own[3] = {0, 2, 4}, wide = ((size_t)1 << 26) + 1;
    pkern_hdc_random(1, a, 32);
    memcpy(before, a, sizeof a);
    cr_assert_eq(pkern_hdc_multibind(0, a, offsets, 2, 0, a + 24), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_multibind(0, 0, offsets, 2, 4, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_multibind(0, a, 0, 2, 4, a + 24), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_multibind(0, a, offsets, 2, 4, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_multibind(0, a, down, 2, 4, a + 24), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_multibind(0, a, offsets, 2, 4, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_multibind(0, a, own, 2, 1, (uint64_t *)(void *)own), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_multibind(0, a, beyond, 1, 4, a + 24), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_multibind(0, a, offsets, 2, wide, a + 24), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_multibind(0, 0, 0, 0, 4, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_bind_masked(0, a, 2, a + 16, a + 20, 0, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_masked(0, 0, 2, a + 16, a + 20, 4, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_masked(0, a, 2, 0, a + 20, 4, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_masked(0, a, 2, a + 16, 0, 4, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_masked(0, a, 2, a + 16, a + 20, 4, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_masked(0, a, 2, a + 16, a + 20, 4, a + 1), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_masked(0, a, 2, a + 16, a + 20, 4, a + 19), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_masked(0, a, 2, a + 4, a + 20, 4, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_masked(0, a, 2, a + 4, a + 20, wide, a), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_negate(0, a, 2, 0, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_negate(0, 0, 2, 4, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_negate(0, a, 2, 4, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_negate(0, a, 2, 4, a + 4), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_negate(0, a, SIZE_MAX / 8, 4, a), PKERN_EOVERFLOW);
    cr_assert_arr_eq(a, before, sizeof a);
    cr_assert_eq(pkern_hdc_multibind(0, 0, none, 2, 1, zero), PKERN_OK);
    cr_assert(zero[0] == 0 && zero[1] == 0);
}
