/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"
#include "par_tools.h"

#include <pthread.h>

/* A range as divisible work; the padding makes it too large for the stack. */
typedef struct split_range {
    size_t begin;
    size_t end;
    unsigned char padding[256];
} split_range;

#define SPLIT_SMALL offsetof(split_range, padding)

typedef struct split_run {
    unsigned char *visits;
    size_t size;    /* of the part of a range that is used */
    size_t grain;   /* shorter ranges are not divided */
    size_t fail_at; /* SIZE_MAX: never */
    size_t n_leaves;
    size_t n_bad; /* parts at a bad place, or begun above a known failure that can't be */
    useconds_t nap_us;
    pkern_cancel *cancel;
} split_run;

static int split_range_in_two(void *work, void *right, void *ctx) {
    split_run *run = (split_run *)ctx;
    split_range range;
    split_range upper;
    memcpy(&range, work, SPLIT_SMALL);
    if ((uintptr_t)right % 64 != 0 || right == work) {
        __atomic_fetch_add(&run->n_bad, 1, __ATOMIC_RELAXED);
    }
    if (range.end - range.begin < 2 * run->grain) {
        return 0;
    }
    memset(&upper, 0x55, sizeof upper);
    upper.begin = range.begin + (range.end - range.begin) / 2;
    upper.end = range.end;
    range.end = upper.begin;
    memcpy(work, &range, SPLIT_SMALL);
    memcpy(right, &upper, run->size);
    return 1;
}

static int split_visit(void *work, void *ctx) {
    split_run *run = (split_run *)ctx;
    split_range range;
    memcpy(&range, work, SPLIT_SMALL);
    __atomic_fetch_add(&run->n_leaves, 1, __ATOMIC_RELAXED);
    if (run->nap_us != 0) {
        usleep(run->nap_us);
    }
    for (size_t i = range.begin; i < range.end; i++) {
        run->visits[i]++;
        if (i >= run->fail_at && (i - run->fail_at) % 100 == 0) {
            return (int)i + 1;
        }
    }
    if (run->cancel != 0) {
        pkern_cancel_request(run->cancel);
    }
    return 0;
}

static split_run split_new(unsigned char *visits, size_t n, size_t size) {
    split_run run;
    memset(&run, 0, sizeof run);
    memset(visits, 0, n);
    run.visits = visits;
    run.size = size;
    run.grain = 1;
    run.fail_at = SIZE_MAX;
    return run;
}

static pkern_status split_start(pkern_pool *pool, size_t n, split_run *run,
                                const pkern_par_options *options) {
    split_range whole;
    memset(&whole, 0, sizeof whole);
    whole.end = n;
    return pkern_par_split(pool, &whole, run->size, options, split_range_in_two, split_visit, run);
}

Test(par_split, does_every_part_once) {
    static unsigned char visits[10007];
    static const size_t sizes[] = {0, 1, 2, 3, 1009, 10007};
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t s = 0; s < PAR_COUNT(sizes); s++) {
            for (size_t grain = 1; grain < 5000; grain *= 17) {
                split_run run =
                    split_new(visits, sizes[s], grain % 2 ? SPLIT_SMALL : sizeof(split_range));
                run.grain = grain;
                cr_assert_eq(split_start(pool, sizes[s], &run, 0), PKERN_OK);
                cr_assert_eq(run.n_bad, 0);
                cr_assert(run.n_leaves >= 1);
                for (size_t i = 0; i < sizes[s]; i++) {
                    cr_assert_eq(visits[i], 1);
                }
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_split, cuts_for_the_threads_there_are_and_more_where_they_ask) {
    static unsigned char visits[4096];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        size_t threads = (size_t)pkern_pool_num_threads(pool);
        size_t most = 0;
        /* more, once others took a part: on a busy machine they may come too late for that */
        for (int tries = 0; tries < 100 && most < 2 * threads; tries++) {
            split_run run = split_new(visits, sizeof visits, sizeof(split_range));
            run.nap_us = 1000;
            cr_assert_eq(split_start(pool, sizeof visits, &run, 0), PKERN_OK);
            cr_assert(run.n_leaves >= threads && run.n_leaves < 1000, "%zu leaves on %zu threads",
                      run.n_leaves, threads);
            most = pkn_max_size(most, run.n_leaves);
        }
        cr_assert_geq(most, 2 * threads, "%zu leaves on %zu threads", most, threads);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_split, returns_the_leftmost_failure_and_finishes_what_is_left_of_it) {
    static unsigned char visits[3001];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t fail_at = 0; fail_at < 3001; fail_at = fail_at + 1 + fail_at / 8) {
            split_run run =
                split_new(visits, sizeof visits, fail_at % 2 ? SPLIT_SMALL : sizeof(split_range));
            run.fail_at = fail_at;
            cr_assert_eq(split_start(pool, sizeof visits, &run, 0), (int)fail_at + 1);
            for (size_t i = 0; i <= fail_at; i++) {
                cr_assert_eq(visits[i], 1);
            }
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_split, bad_arguments_run_nothing) {
    unsigned char visits[4];
    split_run run = split_new(visits, 4, SPLIT_SMALL);
    split_range work = {0, 4, {0}};
    cr_assert_eq(pkern_par_split(0, 0, 8, 0, split_range_in_two, split_visit, &run), PKERN_EINVAL);
    cr_assert_eq(pkern_par_split(0, &work, 0, 0, split_range_in_two, split_visit, &run),
                 PKERN_EINVAL);
    cr_assert_eq(pkern_par_split(0, &work, 8, 0, 0, split_visit, &run), PKERN_EINVAL);
    cr_assert_eq(pkern_par_split(0, &work, 8, 0, split_range_in_two, 0, &run), PKERN_EINVAL);
    cr_assert_eq(pkern_par_split(0, &work, SIZE_MAX, 0, split_range_in_two, split_visit, &run),
                 PKERN_EOVERFLOW);
    cr_assert_eq(run.n_leaves, 0);
}

Test(par_split, a_cancel_ends_it) {
    static unsigned char visits[1000];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        pkern_cancel cancel;
        pkern_par_options options;
        split_run run = split_new(visits, sizeof visits, SPLIT_SMALL);
        memset(&cancel, 0, sizeof cancel);
        memset(&options, 0, sizeof options);
        options.cancel = &cancel;
        run.cancel = &cancel;
        cr_assert_eq(split_start(pool, sizeof visits, &run, &options), PKERN_ECANCELED);
        cr_assert(run.n_leaves >= 1 && run.n_leaves <= (size_t)par_threads[t]);
        run.n_leaves = 0;
        cr_assert_eq(split_start(pool, sizeof visits, &run, &options), PKERN_ECANCELED);
        cr_assert_eq(run.n_leaves, 0);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_split, without_memory_nothing_is_cut) {
    static unsigned char visits[1000];
    par_heap heap;
    pkern_allocator allocator = par_heap_allocator(&heap);
    pkern_pool *pool = par_pool_with(3, &allocator);
    split_run run = split_new(visits, sizeof visits, sizeof(split_range));
    cr_assert_eq(split_start(pool, sizeof visits, &run, 0), PKERN_OK);
    cr_assert(run.n_leaves > 1);
    run = split_new(visits, sizeof visits, sizeof(split_range));
    heap.armed = 1;
    cr_assert_eq(split_start(pool, sizeof visits, &run, 0), PKERN_OK);
    heap.armed = 0;
    cr_assert_eq(run.n_leaves, 1);
    cr_assert_gt(heap.refused, 0);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    cr_assert_eq(heap.live, 0);
}

typedef struct split_nest {
    pkern_pool *pool;
    unsigned char *visits; /* [rows x 101] */
} split_nest;

static int split_nested_row(size_t begin, size_t end, void *ctx) {
    split_nest *nest = (split_nest *)ctx;
    for (size_t row = begin; row < end; row++) {
        split_run run = split_new(nest->visits + row * 101, 101, SPLIT_SMALL);
        pkern_status status = split_start(nest->pool, 101, &run, 0);
        if (status != PKERN_OK) {
            return status;
        }
    }
    return 0;
}

static void *split_caller(void *argument) {
    split_nest *nest = (split_nest *)argument;
    cr_assert_eq(pkern_par_for(nest->pool, 0, 50, 0, split_nested_row, nest), PKERN_OK);
    return 0;
}

Test(par_split, nests_and_takes_several_callers) {
    static unsigned char visits[4][50 * 101];
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        split_nest nests[4];
#if PKN_THREADS
        pthread_t callers[4];
#endif
        memset(visits, 9, sizeof visits);
        for (size_t c = 0; c < 4; c++) {
            nests[c].pool = pool;
            nests[c].visits = visits[c];
#if PKN_THREADS
            cr_assert_eq(pthread_create(&callers[c], 0, split_caller, &nests[c]), 0);
        }
        for (size_t c = 0; c < 4; c++) {
            cr_assert_eq(pthread_join(callers[c], 0), 0);
#else
            split_caller(&nests[c]);
#endif
        }
        for (size_t i = 0; i < sizeof visits; i++) {
            cr_assert_eq(((unsigned char *)visits)[i], 1);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}
