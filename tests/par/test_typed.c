/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"
#include "par_tools.h"

PKERN_DEFINE_MAP(typed_halve, int32_t, double, x * 0.5)
PKERN_DEFINE_MAP(typed_negate, float, float, -x)
PKERN_DEFINE_REDUCE(typed_sum_of_squares, double, double, 0.0, x *x, a + b)

/* A product of 2 x 2 matrices modulo 2^32: associative, not commutative. */
typedef struct typed_matrix {
    uint32_t m[4];
} typed_matrix;

static typed_matrix typed_multiply(typed_matrix a, typed_matrix b) {
    typed_matrix c;
    for (size_t i = 0; i < 4; i++) {
        c.m[i] = a.m[i & 2] * b.m[i & 1] + a.m[(i & 2) + 1] * b.m[(i & 1) + 2];
    }
    return c;
}

static typed_matrix typed_matrix_of(uint32_t x) {
    typed_matrix matrix = {{x, 1, 1, 0}};
    return matrix;
}

static const typed_matrix typed_one = {{1, 0, 0, 1}};
PKERN_DEFINE_REDUCE(typed_product, uint32_t, typed_matrix, typed_one, typed_matrix_of(x),
                    typed_multiply(a, b))

typedef struct typed_bounds {
    float low;
    float high;
} typed_bounds;

static const typed_bounds typed_nowhere = {INFINITY, -INFINITY};
PKERN_DEFINE_FOLD(typed_bounds_of, float, typed_bounds, typed_nowhere, if (x < acc.low) acc.low = x;
                  if (x > acc.high) acc.high = x, if (right.low < acc.low) acc.low = right.low;
                  if (right.high > acc.high) acc.high = right.high)
PKERN_DEFINE_FOLD(typed_sum, float, float, 0.0f, acc += x, acc += right)

#define TYPED_GREATER(a, b) ((a) > (b))
PKERN_DEFINE_SELECT_NTH(typed_select_largest, uint32_t, TYPED_GREATER)
PKERN_DEFINE_TOP_K(typed_largest, uint32_t, TYPED_GREATER)

static int typed_less_product(typed_matrix a, typed_matrix b) {
    return a.m[0] < b.m[0];
}
PKERN_DEFINE_SELECT_NTH(typed_select_matrix, typed_matrix, typed_less_product)

Test(par_typed, map_equals_its_loop) {
    static int32_t in[10007];
    static double out[10007];
    static float values[501];
    for (size_t i = 0; i < PAR_COUNT(in); i++) {
        in[i] = (int32_t)par_random(i, 1000) - 500;
    }
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t n = 0; n <= 10007; n = n * 10 + 7) {
            memset(out, 0, sizeof out);
            cr_assert_eq(typed_halve(pool, in, out, n, 0), PKERN_OK);
            for (size_t i = 0; i < PAR_COUNT(out); i++) {
                cr_assert(out[i] == (i < n ? in[i] * 0.5 : 0.0));
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
    for (size_t i = 0; i < 501; i++) {
        values[i] = (float)i;
    }
    cr_assert_eq(typed_negate(0, values, values, 501, 0), PKERN_OK);
    for (size_t i = 0; i < 501; i++) {
        cr_assert(values[i] == -(float)i);
    }
}

Test(par_typed, R42_map_checks_its_arguments) {
    int32_t in[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    double out[8] = {0.0};
    float values[9] = {1.0f};
    cr_assert_eq(typed_halve(0, 0, out, 1, 0), PKERN_EINVAL);
    cr_assert_eq(typed_halve(0, in, 0, 1, 0), PKERN_EINVAL);
    cr_assert_eq(typed_halve(0, in, out, SIZE_MAX / 8 + 1, 0), PKERN_EOVERFLOW);
    cr_assert_eq(typed_negate(0, values, values + 1, 8, 0), PKERN_EINVAL);
    cr_assert_eq(typed_halve(0, 0, 0, 0, 0), PKERN_OK);
    cr_assert(out[0] == 0.0 && values[0] == 1.0f);
}

Test(par_typed, reduce_keeps_order_and_bits) {
    static uint32_t factors[5003];
    static double samples[5003];
    double first_sum = 0.0;
    double exact = 0.0;
    for (size_t i = 0; i < PAR_COUNT(factors); i++) {
        factors[i] = (uint32_t)par_random(i, 1 << 30);
        samples[i] = (double)par_random(i, 1000003) * 1e-3;
        exact += samples[i] * samples[i];
    }
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        double sum = 0.0;
        for (size_t n = 0; n <= 5003; n = n * 2 + 1) {
            typed_matrix expected = typed_one;
            typed_matrix product;
            pkern_par_options options;
            for (size_t i = 0; i < n; i++) {
                expected = typed_multiply(expected, typed_matrix_of(factors[i]));
            }
            cr_assert_eq(typed_product(pool, factors, n, 0, &product), PKERN_OK);
            cr_assert_arr_eq(&product, &expected, sizeof product, "n %zu", n);
            memset(&options, 0, sizeof options);
            options.max_len = 3;
            cr_assert_eq(typed_product(pool, factors, n, &options, &product), PKERN_OK);
            cr_assert_arr_eq(&product, &expected, sizeof product, "n %zu", n);
        }
        cr_assert_eq(typed_sum_of_squares(pool, samples, 5003, 0, &sum), PKERN_OK);
        if (t == 0) {
            first_sum = sum;
        }
        cr_assert_arr_eq(&sum, &first_sum, sizeof sum);
        cr_assert_float_eq(sum, exact, exact * 1e-13);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

static void typed_zero(void *acc, void *ctx) {
    PKN_UNUSED(ctx);
    *(float *)acc = 0.0f;
}

static int typed_add_items(void *acc, size_t begin, size_t end, void *ctx) {
    for (size_t i = begin; i < end; i++) {
        *(float *)acc += ((const float *)ctx)[i];
    }
    return 0;
}

static void typed_add(void *acc, const void *right, void *ctx) {
    PKN_UNUSED(ctx);
    *(float *)acc += *(const float *)right;
}

Test(par_typed, fold_has_the_bits_of_the_generic_reduction) {
    static float values[300007];
    typed_bounds bounds;
    float low = INFINITY;
    float high = -INFINITY;
    pkern_reducer reducer = {sizeof(float), typed_zero, typed_add_items, typed_add, values};
    pkern_par_options options;
    float generic = 0.0f;
    float typed = 1.0f;
    for (size_t i = 0; i < PAR_COUNT(values); i++) {
        values[i] = (float)par_random(i, 1000003) * 1e-3f - 333.0f;
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    memset(&options, 0, sizeof options);
    options.min_len = 256;
    for (size_t n = 1; n <= 300007; n = n * 7 + 3) {
        cr_assert_eq(pkern_par_reduce(0, 0, n, &options, &reducer, &generic), PKERN_OK);
        cr_assert_eq(typed_sum(0, values, n, 0, &typed), PKERN_OK);
        cr_assert_arr_eq(&generic, &typed, sizeof typed, "n %zu", n);
    }
    cr_assert_eq(typed_bounds_of(0, values, 300007, 0, &bounds), PKERN_OK);
    cr_assert(bounds.low == low && bounds.high == high);
    cr_assert_eq(typed_bounds_of(0, 0, 0, 0, &bounds), PKERN_OK);
    cr_assert(bounds.low == INFINITY && bounds.high == -INFINITY);
    cr_assert_eq(typed_bounds_of(0, 0, 1, 0, &bounds), PKERN_EINVAL);
    cr_assert_eq(typed_bounds_of(0, values, 1, 0, 0), PKERN_EINVAL);
    cr_assert_eq(typed_bounds_of(0, values, SIZE_MAX / 4 + 1, 0, &bounds), PKERN_EOVERFLOW);
}

static int typed_qsort_greater(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

Test(par_typed, select_equals_a_sort) {
    static uint32_t base[1025];
    static uint32_t sorted[1025];
    static typed_matrix matrices[300];
    for (size_t n = 1; n <= 1025; n += 1 + n / 20) {
        size_t nth = par_random(n, n);
        for (size_t i = 0; i < n; i++) {
            sorted[i] = base[i] = (uint32_t)par_random(n * 2000 + i, n % 2 ? 1000000 : 5);
        }
        qsort(sorted, n, sizeof *sorted, typed_qsort_greater);
        cr_assert_eq(typed_select_largest(base, n, nth), PKERN_OK);
        cr_assert_eq(base[nth], sorted[nth]);
        for (size_t i = 0; i < n; i++) {
            cr_assert(i < nth ? base[i] >= base[nth] : base[i] <= base[nth]);
        }
    }
    for (size_t i = 0; i < 300; i++) {
        matrices[i] = typed_matrix_of((uint32_t)((i * 77) % 300));
    }
    cr_assert_eq(typed_select_matrix(matrices, 300, 123), PKERN_OK);
    cr_assert_eq(matrices[123].m[0], 123);
    cr_assert_eq(typed_select_largest(base, 5, 5), PKERN_EINVAL);
    cr_assert_eq(typed_select_largest(0, 5, 1), PKERN_EINVAL);
    cr_assert_eq(typed_select_largest(base, SIZE_MAX / 4 + 1, 1), PKERN_EOVERFLOW);
}

Test(par_typed, top_k_takes_the_largest_where_less_says_greater) {
    static uint32_t scores[30011];
    static uint32_t sorted[30011];
    size_t indices[50];
    for (size_t i = 0; i < PAR_COUNT(scores); i++) {
        sorted[i] = scores[i] = (uint32_t)par_random(i, 10000);
    }
    qsort(sorted, PAR_COUNT(sorted), sizeof *sorted, typed_qsort_greater);
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        cr_assert_eq(typed_largest(pool, scores, PAR_COUNT(scores), 50, indices), PKERN_OK);
        for (size_t i = 0; i < 50; i++) {
            cr_assert_eq(scores[indices[i]], sorted[i]);
            cr_assert(i == 0 || sorted[i] != sorted[i - 1] || indices[i] > indices[i - 1]);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}
