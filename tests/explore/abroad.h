/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Scenarios of two pools: thread a is a guest of the first, b its worker, c the worker of the second. */
#ifndef PKN_EXPLORE_ABROAD_H
#define PKN_EXPLORE_ABROAD_H

#include "sleepers.h"

static void setup_two_pools(void) {
    make_members(2, 1);
    pkern_pool *first = the->pool;
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.spin_ns = -1;
    pkern_pool *pool = pkn_pool_allocate(&config, 2, 8);
    the->other = pool;
    pool->num_threads = 2;
    pool->helpers = 1;
    pool->ticks_per_ns = 1.0;
    pool->id = 2;
    pkn_member *worker = pkn_member_create(pool, 0, 1);
    worker->entries = 1;
    worker->thread = 2;
    pkn_atomic_store_release_ptr(&pool->members[0], worker);
    pkn_atomic_store_release_u32(&pool->num_members, 1);
    the->member[2] = worker;
    the->pool = first;
}

static void worker_of_other(void) {
    pkn_worker_main(the->member[2]);
}

static void end_both(void) {
    pkn_end_workers(the->pool);
    pkn_end_workers(the->other);
}

static int until_home_has_worked(void *ctx) {
    raise_flag(2);
    await_flag(0);
    return do_item(ctx);
}

/* on the first pool's worker: waits in the second pool for a task that waits for what comes to the first pool */
static int wait_abroad(void *ctx) {
    pkern_scope scope;
    EXPLORE_ASSERT(pkern_scope_begin(&scope, the->other) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn(&scope, until_home_has_worked, ctx) == 0);
    await_flag(2);
    EXPLORE_ASSERT(pkern_scope_wait(&scope) == 0);
    explore_poison(&scope, sizeof scope);
    raise_flag(1);
    return 0;
}

/* the worker is about to sleep, or asleep */
static void await_sleeper_at_home(void) {
    await_flag(2);
    while (pkn_sleeping_workers(the->pool) == 0) {
        pkn_cpu_relax();
    }
}

static void home_wakes_who_is_abroad(void) {
    become_guest();
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_spawn(the->pool, wait_abroad, &the->items[1]) == 0);
    await_sleeper_at_home();
    EXPLORE_ASSERT(pkern_spawn(the->pool, raise_flag_0, &the->items[0]) == 0);
    await_flag(1);
    end_both();
}

static void home_broadcasts_to_who_is_abroad(void) {
    become_guest();
    prepare_item(0);
    prepare_item(1);
    prepare_item(2);
    EXPLORE_ASSERT(pkern_spawn(the->pool, wait_abroad, &the->items[2]) == 0);
    await_sleeper_at_home();
    EXPLORE_ASSERT(pkern_broadcast(the->pool, broadcast_task, 0) == 0);
    raise_flag(0);
    await_flag(1);
    end_both();
}

static void home_ends_beside_who_is_abroad(void) {
    become_guest();
    prepare_item(0);
    EXPLORE_ASSERT(pkern_spawn(the->pool, wait_abroad, &the->items[0]) == 0);
    await_sleeper_at_home();
    raise_flag(0);
    pkn_end_workers(the->pool);
    EXPLORE_ASSERT(the->items[0].done == 1);
    pkn_end_workers(the->other);
}

static void check_both(void) {
    check_sleepers();
    EXPLORE_ASSERT(pkn_atomic_load_relaxed_u32(&the->other->sleepers) == 0);
}

#endif
