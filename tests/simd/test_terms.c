/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Counted terms, levels and plain counts of every set against a count of each bit. */
#include "test.h"
#include "fence.h"

#include <math.h>

enum { TERMS_SEED = 60, TERMS_N = 95 };

/* 3 tables of 5 rows each, the last row of all ends at the fence. */
static const uint64_t *terms_pointers[TERMS_N * 5 + 8];

static uint64_t terms_of(const pkn_terms *terms, size_t i, size_t word) {
    uint64_t term = 0;
    for (size_t j = 0; j < terms->arity; j++)
        term ^= terms->rows[i * terms->step + j][j * terms->table_words + word];
    return term;
}

static size_t terms_oracle_count(const pkn_terms *terms, size_t n, size_t bit) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += terms_of(terms, i, bit / 64) >> (bit % 64) & 1;
    return count;
}

/* All n terms in two calls, cut after `cut` groups; out 0: the planes are compared. */
static void terms_check(const pkn_simd_set *set, const pkn_terms *terms, size_t n, size_t cut,
                        size_t words, uint64_t *out) {
    static uint64_t planes[PKN_TERMS_PLANES_WORDS(PKN_TERMS_MAX_HIGH)];
    pkn_terms rest = *terms;
    pkn_terms_count count;
    size_t n_groups = n / 16;
    pkn_terms_begin(&count, planes, pkn_terms_n_high(n));
    cut = cut < n_groups ? cut : n_groups;
    set->kernels.count_terms_u64(&rest, cut, words, &count);
    rest.rows += cut * 16 * terms->step;
    set->kernels.count_terms_u64(&rest, n_groups - cut, words, &count);
    rest.rows += (n_groups - cut) * 16 * terms->step;
    cr_assert_eq(count.n_groups, n_groups);
    set->kernels.end_terms_u64(&rest, n % 16, words, &count, n / 2, out);
    for (size_t bit = 0; bit < words * 64; bit++) {
        size_t expected = terms_oracle_count(terms, n, bit), found = 0;
        if (out) {
            cr_assert((out[bit / 64] >> (bit % 64) & 1) == (expected > n / 2),
                      "%s: arity %zu, %zu terms, words %zu, bit %zu", set->name, terms->arity, n,
                      words, bit);
            continue;
        }
        for (unsigned k = 0; k < 4 + count.n_high; k++)
            found += (size_t)(planes[k * PKN_TERMS_WORDS + bit / 64] >> (bit % 64) & 1) << k;
        cr_assert_eq(found, expected);
    }
}

Test(simd_terms, every_set_matches_a_count_of_each_bit_and_stays_inside) {
    static const size_t n_list[] = {0, 1, 3, 4, 15, 16, 17, 32, 47, 64, 95};
    static const size_t words_list[] = {1, 2, 3, 5, 8, 9, 15, 16, 17, 31, 32};
    unsigned char *fence_in = fence_new(), *fence_out = fence_new();
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t w = 0; w < sizeof words_list / sizeof words_list[0]; w++) {
            size_t words = words_list[w];
            for (int place = 0; place < FENCE_PLACES; place += 4) {
                for (size_t arity = 1; arity <= 5; arity++) {
                    uint64_t *rows = (uint64_t *)fence_place(fence_in, 5 * 5 * words, 8, place);
                    for (size_t i = 0; i < 25 * words; i++) rows[i] = pkn_random_at(TERMS_SEED, i);
                    for (size_t k = 0; k < sizeof n_list / sizeof n_list[0]; k++) {
                        uint64_t *out = (uint64_t *)fence_place(fence_out, words, 8, place);
                        pkn_terms slide = {terms_pointers, 1, arity, 5 * words};
                        pkn_terms apart = {terms_pointers, arity, arity, 0};
                        for (size_t i = 0; i < TERMS_N * 5; i++)
                            terms_pointers[i] = rows + pkn_random_at(9, i) % 5 * words;
                        terms_check(set, &slide, n_list[k], k % 3, words, out);
                        cr_assert(fence_is_untouched(fence_out, out, words * 8), "%s", set->name);
                        for (size_t i = 0; i < TERMS_N * 5; i++)
                            terms_pointers[i] = rows + pkn_random_at(9, i) % 25 * words;
                        terms_check(set, &apart, n_list[k], k % 3, words, k % 2 ? out : 0);
                    }
                }
            }
        }
    }
}

Test(simd_terms, many_terms_carry_through_the_high_planes) {
    enum { N = 5003 };
    const uint64_t **pointers = (const uint64_t **)malloc(N * sizeof *pointers);
    uint64_t rows[16 * 17], out[17];
    for (size_t i = 0; i < 16 * 17; i++) rows[i] = i < 17 ? ~(uint64_t)0 : pkn_random_at(1, i);
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t n = N - 20; n <= N; n += 4) {
            pkn_terms terms = {pointers, 1, 1, 0};
            for (size_t i = 0; i < n; i++) pointers[i] = rows + pkn_random_at(n, i) % 16 * 17;
            terms_check(set, &terms, n, 77, 17, out);
            terms_check(set, &terms, n, 1, 17, 0);
            for (size_t i = 0; i < n; i++) pointers[i] = rows;
            terms_check(set, &terms, n, 33, 17, 0);
        }
    }
    free(pointers);
}

Test(simd_levels, every_set_finds_the_level_that_is_nearest) {
    unsigned char *fence_in = fence_new(), *fence_out = fence_new();
    static const float values[] = {0, -1, 1, 0.5f, 0.125f, 0.375f, 2, NAN, INFINITY, -INFINITY};
    static const uint32_t expected[] = {0, 0, 4, 2, 1, 2, 4, 5, 4, 0};
    static float low[64], scale[64];
    for (size_t i = 0; i < 64; i++) scale[i] = i % 13 == 12 ? 0 : 4;
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t n = 0; n <= 40; n++) {
            for (int place = 0; place < FENCE_PLACES; place++) {
                float *in = (float *)fence_place(fence_in, n, 4, place);
                uint32_t *out = (uint32_t *)fence_place(fence_out, n, 4, place);
                size_t n_nan = 0;
                for (size_t i = 0; i < n; i++) in[i] = values[(i + n) % 10];
                for (size_t i = 0; i < n; i++) n_nan += isnan(in[i]) != 0;
                cr_assert_eq(set->kernels.level_f32(in, low, scale, n, 5, out), n_nan);
                cr_assert(fence_is_untouched(fence_out, out, n * 4), "%s", set->name);
                for (size_t i = 0; i < n; i++) {
                    uint32_t level = expected[(i + n) % 10];
                    cr_assert_eq(out[i], i % 13 == 12 && level != 5 ? 0u : level);
                }
            }
        }
    }
}

Test(simd_levels, every_set_spreads_counts) {
    unsigned char *fence_in = fence_new(), *fence_out = fence_new();
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t words = 0; words <= 5; words++) {
            for (unsigned n_planes = 0; n_planes <= 31; n_planes += 1 + n_planes / 3) {
                uint64_t *planes = (uint64_t *)fence_place(fence_in, n_planes * words, 8, 0);
                int32_t *out = (int32_t *)fence_place(fence_out, words * 64, 4, 0);
                for (size_t i = 0; i < n_planes * words; i++)
                    planes[i] = pkn_random_at(n_planes, i);
                set->kernels.spread_i32(planes, n_planes, words, words, -77, out);
                cr_assert(fence_is_untouched(fence_out, out, words * 256), "%s", set->name);
                for (size_t i = 0; i < words * 64; i++) {
                    uint32_t sum = (uint32_t)-77;
                    for (unsigned k = 0; k < n_planes; k++)
                        sum += (planes[k * words + i / 64] >> (i % 64) & 1) != 0 ? 2u << k : 0;
                    cr_assert_eq((uint32_t)out[i], sum);
                }
            }
        }
    }
}
