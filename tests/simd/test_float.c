/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Float kernels of every set: the same bits as oracles that say the order of simd.h in another way;
   NaN needs only be NaN. */
#include "test.h"
#include "fence.h"

#include <float.h>
#include <math.h>

enum { FLOAT_SEED = 22 };

static const size_t float_sizes[] = {127, 128, 129, 191, 192, 193, 255, 256, 257, 389, 1000};
enum {
    FLOAT_SMALL = 131,
    FLOAT_N_SIZES = FLOAT_SMALL + sizeof float_sizes / sizeof float_sizes[0]
};

static size_t float_size(size_t i) {
    return i < FLOAT_SMALL ? i : float_sizes[i - FLOAT_SMALL];
}

/* Values of many magnitudes; `special` makes each fifth one an infinity, NaN, denormal, zero or -0.
 */
static double float_value(uint64_t seed, size_t i, int special, double denormal) {
    static const int n_specials = 6;
    double specials[6] = {(double)INFINITY, -(double)INFINITY, (double)NAN, 0.0, -0.0, 0.0};
    uint64_t random = pkn_random_at(seed, i);
    specials[5] = denormal;
    if (special && random % 5 == 0) return specials[random / 5 % (uint64_t)n_specials];
    return ldexp((double)(int64_t)random, -64 + (int)(random % 20));
}

#define FLOAT_OK(a, b) (memcmp(&(a), &(b), sizeof(a)) == 0 || ((a) != (a) && (b) != (b)))

/* One set of tests a type. Volatile keeps the compiler from fusing or reordering anything in the
   oracles. */
#define DEFINE_FLOAT_TESTS(suffix, type, lanes, denormal, root, epsilon) \
    static type float_fold_##suffix(const type *sums, size_t n) { \
        type left[64] = {0}; \
        if (n == 1) return sums[0]; \
        for (size_t i = 0; i < n / 2; i++) { \
            volatile type sum = sums[i] + sums[n / 2 + i]; \
            left[i] = sum; \
        } \
        return float_fold_##suffix(left, n / 2); \
    } \
    static type float_oracle_dot_##suffix(const type *x, const type *y, size_t n) { \
        type sums[lanes]; \
        for (size_t lane = 0; lane < (lanes); lane++) { \
            volatile type sum = 0; \
            for (size_t i = lane; i < n; i += (lanes)) { \
                volatile type term = y ? x[i] * y[i] : x[i]; \
                sum = sum + term; \
            } \
            sums[lane] = sum; \
        } \
        return float_fold_##suffix(sums, lanes); \
    } \
    static void float_check_elements_##suffix( \
        const char *set, const char *kernel, const type *got, size_t n, volatile type *expected) { \
        for (size_t i = 0; i < n; i++) { \
            type e = expected[i], g = got[i]; \
            cr_assert(FLOAT_OK(g, e), "%s %s: element %zu of %zu is %a, not %a", set, kernel, i, \
                      n, (double)g, (double)e); \
        } \
    } \
    static void float_check_set_##suffix(const pkn_simd_set *set, const type *x, const type *y, \
                                         size_t n, unsigned char *fence, int place) { \
        static volatile type sum[1000], product[1000], square_root[1000], multiple[1000]; \
        const type alpha = (type)1.7; \
        type *out = (type *)fence_place(fence, n, sizeof(type), place); \
        for (size_t i = 0; i < n; i++) { \
            volatile type term = alpha * x[i]; \
            sum[i] = x[i] + y[i]; \
            product[i] = x[i] * y[i]; \
            square_root[i] = root(x[i]); \
            multiple[i] = y[i] + term; \
        } \
        set->kernels.add_##suffix(x, y, n, out); \
        float_check_elements_##suffix(set->name, "add", out, n, sum); \
        set->kernels.multiply_##suffix(x, y, n, out); \
        float_check_elements_##suffix(set->name, "multiply", out, n, product); \
        set->kernels.sqrt_##suffix(x, n, out); \
        float_check_elements_##suffix(set->name, "sqrt", out, n, square_root); \
        if (n) memcpy(out, y, n * sizeof(type)); \
        set->kernels.axpy_##suffix(alpha, x, n, out); \
        float_check_elements_##suffix(set->name, "axpy", out, n, multiple); \
        if (n) memcpy(out, x, n * sizeof(type)); \
        set->kernels.add_##suffix(out, y, n, out); \
        float_check_elements_##suffix(set->name, "add in place", out, n, sum); \
        if (n) memcpy(out, y, n * sizeof(type)); \
        set->kernels.multiply_##suffix(x, out, n, out); \
        float_check_elements_##suffix(set->name, "multiply in place", out, n, product); \
        if (n) memcpy(out, x, n * sizeof(type)); \
        set->kernels.sqrt_##suffix(out, n, out); \
        float_check_elements_##suffix(set->name, "sqrt in place", out, n, square_root); \
        cr_assert(fence_is_untouched(fence, out, n * sizeof(type)), "%s, %zu elements, place %d", \
                  set->name, n, place); \
    } \
    static void float_check_reductions_##suffix(const pkn_simd_set *set, const type *x, \
                                                const type *y, size_t n) { \
        type sum = set->kernels.sum_##suffix(x, n), \
             sum_expected = float_oracle_dot_##suffix(x, 0, n); \
        type dot = set->kernels.dot_##suffix(x, y, n), \
             dot_expected = float_oracle_dot_##suffix(x, y, n); \
        cr_assert(FLOAT_OK(sum, sum_expected), "%s: sum of %zu is %a, not %a", set->name, n, \
                  (double)sum, (double)sum_expected); \
        cr_assert(FLOAT_OK(dot, dot_expected), "%s: dot of %zu is %a, not %a", set->name, n, \
                  (double)dot, (double)dot_expected); \
    } \
    Test(simd_float, kernels_of_every_set_have_the_bits_of_the_oracle_##suffix) { \
        unsigned char *fence_x = fence_new(), *fence_y = fence_new(), *fence_out = fence_new(); \
        for (size_t s = 0; s < FLOAT_N_SIZES; s++) { \
            size_t n = float_size(s); \
            for (int special = 0; special < 2; special++) { \
                int place = (int)(s % 2 ? 0 : (s / 2) % FENCE_PLACES); \
                type *x = (type *)fence_place(fence_x, n, sizeof(type), place); \
                type *y = (type *)fence_place(fence_y, n, sizeof(type), \
                                              place < 2 ? place : (place * 3) % 8 + 1); \
                for (size_t i = 0; i < n; i++) { \
                    x[i] = (type)float_value(FLOAT_SEED, i, special, denormal); \
                    y[i] = (type)float_value(FLOAT_SEED + 1, i, special, denormal); \
                } \
                for (const pkn_simd_set *set = fence_next_set(0); set; \
                     set = fence_next_set(set)) { \
                    float_check_set_##suffix(set, x, y, n, fence_out, place); \
                    float_check_reductions_##suffix(set, x, y, n); \
                } \
            } \
        } \
    } \
    Test(simd_float, sums_stay_within_their_error_bound_##suffix) { \
        static type x[1000], y[1000]; \
        for (size_t n = 0; n <= 1000; n += 37) { \
            long double sum = 0, sum_size = 0, dot = 0, dot_size = 0; \
            double steps = (double)((n + (lanes)-1) / (lanes)) + log2(lanes); \
            for (size_t i = 0; i < n; i++) { \
                x[i] = (type)float_value(FLOAT_SEED + 2, i, 0, 0); \
                y[i] = (type)float_value(FLOAT_SEED + 3, i, 0, 0); \
                sum += x[i]; \
                sum_size += fabsl((long double)x[i]); \
                dot += (long double)x[i] * y[i]; \
                dot_size += fabsl((long double)x[i] * y[i]); \
            } \
            cr_assert_leq(fabsl(pkern_simd_sum_##suffix(x, n) - sum), \
                          steps *(epsilon) / 2 * sum_size); \
            cr_assert_leq(fabsl(pkern_simd_dot_##suffix(x, y, n) - dot), \
                          (steps + 1) * (epsilon) / 2 * dot_size); \
        } \
    } \
    Test(simd_float, products_are_rounded_before_they_are_added_##suffix) { \
        const type step = (type)sqrt( \
            (double)(epsilon)); /* (1 + step)^2 = 1 + 2 step + epsilon/2-ish, which rounds */ \
        const type one_more = 1 + step / 2; \
        static type x[200], out[200]; \
        volatile type product = one_more * one_more; \
        for (size_t i = 0; i < 200; i++) { \
            x[i] = one_more; \
        } \
        for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) { \
            for (size_t i = 0; i < 200; i++) out[i] = -product; \
            set->kernels.axpy_##suffix(one_more, x, 200, out); \
            for (size_t i = 0; i < 200; i++) cr_assert_eq(out[i], 0, "%s fuses", set->name); \
            x[3 + (lanes)] = -product; /* the accumulator 3 then holds product - product */ \
            memset(out, 0, sizeof out); \
            out[3] = one_more; \
            out[3 + (lanes)] = 1; \
            cr_assert_eq(set->kernels.dot_##suffix(x, out, 200), 0, "%s fuses", set->name); \
            x[3 + (lanes)] = one_more; \
        } \
    } \
    Test(simd_float, axpy_may_add_an_array_to_itself_##suffix) { \
        static type x[100]; \
        for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) { \
            for (size_t i = 0; i < 100; i++) x[i] = (type)i; \
            set->kernels.axpy_##suffix(2, x, 100, x); \
            for (size_t i = 0; i < 100; i++) cr_assert_eq(x[i], (type)(3 * i)); \
        } \
    } \
    Test(simd_float, no_elements_and_minus_zero_give_plus_zero_##suffix) { \
        static const type minus_zero[70] = {(type)-0.0}; \
        for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) { \
            const type zero = 0; \
            type sum; \
            fence_use_set(set); \
            pkern_simd_add_##suffix(0, 0, 0, 0); \
            pkern_simd_multiply_##suffix(0, 0, 0, 0); \
            pkern_simd_sqrt_##suffix(0, 0, 0); \
            pkern_simd_axpy_##suffix(1, 0, 0, 0); \
            sum = pkern_simd_dot_##suffix(0, 0, 0); \
            cr_assert_arr_eq(&sum, &zero, sizeof sum); \
            for (size_t n = 0; n <= 70; n++) { \
                sum = pkern_simd_sum_##suffix(minus_zero, n); \
                cr_assert_arr_eq(&sum, &zero, sizeof sum); \
            } \
        } \
        fence_use_set(0); \
    }

DEFINE_FLOAT_TESTS(f32, float, 64, 0x1p-140, sqrtf, (double)FLT_EPSILON)
DEFINE_FLOAT_TESTS(f64, double, 32, 0x1p-1060, sqrt, DBL_EPSILON)
