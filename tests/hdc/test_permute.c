/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

#include <limits.h>

enum { PERMUTE_SEED = 70 };

static void permute_oracle(const uint64_t *row, size_t words, long shift, uint64_t *out) {
    long long bits = (long long)words * 64;
    memset(out, 0, words * 8);
    for (long long i = 0; i < bits; i++) {
        long long place = (i + shift % bits + bits) % bits;
        out[place / 64] |= (row[i / 64] >> (i % 64) & 1) << (place % 64);
    }
}

static void permute_check(pkern_pool *pool, size_t n, size_t words, long shift) {
    uint64_t *rows = hdc_new(n * words, 1, PERMUTE_SEED), *out = hdc_new(n * words, 2, 0);
    uint64_t *expected = hdc_new(n * words, 0, 0);
    for (size_t r = 0; r < n; r++)
        permute_oracle(rows + r * words, words, shift, expected + r * words);
    cr_assert_eq(pkern_hdc_permute(pool, rows, n, words, shift, out), PKERN_OK);
    cr_assert(memcmp(out, expected, n * words * 8) == 0, "n %zu, words %zu, shift %ld", n, words,
              shift);
    cr_assert_eq(pkern_hdc_permute(pool, rows, n, words, shift, rows), PKERN_OK);
    cr_assert(memcmp(rows, expected, n * words * 8) == 0, "in place: n %zu, words %zu, shift %ld",
              n, words, shift);
    hdc_free(rows);
    hdc_free(out);
    hdc_free(expected);
}

Test(hdc_permute, every_bit_gets_to_its_place) {
    static const long shifts[] = {0,   1,    -1,    63,        64,       65,
                                  -64, 1000, -1001, 123456789, LONG_MAX, LONG_MIN};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < HDC_N_WORDS; w++) {
            for (size_t s = 0; s < sizeof shifts / sizeof shifts[0]; s++)
                permute_check(0, 3, hdc_words[w], shifts[s]);
        }
    }
}

Test(hdc_permute, rows_are_shared_among_threads) {
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        permute_check(pool, 997, 32, 5);
        permute_check(pool, 0, 32, 5);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(hdc_permute, bad_arguments_change_nothing) {
    uint64_t a[32], before[32];
    pkern_hdc_random(1, a, 32);
    memcpy(before, a, sizeof a);
    cr_assert_eq(pkern_hdc_permute(0, a, 4, 0, 1, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permute(0, 0, 4, 8, 1, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permute(0, a, 4, 8, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permute(0, a + 1, 2, 8, 1, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_permute(0, a, 1, ((size_t)1 << 26) + 1, 1, a), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_permute(0, a, SIZE_MAX / 2, 8, 1, a), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_permute(0, 0, 0, 8, 1, 0), PKERN_OK);
    cr_assert_arr_eq(a, before, sizeof a);
}
