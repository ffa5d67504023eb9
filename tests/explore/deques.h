/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Scenarios of the two deques, by their own calls. */
#ifndef PKN_EXPLORE_DEQUES_H
#define PKN_EXPLORE_DEQUES_H

#include "scenarios.h"

/* ---- the spawn deque ---- */

static void push_item(pkn_member *owner, int i) {
    prepare_item(i);
    pkn_job job = {do_item, &the->items[i], 0, (uint32_t)i, pkn_root(owner)};
    EXPLORE_ASSERT(pkn_spawn_push(owner, &job) == 0);
}

static int pop_item(pkn_member *owner) {
    pkn_filter anything = {0, 0, 0};
    pkn_job job;
    if (pkn_spawn_pop(owner, &anything, &job)) {
        job.fn(job.ctx);
        return 1;
    }
    return 0;
}

static int steal_item(int victim) {
    pkn_filter anything = {0, 0, 0};
    pkn_job job;
    if (pkn_spawn_steal(the->member[victim], &anything, 0, &job)) {
        job.fn(job.ctx);
        return 1;
    }
    return 0;
}

static void pop_all(void) {
    while (pop_item(the->member[0])) {
    }
}

static void spawn_setup(void) {
    make_members(3, 0);
}

static void spawn_setup_one(void) {
    make_members(3, 0);
    push_item(the->member[0], 0);
}

static void spawn_setup_two(void) {
    spawn_setup_one();
    push_item(the->member[0], 1);
}

/* indices wrap after two pushes */
static void spawn_setup_wrap(void) {
    make_members(3, 0);
    pkn_atomic_store_relaxed_size(&the->member[0]->spawns.top, SIZE_MAX - 1);
    pkn_atomic_store_relaxed_size(&the->member[0]->spawns.bottom, SIZE_MAX - 1);
}

static void spawn_pop_all(void) {
    pop_all();
}

static void spawn_push_pop(void) {
    push_item(the->member[0], 0);
    pop_all();
}

static void spawn_push2_pop2(void) {
    push_item(the->member[0], 0);
    push_item(the->member[0], 1);
    pop_all();
}

static void spawn_push_pop_push_pop(void) {
    push_item(the->member[0], 0);
    (void)pop_item(the->member[0]);
    push_item(the->member[0], 1);
    pop_all();
}

/* the place of the newest job is used again while a thief has seen that there was one */
static void spawn_pop_push(void) {
    (void)pop_item(the->member[0]);
    push_item(the->member[0], 2);
}

static void spawn_push3_pop3(void) {
    push_item(the->member[0], 0);
    push_item(the->member[0], 1);
    push_item(the->member[0], 2);
    pop_all();
}

static void spawn_push_only(void) {
    push_item(the->member[0], 2);
    push_item(the->member[0], 3);
}

static void spawn_grow_without_memory(void) {
    push_item(the->member[0], 0);
    push_item(the->member[0], 1);
    explore_fail_allocations_after(0);
    prepare_item(2);
    pkn_job job = {do_item, &the->items[2], 0, 2, 0};
    if (pkn_spawn_push(the->member[0], &job) != 0) {
        do_item(&the->items[2]);
    }
    pop_all();
}

static void steal_once(void) {
    (void)steal_item(0);
}

static void steal_twice(void) {
    (void)steal_item(0);
    (void)steal_item(0);
}

static void peek_then_steal(void) {
    pkn_filter anything = {0, 0, 0};
    pkn_job job;
    (void)pkn_spawn_steal(the->member[0], &anything, 1, &job);
    (void)steal_item(0);
}

/* What is left belongs to the owner. */
static void spawn_rest(int count) {
    pop_all();
    check_items(count);
}

static void spawn_check1(void) {
    spawn_rest(1);
}
static void spawn_check2(void) {
    spawn_rest(2);
}
static void spawn_check3(void) {
    spawn_rest(3);
}
static void spawn_check4(void) {
    spawn_rest(4);
}

/* Only jobs of a root: what another root has must not be taken, nor lost. */
static void spawn_steal_by_root(void) {
    pkn_filter filter = {1, 77, 0};
    pkn_job job;
    EXPLORE_ASSERT(!pkn_spawn_steal(the->member[0], &filter, 0, &job));
    (void)steal_item(0);
}

/* ---- the join deque: the records of real joins ---- */

static int join_leaf(void *ctx) {
    return do_item(ctx);
}

/* Joins item i with those up to `depth`. */
static int join_from_0(void *ctx);
static int join_from_1(void *ctx);
static int join_from_2(void *ctx);
static int join_depth;

static int join_at(int i) {
    static int (*const next[])(void *) = {join_from_1, join_from_2, join_leaf};
    prepare_item(i);
    prepare_item(i + 1);
    if (i + 1 >= join_depth) {
        return pkern_join(the->pool, join_leaf, &the->items[i + 1], join_leaf, &the->items[i]);
    }
    return pkern_join(the->pool, next[i], 0, join_leaf, &the->items[i]);
}

static int join_from_0(void *ctx) {
    (void)ctx;
    return join_at(0);
}
static int join_from_1(void *ctx) {
    (void)ctx;
    return join_at(1);
}
static int join_from_2(void *ctx) {
    (void)ctx;
    return join_at(2);
}

/* The first join is offered at once. */
static void join_setup(void) {
    make_members(3, 0);
    pkn_atomic_store_relaxed_u32(&the->member[0]->fork.request, 1);
}

static void join_once(void) {
    become(0);
    join_depth = 1;
    EXPLORE_ASSERT(join_from_0(0) == 0);
}

static void join_nested2(void) {
    become(0);
    join_depth = 2;
    EXPLORE_ASSERT(join_from_0(0) == 0);
}

static void join_nested3(void) {
    become(0);
    join_depth = 3;
    EXPLORE_ASSERT(join_from_0(0) == 0);
}

/* Two joins one after another: the record is used again while a thief may still look at it. */
static void join_twice(void) {
    become(0);
    for (int i = 0; i < 4; i += 2) {
        prepare_item(i);
        prepare_item(i + 1);
        pkn_atomic_store_relaxed_u32(&the->member[0]->fork.request, 1);
        EXPLORE_ASSERT(pkern_join(the->pool, join_leaf, &the->items[i + 1], join_leaf, &the->items[i]) == 0);
    }
}

static void take_from_0(int self, int tries) {
    pkn_filter anything = {0, 0, 0};
    pkn_member *me = become(self);
    while (tries-- != 0) {
        (void)pkn_take_from(me, the->member[0], &anything, 0);
    }
}

static void thief_1(void) {
    take_from_0(1, 1);
}
static void thief_1_twice(void) {
    take_from_0(1, 2);
}
static void thief_2(void) {
    become(1);
    pkn_filter anything = {0, 0, 0};
    (void)pkn_join_steal(the->member[0], &anything, 1);
    take_from_0(1, 1);
}

/* a second thief; member 1 stands for both sides of the search, so it is a member of its own */
static void other_thief(void) {
    pkn_filter anything = {0, 0, 0};
    pkn_member *me = become(1);
    (void)pkn_take_from(me, the->member[0], &anything, 0);
}

static void join_setup_4(void) {
    make_members(4, 0);
    pkn_atomic_store_relaxed_u32(&the->member[0]->fork.request, 1);
}
static void thief_of_4(void) {
    take_from_0(2, 1);
}

/* records made public all at once, as before a wait for something else */
static void join_expose_all(void) {
    pkn_member *owner = become(0);
    uint32_t first = pkn_join_end(owner);
    for (int i = 0; i < 3; i++) {
        prepare_item(i);
        EXPLORE_ASSERT(pkn_join_fill(pkn_room(pkn_end(&owner->fork)), join_leaf, &the->items[i]) != 0);
    }
    pkn_join_expose_all(owner);
    for (int i = 3; i-- > 0;) {
        pkn_slot *slot = pkn_join_slot(owner, first + (uint32_t)i);
        if (pkn_pop(slot) != 0) {
            join_leaf(&the->items[i]);
        }
    }
}

static void join_setup_quiet(void) {
    make_members(3, 0);
}

/* the third is in a segment that the thief has not seen, and its root is read before it is claimed */
static void thief_by_root(void) {
    pkn_filter of_root = {1, PKN_ROOT_NONE, 0};
    pkn_member *me = become(1);
    for (int i = 0; i < 3; i++) {
        (void)pkn_take_from(me, the->member[0], &of_root, 0);
    }
}

/* one thief takes the first segment's records; the other comes first to the second segment */
static void steal_two_records(void) {
    pkn_filter anything = {0, 0, 0};
    pkn_member *me = become(1);
    for (int i = 0; i < 2; i++) {
        pkn_slot *slot = pkn_join_steal(the->member[0], &anything, 0);
        if (slot != 0) {
            pkn_run_stolen(me, the->member[0], slot, PKN_ROOT_NONE);
        }
    }
}

static void steal_one_by_root(void) {
    pkn_filter of_root = {1, PKN_ROOT_NONE, 0};
    pkn_member *me = become(2);
    pkn_slot *slot = pkn_join_steal(the->member[0], &of_root, 0);
    if (slot != 0) {
        pkn_run_stolen(me, the->member[0], slot, PKN_ROOT_NONE);
    }
}

static void join_setup_quiet_4(void) {
    make_members(4, 0);
}

/* a thief asks; the owner's next joins answer or not */
static void join_asks(void) {
    pkn_member *me = become(1);
    pkn_request_work(me, 0);
    take_from_0(1, 1);
}

/* ---- joins that run in line ---- */

PKERN_DEFINE_JOIN_TASK_2(int, join_halves, int, first, int, last) {
    int a, b, middle = first + (last - first) / 2;
    if (first == last) {
        return do_item(&the->items[first]);
    }
    PKERN_JOIN(a = PKERN_CALL(join_halves, first, middle), b, join_halves, middle + 1, last);
    return a | b;
}

/* The inner one of two joins is short from the second time on: both of its sides run in line, while a thief asks. */
static void join_setup_short(void) {
    join_setup();
    the->pool->theft_ticks = 1000;
}

static void join_short(void) {
    for (int i = 0; i < 4; i++) {
        prepare_item(i);
    }
    pkn_member *owner = become(0);
    (void)pkn_join_is_short(owner, 1, (uintptr_t)join_halves_stolen);
    EXPLORE_ASSERT(join_halves_task(pkn_end(&owner->fork), 0, 3) == 0);
    EXPLORE_ASSERT(pkn_join_end(owner) == 0 && owner->fork.in_line_depth == 0);
}

/* In line, and somebody is hungry: the second half becomes a task and offers its second half. */
static void join_asked_in_line(void) {
    for (int i = 0; i < 4; i++) {
        prepare_item(i);
    }
    pkn_member *owner = become(0);
    EXPLORE_ASSERT(join_halves_in_line(pkn_atomic_load_relaxed_u32(&owner->fork.hunger), 0, 3) == 0);
    EXPLORE_ASSERT(pkn_join_end(owner) == 0);
}

static void hungry_thief(void) {
    pkn_member *me = become(1);
    pkn_request_work(me, 1);
    take_from_0(1, 1);
}

/* ---- a thief that nobody knew when the join was begun ---- */

static int visitor_takes(void *ctx) {
    pkn_filter anything = {0, 0, 0};
    (void)ctx;
    (void)pkn_take_from(pkn_current(), the->member[0], &anything, 0);
    return 0;
}
static void visitor_steals(void) {
    EXPLORE_ASSERT(pkern_pool_install(the->pool, visitor_takes, 0) == 0);
}

static int visitor_takes_hidden(void *ctx) {
    pkn_filter anything = {0, 0, 0};
    (void)ctx;
    (void)pkn_take_hidden_from_any(pkn_current(), &anything, 0);
    return 0;
}
static void visitor_steals_hidden(void) {
    EXPLORE_ASSERT(pkern_pool_install(the->pool, visitor_takes_hidden, 0) == 0);
}

static void join_setup_no_guest(void) {
    make_members(2, 0);
    pkn_atomic_store_relaxed_u32(&the->member[0]->fork.request, 1);
}
static void hidden_setup_no_guest(void) {
    make_members(2, 0);
    the->pool->has_membarrier = 1;
}

/* ---- who steals looks for others who sleep ---- */

/* A third member sleeps, and the owner's request has been answered already. Of two forks at least the first must be seen: by the thief, or by
   the owner, which sees the request at the second. */
static void call_setup(void) {
    make_members(4, 0);
    the->pool->has_membarrier = 1;
    pkn_atomic_store_relaxed_u32(&the->member[2]->parked, PKN_ASLEEP);
    pkn_atomic_store_relaxed_u32(&the->pool->sleepers, 1);
}

static void call_owner_pushes(void) {
    pkn_member *owner = become(0);
    for (int i = 0; i < 2; i++) {
        EXPLORE_ASSERT(pkn_join_fill(pkn_room(pkn_end(&owner->fork)), join_leaf, &the->items[i]) != 0);
    }
}

static void call_thief_calls(void) {
    become(1);
    pkn_call_for_the_rest(the->member[0]);
}

static void call_check(void) {
    EXPLORE_ASSERT(pkn_atomic_load_relaxed_u32(&the->member[2]->parked) == PKN_AWAKE);
}

/* ---- the count of sleepers is never too low ---- */

/* One sleeps and counts; another, which has something to do, is just about to. */
static void count_setup(void) {
    make_members(4, 0);
    pkn_atomic_store_relaxed_u32(&the->member[2]->parked, PKN_ASLEEP);
    pkn_atomic_store_relaxed_u32(&the->pool->sleepers, 1);
    pkn_atomic_store_relaxed_u32(&the->pool->stopping, 1);
}

static void count_sleeper(void) {
    pkn_wait wait = {PKN_WAIT_WORK, 0, 0, 0, 0, 0, 0};
    (void)pkn_sleep(become(0), &wait);
}

/* If it has woken the one, its work is for the other. */
static void count_poster(void) {
    become(1);
    int has_woken = pkn_wake_member(the->member[0]);
    pkn_work_posted(the->pool, PKN_ROOT_NONE, 1);
    EXPLORE_ASSERT(!has_woken || pkn_atomic_load_relaxed_u32(&the->member[2]->parked) == PKN_AWAKE);
}

/* ---- private records ---- */

static void hidden_setup(void) {
    make_members(3, 0);
    the->pool->has_membarrier = 1;
}
static void hidden_setup_4(void) {
    make_members(4, 0);
    the->pool->has_membarrier = 1;
}

static void take_hidden(int self, int tries, const pkn_filter *filter) {
    pkn_member *me = become(self);
    while (tries-- != 0) {
        (void)pkn_take_hidden_from_any(me, filter, 0);
    }
}

static void hidden_thief(void) {
    pkn_filter anything = {0, 0, 0};
    take_hidden(1, 1, &anything);
}
static void hidden_thief_twice(void) {
    pkn_filter anything = {0, 0, 0};
    take_hidden(1, 2, &anything);
}
static void hidden_thief_too(void) {
    pkn_filter anything = {0, 0, 0};
    take_hidden(2, 1, &anything);
}

/* The owner is in the first side of a join; a thief may still read that the record is there when it is gone, and when its place is used again. */
static pkn_slot *mark_setup(int is_stolen) {
    hidden_setup_4();
    pkn_member *owner = the->member[0];
    pkn_slot *slot = pkn_end(&owner->fork);
    pkn_join_frame *frame = (pkn_join_frame *)(void *)slot->payload;
    prepare_item(0);
    frame->fn = join_leaf;
    frame->ctx = &the->items[0];
    if (is_stolen) {
        do_item(&the->items[0]);
        pkn_join_mark(slot);
        pkn_atomic_store_relaxed_u32(&slot->state, PKN_SLOT_DONE);
        pkn_atomic_store_relaxed_u64(&owner->join_range, pkn_join_next(0, 1, 1));
    }
    pkn_set_end(&owner->fork, slot + 1);
    return slot;
}
static void mark_setup_stolen(void) {
    (void)mark_setup(1);
}
static void mark_setup_private(void) {
    (void)mark_setup(0);
}
static void mark_owner(void) {
    pkn_slot *slot = pkn_join_slot(become(0), 0);
    if (pkn_pop(slot) != 0) {
        do_item(&the->items[0]);
    }
    prepare_item(1);
    prepare_item(2);
    EXPLORE_ASSERT(pkern_join(the->pool, join_leaf, &the->items[2], join_leaf, &the->items[1]) == 0);
}
/* a thief that comes late, and gives up */
static void mark_late(void) {
    pkn_atomic_fetch_or_relaxed_u32(&pkn_join_slot(the->member[0], 0)->flags, PKN_SLOT_PUBLIC);
}

/* joins one after another that nobody asked for: the same record each time */
static void join_three_times(void) {
    become(0);
    for (int i = 0; i < 6; i += 2) {
        prepare_item(i);
        prepare_item(i + 1);
        EXPLORE_ASSERT(pkern_join(the->pool, join_leaf, &the->items[i + 1], join_leaf, &the->items[i]) == 0);
    }
}

/* the second join is another call's */
static int join_of_root_2(void *ctx) {
    EXPLORE_ASSERT(pkn_root(pkn_current()) == 2u);
    return join_leaf(ctx);
}
static void join_of_two_roots(void) {
    pkn_member *me = become(0);
    for (int i = 0; i < 4; i++) {
        prepare_item(i);
    }
    pkn_set_root(me, 1);
    EXPLORE_ASSERT(pkern_join(the->pool, join_leaf, &the->items[1], join_leaf, &the->items[0]) == 0);
    pkn_set_root(me, 2);
    EXPLORE_ASSERT(pkern_join(the->pool, join_leaf, &the->items[3], join_of_root_2, &the->items[2]) == 0);
}
static void hidden_thief_of_root_2(void) {
    pkn_filter of_root_2 = {1, 2, 0};
    take_hidden(1, 1, &of_root_2);
}

static int await_second_side(void *ctx) {
    await_flag(0);
    return join_leaf(ctx);
}
static int second_side(void *ctx) {
    raise_flag(0);
    return join_leaf(ctx);
}

/* a first side that waits for the second, in a pool with one worker */
static void pool_join_waits(void) {
    pkern_pool_config config;
    pkern_pool *pool;
    memset(&config, 0, sizeof config);
    config.num_threads = 2;
    config.spin_ns = -1;
    EXPLORE_ASSERT(pkern_pool_create(&config, &pool) == PKERN_OK);
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_join(pool, await_second_side, &the->items[0], second_side, &the->items[1]) == 0);
    check_items(2);
    EXPLORE_ASSERT(pkern_pool_destroy(pool) == PKERN_OK);
}

/* two second sides that wait for each other, so each needs a worker: who is woken first calls the other */
static int second_side_of_two(void *ctx) {
    item *it = (item *)ctx;
    int i = (int)(it - the->items);
    raise_flag(i);
    await_flag(1 - i);
    return join_leaf(ctx);
}
static int await_both(void *ctx) {
    await_flag(0);
    await_flag(1);
    return join_leaf(ctx);
}
static int first_of_two(void *ctx) {
    (void)ctx;
    return pkern_join(the->pool, await_both, &the->items[2], second_side_of_two, &the->items[1]);
}
static void pool_join_two_wait(void) {
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.num_threads = 3;
    config.spin_ns = -1;
    EXPLORE_ASSERT(pkern_pool_create(&config, &the->pool) == PKERN_OK);
    for (int i = 0; i < 3; i++) {
        prepare_item(i);
    }
    EXPLORE_ASSERT(pkern_join(the->pool, first_of_two, 0, second_side_of_two, &the->items[0]) == 0);
    check_items(3);
    EXPLORE_ASSERT(pkern_pool_destroy(the->pool) == PKERN_OK);
}

static void check6(void) {
    check_items(6);
}

static void check2(void) {
    check_items(2);
}
static void check3(void) {
    check_items(3);
}
static void check4(void) {
    check_items(4);
}

/* ---- jobs in the order of their spawns ---- */

static void fifo_push_item(int i) {
    prepare_item(i);
    pkn_job job = {do_item, &the->items[i], 0, (uint32_t)i, 0};
    EXPLORE_ASSERT(pkn_fifo_push(the->member[0], &the->member[0]->fifo, &job) == 0);
}

static void fifo_setup_two(void) {
    make_members(3, 0);
    fifo_push_item(0);
    fifo_push_item(1);
}

/* who has a marker has a job, and it is the oldest */
static void fifo_run_marker(const pkn_job *marker) {
    pkn_job job;
    pkn_fifo_take((pkn_job_deque *)marker->ctx, &job);
    (void)job.fn(job.ctx);
}

static void fifo_owner(void) {
    pkn_filter anything = {0, 0, 0};
    pkn_job marker;
    fifo_push_item(2);
    while (pkn_spawn_pop(the->member[0], &anything, &marker)) {
        fifo_run_marker(&marker);
    }
}

static void fifo_thief(void) {
    pkn_filter anything = {0, 0, 0};
    pkn_job marker;
    if (pkn_spawn_steal(the->member[0], &anything, 0, &marker)) {
        fifo_run_marker(&marker);
    }
}

/* what a thief takes with its second marker was pushed after what it took with its first */
static void fifo_thief_twice(void) {
    pkn_filter anything = {0, 0, 0};
    pkn_job marker, job;
    uint32_t last = 0;
    for (int i = 0; i < 2; i++) {
        if (pkn_spawn_steal(the->member[0], &anything, 0, &marker)) {
            pkn_fifo_take((pkn_job_deque *)marker.ctx, &job);
            EXPLORE_ASSERT(i == 0 || job.number > last);
            last = job.number;
            (void)job.fn(job.ctx);
        }
    }
}

static void pop_all_markers(int owner) {
    pkn_filter anything = {0, 0, 0};
    pkn_job marker;
    while (pkn_spawn_pop(the->member[owner], &anything, &marker)) {
        fifo_run_marker(&marker);
    }
}

static void fifo_check2(void) {
    pop_all_markers(0);
    check_items(2);
}

static void fifo_check3(void) {
    pop_all_markers(0);
    check_items(3);
}

/* two threads of a scope make their queues at once */
static void fifo_scope_setup(void) {
    make_members(3, 0);
}

static void fifo_scope_queue_of(int i) {
    pkern_scope *scope = &the->shared;
    pkn_job_deque *jobs = pkn_scope_fifo_of(scope, the->member[i]);
    EXPLORE_ASSERT(jobs != 0 && jobs == pkn_scope_fifo_of(scope, the->member[i]));
    prepare_item(i);
    pkn_job job = {do_item, &the->items[i], scope, (uint32_t)i, 0};
    EXPLORE_ASSERT(pkn_fifo_push(the->member[i], jobs, &job) == 0);
}

static void fifo_scope_0(void) {
    fifo_scope_queue_of(0);
    fifo_thief();
}

static void fifo_scope_1(void) {
    fifo_scope_queue_of(1);
}

static void fifo_scope_check(void) {
    pkern_scope *scope = &the->shared;
    int queues = 0;
    pop_all_markers(0);
    pop_all_markers(1);
    for (pkn_scope_fifo *fifo = (pkn_scope_fifo *)pkn_atomic_load_relaxed_ptr(&scope->fifos); fifo != 0; fifo = fifo->next) {
        queues++;
    }
    EXPLORE_ASSERT(queues == 2);
    check_items(2);
    pkn_scope_free_fifos(scope, 0);
}

#endif
