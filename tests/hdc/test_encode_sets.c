/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

#include <math.h>

enum { SETS_SEED = 350, SETS_ROWS = 23 };

static void sets_check(const uint32_t *indices, size_t n_terms, const uint64_t *const *tables,
                       size_t arity, size_t words, const uint64_t *out) {
    for (size_t bit = 0; bit < words * 64; bit++) {
        size_t count = 0;
        for (size_t t = 0; t < n_terms; t++) {
            uint64_t term = 0;
            for (size_t j = 0; j < arity; j++)
                term ^= tables[j][indices[t * arity + j] * words + bit / 64];
            count += term >> (bit % 64) & 1;
        }
        cr_assert((out[bit / 64] >> (bit % 64) & 1) == (count > n_terms / 2),
                  "arity %zu, terms %zu, words %zu, bit %zu, count %zu", arity, n_terms, words, bit,
                  count);
    }
}

Test(hdc_encode_sets, every_set_and_pool_matches_a_count_of_each_bit) {
    enum { N_SETS = 9, FIRST = 3 };
    static const size_t offsets[N_SETS + 1] = {FIRST, 3, 4, 6, 22, 60, 60, 124, 253, 500};
    static const size_t words[] = {1, 3, 32, 157};
    uint32_t indices[500 * PKERN_HDC_MAX_ARITY];
    size_t n_rows[PKERN_HDC_MAX_ARITY];
    for (size_t i = 0; i < sizeof indices / sizeof indices[0]; i++)
        indices[i] = (uint32_t)(pkn_random_at(SETS_SEED, i) % SETS_ROWS);
    indices[0] = UINT32_MAX; /* belongs to no set */
    for (size_t j = 0; j < PKERN_HDC_MAX_ARITY; j++) n_rows[j] = SETS_ROWS;
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t w = 0; w < 4; w++) {
            uint64_t *table = hdc_new(SETS_ROWS * words[w] * 8, w, SETS_SEED + 1);
            uint64_t *out = hdc_new(N_SETS * words[w], 0, 0);
            uint64_t *expected = hdc_new(N_SETS * words[w], 0, 0);
            const uint64_t *tables[PKERN_HDC_MAX_ARITY];
            for (size_t j = 0; j < PKERN_HDC_MAX_ARITY; j++)
                tables[j] = table + j * SETS_ROWS * words[w];
            for (size_t arity = 1; arity <= (words[w] == 157 ? 2 : 8); arity++) {
                for (size_t p = 0; p < HDC_N_POOLS; p++) {
                    pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
                    cr_assert_eq(pkern_hdc_encode_terms(pool, indices, offsets, N_SETS, tables,
                                                        n_rows, arity, words[w],
                                                        p == 0 ? expected : out),
                                 PKERN_OK);
                    if (p > 0) cr_assert_arr_eq(out, expected, N_SETS * words[w] * 8);
                    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
                }
                for (size_t s = 0; s < N_SETS; s++)
                    sets_check(indices + offsets[s] * arity, offsets[s + 1] - offsets[s], tables,
                               arity, words[w], expected + s * words[w]);
            }
            hdc_free(table);
            hdc_free(out);
            hdc_free(expected);
        }
    }
}

Test(hdc_encode_sets, an_automaton_names_the_next_state) {
    enum { STATES = 10, SYMBOLS = 3, WORDS = 64 };
    uint64_t states[STATES * WORDS], next[STATES * WORDS], symbols[SYMBOLS * WORDS], out[WORDS];
    const uint64_t *tables[3] = {states, symbols, next};
    const size_t n_rows[3] = {STATES, SYMBOLS, STATES}, offsets[2] = {0, STATES};
    uint32_t indices[STATES * 3];
    pkern_hdc_random(1, states, STATES * WORDS);
    pkern_hdc_random(2, symbols, SYMBOLS * WORDS);
    cr_assert_eq(pkern_hdc_permute(0, symbols, SYMBOLS, WORDS, 1, symbols), PKERN_OK);
    cr_assert_eq(pkern_hdc_permute(0, states, STATES, WORDS, 2, next), PKERN_OK);
    for (uint32_t i = 0; i < STATES; i++) {
        indices[i * 3] = i;
        indices[i * 3 + 1] = i % SYMBOLS;
        indices[i * 3 + 2] = (i * 3 + 1) % STATES;
    }
    cr_assert_eq(pkern_hdc_encode_terms(0, indices, offsets, 1, tables, n_rows, 3, WORDS, out),
                 PKERN_OK);
    for (uint32_t i = 0; i < STATES; i++) {
        uint64_t query[WORDS];
        pkern_hdc_match match;
        cr_assert_eq(pkern_hdc_bind(0, out, 1, states + i * WORDS, WORDS, query), PKERN_OK);
        cr_assert_eq(pkern_hdc_bind(0, query, 1, symbols + i % SYMBOLS * WORDS, WORDS, query),
                     PKERN_OK);
        cr_assert_eq(pkern_hdc_permute(0, query, 1, WORDS, -2, query), PKERN_OK);
        cr_assert_eq(pkern_hdc_nearest(0, query, 1, states, STATES, WORDS, &match), PKERN_OK);
        cr_assert_eq(match.index, (size_t)((i * 3 + 1) % STATES));
    }
}

Test(hdc_encode_sets, bad_arguments_change_nothing) {
    static const size_t offsets[3] = {0, 1, 2}, down[3] = {0, 2, 1}, many[2] = {0, (size_t)1 << 31};
    static const size_t beyond[2] = {SIZE_MAX / 4, SIZE_MAX / 4}, none[3] = {1, 1, 1};
    size_t n_rows[2] = {2, 2}, huge[2] = {2, SIZE_MAX / 4};
    uint32_t indices[4] = {0, 1, 1, 2};
    uint64_t table[4], out[4] = {1, 2, 3, 4};
    const uint64_t before[4] = {1, 2, 3, 4};
    const uint64_t *tables[2] = {table, table}, *lacks[2] = {table, 0}, *own[2] = {table, out};
    pkern_hdc_random(1, table, 4);
#define TERMS(indices, offsets, n_sets, tables, n_rows, arity, words, out) \
    pkern_hdc_encode_terms(0, indices, offsets, n_sets, tables, n_rows, arity, words, out)
    cr_assert_eq(TERMS(indices, offsets, 2, tables, n_rows, 2, 2, out), PKERN_EINVAL);
    indices[3] = 0;
    cr_assert_eq(TERMS(indices, offsets, 2, tables, n_rows, 2, 0, out), PKERN_EINVAL);
    cr_assert_eq(TERMS(indices, offsets, 2, tables, n_rows, 0, 2, out), PKERN_EINVAL);
    cr_assert_eq(TERMS(indices, offsets, 2, tables, n_rows, 9, 2, out), PKERN_EINVAL);
    cr_assert_eq(TERMS(0, offsets, 2, tables, n_rows, 2, 2, out), PKERN_EINVAL);
    cr_assert_eq(TERMS(indices, 0, 2, tables, n_rows, 2, 2, out), PKERN_EINVAL);
    cr_assert_eq(TERMS(indices, down, 2, tables, n_rows, 2, 2, out), PKERN_EINVAL);
    cr_assert_eq(TERMS(indices, offsets, 2, 0, n_rows, 2, 2, out), PKERN_EINVAL);
    cr_assert_eq(TERMS(indices, offsets, 2, lacks, n_rows, 2, 2, out), PKERN_EINVAL);
    cr_assert_eq(TERMS(indices, offsets, 2, own, n_rows, 2, 2, out), PKERN_EINVAL);
    cr_assert_eq(TERMS(indices, offsets, 2, tables, 0, 2, 2, out), PKERN_EINVAL);
    cr_assert_eq(TERMS(indices, offsets, 2, tables, n_rows, 2, 2, 0), PKERN_EINVAL);
    cr_assert_eq(TERMS((uint32_t *)(void *)out, offsets, 2, tables, n_rows, 2, 2, out),
                 PKERN_EINVAL);
    cr_assert_eq(TERMS(indices, offsets, 2, tables, huge, 2, 2, out), PKERN_EOVERFLOW);
    cr_assert_eq(TERMS(indices, many, 1, tables, n_rows, 2, 2, out), PKERN_EOVERFLOW);
    cr_assert_eq(TERMS(indices, beyond, 1, tables, n_rows, 2, 2, out), PKERN_EOVERFLOW);
    cr_assert_eq(TERMS(indices, offsets, SIZE_MAX / 8, tables, n_rows, 2, 2, out), PKERN_EOVERFLOW);
    cr_assert_arr_eq(out, before, sizeof before);
    cr_assert_eq(TERMS(0, 0, 0, 0, 0, 2, 2, 0), PKERN_OK);
    cr_assert_eq(TERMS(0, none, 2, 0, 0, 2, 2, out), PKERN_OK);
    cr_assert(out[0] == 0 && out[3] == 0);
#undef TERMS
}

Test(hdc_encode_bits, signs_are_those_of_each_number) {
    enum { ROWS = 300, WORDS = 3 };
    float *values = (float *)malloc(ROWS * WORDS * 64 * sizeof(float));
    uint64_t *out = hdc_new(ROWS * WORDS, 0, 0);
    for (size_t i = 0; i < ROWS * WORDS * 64; i++) {
        uint64_t r = pkn_random_at(SETS_SEED, i);
        static const float special[] = {0, -0.0f, NAN, INFINITY, -INFINITY, 1e-45f, -1e-45f};
        values[i] = r % 5 == 0 ? special[r / 5 % 7] : (float)(int)(r % 64) - 31.5f;
    }
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        memset(out, 0x55, ROWS * WORDS * 8);
        cr_assert_eq(pkern_hdc_encode_signs(pool, values, ROWS, WORDS, out), PKERN_OK);
        for (size_t i = 0; i < ROWS * WORDS * 64; i++)
            cr_assert_eq(out[i / 64] >> (i % 64) & 1, (uint64_t)(values[i] > 0));
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    cr_assert_eq(pkern_hdc_encode_signs(0, values, ROWS, 0, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_encode_signs(0, 0, ROWS, 1, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_encode_signs(0, values, ROWS, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_encode_signs(0, (float *)(void *)out, 1, 1, out), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_encode_signs(0, values, 1, ((size_t)1 << 26) + 1, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_encode_signs(0, values, SIZE_MAX / 100, 1, out), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_hdc_encode_signs(0, 0, 0, 1, 0), PKERN_OK);
    free(values);
    hdc_free(out);
}

Test(hdc_encode_bits, projection_is_the_sign_of_each_sum) {
    /* small whole numbers: every order of summation gives the same sum */
    static const size_t fields[] = {0, 1, 3, 64, 100, 4096, 5000}, words[] = {1, 3, 2, 32, 5, 1, 1};
    for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
        for (size_t k = 0; k < 7; k++) {
            enum { ROWS = 5 };
            size_t n = fields[k], per_row = (n + 63) / 64;
            float *values = (float *)malloc((ROWS * n + 1) * sizeof(float));
            uint64_t *out = hdc_new(ROWS * words[k], 0, 1), *same = hdc_new(ROWS * words[k], 0, 2);
            for (size_t i = 0; i < ROWS * n; i++)
                values[i] = (float)(int)(pkn_random_at(7, i) % 31) - 15;
            if (n > 0) values[3 * n] = NAN;
            cr_assert_eq(pkern_hdc_encode_projection(0, values, ROWS, n, 99, words[k], out),
                         PKERN_OK);
            for (size_t row = 0; row < ROWS; row++) {
                for (size_t bit = 0; bit < words[k] * 64; bit++) {
                    double sum = 0;
                    for (size_t f = 0; f < n; f++) {
                        uint64_t sign = pkn_random_at(99, bit * per_row + f / 64) >> (f % 64) & 1;
                        sum += sign ? values[row * n + f] : -values[row * n + f];
                    }
                    cr_assert_eq(out[row * words[k] + bit / 64] >> (bit % 64) & 1,
                                 (uint64_t)(sum > 0));
                }
            }
            for (size_t p = 0; p < HDC_N_POOLS; p++) {
                pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
                cr_assert_eq(pkern_hdc_encode_projection(pool, values, ROWS, n, 99, words[k], same),
                             PKERN_OK);
                cr_assert_arr_eq(same, out, ROWS * words[k] * 8);
                cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
            }
            free(values);
            hdc_free(out);
            hdc_free(same);
        }
    }
    {
        float v[2] = {1, 2};
        uint64_t out[1];
        cr_assert_eq(pkern_hdc_encode_projection(0, v, 1, 2, 1, 0, out), PKERN_EINVAL);
        cr_assert_eq(pkern_hdc_encode_projection(0, 0, 1, 2, 1, 1, out), PKERN_EINVAL);
        cr_assert_eq(pkern_hdc_encode_projection(0, v, 1, 2, 1, 1, 0), PKERN_EINVAL);
        cr_assert_eq(pkern_hdc_encode_projection(0, v, 1, SIZE_MAX / 2, 1, 1, out),
                     PKERN_EOVERFLOW);
        cr_assert_eq(pkern_hdc_encode_projection(0, 0, 0, 2, 1, 1, 0), PKERN_OK);
    }
}

Test(hdc_encode_bits, hashes_depend_on_every_byte_and_the_seed) {
    enum { N = 40 };
    unsigned char bytes[N];
    uint64_t a[32], b[32];
    for (size_t i = 0; i < N; i++) bytes[i] = (unsigned char)(i * 7);
    for (size_t n = 0; n <= N; n++) {
        cr_assert_eq(pkern_hdc_encode_hash(bytes, n, 5, 32, a), PKERN_OK);
        cr_assert_eq(pkern_hdc_encode_hash(bytes, n, 5, 32, b), PKERN_OK);
        cr_assert_arr_eq(a, b, sizeof a);
        cr_assert_eq(pkern_hdc_encode_hash(bytes, n, 6, 32, b), PKERN_OK);
        cr_assert(hdc_oracle_distance(a, b, 32) > 850 && hdc_oracle_distance(a, b, 32) < 1200);
        for (size_t i = 0; i < n; i++) {
            bytes[i] ^= 1;
            cr_assert_eq(pkern_hdc_encode_hash(bytes, n, 5, 32, b), PKERN_OK);
            cr_assert(hdc_oracle_distance(a, b, 32) > 850 && hdc_oracle_distance(a, b, 32) < 1200);
            bytes[i] ^= 1;
        }
    }
    bytes[0] = bytes[1] = 0; /* zeros behind the end don't count as bytes */
    cr_assert_eq(pkern_hdc_encode_hash(bytes, 1, 5, 32, a), PKERN_OK);
    cr_assert_eq(pkern_hdc_encode_hash(bytes, 2, 5, 32, b), PKERN_OK);
    cr_assert(hdc_oracle_distance(a, b, 32) > 850);
    cr_assert_eq(pkern_hdc_encode_hash(0, 0, 5, 1, a), PKERN_OK);
    cr_assert_eq(pkern_hdc_encode_hash(0, 1, 5, 1, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_encode_hash(bytes, 1, 5, 0, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_encode_hash(bytes, 1, 5, 1, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_encode_hash(a, 8, 5, 1, a), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_encode_hash(bytes, 1, 5, ((size_t)1 << 26) + 1, a), PKERN_EOVERFLOW);
}
