/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"
#include "par_tools.h"

#define TOP_LESS(a, b) ((a) < (b))
PKERN_DEFINE_TOP_K(top_typed, double, TOP_LESS)

typedef struct top_ranked {
    double value;
    size_t index;
} top_ranked;

static int top_qsort_ranked(const void *a, const void *b) {
    const top_ranked *x = (const top_ranked *)a;
    const top_ranked *y = (const top_ranked *)b;
    if (x->value != y->value) {
        return x->value < y->value ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The indices in the order of a stable sort. */
static void top_oracle(const double *base, size_t n, size_t *indices) {
    top_ranked *ranked = (top_ranked *)malloc((n + 1) * sizeof *ranked);
    for (size_t i = 0; i < n; i++) {
        ranked[i].value = base[i];
        ranked[i].index = i;
    }
    qsort(ranked, n, sizeof *ranked, top_qsort_ranked);
    for (size_t i = 0; i < n; i++) {
        indices[i] = ranked[i].index;
    }
    free(ranked);
}

static void top_check(pkern_pool *pool, const double *base, size_t n, size_t k,
                      const size_t *expected) {
    size_t *indices = (size_t *)malloc((k + 2) * sizeof *indices);
    for (int typed = 0; typed < 2; typed++) {
        memset(indices, 0x77, (k + 2) * sizeof *indices);
        cr_assert_eq(
            typed ? top_typed(pool, base, n, k, indices)
                  : pkern_par_top_k(pool, base, n, sizeof *base, k, par_compare_double, 0, indices),
            PKERN_OK);
        for (size_t i = 0; i < k; i++) {
            cr_assert_eq(indices[i], i < n ? expected[i] : SIZE_MAX, "n %zu k %zu i %zu typed %d",
                         n, k, i, typed);
        }
        cr_assert_eq(indices[k], (size_t)UINT64_C(0x7777777777777777), "wrote past k");
    }
    free(indices);
}

Test(par_top_k, R44_equals_a_stable_sort_for_every_n_up_to_1025) {
    static double base[1025];
    static double copy[1025];
    static size_t expected[1025];
    pkern_pool *pool = par_pool(2);
    for (size_t n = 0; n <= 1025; n++) {
        size_t ks[5];
        par_fill(base, n, (int)(n % PAR_PATTERNS), n);
        memcpy(copy, base, sizeof base);
        top_oracle(base, n, expected);
        ks[0] = 1;
        ks[1] = par_random(n, n + 1);
        ks[2] = n;
        ks[3] = n + 3;
        ks[4] = par_random(n + 5000, n / 16 + 1);
        for (size_t i = n % 2; i < 5; i++) {
            top_check(pool, base, n, ks[i], expected);
        }
        cr_assert_arr_eq(base, copy, sizeof base, "base changed");
    }
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
}

Test(par_top_k, equals_a_stable_sort_of_large_arrays_at_any_thread_count) {
    size_t n = 100003;
    static const size_t ks[] = {1, 2, 100, 1000, 5000, 12500, 12501, 60000};
    double *base = (double *)malloc(n * sizeof *base);
    size_t *expected = (size_t *)malloc(n * sizeof *expected);
    pkern_pool *pools[PAR_COUNT(par_threads)];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pools[t] = par_pool(par_threads[t]);
    }
    for (int pattern = 0; pattern < PAR_PATTERNS; pattern++) {
        par_fill(base, n, pattern, 11);
        top_oracle(base, n, expected);
        for (size_t k = 0; k < PAR_COUNT(ks); k++) {
            for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
                if (ks[k] < 10000 || t % 2) {
                    top_check(pools[t], base, n, ks[k], expected);
                }
            }
        }
    }
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        cr_assert_eq(pkern_pool_destroy(pools[t]), PKERN_OK);
    }
    free(base);
    free(expected);
}

/* Counts, to show one comparison per element and little more. */
static int top_count_compare(const void *a, const void *b, void *ctx) {
    __atomic_fetch_add((size_t *)ctx, 1, __ATOMIC_RELAXED);
    return par_compare_double(a, b, 0);
}

Test(par_top_k, takes_about_one_comparison_per_element) {
    size_t n = 300000;
    size_t indices[100];
    double *base = (double *)malloc(n * sizeof *base);
    for (int pattern = 0; pattern < PAR_PATTERNS; pattern++) {
        size_t calls = 0;
        par_fill(base, n, pattern, 2);
        cr_assert_eq(
            pkern_par_top_k(0, base, n, sizeof *base, 100, top_count_compare, &calls, indices),
            PKERN_OK);
        cr_assert_lt(calls, n + n / 4, "pattern %d: %zu calls", pattern, calls);
    }
    free(base);
}

Test(par_top_k, an_unlucky_sample_only_costs_time) {
    /* The best sit where no sample is taken, and the samples are all best: fewer than k pass and
       the leaves run again. */
    size_t n = 100003;
    size_t n_samples = pkn_sample_count(n);
    size_t k = 5;
    size_t *expected = (size_t *)malloc(n * sizeof *expected);
    double *base = (double *)malloc(n * sizeof *base);
    for (size_t i = 0; i < n; i++) {
        base[i] = (double)(i + 100);
    }
    for (size_t s = 0; s < n_samples; s++) {
        base[pkn_sample_at(s, n / n_samples)] = 1e9 + (double)s;
    }
    top_oracle(base, n, expected);
    top_check(0, base, n, k, expected);
    for (size_t s = 0; s < n_samples; s++) {
        base[pkn_sample_at(s, n / n_samples)] = -1e9 + (double)(s * s);
    }
    top_oracle(base, n, expected);
    top_check(0, base, n, n_samples, expected);
    free(base);
    free(expected);
}

Test(par_top_k, R43_hostile_comparisons_end_in_bounds_with_distinct_indices) {
    static const size_t lengths[] = {1, 17, 1025, 9000, 40009};
    static const size_t ks[] = {1, 100, 3000};
    pkern_pool *pool = par_pool(3);
    for (int kind = 0; kind < PAR_HOSTILE_KINDS; kind++) {
        for (size_t l = 0; l < PAR_COUNT(lengths); l++) {
            size_t n = lengths[l];
            int at_end = (kind + (int)l) % 2;
            double *base = (double *)par_guarded(n * sizeof *base, at_end);
            unsigned char *seen = (unsigned char *)malloc(n);
            par_fill(base, n, kind % 3, (size_t)kind);
            for (size_t j = 0; j < PAR_COUNT(ks); j++) {
                size_t k = ks[j];
                size_t *indices = (size_t *)par_guarded(k * sizeof *indices, at_end);
                par_hostile hostile = {kind, 0};
                memset(seen, 0, n);
                cr_assert_eq(pkern_par_top_k(pool, base, n, sizeof *base, k, par_hostile_compare,
                                             &hostile, indices),
                             PKERN_OK);
                cr_assert_leq(hostile.calls, 60 * n * (pkn_log2_size(n) + 1), "kind %d n %zu k %zu",
                              kind, n, k);
                for (size_t i = 0; i < k; i++) {
                    cr_assert(i < n ? indices[i] < n && seen[indices[i]]++ == 0
                                    : indices[i] == SIZE_MAX,
                              "kind %d n %zu k %zu i %zu", kind, n, k, i);
                }
                par_unguard(indices, k * sizeof *indices, at_end);
            }
            par_unguard(base, n * sizeof *base, at_end);
            free(seen);
        }
    }
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
}

Test(par_top_k, R44_nan_blind_comparison_gives_distinct_indices) {
    size_t n = 50021;
    size_t indices[64];
    double *base = (double *)malloc(n * sizeof *base);
    for (size_t step = 1; step < 400; step *= 7) {
        par_fill(base, n, 0, 9);
        for (size_t i = 0; i < n; i += step) {
            base[i] = NAN;
        }
        for (int typed = 0; typed < 2; typed++) {
            cr_assert_eq(typed ? top_typed(0, base, n, 64, indices)
                               : pkern_par_top_k(0, base, n, sizeof *base, 64, par_compare_double,
                                                 0, indices),
                         PKERN_OK);
            for (size_t i = 0; i < 64; i++) {
                cr_assert_lt(indices[i], n);
                for (size_t j = 0; j < i; j++) {
                    cr_assert_neq(indices[i], indices[j]);
                }
            }
        }
    }
    free(base);
}

Test(par_top_k, failed_allocation_leaves_the_result) {
    par_heap heap;
    pkern_allocator allocator = par_heap_allocator(&heap);
    pkern_pool *pool = par_pool_with(2, &allocator);
    static double base[20000];
    size_t indices[200];
    par_fill(base, 20000, 0, 1);
    memset(indices, 0x11, sizeof indices);
    heap.armed = 1;
    cr_assert_eq(
        pkern_par_top_k(pool, base, 20000, sizeof *base, 200, par_compare_double, 0, indices),
        PKERN_ENOMEM);
    for (size_t i = 0; i < 200; i++) {
        cr_assert_eq(indices[i], (size_t)UINT64_C(0x1111111111111111));
    }
    heap.armed = 0;
    cr_assert_eq(
        pkern_par_top_k(pool, base, 20000, sizeof *base, 200, par_compare_double, 0, indices),
        PKERN_OK);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(heap.live, 0);
}

Test(par_top_k, R42_R45_bad_arguments_write_nothing) {
    double base[4] = {4.0, 3.0, 2.0, 1.0};
    size_t indices[4] = {9, 9, 9, 9};
    cr_assert_eq(pkern_par_top_k(0, 0, 4, 8, 2, par_compare_double, 0, indices), PKERN_EINVAL);
    cr_assert_eq(pkern_par_top_k(0, base, 4, 0, 2, par_compare_double, 0, indices), PKERN_EINVAL);
    cr_assert_eq(pkern_par_top_k(0, base, 4, 8, 2, 0, 0, indices), PKERN_EINVAL);
    cr_assert_eq(pkern_par_top_k(0, base, 4, 8, 2, par_compare_double, 0, 0), PKERN_EINVAL);
    cr_assert_eq(
        pkern_par_top_k(0, base, 4, 8, 2, par_compare_double, 0, (size_t *)(void *)(base + 3)),
        PKERN_EINVAL);
    cr_assert_eq(pkern_par_top_k(0, base, SIZE_MAX / 8 + 1, 8, 2, par_compare_double, 0, indices),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_par_top_k(0, base, 4, 8, SIZE_MAX / 8 + 1, par_compare_double, 0, indices),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_par_top_k_filter(0, base, 4, 8, 2, par_compare_double, 0, 0, indices),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_par_top_k(0, base, 4, 8, 0, par_compare_double, 0, 0), PKERN_OK);
    cr_assert(indices[0] == 9 && indices[1] == 9 && base[0] == 4.0);
    cr_assert_eq(pkern_par_top_k(0, 0, 0, 8, 2, par_compare_double, 0, indices), PKERN_OK);
    cr_assert(indices[0] == SIZE_MAX && indices[1] == SIZE_MAX && indices[2] == 9);
}

static int top_nested(size_t begin, size_t end, void *ctx) {
    const double *base = (const double *)ctx;
    int wrong = 0;
    for (size_t i = begin; i < end; i++) {
        size_t indices[10];
        wrong |= pkern_par_top_k(0, base, 20000, sizeof *base, 10, par_compare_double, 0,
                                 indices) != PKERN_OK;
        wrong |= indices[9] != 20000 - 10; /* descending */
    }
    return wrong;
}

Test(par_top_k, nests) {
    static double base[20000];
    pkern_pool *pool = par_pool(3);
    par_fill(base, 20000, 2, 0);
    cr_assert_eq(pkern_par_for(pool, 0, 40, 0, top_nested, base), PKERN_OK);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
}
