/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"
#include "par_tools.h"

typedef struct map_wide {
    uint32_t value;
    uint32_t twice;
    uint32_t third;
} map_wide;

static int map_widen(const void *in, void *out, void *ctx) {
    uint16_t value = *(const uint16_t *)in;
    map_wide *wide = (map_wide *)out;
    PKN_UNUSED(ctx);
    wide->value = value;
    wide->twice = value * 2u;
    wide->third = value / 3u;
    return 0;
}

static int map_square(const void *in, void *out, void *ctx) {
    uint64_t x = *(const uint64_t *)in;
    PKN_UNUSED(ctx);
    *(uint64_t *)out = x * x;
    return 0;
}

/* Fails on each value from *ctx on. */
static int map_fail_from(const void *in, void *out, void *ctx) {
    uint64_t x = *(const uint64_t *)in;
    *(uint64_t *)out = x + 1;
    return x >= *(const uint64_t *)ctx ? (int)x : 0;
}

Test(par_map, equals_the_serial_loop_at_any_thread_count) {
    static uint16_t in[10007];
    static map_wide out[10007];
    static const size_t sizes[] = {0, 1, 2, 31, 1009, 10007};
    for (size_t i = 0; i < PAR_COUNT(in); i++) {
        in[i] = (uint16_t)par_random(i, 65536);
    }
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t s = 0; s < PAR_COUNT(sizes); s++) {
            memset(out, 0xee, sizeof out);
            cr_assert_eq(
                pkern_par_map(pool, in, sizeof *in, out, sizeof *out, sizes[s], 0, map_widen, 0),
                PKERN_OK);
            for (size_t i = 0; i < PAR_COUNT(out); i++) {
                map_wide expected;
                memset(&expected, 0xee, sizeof expected);
                if (i < sizes[s]) {
                    map_widen(in + i, &expected, 0);
                }
                cr_assert_arr_eq(out + i, &expected, sizeof expected);
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_map, works_in_place) {
    static uint64_t values[5003];
    for (size_t i = 0; i < PAR_COUNT(values); i++) {
        values[i] = i;
    }
    cr_assert_eq(pkern_par_map(0, values, 8, values, 8, PAR_COUNT(values), 0, map_square, 0),
                 PKERN_OK);
    for (size_t i = 0; i < PAR_COUNT(values); i++) {
        cr_assert_eq(values[i], i * i);
    }
}

Test(par_map, returns_the_lowest_failure_and_does_what_is_below) {
    static uint64_t in[4001];
    static uint64_t out[4001];
    for (size_t i = 0; i < PAR_COUNT(in); i++) {
        in[i] = i;
    }
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (uint64_t fail_from = 1; fail_from < 4001; fail_from = fail_from * 2 + 5) {
            memset(out, 0, sizeof out);
            cr_assert_eq(pkern_par_map(pool, in, 8, out, 8, 4001, 0, map_fail_from, &fail_from),
                         (int)fail_from);
            for (size_t i = 0; i < fail_from; i++) {
                cr_assert_eq(out[i], i + 1);
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_map, bad_arguments_write_nothing) {
    static uint64_t buffer[64];
    static const uint64_t zeros[64];
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.min_len = 9;
    options.max_len = 8;
    cr_assert_eq(pkern_par_map(0, 0, 8, buffer, 8, 1, 0, map_square, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_par_map(0, buffer, 8, 0, 8, 1, 0, map_square, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_par_map(0, buffer, 0, buffer + 32, 8, 1, 0, map_square, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_par_map(0, buffer, 8, buffer + 32, 0, 1, 0, map_square, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_par_map(0, buffer, 8, buffer + 32, 8, 1, 0, 0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_par_map(0, buffer, 8, buffer + 32, 8, 8, &options, map_square, 0),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_par_map(0, buffer, 8, buffer + 1, 8, 8, 0, map_square, 0), PKERN_EINVAL,
                 "overlap by all but one");
    cr_assert_eq(pkern_par_map(0, buffer + 7, 8, buffer, 8, 8, 0, map_square, 0), PKERN_EINVAL,
                 "overlap by one");
    cr_assert_eq(pkern_par_map(0, buffer, 8, buffer, 4, 8, 0, map_square, 0), PKERN_EINVAL,
                 "in place with two sizes");
    cr_assert_eq(pkern_par_map(0, 0, 8, 0, 8, 0, 0, map_square, 0), PKERN_OK);
    cr_assert_arr_eq(buffer, zeros, sizeof zeros);
    cr_assert_eq(pkern_par_map(0, buffer, 8, buffer + 8, 8, 8, 0, map_square, 0), PKERN_OK,
                 "neighbours do not overlap");
}

Test(par_map, R42_sizes_beyond_size_t_are_overflow) {
    uint64_t in = 7;
    uint64_t out = 9;
    cr_assert_eq(pkern_par_map(0, &in, 8, &out, 1, SIZE_MAX / 8 + 1, 0, map_square, 0),
                 PKERN_EOVERFLOW);
    cr_assert_eq(pkern_par_map(0, &in, 1, &out, 8, SIZE_MAX, 0, map_square, 0), PKERN_EOVERFLOW);
    cr_assert_eq(pkern_par_map(0, &in, SIZE_MAX, &out, 8, 2, 0, map_square, 0), PKERN_EOVERFLOW);
    cr_assert_eq(out, 9);
}

Test(par_map, a_requested_cancel_is_reported) {
    static uint64_t in[1000];
    static uint64_t out[1000];
    pkern_cancel cancel;
    pkern_par_options options;
    memset(&cancel, 0, sizeof cancel);
    memset(&options, 0, sizeof options);
    options.cancel = &cancel;
    pkern_cancel_request(&cancel);
    cr_assert_eq(pkern_par_map(0, in, 8, out, 8, 1000, &options, map_square, 0), PKERN_ECANCELED);
}

static int map_nested(const void *in, void *out, void *ctx) {
    uint64_t inner[50];
    uint64_t sum = 0;
    pkern_status status;
    for (size_t i = 0; i < 50; i++) {
        inner[i] = *(const uint64_t *)in + i;
    }
    PKN_UNUSED(ctx);
    status = pkern_par_map(0, inner, 8, inner, 8, 50, 0, map_square, 0);
    for (size_t i = 0; i < 50; i++) {
        sum += inner[i];
    }
    *(uint64_t *)out = sum;
    return status;
}

Test(par_map, nests) {
    static uint64_t in[300];
    static uint64_t out[300];
    pkern_pool *pool = par_pool(3);
    for (size_t i = 0; i < 300; i++) {
        in[i] = i;
    }
    cr_assert_eq(pkern_par_map(pool, in, 8, out, 8, 300, 0, map_nested, 0), PKERN_OK);
    for (size_t i = 0; i < 300; i++) {
        uint64_t sum = 0;
        for (size_t j = i; j < i + 50; j++) {
            sum += j * j;
        }
        cr_assert_eq(out[i], sum);
    }
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
}
