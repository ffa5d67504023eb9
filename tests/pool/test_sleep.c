/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

#include <sys/resource.h>

#if PKN_THREADS

static uint64_t sleep_cpu_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

Test(pool_sleep, an_idle_pool_uses_no_cpu) {
    pkern_pool *pool = pool_of(4);
    size_t ran = 0;
    cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), 0);
    cr_assert_eq(pkern_spawn(pool, pool_count_one, &ran), 0);
    pool_nap_us(100000);
    uint64_t before = sleep_cpu_us();
    pool_nap_us(500000);
    cr_assert_lt(sleep_cpu_us() - before, 5000);
    pool_wait_asleep(pool, 3);
    pool_end(pool);
}

/* Every way to give work to a pool that sleeps. */
static int sleep_meet(void *ctx) {
    size_t *arrived = (size_t *)ctx;
    __atomic_fetch_add(&arrived[0], 1, __ATOMIC_ACQ_REL);
    return !pool_reaches(&arrived[0], arrived[1]);
}

static int sleep_meet_in_loop(size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(begin);
    PKN_UNUSED(end);
    return sleep_meet(ctx);
}

Test(pool_sleep, a_loop_with_long_items_wakes_everybody) {
    for (int threads = 2; threads <= 4; threads++) {
        for (int hinted = 0; hinted < 2; hinted++) {
            pkern_pool *pool = pool_of(threads);
            pkern_par_options options;
            size_t arrived[2] = {0, (size_t)threads};
            memset(&options, 0, sizeof options);
            options.item_cost_ns = hinted ? 1e7 : 0;
            options.max_len = 1;
            pool_wait_asleep(pool, (uint32_t)threads - 1);
            cr_assert_eq(pkn_loop_run(pool, 0, (size_t)threads, &options, sleep_meet_in_loop, arrived), PKERN_OK);
            pool_end(pool);
        }
    }
}

Test(pool_sleep, a_scope_wakes_as_many_as_it_has_tasks) {
    for (int threads = 2; threads <= 4; threads++) {
        pkern_pool *pool = pool_of(threads);
        pkern_scope scope;
        size_t arrived[2] = {0, (size_t)threads};
        pool_wait_asleep(pool, (uint32_t)threads - 1);
        cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
        for (int i = 0; i < threads; i++) {
            cr_assert_eq(pkern_scope_spawn(&scope, sleep_meet, arrived), PKERN_OK);
        }
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        pool_end(pool);
    }
}

typedef struct sleep_tree {
    size_t *arrived;
    int leaves;
} sleep_tree;

static int sleep_join(void *ctx) {
    const sleep_tree *tree = (const sleep_tree *)ctx;
    sleep_tree left = {tree->arrived, tree->leaves / 2};
    sleep_tree right = {tree->arrived, tree->leaves - tree->leaves / 2};
    return tree->leaves == 1 ? sleep_meet(tree->arrived) : pkern_join(0, sleep_join, &left, sleep_join, &right);
}

/* An owner deep in a long leaf exposes nothing more, so the leaves have to be public before: a tree of depth 1. */
Test(pool_sleep, a_join_wakes_a_sleeper) {
    for (int threads = 2; threads <= 4; threads++) {
        pkern_pool *pool = pool_of(threads);
        size_t arrived[2] = {0, 2};
        sleep_tree tree = {arrived, 2};
        pool_wait_asleep(pool, (uint32_t)threads - 1);
        cr_assert_eq(pkern_pool_install(pool, sleep_join, &tree), 0);
        pool_end(pool);
    }
}

Test(pool_sleep, spawns_from_outside_wake_one_each) {
    for (int threads = 2; threads <= 4; threads++) {
        pkern_pool *pool = pool_of(threads);
        size_t arrived[2] = {0, (size_t)threads - 1};
        pool_wait_asleep(pool, (uint32_t)threads - 1);
        for (int i = 1; i < threads; i++) {
            cr_assert_eq(pkern_spawn(pool, sleep_meet, arrived), PKERN_OK);
        }
        cr_assert(pool_reaches(&arrived[0], arrived[1]));
        pool_end(pool);
    }
}

/* One worker sleeps in the wait for its own loop and can take nothing else; the wake must go to the other. */
static size_t sleep_go[2]; /* 0: a helper is in, 1: the late job has run */

static int sleep_half(size_t begin, size_t end, void *ctx) {
    int self = pkern_worker_index(0);
    int *owner = (int *)ctx;
    PKN_UNUSED(begin);
    PKN_UNUSED(end);
    if (self == *owner) {
        return !pool_reaches(&sleep_go[0], 1);
    }
    __atomic_store_n(&sleep_go[0], 1, __ATOMIC_RELEASE);
    return !pool_reaches(&sleep_go[1], 1);
}

static int sleep_own_loop(void *ctx) {
    pkern_par_options options;
    int owner = pkern_worker_index(0);
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1e7;
    options.max_len = 1;
    __atomic_store_n((int *)ctx, pkn_loop_run(0, 0, 2, &options, sleep_half, &owner) + 1, __ATOMIC_RELEASE);
    return 0;
}

Test(pool_sleep, a_wake_goes_to_a_worker_that_can_use_it) {
    for (int i = 0; i < 10; i++) {
        pkern_pool *pool = pool_of(4);
        int result = 0;
        sleep_go[0] = sleep_go[1] = 0;
        cr_assert_eq(pkern_spawn(pool, sleep_own_loop, &result), PKERN_OK);
        cr_assert(pool_reaches(&sleep_go[0], 1));
        pool_wait_asleep(pool, 2); /* the loop's owner and the third worker */
        cr_assert_eq(pkern_spawn(pool, pool_count_one, &sleep_go[1]), PKERN_OK);
        cr_assert(pool_reaches(&sleep_go[1], 1));
        pool_end(pool);
        cr_assert_eq(result, 1);
    }
}

Test(pool_sleep, single_jobs_to_a_sleeping_pool_all_run) {
    static const int64_t spins[] = {-1, 1, 0};
    for (size_t s = 0; s < POOL_COUNT(spins); s++) {
        pkern_pool_config config;
        size_t ran = 0;
        memset(&config, 0, sizeof config);
        config.num_threads = 3;
        config.spin_ns = spins[s];
        pkern_pool *pool = pool_with(&config);
        for (size_t i = 1; i <= 1000; i++) {
            cr_assert_eq(pkern_spawn(pool, pool_count_one, &ran), PKERN_OK);
            cr_assert(pool_reaches(&ran, i));
            if (pool_random(i, 8) == 0) {
                pool_nap_us((unsigned)pool_random(i, 100));
            }
        }
        pool_wait_asleep(pool, 2); /* the count of sleepers is exact after all of this */
        pool_end(pool);
    }
}

#endif
