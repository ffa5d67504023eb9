/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { KEYS_SEED = 100, KEYS_MAX = 3000 };

static int keys_compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Different keys in patterns that quicksorts find hard. */
static void keys_fill(uint64_t *keys, size_t n, int pattern) {
    for (size_t i = 0; i < n; i++) {
        uint64_t value = pattern == 0   ? pkn_random_at(KEYS_SEED, i) % 100
                         : pattern == 1 ? i
                         : pattern == 2 ? n - i
                         : pattern == 3 ? (i < n / 2 ? i : n - i)
                         : pattern == 4 ? 5
                                        : pkn_random_at(KEYS_SEED, i) >> 32;
        keys[i] = value << 32 | i;
    }
}

Test(hdc_keys, sorts_and_selects_like_qsort) {
    static const size_t n_list[] = {0, 1, 2, 16, 17, 24, 25, 26, 100, 1000, KEYS_MAX};
    static uint64_t keys[KEYS_MAX], expected[KEYS_MAX], scratch[KEYS_MAX];
    static uint32_t counts[PKN_KEYS_SPAN];
    uint64_t lowest;
    for (size_t i = 0; i < sizeof n_list / sizeof n_list[0]; i++) {
        for (int pattern = 0; pattern < 6; pattern++) {
            size_t n = n_list[i];
            keys_fill(expected, n, pattern);
            qsort(expected, n, 8, keys_compare);
            keys_fill(keys, n, pattern);
            pkn_keys_sort(keys, n);
            cr_assert_arr_eq(keys, expected, n * 8);
            keys_fill(keys, n, pattern);
            pkn_keys_heap_sort(keys, n);
            cr_assert_arr_eq(keys, expected, n * 8);
            for (size_t k = 1; k < n; k = k * 3 + 1) {
                keys_fill(keys, n, pattern);
                pkn_keys_select(keys, n, k);
                pkn_keys_sort(keys, k);
                cr_assert_arr_eq(keys, expected, k * 8);
                keys_fill(keys, n, pattern);
                uint64_t limit = pattern == 5 ? UINT32_MAX : expected[n - 1] >> 32;
                size_t left = pkn_keys_shrink(keys, n, k, &limit);
                cr_assert(left >= k && left - k <= k / 2);
                cr_assert_eq(limit, expected[k - 1] >> 32);
                for (size_t j = 1; j < left; j++) {
                    cr_assert((uint32_t)keys[j - 1] < (uint32_t)keys[j]);
                }
                pkn_keys_sort(keys, left);
                cr_assert_arr_eq(keys, expected, left * 8);
            }
            keys_fill(keys, n, pattern);
            if (n > 0 && pkn_keys_places(keys, n, counts, &lowest)) {
                cr_assert_lt((expected[n - 1] >> 32) - lowest, PKN_KEYS_SPAN);
                for (size_t j = 0; j < n; j++)
                    scratch[counts[(keys[j] >> 32) - lowest]++] = keys[j];
                cr_assert_arr_eq(scratch, expected, n * 8);
            } else {
                cr_assert(n == 0 || (expected[n - 1] >> 32) - (expected[0] >> 32) >= PKN_KEYS_SPAN);
            }
        }
    }
}

/* Musser's killer sequence for the median of three: quadratic without a bound. */
Test(hdc_keys, no_order_of_keys_makes_it_slow) {
    enum { N = 200000 };
    uint64_t *keys = (uint64_t *)malloc(N * 8);
    for (size_t i = 0; i < N; i++) {
        size_t k = N / 2;
        keys[i] = (uint64_t)(i < k ? (i % 2 == 0 ? i + 1 : k + i + (k % 2 == 0 ? 0 : 1))
                                   : (i - k + 1) * 2)
                      << 32 |
                  i;
    }
    pkn_keys_select(keys, N, N / 2);
    pkn_keys_sort(keys, N);
    for (size_t i = 1; i < N; i++) cr_assert_lt(keys[i - 1], keys[i]);
    free(keys);
}
