/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Scenarios of sleeping and waking, of what is waited for, and of the end of a pool. Workers run pkn_worker_main; thread a is a guest
   that waits without working, so a wake that is lost shows as a wait without end. */
#ifndef PKN_EXPLORE_SLEEPERS_H
#define PKN_EXPLORE_SLEEPERS_H

#include "scenarios.h"

static void setup_1_worker(void) {
    make_members(2, 1);
    pkn_atomic_store_relaxed_u32(&the->member[1]->fork.request, 1);
}

static void setup_2_workers(void) {
    make_members(3, 1);
    pkn_atomic_store_relaxed_u32(&the->member[2]->fork.request, 1);
}

static void worker_0(void) {
    pkn_worker_main(the->member[0]);
}

static void worker_1(void) {
    pkn_worker_main(the->member[1]);
}

static void become_guest(void) {
    become(the->pool->num_threads - 1);
}

/* ---- work from each source ---- */

static int raise_flag_0(void *ctx) {
    raise_flag(0);
    return ctx == 0 ? 0 : do_item(ctx);
}

static int raise_flag_1(void *ctx) {
    raise_flag(1);
    return ctx == 0 ? 0 : do_item(ctx);
}

static int await_flag_0(void *ctx) {
    await_flag(0);
    return ctx == 0 ? 0 : do_item(ctx);
}

static void wake_by_injector(void) {
    become_guest();
    prepare_item(0);
    EXPLORE_ASSERT(pkern_spawn(the->pool, raise_flag_0, &the->items[0]) == 0);
    await_flag(0);
    pkn_end_workers(the->pool);
}

static void wake_by_two_injected(void) {
    become_guest();
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_spawn(the->pool, raise_flag_0, &the->items[0]) == 0);
    EXPLORE_ASSERT(pkern_spawn(the->pool, raise_flag_1, &the->items[1]) == 0);
    await_flag(0);
    await_flag(1);
    pkn_end_workers(the->pool);
}

static void wake_by_join(void) {
    become_guest();
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_join(the->pool, await_flag_0, &the->items[0], raise_flag_0, &the->items[1]) == 0);
    pkn_end_workers(the->pool);
}

static void wake_by_scope(void) {
    become_guest();
    pkern_scope scope;
    prepare_item(0);
    EXPLORE_ASSERT(pkern_scope_begin(&scope, the->pool) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn(&scope, raise_flag_0, &the->items[0]) == 0);
    await_flag(0);
    EXPLORE_ASSERT(pkern_scope_wait(&scope) == 0);
    explore_poison(&scope, sizeof scope);
    EXPLORE_ASSERT(the->items[0].done == 1);
    pkn_end_workers(the->pool);
}

static int broadcast_task(int index, int count, void *ctx) {
    (void)ctx;
    EXPLORE_ASSERT(index < count);
    return do_item(&the->items[index]);
}

static void wake_by_broadcast(void) {
    become_guest();
    for (int i = 0; i < the->pool->num_threads; i++) {
        prepare_item(i);
    }
    EXPLORE_ASSERT(pkern_broadcast(the->pool, broadcast_task, 0) == 0);
    for (int i = 0; i < the->pool->num_threads; i++) {
        EXPLORE_ASSERT(the->items[i].done == 1);
    }
    pkn_end_workers(the->pool);
}

/* a piece that one thread waits in until the other has done its own: both must take part */
static int loop_of_two(size_t begin, size_t end, void *ctx) {
    (void)ctx;
    for (size_t i = begin; i < end; i++) {
        raise_flag((int)i);
        await_flag(1 - (int)i);
        (void)do_item(&the->items[i]);
    }
    return 0;
}

static void wake_by_loop(void) {
    become_guest();
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1e6;
    options.max_len = 1;
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkn_loop_run(the->pool, 0, 2, &options, loop_of_two, 0) == 0);
    EXPLORE_ASSERT(the->items[0].done == 1 && the->items[1].done == 1);
    pkn_end_workers(the->pool);
}

/* a worker has more than it can do: the other must come */
static int spawn_and_wait(void *ctx) {
    EXPLORE_ASSERT(pkern_spawn(0, raise_flag_1, &the->items[1]) == 0);
    await_flag(1);
    raise_flag(0);
    return do_item(ctx);
}

static void wake_by_worker(void) {
    become_guest();
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_spawn(the->pool, spawn_and_wait, &the->items[0]) == 0);
    await_flag(0);
    pkn_end_workers(the->pool);
}

/* ---- who waits sleeps, too, and is woken by what it waits for ---- */

static int scope_task(void *ctx) {
    return do_item(ctx);
}

static void wait_for_scope(void) {
    become_guest();
    pkern_scope scope;
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_scope_begin(&scope, the->pool) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn(&scope, scope_task, &the->items[0]) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn(&scope, scope_task, &the->items[1]) == 0);
    EXPLORE_ASSERT(pkern_scope_wait(&scope) == 0);
    explore_poison(&scope, sizeof scope);
    EXPLORE_ASSERT(the->items[0].done == 1 && the->items[1].done == 1);
    pkn_end_workers(the->pool);
}

/* the failure of the lowest number, whoever comes first */
static int fail_with_input(void *ctx) {
    (void)do_item(ctx);
    return (int)((const item *)ctx)->input;
}

static void wait_for_failures(void) {
    become_guest();
    pkern_scope scope;
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_scope_begin(&scope, the->pool) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn(&scope, fail_with_input, &the->items[0]) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn(&scope, fail_with_input, &the->items[1]) == 0);
    EXPLORE_ASSERT(pkern_scope_wait(&scope) == 1);
    explore_poison(&scope, sizeof scope);
    pkn_end_workers(the->pool);
}

/* contexts of a join on the stack, gone when it returns */
static int bump(void *ctx) {
    uint64_t *count = (uint64_t *)ctx;
    *count += 1;
    return 0;
}

static void wait_for_join(void) {
    become_guest();
    for (int i = 0; i < 2; i++) {
        uint64_t counts[2] = {0, 0};
        explore_plain_write(counts, sizeof counts); /* the compiler may fill it by a call */
        EXPLORE_ASSERT(pkern_join(the->pool, bump, &counts[0], bump, &counts[1]) == 0);
        EXPLORE_ASSERT(counts[0] == 1 && counts[1] == 1);
        explore_poison(counts, sizeof counts);
    }
    pkn_end_workers(the->pool);
}

static void wait_for_loop(void) {
    become_guest();
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1e5;
    options.max_len = 1;
    for (int i = 0; i < 3; i++) {
        prepare_item(i);
    }
    EXPLORE_ASSERT(pkn_loop_run(the->pool, 0, 3, &options, do_range, 0) == 0);
    for (int i = 0; i < 3; i++) {
        EXPLORE_ASSERT(the->items[i].done == 1);
    }
    pkn_end_workers(the->pool);
}

/* ---- the end ---- */

static void end_at_once(void) {
    become_guest();
    pkn_end_workers(the->pool);
}

static void end_after_spawn(void) {
    become_guest();
    prepare_item(0);
    EXPLORE_ASSERT(pkern_spawn(the->pool, do_item, &the->items[0]) == 0);
    pkn_end_workers(the->pool);
    EXPLORE_ASSERT(the->items[0].done == 1);
}

/* a spawned job broadcasts while the pool ends */
static int broadcast_inside(void *ctx) {
    EXPLORE_ASSERT(pkern_broadcast(0, broadcast_task, 0) == 0);
    (void)ctx;
    return 0;
}

static void end_beside_broadcast(void) {
    become_guest();
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_spawn(the->pool, broadcast_inside, 0) == 0);
    pkn_end_workers(the->pool);
    EXPLORE_ASSERT(the->items[0].done == 1 && the->items[1].done == 1);
}

/* whatever happened, nobody counts as asleep afterwards */
static void check_sleepers(void) {
    EXPLORE_ASSERT(pkn_atomic_load_relaxed_u32(&the->pool->sleepers) == 0);
}

/* The fork is offered only where it is asked for, its first side waits for the second: so the worker must come for it, however it falls
   asleep. */
static void setup_1_worker_that_asks(void) {
    make_members(2, 1);
    explore_polls_before_sleep = 1;
    the->pool->has_membarrier = 1;
}

static int first_side_awaits(void *ctx) {
    await_flag(0);
    return do_item(ctx);
}

static int second_side_raises(void *ctx) {
    raise_flag(0);
    return do_item(ctx);
}

static void wait_for_second_side(void) {
    become_guest();
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_join(the->pool, first_side_awaits, &the->items[0], second_side_raises, &the->items[1]) == 0);
    check_items(2);
    pkn_end_workers(the->pool);
}

#endif
