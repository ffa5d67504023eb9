/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Scenarios of the loop board: claims, halves that change hands, late helpers, epochs that end, failures and cancels. */
#ifndef PKN_EXPLORE_LOOPS_H
#define PKN_EXPLORE_LOOPS_H

#include "scenarios.h"

/* Thread a is the owner, a guest; b and c are workers that only help. */
static pkn_member *loop_owner(void) {
    return the->member[the->pool->num_threads - 1];
}

static int loop_over(size_t count, pkern_range_fn body, pkern_cancel *cancel, int (*progress)(size_t, size_t, void *)) {
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1e5;
    options.max_len = 1;
    options.cancel = cancel;
    options.progress = progress;
    int status = pkn_loop_run(the->pool, 0, count, &options, body, 0);
    explore_poison(&options, sizeof options);
    return status;
}

static void setup_loop_2(void) {
    make_members(2, 1);
}

static void setup_loop_3(void) {
    make_members(3, 1);
}

/* The next loop has this epoch; a thief's slice may still carry the one before. */
static void setup_epoch(uint32_t epoch) {
    make_members(2, 1);
    pkn_member *owner = loop_owner();
    EXPLORE_ASSERT(pkn_loop_board_is_free(owner));
    owner->loop_epoch = epoch - 1u;
    for (int i = 0; i < 2; i++) {
        pkn_atomic_store_relaxed_u64(&owner->slices[i].range, pkn_loop_pack(epoch - 1u, 0, 0));
        pkn_atomic_store_relaxed_u64(&owner->slices[i].done, pkn_loop_pack(epoch - 1u, 0, 0));
    }
    pkn_atomic_store_relaxed_u64(&owner->board.ticket, pkn_loop_pack(epoch - 1u, 0, 0));
    the->member[0]->seen_epoch[owner->index] = epoch - 1u;
}

static void setup_epoch_wrap(void) {
    setup_epoch(0);
}

static void setup_epoch_refresh(void) {
    setup_epoch(UINT32_C(0x40000000));
}

static void help(int self, int tries) {
    pkn_filter anything = {0, 0, 0};
    pkn_member *me = become(self);
    while (tries-- != 0) {
        (void)pkn_loop_help(me, loop_owner(), &anything, 0);
    }
}

static void help_once(void) {
    help(0, 1);
}

static void help_twice(void) {
    help(0, 2);
}

static void help_once_too(void) {
    help(1, 1);
}

static void peek_and_help(void) {
    pkn_filter anything = {0, 0, 0};
    pkn_member *me = become(0);
    (void)pkn_loop_help(me, loop_owner(), &anything, 1);
    (void)pkn_loop_help(me, loop_owner(), &anything, 0);
}

static void own_loop(size_t count) {
    become(the->pool->num_threads - 1);
    for (size_t i = 0; i < count; i++) {
        prepare_item((int)i);
    }
    EXPLORE_ASSERT(loop_over(count, do_range, 0, 0) == 0);
    for (size_t i = 0; i < count; i++) {
        EXPLORE_ASSERT(the->items[i].done == 1);
    }
}

static void own_loop_2(void) {
    own_loop(2);
}

static void own_loop_4(void) {
    own_loop(4);
}

/* the second loop writes what the first has read: a helper that is late would be seen */
static void own_two_loops(void) {
    own_loop(2);
    for (int i = 0; i < 2; i++) {
        the->items[i].done = 0;
    }
    own_loop(2);
}

static int fail_from_1(size_t begin, size_t end, void *ctx) {
    (void)ctx;
    for (size_t i = begin; i < end; i++) {
        the->items[i].done++;
        if (i >= 1) {
            return (int)i + 1;
        }
    }
    return 0;
}

static void own_failing_loop(void) {
    become(the->pool->num_threads - 1);
    EXPLORE_ASSERT(loop_over(4, fail_from_1, 0, 0) == 2);
    for (int i = 0; i < 4; i++) {
        EXPLORE_ASSERT(the->items[i].done <= 1 && (i > 1 || the->items[i].done == 1));
    }
}

static void own_cancelled_loop(void) {
    become(the->pool->num_threads - 1);
    for (int i = 0; i < 3; i++) {
        prepare_item(i);
    }
    int status = loop_over(3, do_range, &the->cancel, 0);
    int done = 0;
    for (int i = 0; i < 3; i++) {
        EXPLORE_ASSERT(the->items[i].done <= 1);
        done += the->items[i].done == 1;
    }
    EXPLORE_ASSERT(status == PKERN_ECANCELED || (status == 0 && done == 3));
}

static void cancel_it(void) {
    the->items[4].input = 7;
    pkern_cancel_request(&the->cancel);
}

static void see_cancel(void) {
    if (pkern_cancel_requested(&the->cancel)) {
        EXPLORE_ASSERT(the->items[4].input == 7);
    }
}

static int count_progress(size_t done, size_t total, void *user) {
    (void)user;
    EXPLORE_ASSERT(done <= total);
    the->items[5].done++; /* plain: two at once would be a race */
    return 0;
}

static void own_loop_with_progress(void) {
    become(the->pool->num_threads - 1);
    explore_tick_step(UINT64_C(20000000));
    for (int i = 0; i < 3; i++) {
        prepare_item(i);
    }
    EXPLORE_ASSERT(loop_over(3, do_range, 0, count_progress) == 0);
    EXPLORE_ASSERT(the->items[5].done >= 1);
}

/* a loop inside a piece of a loop: the board is taken, so its pieces are joins */
static int inner_loop(size_t begin, size_t end, void *ctx) {
    (void)ctx;
    for (size_t i = begin; i < end; i++) {
        if (i == 0) {
            prepare_item(2);
            prepare_item(3);
            pkern_par_options options;
            memset(&options, 0, sizeof options);
            options.item_cost_ns = 1e5;
            EXPLORE_ASSERT(pkn_loop_run(0, 2, 4, &options, do_range, 0) == 0);
            EXPLORE_ASSERT(the->items[2].done == 1 && the->items[3].done == 1);
        }
        (void)do_item(&the->items[i]);
    }
    return 0;
}

static void own_nested_loop(void) {
    become(the->pool->num_threads - 1);
    prepare_item(0);
    prepare_item(1);
    pkn_atomic_store_relaxed_u32(&loop_owner()->fork.request, 1);
    EXPLORE_ASSERT(loop_over(2, inner_loop, 0, 0) == 0);
    check_items(4);
}

/* A worker's loops, for the calls of two guests in turn: each guest is the last participant of one of them. */
static void setup_loop_of_worker(void) {
    make_members(2, 2);
}

static void own_loops_of_two_roots(void) {
    pkn_member *me = become(0);
    for (uint32_t guest = 1; guest <= 2; guest++) {
        pkn_set_root(me, guest + 1u);
        prepare_item(0);
        prepare_item(1);
        the->items[0].done = the->items[1].done = 0;
        EXPLORE_ASSERT(loop_over(2, do_range, 0, 0) == 0);
        EXPLORE_ASSERT(the->items[0].done == 1 && the->items[1].done == 1);
    }
}

static void help_worker(int self) {
    pkn_filter filter = {1, (uint32_t)self + 1u, 0};
    (void)pkn_loop_help(become(self), the->member[0], &filter, 0);
}

static void guest_1_helps(void) {
    help_worker(1);
}

static void guest_2_helps(void) {
    help_worker(2);
}

static void thief_of_owner(void) {
    pkn_filter anything = {0, 0, 0};
    pkn_member *me = become(0);
    (void)pkn_take_from(me, loop_owner(), &anything, 0);
    (void)pkn_take_from(me, loop_owner(), &anything, 0);
}

#endif
