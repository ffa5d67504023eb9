/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Kernels over 8- and 16-bit integers of every set against oracles in 64 bits, at both fences, at
   every offset, with the extreme values. */
#include "test.h"
#include "fence.h"

enum { INTEGER_SEED = 50 };

static const size_t integer_sizes[] = {0,  1,  2,  3,  7,  8,  9,  15, 16,  17,  31,  32,
                                       33, 47, 48, 49, 63, 64, 65, 95, 127, 128, 129, 521};
enum { INTEGER_N_SIZES = sizeof integer_sizes / sizeof integer_sizes[0] };
enum { INTEGER_PATTERNS = 4 };

/* Pattern 1: all the least; 2: all the largest; 3: signs alone. */
static int64_t integer_value(int pattern, uint64_t seed, size_t i, int64_t least) {
    uint64_t word = pkn_random_at(seed, i);
    switch (pattern) {
    case 1:
        return least;
    case 2:
        return -least - 1;
    case 3:
        return word & 1 ? 1 : -1;
    default:
        return (int64_t)(word % (uint64_t)(-2 * least)) + least;
    }
}

static int64_t integer_clip(int64_t x, int64_t limit) {
    return x > limit ? limit : x < -limit ? -limit : x;
}

#define INTEGER_TEST_PRODUCTS(bits, type, least) \
    Test(simd_integer, products_of_##bits##_bits_are_clipped) { \
        unsigned char *fence_a = fence_new(), *fence_b = fence_new(), *fence_out = fence_new(); \
        for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) { \
            for (size_t s = 0; s < INTEGER_N_SIZES; s++) { \
                size_t n = integer_sizes[s]; \
                for (int place = 0; place < FENCE_PLACES; place++) { \
                    for (int pattern = 0; pattern < INTEGER_PATTERNS; pattern++) { \
                        type *a = (type *)fence_place(fence_a, n, sizeof(type), place); \
                        type *b = (type *)fence_place(fence_b, n, sizeof(type), place); \
                        type *out = (type *)fence_place(fence_out, n, sizeof(type), place); \
                        for (size_t i = 0; i < n; i++) { \
                            a[i] = (type)integer_value(pattern, INTEGER_SEED, i, least); \
                            b[i] = (type)integer_value(pattern == 2 ? 1 : pattern, \
                                                       INTEGER_SEED + 1, i, least); \
                        } \
                        set->kernels.multiply_i##bits(a, b, n, out); \
                        for (size_t i = 0; i < n; i++) \
                            cr_assert_eq(out[i], integer_clip((int64_t)a[i] * b[i], -(least)-1), \
                                         "%s, n %zu, i %zu", set->name, n, i); \
                        cr_assert(fence_is_untouched(fence_out, out, n * sizeof(type))); \
                        set->kernels.multiply_i##bits(a, b, n, a); \
                        cr_assert_arr_eq(a, out, n * sizeof(type)); \
                    } \
                } \
            } \
        } \
    }

INTEGER_TEST_PRODUCTS(8, int8_t, (int64_t)INT8_MIN)
INTEGER_TEST_PRODUCTS(16, int16_t, (int64_t)INT16_MIN)

Test(simd_integer, sums_of_16_bits_are_clipped) {
    unsigned char *fence_x = fence_new(), *fence_y = fence_new();
    static int64_t expected[521];
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        for (size_t s = 0; s < INTEGER_N_SIZES; s++) {
            size_t n = integer_sizes[s];
            for (int place = 0; place < FENCE_PLACES; place++) {
                for (int pattern = 0; pattern < INTEGER_PATTERNS; pattern++) {
                    int16_t *x = (int16_t *)fence_place(fence_x, n, 2, place);
                    int16_t *y = (int16_t *)fence_place(fence_y, n, 2, place);
                    for (size_t i = 0; i < n; i++) {
                        x[i] = (int16_t)integer_value(pattern, INTEGER_SEED, i, INT16_MIN);
                        y[i] = (int16_t)integer_value(pattern, INTEGER_SEED + 2, i, INT16_MIN);
                        expected[i] = integer_clip((int64_t)x[i] + y[i], INT16_MAX);
                    }
                    set->kernels.add_saturated_i16(x, n, y);
                    for (size_t i = 0; i < n; i++)
                        cr_assert_eq(y[i], expected[i], "%s, n %zu, i %zu", set->name, n, i);
                    cr_assert(fence_is_untouched(fence_y, y, n * 2));
                }
            }
        }
    }
}

#define INTEGER_TEST_ACCUMULATE(bits, type, least) \
    Test(simd_integer, values_of_##bits##_bits_are_added_to_wide_sums) { \
        unsigned char *fence_x = fence_new(), *fence_sums = fence_new(); \
        for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) { \
            for (size_t s = 0; s < INTEGER_N_SIZES; s++) { \
                size_t n = integer_sizes[s]; \
                for (int place = 0; place < FENCE_PLACES; place++) { \
                    type *x = (type *)fence_place(fence_x, n, sizeof(type), place); \
                    int32_t *sums = (int32_t *)fence_place(fence_sums, n, 4, place); \
                    for (size_t i = 0; i < n; i++) { \
                        x[i] = (type)integer_value(0, INTEGER_SEED + 3, i, least); \
                        sums[i] = (int32_t)(i * 1000); \
                    } \
                    set->kernels.accumulate_i##bits(x, n, sums); \
                    for (size_t i = 0; i < n; i++) \
                        cr_assert_eq(sums[i], (int32_t)(i * 1000) + x[i], "%s, n %zu, i %zu", \
                                     set->name, n, i); \
                    cr_assert(fence_is_untouched(fence_sums, sums, n * 4)); \
                } \
            } \
        } \
    }

INTEGER_TEST_ACCUMULATE(8, int8_t, (int64_t)INT8_MIN)
INTEGER_TEST_ACCUMULATE(16, int16_t, (int64_t)INT16_MIN)

/* The 256-bit VNNI code in the encoding that AVX-512 CPUs have too. */
#if PKN_ARCH_X86
#define pkn_dot_excess_i16_test_vnni(query, n) 0
PKN_AVX512_BEGIN
PKN_DEFINE_DOT_TILES_256(test_vnni, PKN_TARGET_AVX512_VNNI, _mm256_dpbusd_epi32,
                         _mm256_dpwssd_epi32)
PKN_AVX512_END
#endif

/* The kernels of a set; after the last set, those above. */
static int integer_next_dots(const pkn_simd_set **set, pkn_simd_kernels *kernels, int *last) {
    if (*last) return 0;
    *set = fence_next_set(*set);
    if (*set) {
        *kernels = (*set)->kernels;
        return 1;
    }
    *last = 1;
#if PKN_ARCH_X86
    if (pkn_cpu_features() & PKN_CPU_AVX512VNNI) {
        kernels->dot_tile_i8 = pkn_dot_tile_i8_test_vnni;
        kernels->dot_tile_i16 = pkn_dot_tile_i16_test_vnni;
        return 1;
    }
#endif
    return 0;
}

#define INTEGER_TEST_DOTS(bits, type, least) \
    static void integer_check_dots_##bits(const pkn_simd_kernels *kernels, const type *query, \
                                          const type *targets, size_t n_targets, size_t n) { \
        int64_t out[10]; \
        out[n_targets] = 77; \
        kernels->dot_tile_i##bits(query, targets, n_targets, n, out); \
        for (size_t t = 0; t < n_targets; t++) { \
            int64_t sum = 0; \
            for (size_t i = 0; i < n; i++) sum += (int64_t)query[i] * targets[t * n + i]; \
            cr_assert_eq(out[t], sum, "n %zu, target %zu of %zu: %lld, not %lld", n, t, n_targets, \
                         (long long)out[t], (long long)sum); \
        } \
        cr_assert_eq(out[n_targets], 77); \
    } \
\
    Test(simd_integer, dots_of_##bits##_bits_are_exact) { \
        unsigned char *fence_query = fence_new(), *fence_targets = fence_new(); \
        const pkn_simd_set *set = 0; \
        pkn_simd_kernels kernels; \
        int last = 0; \
        while (integer_next_dots(&set, &kernels, &last)) { \
            for (size_t s = 0; s < INTEGER_N_SIZES; s++) { \
                for (int place = 0; place < FENCE_PLACES; place++) { \
                    for (int pattern = 0; pattern < INTEGER_PATTERNS; pattern++) { \
                        size_t n = integer_sizes[s], n_targets = (s + (size_t)place) % 10; \
                        type *query = (type *)fence_place(fence_query, n, sizeof(type), place); \
                        type *targets = (type *)fence_place(fence_targets, n * n_targets, \
                                                            sizeof(type), place); \
                        for (size_t i = 0; i < n; i++) \
                            query[i] = (type)integer_value(pattern, INTEGER_SEED + 4, i, least); \
                        for (size_t i = 0; i < n * n_targets; i++) \
                            targets[i] = (type)integer_value(pattern, INTEGER_SEED + 5, i, least); \
                        integer_check_dots_##bits(&kernels, query, targets, n_targets, n); \
                    } \
                } \
            } \
        } \
    } \
\
    /* Past the point where 32-bit lanes would wrap. */ \
    Test(simd_integer, long_dots_of_##bits##_bits_do_not_overflow) { \
        enum { N = 1200011 }; \
        type *query = (type *)malloc(N * sizeof(type)), \
             *target = (type *)malloc(N * sizeof(type)); \
        const pkn_simd_set *set = 0; \
        pkn_simd_kernels kernels; \
        int last = 0; \
        cr_assert(query &&target); \
        while (integer_next_dots(&set, &kernels, &last)) { \
            for (int pattern = 0; pattern < 4; pattern++) { \
                type a = (type)(pattern & 1 ? (least) : -(least)-1); \
                type b = (type)(pattern & 2 ? (least) : -(least)-1); \
                for (size_t i = 0; i < N; i++) query[i] = a, target[i] = b; \
                integer_check_dots_##bits(&kernels, query, target, 1, N); \
                for (size_t i = 0; i < N; i++) query[i] = (type)(a / 3); \
                integer_check_dots_##bits(&kernels, query, target, 1, N); \
            } \
        } \
        free(query); \
        free(target); \
    }

INTEGER_TEST_DOTS(8, int8_t, (int64_t)INT8_MIN)
INTEGER_TEST_DOTS(16, int16_t, (int64_t)INT16_MIN)
