/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"
#include "par_tools.h"

Test(par_par_select, equals_a_sort_for_every_pattern_rank_and_thread_count) {
    size_t n = 150001;
    double *original = (double *)malloc(n * sizeof *original);
    double *sorted = (double *)malloc(n * sizeof *sorted);
    double *base = (double *)malloc(n * sizeof *base);
    double *first = (double *)malloc(n * sizeof *first);
    static const size_t ranks[] = {0, 1, 100, 1000, 35000, 75000, 75001, 110000, 149999, 150000};
    pkern_pool *pools[PAR_COUNT(par_threads)];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pools[t] = par_pool(par_threads[t]);
    }
    for (int pattern = 0; pattern < PAR_PATTERNS; pattern++) {
        par_fill(original, n, pattern, 3);
        memcpy(sorted, original, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, par_qsort_double);
        for (size_t r = (size_t)pattern % 2; r < PAR_COUNT(ranks); r += 2) {
            size_t nth = ranks[r];
            for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
                memcpy(base, original, n * sizeof *base);
                cr_assert_eq(pkern_par_select_nth(pools[t], base, n, sizeof *base, nth,
                                                  par_compare_double, 0),
                             PKERN_OK);
                cr_assert(base[nth] == sorted[nth], "pattern %d rank %zu", pattern, nth);
                for (size_t i = 0; i < n; i++) {
                    cr_assert(i < nth ? base[i] <= base[nth] : base[i] >= base[nth],
                              "pattern %d rank %zu", pattern, nth);
                }
                if (par_threads[t] == 2) {
                    memcpy(first, base, n * sizeof *base);
                } else if (par_threads[t] > 2) {
                    cr_assert_arr_eq(first, base, n * sizeof *base,
                                     "arrangement depends on threads");
                }
                if (t == 1) {
                    qsort(base, n, sizeof *base, par_qsort_double);
                    cr_assert_arr_eq(base, sorted, n * sizeof *base, "not a permutation");
                }
            }
        }
    }
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        cr_assert_eq(pkern_pool_destroy(pools[t]), PKERN_OK);
    }
    free(original);
    free(sorted);
    free(base);
    free(first);
}

static int par_select_compare_key(const void *a, const void *b, void *ctx) {
    uint32_t x;
    uint32_t y;
    PKN_UNUSED(ctx);
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

Test(par_par_select, moves_elements_of_any_size_whole) {
    static const size_t sizes[] = {4, 5, 16, 40, 100};
    size_t n = 133337;
    pkern_pool *pool = par_pool(3);
    for (size_t s = 0; s < PAR_COUNT(sizes); s++) {
        size_t size = sizes[s];
        unsigned char *base = (unsigned char *)malloc(n * size);
        unsigned char *seen = (unsigned char *)calloc(n, 1);
        for (size_t i = 0; i < n; i++) {
            uint32_t key = (uint32_t)((i * 7919) % n); /* each once */
            memset(base + i * size, (int)(key % 251), size);
            memcpy(base + i * size, &key, sizeof key);
        }
        cr_assert_eq(pkern_par_select_nth(pool, base, n, size, n / 3, par_select_compare_key, 0),
                     PKERN_OK);
        for (size_t i = 0; i < n; i++) {
            uint32_t key;
            memcpy(&key, base + i * size, sizeof key);
            cr_assert_lt(key, n);
            cr_assert_eq(seen[key]++, 0);
            cr_assert(i < n / 3 ? key < n / 3 : i == n / 3 ? key == n / 3 : key > n / 3);
            for (size_t j = sizeof key; j < size; j++) {
                cr_assert_eq(base[i * size + j], key % 251);
            }
        }
        free(base);
        free(seen);
    }
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
}

Test(par_par_select, R43_hostile_comparisons_end_in_bounds_with_a_permutation) {
    size_t n = 140009;
    pkern_pool *pool = par_pool(3);
    double *original = (double *)malloc(n * sizeof *original);
    for (int kind = 0; kind < PAR_HOSTILE_KINDS; kind++) {
        int at_end = kind % 2;
        double *base = (double *)par_guarded(n * sizeof *base, at_end);
        par_hostile hostile = {kind, 0};
        par_fill(original, n, kind % 3, (size_t)kind);
        memcpy(base, original, n * sizeof *base);
        cr_assert_eq(
            pkern_par_select_nth(pool, base, n, sizeof *base, n / 5, par_hostile_compare, &hostile),
            PKERN_OK);
        cr_assert_leq(hostile.calls, 40 * n * 18, "kind %d: %zu calls", kind, hostile.calls);
        qsort(original, n, sizeof *original, par_qsort_double);
        qsort(base, n, sizeof *base, par_qsort_double);
        cr_assert_arr_eq(original, base, n * sizeof *base, "kind %d", kind);
        par_unguard(base, n * sizeof *base, at_end);
    }
    free(original);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
}

Test(par_par_select, R42_R45_bad_arguments_move_nothing) {
    double base[2] = {2.0, 1.0};
    cr_assert_eq(pkern_par_select_nth(0, base, 0, 8, 0, par_compare_double, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_par_select_nth(0, base, 2, 8, 2, par_compare_double, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_par_select_nth(0, 0, 2, 8, 0, par_compare_double, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_par_select_nth(0, base, 2, 0, 0, par_compare_double, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_par_select_nth(0, base, 2, 8, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_par_select_nth(0, base, SIZE_MAX / 4, 8, 0, par_compare_double, 0),
                 PKERN_EOVERFLOW);
    cr_assert(base[0] == 2.0 && base[1] == 1.0);
    cr_assert_eq(pkern_par_select_nth(0, base, 2, 8, 0, par_compare_double, 0), PKERN_OK);
    cr_assert(base[0] == 1.0 && base[1] == 2.0);
}

static int par_select_nested(size_t begin, size_t end, void *ctx) {
    size_t n = 140009;
    double *base = (double *)malloc(n * sizeof *base);
    int wrong = 0;
    for (size_t i = begin; i < end; i++) {
        par_fill(base, n, 1, 0);
        wrong |= pkern_par_select_nth(0, base, n, sizeof *base, 20000 + i, par_compare_double, 0) !=
                 PKERN_OK;
        wrong |= base[20000 + i] != (double)(20000 + i);
    }
    PKN_UNUSED(ctx);
    free(base);
    return wrong;
}

Test(par_par_select, nests) {
    pkern_pool *pool = par_pool(3);
    cr_assert_eq(pkern_par_for(pool, 0, 12, 0, par_select_nested, 0), PKERN_OK);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
}
