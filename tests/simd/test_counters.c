/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counters of every set against 64-bit arithmetic on single bits. */
#include "test.h"
#include "fence.h"

enum { COUNTERS_SEED = 60, COUNTERS_MAX_WORDS = 35 };

static int32_t counters_clamp(int64_t value) {
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

/* Small numbers, numbers near both limits, zeros. */
static void counters_fill(int32_t *counts, size_t n, uint64_t seed) {
    for (size_t i = 0; i < n; i++) {
        uint64_t random = pkn_random_at(seed, i);
        int32_t small = (int32_t)(random >> 32 & 1023) - 512;
        counts[i] = random % 4 == 0   ? INT32_MAX - (small < 0 ? -small : small)
                    : random % 4 == 1 ? INT32_MIN + (small < 0 ? -small : small)
                    : random % 4 == 2 ? small
                                      : 0;
    }
}

static int64_t counters_bit(const uint64_t *row, size_t bit) {
    return (int64_t)(row[bit / 64] >> (bit % 64) & 1);
}

Test(simd_counters, counts_of_planes_are_added_and_clamped) {
    static const int32_t all_weights[] = {1, -1, 7, -500, 0};
    static uint64_t planes[9 * COUNTERS_MAX_WORDS];
    unsigned char *fence = fence_new();
    int32_t before[COUNTERS_MAX_WORDS * 64];
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t words = 0; words <= COUNTERS_MAX_WORDS; words += words < 9 ? 1 : 13) {
            for (unsigned n_planes = 0; n_planes <= 9; n_planes += 3) {
                for (int place = 0; place < FENCE_PLACES; place++) {
                    int32_t *counts = (int32_t *)fence_place(fence, words * 64, 4, place);
                    int32_t weight = all_weights[(words + n_planes) % 5], offset = -weight * 400;
                    for (size_t i = 0; i < 9 * words; i++)
                        planes[i] = pkn_random_at(COUNTERS_SEED, i);
                    counters_fill(counts, words * 64, COUNTERS_SEED + words);
                    memcpy(before, counts, words * 64 * 4);
                    set->kernels.add_counts_i32(planes, n_planes, words, words, weight, offset,
                                                counts);
                    cr_assert(fence_is_untouched(fence, counts, words * 64 * 4), "%s", set->name);
                    for (size_t bit = 0; bit < words * 64; bit++) {
                        int64_t count = 0;
                        for (unsigned k = 0; k < n_planes; k++)
                            count += counters_bit(planes + k * words, bit) << k;
                        cr_assert_eq(
                            counts[bit], counters_clamp(before[bit] + 2 * weight * count + offset),
                            "%s, words %zu, planes %u, bit %zu", set->name, words, n_planes, bit);
                    }
                }
            }
        }
    }
}

Test(simd_counters, the_largest_count_fits) {
    /* 31 planes of ones: 2^31 - 1 rows, all 1: 2c - n = 2^31 - 1 */
    uint64_t planes[31];
    int32_t counts[64];
    memset(planes, 0xff, sizeof planes);
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        memset(counts, 0, sizeof counts);
        set->kernels.add_counts_i32(planes, 31, 1, 1, 1, -INT32_MAX, counts);
        cr_assert(counts[0] == INT32_MAX && counts[63] == INT32_MAX, "%s", set->name);
        set->kernels.add_counts_i32(planes, 31, 1, 1, -1, INT32_MAX, counts);
        cr_assert(counts[0] == 0 && counts[63] == 0, "%s", set->name);
    }
}

Test(simd_counters, weighted_rows_are_added_and_clamped) {
    enum { MAX_ROWS = 70 };
    static uint64_t rows[MAX_ROWS * (COUNTERS_MAX_WORDS + 3)];
    static int32_t counts[COUNTERS_MAX_WORDS * 64 + 1], before[COUNTERS_MAX_WORDS * 64];
    int32_t weights[MAX_ROWS];
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t words = 0; words <= COUNTERS_MAX_WORDS; words += words < 9 ? 1 : 13) {
            for (size_t n = 0; n <= MAX_ROWS; n += n < 3 ? 1 : 67) {
                size_t stride = words + n % 4;
                for (size_t i = 0; i < n * stride; i++) rows[i] = pkn_random_at(COUNTERS_SEED, i);
                for (size_t r = 0; r < n; r++)
                    weights[r] = (int32_t)(pkn_random_at(9, r) % 3001) - 1500;
                if (n == 1) weights[0] = INT32_MAX;
                counters_fill(counts, words * 64, COUNTERS_SEED + words);
                counts[words * 64] = 77;
                memcpy(before, counts, words * 64 * 4);
                set->kernels.add_weighted_i32(rows, weights, n, stride, words, counts);
                cr_assert_eq(counts[words * 64], 77);
                for (size_t bit = 0; bit < words * 64; bit++) {
                    int64_t sum = before[bit];
                    for (size_t r = 0; r < n; r++)
                        sum += weights[r] * (counters_bit(rows + r * stride, bit) ? 1 : -1);
                    cr_assert_eq(counts[bit], counters_clamp(sum),
                                 "%s, words %zu, rows %zu, bit %zu", set->name, words, n, bit);
                }
            }
        }
    }
}

Test(simd_counters, sums_saturate_and_thresholds_break_ties) {
    static int32_t a[COUNTERS_MAX_WORDS * 64], b[COUNTERS_MAX_WORDS * 64];
    unsigned char *fence = fence_new();
    uint64_t ties[COUNTERS_MAX_WORDS], out[COUNTERS_MAX_WORDS + 1];
    for (size_t i = 0; i < COUNTERS_MAX_WORDS; i++) ties[i] = pkn_random_at(4, i);
    counters_fill(a, COUNTERS_MAX_WORDS * 64, 1);
    counters_fill(b, COUNTERS_MAX_WORDS * 64, 2);
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t n = 0; n <= 130; n++) {
            int32_t *sum = (int32_t *)fence_place(fence, n, 4, (int)(n % FENCE_PLACES));
            set->kernels.add_saturated_i32(a, b, n, sum);
            for (size_t i = 0; i < n; i++)
                cr_assert_eq(sum[i], counters_clamp((int64_t)a[i] + b[i]), "%s", set->name);
            cr_assert(fence_is_untouched(fence, sum, n * 4), "%s", set->name);
            memcpy(sum, a, n * 4);
            set->kernels.add_saturated_i32(sum, b, n, sum);
            for (size_t i = 0; i < n; i++)
                cr_assert_eq(sum[i], counters_clamp((int64_t)a[i] + b[i]), "%s", set->name);
        }
        for (size_t words = 0; words <= COUNTERS_MAX_WORDS; words++) {
            for (int mode = 0; mode < 3; mode++) {
                memset(out, 0xee, sizeof out);
                if (mode == 2) memcpy(out, ties, words * 8);
                set->kernels.threshold_i32(a, words, mode == 0 ? 0 : mode == 1 ? ties : out, out);
                cr_assert_eq(out[words], UINT64_C(0xeeeeeeeeeeeeeeee));
                for (size_t bit = 0; bit < words * 64; bit++) {
                    int64_t expected =
                        a[bit] > 0 || (a[bit] == 0 && mode > 0 && counters_bit(ties, bit));
                    cr_assert_eq(counters_bit(out, bit), expected, "%s, bit %zu", set->name, bit);
                }
            }
        }
    }
}
