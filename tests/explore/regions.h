/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Scenarios of waits that take only what is theirs: a lock held over them, the queue of tasks, roots used again. */
#ifndef PKN_EXPLORE_REGIONS_H
#define PKN_EXPLORE_REGIONS_H

#include "sleepers.h"

static void setup_2_workers_and_barrier(void) {
    setup_2_workers();
    the->pool->has_membarrier = 1; /* so that no join stays hidden */
}

static int want_lock(void *ctx) {
    pkn_mutex_lock(&the->lock);
    pkn_mutex_unlock(&the->lock);
    return do_item(ctx);
}

/* the second side runs on another thread, which waits inside for what the third has taken */
static int region_third_side(void *ctx) {
    raise_flag(1);
    await_flag(2);
    return do_item(ctx);
}

static int until_third_side(void *ctx) {
    await_flag(1);
    return do_item(ctx);
}

static int region_second_side(void *ctx) {
    (void)ctx;
    raise_flag(0);
    return pkern_join(0, until_third_side, &the->items[1], region_third_side, &the->items[2]);
}

static int until_second_side(void *ctx) {
    await_flag(1);
    EXPLORE_ASSERT(pkern_spawn(the->pool, want_lock, &the->items[3]) == 0);
    raise_flag(2);
    return do_item(ctx);
}

static void lock_over_join(void) {
    become_guest();
    for (int i = 0; i < 4; i++) {
        prepare_item(i);
    }
    pkn_mutex_lock(&the->lock);
    EXPLORE_ASSERT(pkern_join_with(the->pool, until_second_side, &the->items[0], region_second_side, 0, PKERN_WAIT_OWN) == 0);
    pkn_mutex_unlock(&the->lock);
    pkn_end_workers(the->pool);
    check_items(4);
}

static void own_scope(void) {
    become_guest();
    pkern_scope scope;
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_scope_begin_with(&scope, the->pool, PKERN_WAIT_OWN) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn(&scope, scope_task, &the->items[0]) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn(&scope, scope_task, &the->items[1]) == 0);
    EXPLORE_ASSERT(pkern_scope_wait(&scope) == 0);
    explore_poison(&scope, sizeof scope);
    check_items(2);
    pkn_end_workers(the->pool);
}

static void blocked_scope(void) {
    become_guest();
    pkern_scope scope;
    prepare_item(0);
    EXPLORE_ASSERT(pkern_scope_begin_with(&scope, the->pool, PKERN_WAIT_BLOCK) == 0);
    EXPLORE_ASSERT(pkern_scope_spawn(&scope, scope_task, &the->items[0]) == 0);
    EXPLORE_ASSERT(pkern_scope_wait(&scope) == 0);
    explore_poison(&scope, sizeof scope);
    check_items(1);
    pkn_end_workers(the->pool);
}

static void own_joins_in_a_row(void) {
    become_guest();
    for (int i = 0; i < 2; i++) {
        uint64_t counts[2] = {0, 0};
        explore_plain_write(counts, sizeof counts); /* the compiler may fill it by a call */
        EXPLORE_ASSERT(pkern_join_with(the->pool, bump, &counts[0], bump, &counts[1], PKERN_WAIT_OWN) == 0);
        EXPLORE_ASSERT(counts[0] == 1 && counts[1] == 1);
        explore_poison(counts, sizeof counts);
    }
    pkn_end_workers(the->pool);
}

#endif
