/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

Test(pool_yield, outside_of_a_pool_there_is_nothing_to_yield_to) {
    pkern_pool *pool = pool_of(2);
    cr_assert_eq(pkern_yield_now(0), PKERN_YIELD_OUTSIDE);
    cr_assert_eq(pkern_yield_local(0), PKERN_YIELD_OUTSIDE);
    cr_assert_eq(pkern_yield_now(pool), PKERN_YIELD_OUTSIDE);
    cr_assert_eq(pkern_yield_local(pool), PKERN_YIELD_OUTSIDE);
    pool_end(pool);
}

static int yield_alone(void *ctx) {
    size_t *ran = (size_t *)ctx;
    pkern_scope scope;
    cr_assert_eq(pkern_yield_now(0), PKERN_YIELD_IDLE);
    cr_assert_eq(pkern_yield_local(0), PKERN_YIELD_IDLE);
    cr_assert_eq(pkern_scope_begin(&scope, 0), PKERN_OK);
    for (size_t i = 0; i < 10; i++) {
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, ran), PKERN_OK);
        cr_assert_eq(pkern_spawn(0, pool_count_one, ran), PKERN_OK);
        cr_assert_eq(pkern_spawn_urgent(0, pool_count_one, ran), PKERN_OK);
    }
    for (size_t i = 0; i < 10; i++) {
        cr_assert_eq(pkern_yield_local(0), PKERN_YIELD_EXECUTED);
        cr_assert_eq(*ran, i + 1);
    }
    for (size_t i = 10; i < 30; i++) {
        cr_assert_eq(pkern_yield_now(0), PKERN_YIELD_EXECUTED);
        cr_assert_eq(*ran, i + 1);
    }
    cr_assert_eq(pkern_yield_now(0), PKERN_YIELD_IDLE);
    cr_assert_eq(pkern_yield_local(0), PKERN_YIELD_IDLE);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    return 0;
}

Test(pool_yield, runs_one_piece_of_work_at_a_time) {
    pkern_pool *pool = pool_of(1);
    size_t ran = 0;
    cr_assert_eq(pkern_pool_install(pool, yield_alone, &ran), 0);
    cr_assert_eq(ran, 30);
    pool_end(pool);
}

/* A task that waits for another by yielding alone. */
typedef struct yield_flags {
    size_t flag[64], ran;
} yield_flags;

static int yield_raise(void *ctx) {
    return pool_count_one(ctx);
}

static int yield_until_raised(void *ctx) {
    yield_flags *flags = (yield_flags *)ctx;
    for (size_t i = 0; i < POOL_COUNT(flags->flag); i++) {
        cr_assert_eq(pkern_spawn(0, yield_raise, &flags->flag[i]), PKERN_OK);
    }
    for (size_t i = 0; i < POOL_COUNT(flags->flag); i++) {
        while (pool_read(&flags->flag[i]) == 0) {
            int result = pkern_yield_now(0);
            cr_assert(result == PKERN_YIELD_EXECUTED || result == PKERN_YIELD_IDLE);
        }
    }
    return pool_count_one(&flags->ran);
}

Test(pool_yield, a_task_may_wait_by_yielding) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        yield_flags flags;
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int round = 0; round < 10; round++) {
            memset(&flags, 0, sizeof flags);
            cr_assert_eq(pkern_spawn(pool, yield_until_raised, &flags), PKERN_OK);
            cr_assert_eq(pkern_pool_wait_idle(pool, -1), PKERN_OK);
            cr_assert_eq(flags.ran, 1);
        }
        pool_end(pool);
    }
}

/* Each task yields before it ends, with a thousand more waiting: as deep as the limit, not as the queue is long. */
typedef struct yield_depth {
    size_t ran, too_deep;
} yield_depth;

static PKN_THREAD_LOCAL size_t yield_frames;

static int yield_once(void *ctx) {
    yield_depth *depth = (yield_depth *)ctx;
    yield_frames++;
    if (yield_frames > PKN_MAX_DEPTH + 1) {
        pool_count_one(&depth->too_deep);
    }
    cr_assert_neq(pkern_yield_now(0), PKERN_YIELD_OUTSIDE);
    cr_assert_neq(pkern_yield_local(0), PKERN_YIELD_OUTSIDE);
    yield_frames--;
    return pool_count_one(&depth->ran);
}

Test(pool_yield, nests_no_deeper_than_the_limit) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        yield_depth depth = {0, 0};
        pkern_scope scope;
        cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
        for (int i = 0; i < 1000; i++) {
            cr_assert_eq(pkern_scope_spawn(&scope, yield_once, &depth), PKERN_OK);
        }
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        cr_assert_eq(depth.ran, 1000);
        cr_assert_eq(depth.too_deep, 0);
        pool_end(pool);
    }
}

/* With joins under way, whose second sides stay what they are. */
static int yield_join(void *ctx) {
    size_t *levels = (size_t *)ctx;
    size_t below[2] = {levels[0] - 1, levels[1]};
    if (levels[0] == 0) {
        cr_assert_neq(pkern_yield_now(0), PKERN_YIELD_OUTSIDE);
        return pool_count_one((void *)levels[1]);
    }
    return pkern_join(0, yield_join, below, yield_join, below);
}

Test(pool_yield, works_in_the_middle_of_joins) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        size_t ran = 0;
        size_t levels[2] = {10, (size_t)&ran};
        for (int i = 0; i < 5; i++) {
            cr_assert_eq(pkern_pool_install(pool, yield_join, levels), 0);
        }
        cr_assert_eq(ran, 5 * 1024);
        pool_end(pool);
    }
}
