/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Scenarios of guests, and whole pools from pkern_pool_create to pkern_pool_destroy. */
#ifndef PKN_EXPLORE_POOLS_H
#define PKN_EXPLORE_POOLS_H

#include "scenarios.h"

/* ---- guests ---- */

static void setup_no_guest(void) {
    make_members(2, 0);
}

/* No two threads that are inside share an index: its item is plain memory. */
static int use_own_index(void *ctx) {
    (void)ctx;
    int index = pkern_worker_index(the->pool);
    EXPLORE_ASSERT(index >= 1);
    the->items[index].done++;
    return 0;
}

static int use_own_index_of_global(void *ctx) {
    (void)ctx;
    the->items[pkern_worker_index(0)].done++;
    return 0;
}

static void visit(void) {
    EXPLORE_ASSERT(pkern_pool_install(the->pool, use_own_index, 0) == 0);
}

static void visit_twice(void) {
    visit();
    visit();
}

static void check_visits(void) {
    uint64_t visits = 0;
    for (int i = 0; i < ITEMS; i++) {
        visits += the->items[i].done;
    }
    EXPLORE_ASSERT(visits == 3);
}

static int raise_and_stay(void *ctx) {
    raise_flag(0);
    return use_own_index(ctx);
}

static void visit_and_tell(void) {
    EXPLORE_ASSERT(pkern_pool_install(the->pool, raise_and_stay, 0) == 0);
}

static void destroy_beside_guest(void) {
    await_flag(0);
    int status = pkern_pool_destroy(the->pool);
    EXPLORE_ASSERT(status == PKERN_OK || status == PKERN_EDEADLK);
}

static void destroy_beside_two_guests(void) {
    await_flag(0);
    await_flag(1);
    int status = pkern_pool_destroy(the->pool);
    EXPLORE_ASSERT(status == PKERN_OK || status == PKERN_EDEADLK);
}

static int raise_1_and_stay(void *ctx) {
    raise_flag(1);
    return use_own_index(ctx);
}

static void visit_and_tell_1(void) {
    EXPLORE_ASSERT(pkern_pool_install(the->pool, raise_1_and_stay, 0) == 0);
}

/* A poster looks over all members, one of which has just come. */
static void wake_somebody(void) {
    become(0);
    (void)pkn_wake_one(the->pool, PKN_ROOT_NONE);
    pkn_request_work(the->member[0], 0);
}

static void look_for_work(void) {
    pkn_filter anything = {0, 0, 0};
    (void)pkn_take_from_any(become(0), &anything, 0);
}

static void look_for_hidden_work(void) {
    pkn_filter anything = {0, 0, 0};
    (void)pkn_take_hidden_from_any(become(0), &anything, 0);
}

/* ---- the global pool ---- */

static void use_global(void) {
    EXPLORE_ASSERT(pkern_pool_num_threads(pkern_pool_global()) == 1);
    EXPLORE_ASSERT(pkern_pool_install(0, use_own_index_of_global, 0) == 0);
}

static void ask_global_for_its_allocator(void) {
    EXPLORE_ASSERT(pkn_pool_allocator(0) == 0);
}

static void end_global(void) {
    EXPLORE_ASSERT(pkern_pool_global_shutdown() == 0);
}

/* a worker that has ended already, so that destroy can join it */
static void gone_worker(void) {
}

/* ---- whole pools ---- */

static pkern_pool *create(int threads) {
    pkern_pool_config config;
    pkern_pool *pool = 0;
    memset(&config, 0, sizeof config);
    config.num_threads = threads;
    config.spin_ns = -1;
    EXPLORE_ASSERT(pkern_pool_create(&config, &pool) == 0 && pkern_pool_num_threads(pool) == threads);
    the->pool = pool;
    return pool;
}

static void destroy(void) {
    EXPLORE_ASSERT(pkern_pool_destroy(the->pool) == 0);
}

static int pool_task(void *ctx) {
    return do_item(ctx);
}

static void prepare_items(int count) {
    for (int i = 0; i < count; i++) {
        prepare_item(i);
    }
}

static void pool_idle(void) {
    create(2);
    destroy();
}

static void pool_idle_3(void) {
    create(3);
    destroy();
}

static void pool_join(void) {
    prepare_items(2);
    EXPLORE_ASSERT(pkern_join(create(2), pool_task, &the->items[0], pool_task, &the->items[1]) == 0);
    check_items(2);
    destroy();
}

static int pool_inner_join(void *ctx) {
    (void)ctx;
    return pkern_join(0, pool_task, &the->items[1], pool_task, &the->items[2]);
}

static void pool_join_nested(void) {
    prepare_items(3);
    EXPLORE_ASSERT(pkern_join(create(2), pool_inner_join, 0, pool_task, &the->items[0]) == 0);
    check_items(3);
    destroy();
}

static void pool_scope(void) {
    pkern_scope scope;
    prepare_items(1);
    EXPLORE_ASSERT(pkern_scope_begin(&scope, create(2)) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn(&scope, pool_task, &the->items[0]) == 0);
    EXPLORE_ASSERT(pkern_scope_wait(&scope) == 0);
    explore_poison(&scope, sizeof scope);
    check_items(1);
    destroy();
}

static void pool_spawn(void) {
    prepare_items(1);
    EXPLORE_ASSERT(pkern_spawn(create(2), pool_task, &the->items[0]) == 0);
    destroy();
    check_items(1);
}

static int pool_broadcast_task(int index, int count, void *ctx) {
    (void)ctx;
    (void)count;
    return do_item(&the->items[index]);
}

static void pool_broadcast(void) {
    prepare_items(2);
    EXPLORE_ASSERT(pkern_broadcast(create(2), pool_broadcast_task, 0) == 0);
    check_items(2);
    destroy();
}

static void pool_loop(void) {
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1e6;
    prepare_items(3);
    EXPLORE_ASSERT(pkn_loop_run(create(2), 0, 3, &options, do_range, 0) == 0);
    check_items(3);
    destroy();
}

/* the typed form, whose deque holds more than one segment */
PKERN_DEFINE_JOIN_TASK_1(long, sum_to, long, n) {
    long a, b;
    if (n < 2) {
        return n;
    }
    PKERN_JOIN(a = PKERN_CALL(sum_to, n - 1), b, sum_to, 1);
    return a + b;
}

static void pool_typed_joins(void) {
    EXPLORE_ASSERT(sum_to(create(2), 4) == 4);
    destroy();
}

#endif
