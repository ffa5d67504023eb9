/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

enum { BIPOLAR_SEED = 300 };

static const size_t bipolar_dims[] = {1, 3, 63, 64, 65, 517, 2048, 20011};
enum { BIPOLAR_N_DIMS = sizeof bipolar_dims / sizeof bipolar_dims[0] };

static int64_t bipolar_clip(int64_t x, int64_t limit) {
    return x > limit ? limit : x < -limit ? -limit : x;
}

/* Each test for both element types; `limit` is what results are clipped to. Values are any, or -1
   and 1. */
#define BIPOLAR_TESTS(suffix, type, limit) \
    static type *bipolar_new_##suffix(size_t n, uint64_t seed, int signs) { \
        type *x = (type *)malloc(n * sizeof(type) + 1); \
        cr_assert_not_null(x); \
        for (size_t i = 0; i < n; i++) { \
            uint64_t word = pkn_random_at(seed, i); \
            x[i] = signs ? (word & 1 ? 1 : -1) : (type)(word % (2 * (limit) + 2)); \
        } \
        return x; \
    } \
\
    Test(hdc_bipolar, random_##suffix##_has_the_bits_of_the_binary_vector) { \
        uint64_t bits[3]; \
        type out[180]; \
        pkern_hdc_random(5, bits, 3); \
        pkern_hdc_map_random_##suffix(5, out, 180); \
        for (size_t i = 0; i < 180; i++) \
            cr_assert_eq(out[i], bits[i / 64] >> (i % 64) & 1 ? 1 : -1); \
    } \
\
    Test(hdc_bipolar, bind_##suffix##_multiplies_and_clips) { \
        for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) { \
            for (size_t d = 0; d < BIPOLAR_N_DIMS; d++) { \
                size_t dims = bipolar_dims[d], n = d % 4 == 3 ? 13 : d % 4; \
                type *x = bipolar_new_##suffix(n * dims, BIPOLAR_SEED, 0); \
                type *key = bipolar_new_##suffix(dims, BIPOLAR_SEED + 1, (int)(d & 1)); \
                type *out = bipolar_new_##suffix(n * dims, 0, 0); \
                cr_assert_eq(pkern_hdc_map_bind_##suffix(0, x, n, key, dims, out), PKERN_OK); \
                for (size_t i = 0; i < n * dims; i++) \
                    cr_assert_eq(out[i], bipolar_clip((int64_t)x[i] * key[i % dims], limit)); \
                cr_assert_eq(pkern_hdc_map_bind_##suffix(0, x, n, key, dims, x), PKERN_OK); \
                cr_assert_arr_eq(x, out, n *dims * sizeof(type)); \
                free(x); \
                free(key); \
                free(out); \
            } \
        } \
    } \
\
    Test(hdc_bipolar, bundle_##suffix##_adds_exactly_and_clips_once) { \
        static const size_t offsets[] = {1, 1, 2, 5, 12, 300}; \
        for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) { \
            for (size_t d = 0; d < BIPOLAR_N_DIMS; d += set->features == 0 ? 1 : 3) { \
                size_t dims = bipolar_dims[d] < 5000 ? bipolar_dims[d] : 1100; \
                type *x = bipolar_new_##suffix(300 * dims, BIPOLAR_SEED, (int)(d & 1)); \
                type *out = bipolar_new_##suffix(5 * dims, 0, 0); \
                cr_assert_eq(pkern_hdc_map_bundle_##suffix(0, x, offsets, 5, dims, out), \
                             PKERN_OK); \
                for (size_t i = 0; i < 5 * dims; i++) { \
                    int64_t sum = 0; \
                    for (size_t r = offsets[i / dims]; r < offsets[i / dims + 1]; r++) \
                        sum += x[r * dims + i % dims]; \
                    cr_assert_eq(out[i], bipolar_clip(sum, limit)); \
                } \
                free(x); \
                free(out); \
            } \
        } \
    } \
\
    Test(hdc_bipolar, permute_##suffix##_rotates) { \
        static const long shifts[] = {0, 1, -1, 70, -130, 100000}; \
        for (size_t d = 0; d < BIPOLAR_N_DIMS; d++) { \
            for (size_t s = 0; s < sizeof shifts / sizeof shifts[0]; s++) { \
                size_t dims = bipolar_dims[d]; \
                type *x = bipolar_new_##suffix(3 * dims, BIPOLAR_SEED, 0); \
                type *out = bipolar_new_##suffix(3 * dims, 0, 0); \
                cr_assert_eq(pkern_hdc_map_permute_##suffix(0, x, 3, dims, shifts[s], out), \
                             PKERN_OK); \
                for (size_t i = 0; i < dims; i++) { \
                    long to = ((long)i + shifts[s]) % (long)dims; \
                    size_t place = (size_t)(to < 0 ? to + (long)dims : to); \
                    for (size_t r = 0; r < 3; r++) \
                        cr_assert_eq(out[r * dims + place], x[r * dims + i]); \
                } \
                free(x); \
                free(out); \
            } \
        } \
    } \
\
    static void bipolar_check_search_##suffix(pkern_pool *pool, size_t n_queries, size_t n, \
                                              size_t dims, size_t k, int signs) { \
        type *queries = bipolar_new_##suffix(n_queries * dims, BIPOLAR_SEED + 7, signs); \
        type *memory = bipolar_new_##suffix(n * dims, BIPOLAR_SEED + 8, signs); \
        int64_t *dots = (int64_t *)malloc(n_queries * n * 8 + 8); \
        pkern_hdc_map_match *out = \
            (pkern_hdc_map_match *)malloc(n_queries * k * sizeof(pkern_hdc_map_match) + 1); \
        cr_assert(dots &&out); \
        cr_assert_eq(pkern_hdc_map_dots_##suffix(pool, queries, n_queries, memory, n, dims, dots), \
                     PKERN_OK); \
        cr_assert_eq( \
            pkern_hdc_map_top_k_##suffix(pool, queries, n_queries, memory, n, dims, k, out), \
            PKERN_OK); \
        for (size_t q = 0; q < n_queries; q++) { \
            for (size_t t = 0; t < n; t++) { \
                int64_t sum = 0; \
                for (size_t i = 0; i < dims; i++) \
                    sum += (int64_t)queries[q * dims + i] * memory[t * dims + i]; \
                cr_assert_eq(dots[q * n + t], sum); \
            } \
            for (size_t i = 0; i < k; i++) { \
                size_t best = SIZE_MAX; \
                for (size_t t = 0; t < n; t++) { \
                    if (dots[q * n + t] != INT64_MIN && \
                        (best == SIZE_MAX || dots[q * n + t] > dots[q * n + best])) \
                        best = t; \
                } \
                cr_assert_eq(out[q * k + i].index, best); \
                cr_assert_eq(out[q * k + i].dot, \
                             best == SIZE_MAX ? INT64_MIN : dots[q * n + best]); \
                if (best != SIZE_MAX) dots[q * n + best] = INT64_MIN; \
            } \
        } \
        free(queries); \
        free(memory); \
        free(dots); \
        free(out); \
    } \
\
    Test(hdc_bipolar, dots_and_top_k_##suffix##_match_a_loop) { \
        for (const pkn_simd_set *set = hdc_next_set(0); set; set = hdc_next_set(set)) { \
            bipolar_check_search_##suffix(0, 1, 1, 1, 1, 0); \
            bipolar_check_search_##suffix(0, 17, 131, 65, 5, 0); \
            bipolar_check_search_##suffix(0, 3, 257, 3, 17, 1); /* many ties */ \
            bipolar_check_search_##suffix(0, 2, 7, 517, 11, 1); \
            bipolar_check_search_##suffix(0, 2, 0, 64, 3, 1); \
            bipolar_check_search_##suffix(0, 0, 5, 64, 3, 1); \
            bipolar_check_search_##suffix(0, 5, 5, 64, 0, 1); \
        } \
    } \
\
    Test(hdc_bipolar, every_pool_gives_the_same_##suffix) { \
        enum { N = 3000, DIMS = 300, K = 20 }; \
        static const size_t offsets[] = {0, 1000, 1007, N}; \
        type *x = bipolar_new_##suffix(N * DIMS, BIPOLAR_SEED, 0); \
        pkern_hdc_map_match *out[2]; \
        type *bundle[2], *bound[2]; \
        for (int i = 0; i < 2; i++) { \
            out[i] = (pkern_hdc_map_match *)malloc(3 * K * sizeof(pkern_hdc_map_match)); \
            bundle[i] = bipolar_new_##suffix(3 * DIMS, 0, 0); \
            bound[i] = bipolar_new_##suffix(N * DIMS, 0, 0); \
        } \
        for (size_t p = 0; p < HDC_N_POOLS; p++) { \
            pkern_pool *pool = hdc_pool_new(hdc_threads[p], 0); \
            int at = p > 0; \
            cr_assert_eq(pkern_hdc_map_top_k_##suffix(pool, x, 3, x, N, DIMS, K, out[at]), \
                         PKERN_OK); \
            cr_assert_eq(pkern_hdc_map_bundle_##suffix(pool, x, offsets, 3, DIMS, bundle[at]), \
                         PKERN_OK); \
            cr_assert_eq(pkern_hdc_map_bind_##suffix(pool, x, N, x, DIMS, bound[at]), PKERN_OK); \
            if (at) { \
                cr_assert_arr_eq(out[1], out[0], 3 * K * sizeof(pkern_hdc_map_match)); \
                cr_assert_arr_eq(bundle[1], bundle[0], 3 * DIMS * sizeof(type)); \
                cr_assert_arr_eq(bound[1], bound[0], N *DIMS * sizeof(type)); \
            } \
            bipolar_check_search_##suffix(pool, 2, 1999, 64, 3, 1); \
            cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK); \
        } \
        for (int i = 0; i < 2; i++) { \
            free(out[i]); \
            free(bundle[i]); \
            free(bound[i]); \
        } \
        free(x); \
    } \
\
    Test(hdc_bipolar, bad_arguments_##suffix) { \
        type x[64] = {0}, y[64] = {0}; \
        int64_t dots[16]; \
        pkern_hdc_map_match found[8]; \
        size_t offsets[3] = {0, 2, 1}, good[2] = {0, 2}; \
        size_t much = SIZE_MAX / 2; \
        cr_assert_eq(pkern_hdc_map_bind_##suffix(0, x, 1, y, 0, y), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_bind_##suffix(0, 0, 1, y, 8, y), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_bind_##suffix(0, x, 1, 0, 8, y), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_bind_##suffix(0, x, 1, y, 8, 0), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_bind_##suffix(0, x, 2, y, 8, x + 4), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_bind_##suffix(0, x, 2, y + 8, 8, y), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_bind_##suffix(0, x, much, y, 8, y), PKERN_EOVERFLOW); \
        cr_assert_eq(pkern_hdc_map_bind_##suffix(0, x, 1, y, ((size_t)1 << 32) + 1, y), \
                     PKERN_EOVERFLOW); \
        cr_assert_eq(pkern_hdc_map_bind_##suffix(0, 0, 0, 0, 8, 0), PKERN_OK); \
        cr_assert_eq(pkern_hdc_map_bundle_##suffix(0, x, offsets, 2, 8, y), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_bundle_##suffix(0, x, 0, 1, 8, y), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_bundle_##suffix(0, 0, good, 1, 8, y), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_bundle_##suffix(0, x, good, 1, 8, x + 8), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_bundle_##suffix(0, x, good, 1, 0, y), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_bundle_##suffix(0, x, good, 0, 8, y), PKERN_OK); \
        cr_assert_eq(pkern_hdc_map_permute_##suffix(0, x, 1, 8, 1, x), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_permute_##suffix(0, x, 1, 0, 1, y), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_permute_##suffix(0, x, much, 8, 1, y), PKERN_EOVERFLOW); \
        cr_assert_eq(pkern_hdc_map_permute_##suffix(0, 0, 0, 8, 1, 0), PKERN_OK); \
        cr_assert_eq(pkern_hdc_map_dots_##suffix(0, x, 1, y, 1, 0, dots), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_dots_##suffix(0, 0, 1, y, 1, 8, dots), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_dots_##suffix(0, x, 1, y, 1, 8, 0), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_dots_##suffix(0, x, 1, y, much, 8, dots), PKERN_EOVERFLOW); \
        cr_assert_eq(pkern_hdc_map_dots_##suffix(0, (type *)dots, 1, y, 1, 8, dots), \
                     PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_top_k_##suffix(0, x, 1, y, 1, 8, much, found), \
                     PKERN_EOVERFLOW); \
        cr_assert_eq(pkern_hdc_map_top_k_##suffix(0, x, 1, 0, 1, 8, 1, found), PKERN_EINVAL); \
        cr_assert_eq(pkern_hdc_map_top_k_##suffix(0, x, 1, y, 1, 0, 1, found), PKERN_EINVAL); \
    } \
\
    Test(hdc_bipolar, no_memory_for_top_k_##suffix) { \
        hdc_allocator_state state = {1000000, {0}, {0}}; \
        pkern_allocator allocator = {hdc_allocate, hdc_release, &state}; \
        type x[64] = {0}, y[64] = {0}; \
        pkern_hdc_map_match found[2]; \
        pkern_pool *pool = hdc_pool_new(2, &allocator); \
        state.left = 0; \
        cr_assert_eq(pkern_hdc_map_top_k_##suffix(pool, x, 1, y, 8, 8, 2, found), PKERN_ENOMEM); \
        state.left = 1000000; \
        cr_assert_eq(pkern_hdc_map_top_k_##suffix(pool, x, 1, y, 8, 8, 2, found), PKERN_OK); \
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK); \
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0); \
    }

BIPOLAR_TESTS(i8, int8_t, 127)
BIPOLAR_TESTS(i16, int16_t, 32767)

Test(hdc_bipolar, many_rows_of_16_bits_do_not_overflow_the_sum) {
    enum { N = 150001 };
    static const size_t offsets[] = {0, N};
    int16_t *x = (int16_t *)malloc(N * sizeof *x), out;
    cr_assert_not_null(x);
    /* the sum is 3: 32-bit sums would wrap on the way, 16-bit ones clip */
    for (size_t i = 0; i < N; i++) x[i] = i < N / 2 ? 32767 : i < N - 1 ? -32767 : 3;
    cr_assert_eq(pkern_hdc_map_bundle_i16(0, x, offsets, 1, 1, &out), PKERN_OK);
    cr_assert_eq(out, 3);
    free(x);
}
