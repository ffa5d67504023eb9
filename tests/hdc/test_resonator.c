/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

#include <math.h>

enum { RESONATOR_SEED = 500 };

Test(hdc_resonator, a_weighted_majority_weighs) {
    static const size_t words_list[] = {1, 3, 8, 9, 32, 157};
    for (size_t w = 0; w < sizeof words_list / sizeof words_list[0]; w++) {
        for (size_t n = 0; n < 12; n++) {
            size_t words = words_list[w];
            uint64_t *rows = hdc_new(n * words, 0, RESONATOR_SEED), *out = hdc_new(words, 0, 1);
            pkn_weighed_row weighed[12];
            uint64_t total = 0;
            for (size_t r = 0; r < n; r++) {
                weighed[r].row = rows + r * words;
                weighed[r].weight = n == 2 ? 7 : pkn_random_at(9, r) >> (n < 6 ? 5 : 60);
                weighed[r].weight >>= n < 6 ? 8 : 0;
                total += weighed[r].weight;
            }
            pkn_weigh(weighed, n, words, out);
            for (size_t bit = 0; bit < words * 64; bit++) {
                uint64_t count = 0;
                for (size_t r = 0; r < n; r++)
                    if (rows[r * words + bit / 64] >> (bit % 64) & 1) count += weighed[r].weight;
                cr_assert_eq(out[bit / 64] >> (bit % 64) & 1, count > total / 2,
                             "n %zu, words %zu, bit %zu", n, words, bit);
            }
            hdc_free(rows);
            hdc_free(out);
        }
    }
}

/* n products of n_factors random codebooks of `entries`, each with n_wrong random bits flipped; the
   true indices. */
typedef struct resonator_case {
    uint64_t *codebooks, *products;
    size_t offsets[6], *indices, *found;
    pkern_hdc_resonance *resonances;
    size_t n, n_factors, words;
} resonator_case;

static resonator_case resonator_make(size_t n, size_t n_factors, size_t entries, size_t words,
                                     size_t n_wrong) {
    resonator_case c;
    c.n = n;
    c.n_factors = n_factors;
    c.words = words;
    for (size_t f = 0; f <= n_factors; f++) c.offsets[f] = 1 + f * entries;
    c.codebooks = hdc_new((n_factors * entries + 1) * words, 0, RESONATOR_SEED + entries);
    c.products = hdc_new(n * words, 0, 0);
    c.indices = (size_t *)malloc(n * n_factors * sizeof(size_t));
    c.found = (size_t *)malloc(n * n_factors * sizeof(size_t));
    c.resonances = (pkern_hdc_resonance *)calloc(n, sizeof(pkern_hdc_resonance));
    for (size_t i = 0; i < n; i++) {
        memset(c.products + i * words, 0, words * 8);
        for (size_t f = 0; f < n_factors; f++) {
            size_t index = (size_t)(pkn_random_at(RESONATOR_SEED + 1, i * n_factors + f) % entries);
            c.indices[i * n_factors + f] = index;
            for (size_t word = 0; word < words; word++)
                c.products[i * words + word] ^= c.codebooks[(c.offsets[f] + index) * words + word];
        }
        for (size_t j = 0; j < n_wrong; j++) {
            size_t bit =
                (size_t)(pkn_random_at(RESONATOR_SEED + 2, i * n_wrong + j) % (words * 64));
            c.products[i * words + bit / 64] ^= (uint64_t)1 << (bit % 64);
        }
    }
    return c;
}

static void resonator_free(resonator_case *c) {
    hdc_free(c->codebooks);
    hdc_free(c->products);
    free(c->indices);
    free(c->found);
    free(c->resonances);
}

static size_t resonator_right(pkern_pool *pool, resonator_case *c, double *iterations) {
    size_t right = 0;
    *iterations = 0;
    cr_assert_eq(pkern_hdc_resonator_factor(pool, c->products, c->n, c->codebooks, c->offsets,
                                            c->n_factors, c->words, 0, c->found, c->resonances),
                 PKERN_OK);
    for (size_t i = 0; i < c->n; i++) {
        int same = memcmp(c->found + i * c->n_factors, c->indices + i * c->n_factors,
                          c->n_factors * sizeof(size_t)) == 0;
        cr_assert(!c->resonances[i].converged || same, "converged to something else");
        right += (size_t)same;
        *iterations += c->resonances[i].iterations / (double)c->n;
    }
    return right;
}

Test(hdc_resonator, products_of_two_to_five_factors_are_factored) {
    static const size_t cases[][4] = {
        /* factors, entries, words, wrong bits */
        {2, 1, 3, 0},     {2, 5, 3, 0},   {2, 100, 32, 0}, {3, 20, 32, 0},   {3, 40, 32, 0},
        {3, 40, 32, 200}, {4, 12, 32, 0}, {5, 6, 32, 0},   {3, 100, 157, 0}, {2, 61, 157, 500}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double iterations;
        resonator_case c = resonator_make(20, cases[i][0], cases[i][1], cases[i][2], cases[i][3]);
        size_t right = resonator_right(0, &c, &iterations);
        printf("    resonator, %zu factors of %zu entries, %zu bits, %zu wrong: %zu of 20 in %.1f "
               "iterations on average\n",
               cases[i][0], cases[i][1], cases[i][2] * 64, cases[i][3], right, iterations);
        cr_assert_geq(right, 18);
        resonator_free(&c);
    }
}

Test(hdc_resonator, what_is_no_product_does_not_converge) {
    resonator_case c = resonator_make(3, 3, 10, 32, 0);
    pkern_hdc_resonator_options options;
    memset(&options, 0, sizeof options);
    options.max_iterations = 20;
    for (size_t i = 0; i < 3 * 32; i++) c.products[i] = pkn_random_at(77, i);
    cr_assert_eq(pkern_hdc_resonator_factor(0, c.products, 3, c.codebooks, c.offsets, 3, 32,
                                            &options, c.found, c.resonances),
                 PKERN_OK);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(c.resonances[i].converged, 0);
        cr_assert_eq(c.resonances[i].iterations, 20);
        cr_assert_gt(c.resonances[i].distance, 512);
        for (size_t f = 0; f < 3; f++) cr_assert_lt(c.found[i * 3 + f], 10);
    }
    resonator_free(&c);
}

Test(hdc_resonator, every_pool_and_set_gives_the_same) {
    resonator_case c = resonator_make(23, 3, 30, 17, 20);
    size_t *expected = (size_t *)malloc(23 * 3 * sizeof(size_t));
    pkern_hdc_resonance *resonances =
        (pkern_hdc_resonance *)malloc(23 * sizeof(pkern_hdc_resonance));
    double iterations;
    (void)resonator_right(0, &c, &iterations);
    memcpy(expected, c.found, 23 * 3 * sizeof(size_t));
    memcpy(resonances, c.resonances, 23 * sizeof *resonances);
    for (size_t p = 0; p < HDC_N_POOLS; p++) {
        pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0);
        for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) {
            (void)resonator_right(pool, &c, &iterations);
            cr_assert_arr_eq(c.found, expected, 23 * 3 * sizeof(size_t));
            cr_assert_arr_eq(c.resonances, resonances, 23 * sizeof *resonances);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    free(expected);
    free(resonances);
    resonator_free(&c);
}

Test(hdc_resonator, bad_arguments) {
    uint64_t books[40] = {0}, x[4] = {0};
    size_t offsets[4] = {0, 2, 4, 6}, empty[3] = {0, 2, 2}, huge[3] = {0, 1, (size_t)1 << 21},
           indices[12];
    pkern_hdc_resonator_options options;
#define RESONATOR_CALL(products, n, books, offsets, factors, words, options, indices) \
    pkern_hdc_resonator_factor(0, products, n, books, offsets, factors, words, options, indices, 0)
    memset(&options, 0, sizeof options);
    cr_assert_eq(RESONATOR_CALL(x, 1, books, offsets, 1, 1, 0, indices), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(x, 1, books, offsets, 6, 1, 0, indices), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(x, 1, books, offsets, 2, 0, 0, indices), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(x, 1, books, empty, 2, 1, 0, indices), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(x, 1, books, huge, 2, 1, 0, indices), PKERN_EOVERFLOW);
    cr_assert_eq(RESONATOR_CALL(x, 1, 0, offsets, 2, 1, 0, indices), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(x, 1, books, 0, 2, 1, 0, indices), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(0, 1, books, offsets, 2, 1, 0, indices), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(x, 1, books, offsets, 2, 1, 0, 0), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(x, 1, books, offsets, 2, 1, 0, (size_t *)(void *)x), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(x, SIZE_MAX / 4, books, offsets, 2, 1, 0, indices),
                 PKERN_EOVERFLOW);
    options.threshold = -1;
    cr_assert_eq(RESONATOR_CALL(x, 1, books, offsets, 2, 1, &options, indices), PKERN_EINVAL);
    options.threshold = (double)NAN;
    cr_assert_eq(RESONATOR_CALL(x, 1, books, offsets, 2, 1, &options, indices), PKERN_EINVAL);
    options.threshold = 1e300;
    cr_assert_eq(RESONATOR_CALL(x, 1, books, offsets, 2, 1, &options, indices), PKERN_OK);
    cr_assert_eq(RESONATOR_CALL(0, 0, books, offsets, 2, 1, 0, 0), PKERN_OK);
#undef RESONATOR_CALL
}

Test(hdc_resonator, outputs_that_overlap_an_input_are_refused) {
    uint64_t books[16] = {0}, x = 0;
    size_t offsets[8] = {0, 2, 4}, indices[8];
    pkern_hdc_resonance resonances[4];
#define RESONATOR_CALL(indices, resonances) \
    pkern_hdc_resonator_factor(0, &x, 1, books, offsets, 2, 1, 0, indices, \
                               (pkern_hdc_resonance *)(void *)(resonances))
    cr_assert_eq(RESONATOR_CALL(indices, books), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(indices, books + 3), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(offsets, 0), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(offsets + 2, 0), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(indices, offsets), PKERN_EINVAL);
    cr_assert_eq(RESONATOR_CALL(indices, offsets + 2), PKERN_EINVAL);
    /* just behind */
    cr_assert_eq(RESONATOR_CALL(offsets + 3, books + 4), PKERN_OK);
    cr_assert_eq(RESONATOR_CALL(indices, resonances), PKERN_OK);
#undef RESONATOR_CALL
}

Test(hdc_resonator, no_memory_is_told) {
    hdc_allocator_state state = {1000000, {0}, {0}};
    pkern_allocator allocator = {hdc_allocate, hdc_release, &state};
    resonator_case c = resonator_make(3, 2, 4, 3, 0);
    pkern_pool *pool = hdc_pool_new(2, &allocator);
    state.left = 0;
    cr_assert_eq(pkern_hdc_resonator_factor(pool, c.products, 3, c.codebooks, c.offsets, 2, 3, 0,
                                            c.found, c.resonances),
                 PKERN_ENOMEM);
    state.left = 1000000;
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0);
    resonator_free(&c);
}
