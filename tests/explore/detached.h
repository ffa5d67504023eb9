/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Scenarios of what has no owner: futures, urgent jobs, spawned broadcasts, and waiting until nothing is left. */
#ifndef PKN_EXPLORE_DETACHED_H
#define PKN_EXPLORE_DETACHED_H

#include "sleepers.h"

/* ---- futures ---- */

static void wait_for_future_itself(pkern_future *future) {
    EXPLORE_ASSERT(pkern_future_wait(future) == 0);
    EXPLORE_ASSERT(pkern_future_is_done(future));
}

/* the guest may run it itself */
static void future_and_wait(void) {
    become_guest();
    pkern_future future;
    prepare_item(0);
    EXPLORE_ASSERT(pkern_future_spawn(&future, the->pool, do_item, &the->items[0]) == 0);
    wait_for_future_itself(&future);
    explore_poison(&future, sizeof future);
    EXPLORE_ASSERT(the->items[0].done == 1);
    pkn_end_workers(the->pool);
}

/* the worker has it: the guest sleeps */
static void future_begun(void) {
    become_guest();
    pkern_future future;
    prepare_item(0);
    EXPLORE_ASSERT(pkern_future_spawn(&future, the->pool, raise_flag_0, &the->items[0]) == 0);
    await_flag(0);
    wait_for_future_itself(&future);
    explore_poison(&future, sizeof future);
    EXPLORE_ASSERT(the->items[0].done == 1);
    pkn_end_workers(the->pool);
}

/* the future ends or the time does: then the task goes on */
static void future_timed(void) {
    become_guest();
    pkern_future future;
    prepare_item(0);
    EXPLORE_ASSERT(pkern_future_spawn(&future, the->pool, raise_flag_0, &the->items[0]) == 0);
    int status = pkern_future_wait_for(&future, 2);
    EXPLORE_ASSERT(status == PKERN_ETIMEDOUT || (status == 0 && the->items[0].done == 1));
    await_flag(0);
    wait_for_future_itself(&future);
    explore_poison(&future, sizeof future);
    EXPLORE_ASSERT(the->items[0].done == 1);
    pkn_end_workers(the->pool);
}

/* two guests wait for one: both are woken */
static void setup_two_guests(void) {
    make_members(2, 2);
    pkn_atomic_store_relaxed_u32(&the->member[1]->fork.request, 1);
}

static void future_shared(void) {
    become(1);
    prepare_item(0);
    EXPLORE_ASSERT(pkern_future_spawn(&the->future, the->pool, raise_flag_0, &the->items[0]) == 0);
    await_flag(0);
    raise_flag(2);
    wait_for_future_itself(&the->future);
    EXPLORE_ASSERT(the->items[0].done == 1);
    await_flag(1);
    pkn_end_workers(the->pool);
}

static void future_shared_too(void) {
    become(2);
    await_flag(2);
    wait_for_future_itself(&the->future);
    EXPLORE_ASSERT(the->items[0].done == 1);
    raise_flag(1);
}

/* a task waits for one of its own, which lies in its worker's deque or is stolen */
static int future_inside(void *ctx) {
    pkern_future future;
    EXPLORE_ASSERT(pkern_future_spawn(&future, 0, do_item, &the->items[1]) == 0);
    wait_for_future_itself(&future);
    explore_poison(&future, sizeof future);
    EXPLORE_ASSERT(the->items[1].done == 1);
    raise_flag(0);
    return do_item(ctx);
}

static void future_of_worker(void) {
    become_guest();
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_spawn(the->pool, future_inside, &the->items[0]) == 0);
    await_flag(0);
    pkn_end_workers(the->pool);
    EXPLORE_ASSERT(the->items[0].done == 1);
}

/* ---- urgent ---- */

static void wake_by_urgent(void) {
    become_guest();
    prepare_item(0);
    EXPLORE_ASSERT(pkern_spawn_urgent(the->pool, raise_flag_0, &the->items[0]) == 0);
    await_flag(0);
    pkn_end_workers(the->pool);
}

static void urgent_in_scope(void) {
    become_guest();
    pkern_scope scope;
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_scope_begin(&scope, the->pool) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn_urgent(&scope, scope_task, &the->items[0]) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn_urgent(&scope, scope_task, &the->items[1]) == 0);
    EXPLORE_ASSERT(pkern_scope_wait(&scope) == 0);
    explore_poison(&scope, sizeof scope);
    EXPLORE_ASSERT(the->items[0].done == 1 && the->items[1].done == 1);
    pkn_end_workers(the->pool);
}

static int urgent_from_job(void *ctx) {
    EXPLORE_ASSERT(pkern_spawn_urgent(0, do_item, &the->items[1]) == 0);
    return do_item(ctx);
}

static void end_after_urgent(void) {
    become_guest();
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_spawn(the->pool, urgent_from_job, &the->items[0]) == 0);
    pkn_end_workers(the->pool);
    EXPLORE_ASSERT(the->items[0].done == 1 && the->items[1].done == 1);
}

/* ---- until nothing is left ---- */

static int spawn_another(void *ctx) {
    EXPLORE_ASSERT(pkern_spawn(0, do_item, &the->items[1]) == 0);
    return do_item(ctx);
}

static void wait_until_idle(void) {
    become_guest();
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_spawn(the->pool, spawn_another, &the->items[0]) == 0);
    EXPLORE_ASSERT(pkern_pool_wait_idle(the->pool, -1) == 0);
    EXPLORE_ASSERT(the->items[0].done == 1 && the->items[1].done == 1);
    pkn_end_workers(the->pool);
}

/* all is done, or the time is up */
static void idle_timed(void) {
    become_guest();
    prepare_item(0);
    EXPLORE_ASSERT(pkern_spawn(the->pool, raise_flag_0, &the->items[0]) == 0);
    int status = pkern_pool_wait_idle(the->pool, 2);
    EXPLORE_ASSERT(status == PKERN_ETIMEDOUT || (status == 0 && the->items[0].done == 1));
    await_flag(0);
    pkn_end_workers(the->pool);
}

/* what ends looks over all members, one of which has just come */
static void end_something(void) {
    become(0);
    pkn_atomic_store_relaxed_u32(&the->pool->sleepers, 1);
    pkn_wake_waiters_for(the->pool, &the->pool->detached);
}

/* ---- spawned broadcasts ---- */

static int broadcast_everywhere(int index, int count, void *ctx) {
    (void)ctx;
    EXPLORE_ASSERT(count == the->pool->num_threads - 1);
    return do_item(&the->items[index]);
}

static void broadcast_until_idle(void) {
    become_guest();
    int workers = the->pool->num_threads - 1;
    for (int i = 0; i < workers; i++) {
        prepare_item(i);
    }
    EXPLORE_ASSERT(pkern_spawn_broadcast(the->pool, broadcast_everywhere, 0) == 0);
    EXPLORE_ASSERT(pkern_pool_wait_idle(the->pool, -1) == 0);
    for (int i = 0; i < workers; i++) {
        EXPLORE_ASSERT(the->items[i].done == 1);
    }
    EXPLORE_ASSERT(the->pool->broadcasts == 0);
    pkn_end_workers(the->pool);
}

static void broadcast_of_scope(void) {
    become_guest();
    pkern_scope scope;
    prepare_item(0);
    EXPLORE_ASSERT(pkern_scope_begin(&scope, the->pool) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn_broadcast(&scope, broadcast_everywhere, 0) == 0);
    EXPLORE_ASSERT(pkern_scope_wait(&scope) == 0);
    explore_poison(&scope, sizeof scope);
    EXPLORE_ASSERT(the->items[0].done == 1);
    pkn_end_workers(the->pool);
}

static int spawn_broadcast_inside(void *ctx) {
    (void)ctx;
    EXPLORE_ASSERT(pkern_spawn_broadcast(0, broadcast_everywhere, 0) == 0);
    return 0;
}

/* the pool ends meanwhile: workers that are gone are stood in for */
static void end_beside_spawned_broadcast(void) {
    become_guest();
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_spawn(the->pool, spawn_broadcast_inside, 0) == 0);
    pkn_end_workers(the->pool);
    EXPLORE_ASSERT(the->items[0].done == 1 && the->items[1].done == 1 && the->pool->broadcasts == 0);
}

/* ---- a scope that is cancelled ---- */

static int done_or_not(void *ctx) {
    ((item *)ctx)->done++;
    return 0;
}

static void cancelled_scope(void) {
    become_guest();
    pkern_scope scope;
    EXPLORE_ASSERT(pkern_scope_begin(&scope, the->pool) == 0);
    EXPLORE_ASSERT(pkern_scope_set_cancel(&scope, &the->cancel) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn(&scope, done_or_not, &the->items[0]) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn(&scope, done_or_not, &the->items[1]) == 0);
    pkern_cancel_request(&the->cancel);
    int status = pkern_scope_wait(&scope);
    explore_poison(&scope, sizeof scope);
    uint64_t done = the->items[0].done + the->items[1].done;
    EXPLORE_ASSERT(status == (done == 2 ? 0 : PKERN_ECANCELED));
    pkn_end_workers(the->pool);
}

#endif
