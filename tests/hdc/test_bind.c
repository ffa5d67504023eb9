/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { BIND_SEED = 60 };

static void bind_check(pkern_pool *pool, size_t n, size_t words, size_t offset) {
    uint64_t *rows = hdc_new(n * words, offset, BIND_SEED),
             *key = hdc_new(words, offset, BIND_SEED + 1);
    uint64_t *pairs = hdc_new(n * words, offset, BIND_SEED + 2),
             *out = hdc_new(n * words + 1, offset, BIND_SEED + 3);
    uint64_t guard = out[n * words];
    cr_assert_eq(pkern_hdc_bind(pool, rows, n, key, words, out), PKERN_OK);
    for (size_t i = 0; i < n * words; i++) cr_assert_eq(out[i], rows[i] ^ key[i % words]);
    cr_assert_eq(pkern_hdc_bind(pool, out, n, key, words, out), PKERN_OK);
    cr_assert_arr_eq(out, rows, n * words * 8);
    cr_assert_eq(pkern_hdc_bind_pairs(pool, rows, pairs, n, words, out), PKERN_OK);
    for (size_t i = 0; i < n * words; i++) cr_assert_eq(out[i], rows[i] ^ pairs[i]);
    cr_assert_eq(out[n * words], guard);
    cr_assert_eq(pkern_hdc_bind_pairs(pool, rows, out, n, words, out), PKERN_OK);
    cr_assert_arr_eq(out, pairs, n * words * 8);
    cr_assert_eq(pkern_hdc_bind_pairs(pool, out, rows, n, words, out), PKERN_OK);
    for (size_t i = 0; i < n * words; i++) cr_assert_eq(out[i], rows[i] ^ pairs[i]);
    cr_assert_eq(out[n * words], guard);
    hdc_free(rows);
    hdc_free(key);
    hdc_free(pairs);
    hdc_free(out);
}

Test(hdc_bind, every_row_is_bound_for_any_size_pool_and_set) {
    static const size_t n_list[] = {0, 1, 2, 13, 127};
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
            for (size_t w = 0; w < HDC_N_WORDS; w++) {
                for (size_t i = 0; i < sizeof n_list / sizeof n_list[0]; i++) {
                    bind_check(pool, n_list[i], hdc_words[w], (w + i) % 8);
                }
            }
        }
        bind_check(pool, 3, 4096 * 3 + 5, 1);
        bind_check(pool, 20011, 1, 1);
        bind_check(pool, 5003, 32, 1);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(hdc_bind, one_row_may_be_written_over_its_key) {
    uint64_t row[3] = {1, 2, 3}, key[3] = {4, 4, 4};
    cr_assert_eq(pkern_hdc_bind(0, row, 1, key, 3, key), PKERN_OK);
    cr_assert(key[0] == 5 && key[1] == 6 && key[2] == 7);
}

Test(hdc_bind, bad_arguments_change_nothing) {
    uint64_t a[32], b[32], before_a[32];
    pkern_hdc_random(1, a, 32);
    pkern_hdc_random(2, b, 32);
    memcpy(before_a, a, sizeof a);
    cr_assert_eq(pkern_hdc_bind(0, a, 4, b, 0, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind(0, 0, 4, b, 8, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind(0, b, 4, 0, 8, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind(0, a, 4, b, 8, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind(0, a, 2, b, 8, a + 8), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind(0, a + 8, 2, b, 8, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind(0, b, 4, a + 8, 8, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind(0, b, 4, a, 8, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind(0, b, 4, a + 31, 8, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind(0, a, 1, b, ((size_t)1 << 26) + 1, a), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_bind(0, a, SIZE_MAX / 32 + 1, b, 32, a), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_bind(0, a, SIZE_MAX / 256 + 1, b, 32, a), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_bind(0, 0, 0, 0, 8, 0), PKERN_OK);
    cr_assert_eq(pkern_hdc_bind(0, 0, 0, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_pairs(0, a, b, 4, 0, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_pairs(0, 0, b, 4, 8, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_pairs(0, a, 0, 4, 8, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_pairs(0, a, b, 4, 8, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_pairs(0, a + 1, b, 3, 8, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_pairs(0, b, a + 1, 3, 8, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_bind_pairs(0, a, b, 1, ((size_t)1 << 26) + 1, a), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_bind_pairs(0, a, b, SIZE_MAX / 4, 32, a), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_bind_pairs(0, 0, 0, 0, 8, 0), PKERN_OK);
    cr_assert_arr_eq(a, before_a, sizeof a);
}
