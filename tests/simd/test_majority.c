/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Majority and column counts of every set against a count of each bit. */
#include "test.h"
#include "fence.h"

enum { MAJORITY_SEED = 50 };

/* density: a bit is 1 with probability (density + 1) / 4; 3 = always, 4 = never */
static void majority_fill(uint64_t *rows, size_t n, uint64_t seed, int density) {
    for (size_t i = 0; i < n; i++) {
        uint64_t a = pkn_random_at(seed, 2 * i), b = pkn_random_at(seed, 2 * i + 1);
        rows[i] = density == 0   ? a & b
                  : density == 1 ? a
                  : density == 2 ? a | b
                  : density == 3 ? ~(uint64_t)0
                                 : 0;
    }
}

static size_t majority_oracle_count(const uint64_t *rows, size_t n_rows, size_t stride,
                                    size_t bit) {
    size_t count = 0;
    for (size_t row = 0; row < n_rows; row++)
        count += rows[row * stride + bit / 64] >> (bit % 64) & 1;
    return count;
}

static void majority_check(const pkn_simd_set *set, const uint64_t *rows, size_t n_rows,
                           size_t stride, size_t words, const uint64_t *out) {
    for (size_t bit = 0; bit < words * 64; bit++) {
        size_t count = majority_oracle_count(rows, n_rows, stride, bit);
        cr_assert((out[bit / 64] >> (bit % 64) & 1) == (count > n_rows / 2),
                  "%s: rows %zu, words %zu, bit %zu, count %zu", set->name, n_rows, words, bit,
                  count);
    }
}

Test(simd_majority, every_set_matches_a_count_of_each_bit) {
    static const size_t words_list[] = {1, 2, 3, 5, 7, 8, 9, 31, 32, 33, 40, 65};
    static uint64_t rows[70 * 70], out[80];
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t n_rows = 0; n_rows <= 67; n_rows++) {
            for (size_t w = 0; w < sizeof words_list / sizeof words_list[0]; w++) {
                size_t words = words_list[w], stride = words + (n_rows & 3);
                majority_fill(rows, n_rows * stride, MAJORITY_SEED + n_rows, (int)(n_rows + w) % 5);
                memset(out, 0xee, sizeof out);
                set->kernels.majority_u64(rows, n_rows, stride, words, out);
                majority_check(set, rows, n_rows, stride, words, out);
                cr_assert_eq(out[words], UINT64_C(0xeeeeeeeeeeeeeeee));
            }
        }
    }
}

Test(simd_majority, many_rows_and_exact_ties) {
    static const size_t n_list[] = {127, 128, 129, 255, 256, 1000, 1023, 1024, 4099, 40000};
    uint64_t *rows = (uint64_t *)malloc(40001 * 2 * 8);
    uint64_t out[2];
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t i = 0; i < sizeof n_list / sizeof n_list[0]; i++) {
            size_t n = n_list[i];
            for (int density = 0; density < 5; density++) {
                majority_fill(rows, n * 2, MAJORITY_SEED, density);
                set->kernels.majority_u64(rows, n, 2, 2, out);
                majority_check(set, rows, n, 2, 2, out);
            }
            /* bit b of word 0 has n / 2 - 32 + b ones: ties and their neighbours */
            memset(rows, 0, n * 2 * 8);
            for (size_t bit = 0; bit < 64; bit++) {
                size_t count = n / 2 - 32 + bit;
                for (size_t k = 0; k < count; k++)
                    rows[(k * 7919 + bit * 13) % n * 2] |= (uint64_t)1 << bit;
            }
            set->kernels.majority_u64(rows, n, 2, 2, out);
            majority_check(set, rows, n, 2, 2, out);
            cr_assert_eq(out[1], 0u);
        }
    }
    free(rows);
}

Test(simd_majority, counts_are_those_of_each_bit) {
    static const size_t n_list[] = {1, 2, 15, 16, 17, 64, 100, 1000};
    static uint64_t rows[1000 * 13], planes[11 * 13];
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t i = 0; i < sizeof n_list / sizeof n_list[0]; i++) {
            for (size_t words = 1; words <= 13; words += 4) {
                majority_fill(rows, n_list[i] * words, MAJORITY_SEED, (int)i % 4);
                set->kernels.count_u64(rows, n_list[i], words, words, 0, 0, 11, words, planes);
                for (size_t bit = 0; bit < words * 64; bit++) {
                    size_t count = 0;
                    for (size_t k = 0; k < 11; k++)
                        count += (size_t)(planes[k * words + bit / 64] >> (bit % 64) & 1) << k;
                    cr_assert_eq(count, majority_oracle_count(rows, n_list[i], words, bit));
                }
            }
        }
    }
}

Test(simd_majority, reads_and_writes_stay_inside_their_arrays) {
    unsigned char *fence_in = fence_new(), *fence_out = fence_new();
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t words = 1; words <= 35; words++) {
            for (size_t n_rows = 1; n_rows <= 36; n_rows += 5) {
                for (int place = 0; place < FENCE_PLACES; place++) {
                    uint64_t *rows = (uint64_t *)fence_place(fence_in, n_rows * words, 8, place);
                    uint64_t *out = (uint64_t *)fence_place(fence_out, words, 8, place);
                    majority_fill(rows, n_rows * words, MAJORITY_SEED, 1);
                    set->kernels.majority_u64(rows, n_rows, words, words, out);
                    cr_assert(fence_is_untouched(fence_out, out, words * 8), "%s", set->name);
                    if (place == 0) majority_check(set, rows, n_rows, words, words, out);
                }
            }
        }
    }
}
