/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

#include <math.h>

enum { RECORDS_SEED = 310 };

typedef struct records_case {
    size_t n_rows, n_fields, n_levels, words;
    float *values, *low, *high;
    uint64_t *ids, *levels;
} records_case;

/* Values in and out of their ranges, at halves between levels, infinite and missing. */
static records_case records_new(size_t n_rows, size_t n_fields, size_t n_levels, size_t words) {
    records_case c = {n_rows, n_fields, n_levels, words, 0, 0, 0, 0, 0};
    c.values = (float *)malloc((n_rows * n_fields + 1) * sizeof(float));
    c.low = (float *)malloc((n_fields + 1) * sizeof(float));
    c.high = (float *)malloc((n_fields + 1) * sizeof(float));
    c.ids = hdc_new(n_fields * words, words % 8, RECORDS_SEED);
    c.levels = hdc_new(n_levels * words, 1, RECORDS_SEED + 1);
    for (size_t f = 0; f < n_fields; f++) {
        c.low[f] = (float)(int)(f % 7) - 3;
        c.high[f] = c.low[f] + (float)(1 + f % 5);
        if (f % 29 == 11) c.high[f] = c.low[f];
        if (f % 29 == 12) c.high[f] = NAN;
        if (f % 29 == 13) c.high[f] = INFINITY;
        if (f % 29 == 14) c.high[f] = c.low[f] - 1;
        if (f % 29 == 15) c.low[f] = -INFINITY;
        if (f % 29 == 16) c.low[f] = -3e38f, c.high[f] = 3e38f;
        if (f % 29 == 17) c.low[f] = 0, c.high[f] = 1e-44f;
    }
    for (size_t i = 0; i < n_rows * n_fields; i++) {
        uint64_t r = pkn_random_at(RECORDS_SEED + 2, i);
        c.values[i] = (float)((double)(r >> 40) / (1 << 24) * 9 - 4);
        if (r % 11 == 0) c.values[i] = (float)(int)(r / 11 % 16) * 0.5f - 4;
        if (r % 17 == 0) c.values[i] = NAN;
        if (r % 41 == 0) c.values[i] = INFINITY;
        if (r % 43 == 0) c.values[i] = -INFINITY;
        if (i / n_fields == 3) c.values[i] = NAN;
    }
    return c;
}

static void records_free(records_case *c) {
    free(c->values);
    free(c->low);
    free(c->high);
    hdc_free(c->ids);
    hdc_free(c->levels);
}

/* SIZE_MAX: missing */
static size_t records_level(const records_case *c, size_t row, size_t f) {
    float v = c->values[row * c->n_fields + f], scale, t;
    double range = (double)c->high[f] - (double)c->low[f], quotient;
    if (isnan(v)) return SIZE_MAX;
    if (!isfinite(range) || range <= 0) return 0;
    quotient = (double)(c->n_levels - 1) / range;
    if (quotient > 3.4028234663852886e38) return 0;
    scale = (float)quotient;
    t = v - c->low[f];
    t = pkn_product_f32(t, scale);
    if (t >= (float)(c->n_levels - 1)) return c->n_levels - 1;
    if (t <= 0) return 0;
    return (size_t)floor((double)t + 0.5);
}

static void records_check(const records_case *c, const uint64_t *out, const int32_t *counts) {
    for (size_t row = 0; row < c->n_rows; row++) {
        for (size_t bit = 0; bit < c->words * 64; bit++) {
            int32_t sum = 0;
            for (size_t f = 0; f < c->n_fields; f++) {
                size_t level = records_level(c, row, f);
                if (level == SIZE_MAX) continue;
                sum +=
                    ((c->ids[f * c->words + bit / 64] ^ c->levels[level * c->words + bit / 64]) >>
                         (bit % 64) &
                     1)
                        ? 1
                        : -1;
            }
            cr_assert((out[row * c->words + bit / 64] >> (bit % 64) & 1) == (sum > 0),
                      "row %zu of %zu fields, words %zu, bit %zu: %d", row, c->n_fields, c->words,
                      bit, (int)sum);
            cr_assert_eq(counts[row * c->words * 64 + bit], sum);
        }
    }
}

Test(hdc_encode_records, every_set_matches_a_count_of_each_bit) {
    static const size_t words[] = {1, 3, 32, 157},
                        fields[] = {0, 1, 2, 15, 16, 17, 63, 64, 128, 211};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < 4; w++) {
            for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
                size_t n_rows = words[w] == 157 ? 2 : 1 + f, n_levels = f == 3 ? 1 : 5 + f;
                records_case c = records_new(n_rows, fields[f], n_levels, words[w]);
                uint64_t *out = hdc_new(n_rows * words[w] + 1, f % 8, 3);
                int32_t *counts = (int32_t *)malloc((n_rows * words[w] * 64 + 1) * 4);
                uint64_t guard = out[n_rows * words[w]];
                counts[n_rows * words[w] * 64] = 77;
                cr_assert_eq(pkern_hdc_encode_records(0, c.values, n_rows, fields[f], c.ids,
                                                      c.levels, n_levels, c.low, c.high, words[w],
                                                      out),
                             PKERN_OK);
                cr_assert_eq(pkern_hdc_encode_records_counts(0, c.values, n_rows, fields[f], c.ids,
                                                             c.levels, n_levels, c.low, c.high,
                                                             words[w], counts),
                             PKERN_OK);
                records_check(&c, out, counts);
                cr_assert_eq(out[n_rows * words[w]], guard);
                cr_assert_eq(counts[n_rows * words[w] * 64], 77);
                records_free(&c);
                hdc_free(out);
                free(counts);
            }
        }
    }
}

Test(hdc_encode_records, many_fields_on_every_pool) {
    enum { ROWS = 37, FIELDS = 1100, WORDS = 40 };
    records_case c = records_new(ROWS, FIELDS, 33, WORDS);
    uint64_t *expected = hdc_new(ROWS * WORDS, 0, 0), *out = hdc_new(ROWS * WORDS, 0, 0);
    int32_t *expected_counts = (int32_t *)malloc(ROWS * WORDS * 64 * 4);
    int32_t *counts = (int32_t *)malloc(ROWS * WORDS * 64 * 4);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        cr_assert_eq(pkern_hdc_encode_records(pool, c.values, ROWS, FIELDS, c.ids, c.levels, 33,
                                              c.low, c.high, WORDS, p == 0 ? expected : out),
                     PKERN_OK);
        cr_assert_eq(pkern_hdc_encode_records_counts(pool, c.values, ROWS, FIELDS, c.ids, c.levels,
                                                     33, c.low, c.high, WORDS,
                                                     p == 0 ? expected_counts : counts),
                     PKERN_OK);
        if (p == 0) {
            records_check(&c, expected, expected_counts);
        } else {
            cr_assert_arr_eq(out, expected, ROWS * WORDS * 8);
            cr_assert_arr_eq(counts, expected_counts, ROWS * WORDS * 64 * 4);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    records_free(&c);
    hdc_free(expected);
    hdc_free(out);
    free(expected_counts);
    free(counts);
}

Test(hdc_encode_records, without_memory_for_scales_says_so) {
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    records_case c = records_new(2, 1100, 4, 1);
    uint64_t out[2];
    pkern_pool *pool = hdc_pool_new(1, &allocator);
    state.left = 0;
    cr_assert_eq(pkern_hdc_encode_records(pool, c.values, 2, 1100, c.ids, c.levels, 4, c.low,
                                          c.high, 1, out),
                 PKERN_ENOMEM);
    cr_assert_eq(pkern_hdc_encode_records(pool, c.values, 2, 1000, c.ids, c.levels, 4, c.low,
                                          c.high, 1, out),
                 PKERN_OK);
    state.left = 1000000;
    cr_assert_eq(pkern_hdc_encode_records(pool, c.values, 2, 1100, c.ids, c.levels, 4, c.low,
                                          c.high, 1, out),
                 PKERN_OK);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    records_free(&c);
}

Test(hdc_encode_records, bad_arguments_change_nothing) {
    float v[8] = {0}, low[2] = {0, 0}, high[2] = {1, 1};
    uint64_t ids[4], levels[4], out[4] = {1, 2, 3, 4};
    const uint64_t before[4] = {1, 2, 3, 4};
    pkern_hdc_random(1, ids, 4);
    pkern_hdc_random(2, levels, 4);
#define RECORDS(values, n_rows, n_fields, ids, levels, n_levels, low, high, words, out) \
    pkern_hdc_encode_records(0, values, n_rows, n_fields, ids, levels, n_levels, low, high, words, \
                             out)
    cr_assert_eq(RECORDS(v, 2, 2, ids, levels, 2, low, high, 0, out), PKERN_EINVAL);
    cr_assert_eq(RECORDS(0, 2, 2, ids, levels, 2, low, high, 2, out), PKERN_EINVAL);
    cr_assert_eq(RECORDS(v, 2, 2, 0, levels, 2, low, high, 2, out), PKERN_EINVAL);
    cr_assert_eq(RECORDS(v, 2, 2, ids, 0, 2, low, high, 2, out), PKERN_EINVAL);
    cr_assert_eq(RECORDS(v, 2, 2, ids, levels, 0, low, high, 2, out), PKERN_EINVAL);
    cr_assert_eq(RECORDS(v, 2, 2, ids, levels, 2, 0, high, 2, out), PKERN_EINVAL);
    cr_assert_eq(RECORDS(v, 2, 2, ids, levels, 2, low, 0, 2, out), PKERN_EINVAL);
    cr_assert_eq(RECORDS(v, 2, 2, ids, levels, 2, low, high, 2, 0), PKERN_EINVAL);
    cr_assert_eq(RECORDS(v, 2, 2, out, levels, 2, low, high, 2, out), PKERN_EINVAL);
    cr_assert_eq(RECORDS(v, 2, 2, ids, out + 3, 2, low, high, 2, out), PKERN_EINVAL);
    cr_assert_eq(RECORDS(v, 2, 2, ids, levels, 2, (float *)(void *)out, high, 2, out),
                 PKERN_EINVAL);
    cr_assert_eq(RECORDS(v, 2, 2, ids, levels, 2, low, high, ((size_t)1 << 26) + 1, out),
                 PKERN_EOVERFLOW);
    cr_assert_eq(RECORDS(v, SIZE_MAX / 8, 2, ids, levels, 2, low, high, 2, out), PKERN_EOVERFLOW);
    cr_assert_eq(RECORDS(v, 2, SIZE_MAX / 8, ids, levels, 2, low, high, 2, out), PKERN_EOVERFLOW);
    cr_assert_eq(RECORDS(v, 2, 2, ids, levels, ((size_t)1 << 22) + 1, low, high, 2, out),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_encode_records_counts(0, v, SIZE_MAX / 64, 2, ids, levels, 2, low, high,
                                                 2, (int32_t *)(void *)out),
                 PKERN_EOVERFLOW);
    cr_assert_arr_eq(out, before, sizeof before);
    cr_assert_eq(RECORDS(0, 0, 2, 0, 0, 0, 0, 0, 2, 0), PKERN_OK);
    cr_assert_eq(RECORDS(0, 2, 0, 0, 0, 0, 0, 0, 2, out), PKERN_OK);
    cr_assert(out[0] == 0 && out[3] == 0);
#undef RECORDS
}
