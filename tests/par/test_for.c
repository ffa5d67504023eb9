/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"
#include "par_tools.h"

typedef struct for_loop {
    unsigned char *visits;
    size_t begin;
    size_t fail_at; /* SIZE_MAX: never */
    size_t n_bad;   /* pieces that break the bounds of length */
    size_t max_len;
    pkern_pool *pool;
} for_loop;

static int for_visit(size_t begin, size_t end, void *ctx) {
    for_loop *loop = (for_loop *)ctx;
    if (begin >= end || (loop->max_len != 0 && end - begin > loop->max_len)) {
        __atomic_fetch_add(&loop->n_bad, 1, __ATOMIC_RELAXED);
    }
    for (size_t i = begin; i < end; i++) {
        loop->visits[i - loop->begin]++;
        if (i >= loop->fail_at && (i - loop->fail_at) % 100 == 0) {
            return (int)(i - loop->begin) + 1;
        }
    }
    return 0;
}

static int for_never(size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(begin);
    PKN_UNUSED(end);
    (*(int *)ctx)++;
    return 0;
}

Test(par_for, visits_each_item_once_at_any_thread_count) {
    static unsigned char visits[20011];
    static const size_t sizes[] = {1, 2, 3, 64, 1009, 20011};
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t s = 0; s < PAR_COUNT(sizes); s++) {
            for (size_t max_len = 0; max_len < 40; max_len += 13) {
                pkern_par_options options;
                for_loop loop;
                memset(&options, 0, sizeof options);
                memset(&loop, 0, sizeof loop);
                memset(visits, 0, sizeof visits);
                loop.visits = visits;
                loop.begin = 1000 * s;
                loop.fail_at = SIZE_MAX;
                loop.max_len = options.max_len = max_len;
                cr_assert_eq(pkern_par_for(pool, loop.begin, loop.begin + sizes[s], &options,
                                           for_visit, &loop),
                             PKERN_OK);
                for (size_t i = 0; i < sizes[s]; i++) {
                    cr_assert_eq(visits[i], 1);
                }
                cr_assert_eq(loop.n_bad, 0);
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_for, returns_the_failure_with_the_lowest_index_and_finishes_what_is_below) {
    static unsigned char visits[10007];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t fail_at = 0; fail_at < 10007; fail_at = fail_at * 3 + 1) {
            for_loop loop;
            memset(&loop, 0, sizeof loop);
            memset(visits, 0, sizeof visits);
            loop.visits = visits;
            loop.fail_at = fail_at;
            cr_assert_eq(pkern_par_for(pool, 0, 10007, 0, for_visit, &loop), (int)fail_at + 1);
            for (size_t i = 0; i <= fail_at; i++) {
                cr_assert_eq(visits[i], 1);
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_for, bad_arguments_run_nothing) {
    int calls = 0;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.min_len = 2;
    options.max_len = 1;
    cr_assert_eq(pkern_par_for(0, 1, 0, 0, for_never, &calls), PKERN_EINVAL);
    cr_assert_eq(pkern_par_for(0, 0, 1, 0, 0, &calls), PKERN_EINVAL);
    cr_assert_eq(pkern_par_for(0, 0, 1, &options, for_never, &calls), PKERN_EINVAL);
    cr_assert_eq(pkern_par_for(0, 0, 0, 0, for_never, &calls), PKERN_OK);
    cr_assert_eq(pkern_par_for(0, SIZE_MAX, SIZE_MAX, 0, for_never, &calls), PKERN_OK);
    cr_assert_eq(calls, 0);
}

Test(par_for, a_requested_cancel_stops_it_before_any_piece) {
    int calls = 0;
    pkern_cancel cancel;
    pkern_par_options options;
    memset(&cancel, 0, sizeof cancel);
    memset(&options, 0, sizeof options);
    options.cancel = &cancel;
    pkern_cancel_request(&cancel);
    cr_assert_eq(pkern_par_for(0, 0, 1000, &options, for_never, &calls), PKERN_ECANCELED);
    cr_assert_eq(calls, 0);
}

static int for_nest(size_t begin, size_t end, void *ctx) {
    for_loop *outer = (for_loop *)ctx;
    for (size_t i = begin; i < end; i++) {
        for_loop inner;
        pkern_status status;
        memset(&inner, 0, sizeof inner);
        inner.visits = outer->visits + i * 101;
        inner.fail_at = SIZE_MAX;
        status = pkern_par_for(outer->pool, 0, 101, 0, for_visit, &inner);
        if (status != PKERN_OK) {
            return status;
        }
    }
    return 0;
}

Test(par_for, nests) {
    static unsigned char visits[97 * 101];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        for_loop loop;
        pkern_pool *pool = par_pool(par_threads[t]);
        memset(&loop, 0, sizeof loop);
        memset(visits, 0, sizeof visits);
        loop.visits = visits;
        loop.pool = t % 2 ? pool : 0; /* 0 means the same pool inside of it */
        cr_assert_eq(pkern_par_for(pool, 0, 97, 0, for_nest, &loop), PKERN_OK);
        for (size_t i = 0; i < sizeof visits; i++) {
            cr_assert_eq(visits[i], 1);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}
