/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"
#include "par_tools.h"

static size_t select_size; /* of qsort's elements */

static int select_qsort_bytes(const void *a, const void *b) {
    return memcmp(a, b, select_size);
}

/* base was reordered from original: same elements, element nth as sorted, sides on their sides. */
static void select_check_bytes(const unsigned char *original, const unsigned char *base, size_t n,
                               size_t size, size_t nth) {
    unsigned char *sorted = (unsigned char *)malloc(n * size + 1);
    unsigned char *again = (unsigned char *)malloc(n * size + 1);
    memcpy(sorted, original, n * size);
    memcpy(again, base, n * size);
    select_size = size;
    qsort(sorted, n, size, select_qsort_bytes);
    qsort(again, n, size, select_qsort_bytes);
    cr_assert_arr_eq(sorted, again, n * size, "not a permutation: n %zu size %zu nth %zu", n, size,
                     nth);
    cr_assert_arr_eq(sorted + nth * size, base + nth * size, size,
                     "wrong element: n %zu size %zu nth %zu", n, size, nth);
    for (size_t i = 0; i < n; i++) {
        int sign = memcmp(base + i * size, base + nth * size, size);
        cr_assert(i < nth ? sign <= 0 : sign >= 0, "wrong side: n %zu size %zu nth %zu i %zu", n,
                  size, nth, i);
    }
    free(sorted);
    free(again);
}

Test(par_select, R44_equals_a_sort_for_every_n_up_to_1025_and_many_sizes) {
    static const size_t sizes[] = {8, 4, 16, 1, 3, 24, 100};
    static unsigned char original[1025 * 100];
    static unsigned char base[1025 * 100];
    for (size_t n = 1; n <= 1025; n++) {
        for (size_t s = 0; s < 3; s++) {
            size_t size = sizes[(n + s * 2) % PAR_COUNT(sizes)];
            size_t alphabet = (n + s) % 3 == 0 ? 3 : 256;
            size_t ranks[3];
            ranks[0] = par_random(n, n);
            ranks[1] = 0;
            ranks[2] = n - 1;
            for (size_t i = 0; i < n * size; i++) {
                original[i] = (unsigned char)par_random(n * 1000003 + i, alphabet);
            }
            memcpy(base, original, n * size);
            cr_assert_eq(pkern_select_nth(base, n, size, ranks[s], par_compare_bytes, &size),
                         PKERN_OK);
            select_check_bytes(original, base, n, size, ranks[s]);
        }
    }
}

Test(par_select, every_pattern_and_rank_of_small_arrays) {
    static double original[67];
    static double base[67];
    static double sorted[67];
    for (int pattern = 0; pattern < PAR_PATTERNS; pattern++) {
        for (size_t n = 1; n <= 67; n += 3) {
            par_fill(original, n, pattern, n);
            memcpy(sorted, original, n * sizeof *sorted);
            qsort(sorted, n, sizeof *sorted, par_qsort_double);
            for (size_t nth = 0; nth < n; nth++) {
                memcpy(base, original, n * sizeof *base);
                cr_assert_eq(pkern_select_nth(base, n, sizeof *base, nth, par_compare_double, 0),
                             PKERN_OK);
                cr_assert(base[nth] == sorted[nth]);
                for (size_t i = 0; i < n; i++) {
                    cr_assert(i < nth ? base[i] <= base[nth] : base[i] >= base[nth]);
                }
            }
        }
    }
}

/* Calls stay within a small multiple of n for every pattern, ends included. */
typedef struct select_counter {
    size_t calls;
} select_counter;

static int select_count_compare(const void *a, const void *b, void *ctx) {
    ((select_counter *)ctx)->calls++;
    return par_compare_double(a, b, 0);
}

Test(par_select, takes_a_linear_number_of_comparisons) {
    size_t n = 50000;
    double *base = (double *)malloc(n * sizeof *base);
    for (int pattern = 0; pattern < PAR_PATTERNS; pattern++) {
        for (size_t part = 0; part <= 4; part++) {
            select_counter counter = {0};
            par_fill(base, n, pattern, 1);
            cr_assert_eq(pkern_select_nth(base, n, sizeof *base, (n - 1) * part / 4,
                                          select_count_compare, &counter),
                         PKERN_OK);
            cr_assert_lt(counter.calls, 5 * n, "pattern %d rank %zu/4: %zu calls", pattern, part,
                         counter.calls);
        }
    }
    free(base);
}

/* McIlroy's adversary: decides the order while it is asked, so that every pivot is bad. Values are
   ranks, "gas" is above all. */
typedef struct select_adversary {
    double *values;
    double solid;
    double gas;
    size_t candidate;
    size_t calls;
} select_adversary;

static int select_adversary_compare(const void *a, const void *b, void *ctx) {
    select_adversary *adversary = (select_adversary *)ctx;
    uint64_t x;
    uint64_t y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    adversary->calls++;
    if (adversary->values[x] == adversary->gas && adversary->values[y] == adversary->gas) {
        adversary->values[x == adversary->candidate ? x : y] = adversary->solid++;
    }
    if (adversary->values[x] == adversary->gas) {
        adversary->candidate = (size_t)x;
    } else if (adversary->values[y] == adversary->gas) {
        adversary->candidate = (size_t)y;
    }
    return (adversary->values[x] > adversary->values[y]) -
           (adversary->values[x] < adversary->values[y]);
}

Test(par_select, an_adversary_costs_n_log_n_at_most) {
    uint64_t n = 20000;
    uint64_t *base = (uint64_t *)malloc(n * sizeof *base);
    select_adversary adversary = {0, 0.0, 0.0, 0, 0};
    adversary.values = (double *)malloc(n * sizeof(double));
    adversary.gas = (double)n;
    for (uint64_t i = 0; i < n; i++) {
        base[i] = i;
        adversary.values[i] = adversary.gas;
    }
    cr_assert_eq(
        pkern_select_nth(base, n, sizeof *base, n - 2, select_adversary_compare, &adversary),
        PKERN_OK);
    cr_assert_lt(adversary.calls, 60 * n, "%zu calls", adversary.calls);
    free(adversary.values);
    free(base);
}

Test(par_select, R43_hostile_comparisons_end_in_bounds_with_a_permutation) {
    static const size_t lengths[] = {1, 2, 16, 17, 100, 1025, 5000};
    for (int kind = 0; kind < PAR_HOSTILE_KINDS; kind++) {
        for (size_t l = 0; l < PAR_COUNT(lengths); l++) {
            size_t n = lengths[l];
            for (int at_end = 0; at_end < 2; at_end++) {
                double *base = (double *)par_guarded(n * sizeof *base, at_end);
                double *original = (double *)malloc(n * sizeof *original);
                par_hostile hostile = {kind, 0};
                par_fill(original, n, kind % 3, (size_t)kind);
                memcpy(base, original, n * sizeof *base);
                cr_assert_eq(pkern_select_nth(base, n, sizeof *base, par_random(l, n),
                                              par_hostile_compare, &hostile),
                             PKERN_OK);
                cr_assert_leq(hostile.calls, 40 * n * (pkn_log2_size(n) + 1),
                              "kind %d n %zu: %zu calls", kind, n, hostile.calls);
                qsort(original, n, sizeof *original, par_qsort_double);
                qsort(base, n, sizeof *base, par_qsort_double);
                cr_assert_arr_eq(original, base, n * sizeof *base, "kind %d n %zu", kind, n);
                par_unguard(base, n * sizeof *base, at_end);
                free(original);
            }
        }
    }
}

Test(par_select, R44_nan_and_infinities_leave_a_permutation) {
    static const double special[] = {
        NAN, -INFINITY, INFINITY, 0.0, -0.0, 5e-324, 1.7976931348623157e308};
    double base[8];
    for (size_t code = 0; code < 7 * 7 * 7 * 7 * 7; code++) {
        size_t rest = code;
        int counts[7] = {0, 0, 0, 0, 0, 0, 0};
        for (size_t i = 0; i < 5; i++, rest /= 7) {
            base[i] = special[rest % 7];
            counts[rest % 7]++;
        }
        cr_assert_eq(pkern_select_nth(base, 5, sizeof *base, code % 5, par_compare_double, 0),
                     PKERN_OK);
        for (size_t i = 0; i < 5; i++) {
            for (size_t j = 0; j < 7; j++) {
                counts[j] -= memcmp(base + i, special + j, sizeof *base) == 0;
            }
        }
        for (size_t j = 0; j < 7; j++) {
            cr_assert_eq(counts[j], 0);
        }
    }
}

Test(par_select, R42_R45_bad_arguments_move_nothing) {
    double base[3] = {3.0, 2.0, 1.0};
    size_t size = 8;
    cr_assert_eq(pkern_select_nth(base, 0, 8, 0, par_compare_double, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_select_nth(0, 0, 8, 0, par_compare_double, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_select_nth(base, 3, 8, 3, par_compare_double, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_select_nth(0, 3, 8, 0, par_compare_double, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_select_nth(base, 3, 0, 0, par_compare_double, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_select_nth(base, 3, 8, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_select_nth(base, SIZE_MAX / 8 + 1, 8, 0, par_compare_double, 0),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_select_nth(base, SIZE_MAX, 2, 0, par_compare_bytes, &size), PKERN_EOVERFLOW);
    cr_assert(base[0] == 3.0 && base[1] == 2.0 && base[2] == 1.0);
}
