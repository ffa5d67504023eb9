/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Ways through the scheduler that chance alone seldom takes, taken on purpose. What is left is in coverage_waivers.txt. */
#include "pool_tools.h"

/* ---- decisions of a loop ---- */

static int branches_nothing(size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(begin);
    PKN_UNUSED(end);
    PKN_UNUSED(ctx);
    return 0;
}

static int branches_count(size_t begin, size_t end, void *ctx) {
    __atomic_fetch_add((size_t *)ctx, end - begin, __ATOMIC_RELAXED);
    return 0;
}

Test(pool_branches, a_loop_s_units_and_grain_at_the_ends_of_their_ranges) {
    pkn_member *member = (pkn_member *)pkn_allocate(0, sizeof *member, PKN_CACHE_LINE);
    pkn_loop_extras extras;
    pkn_loop_view view;
    pkn_loop loop;
    memset((void *)member, 0, sizeof *member);
    memset(&extras, 0, sizeof extras);
    memset(&loop, 0, sizeof loop);
    loop.member = member;
    loop.body = branches_nothing;
    loop.end = 10;
    loop.item_ns = 1e-9;
    cr_assert_eq(pkn_loop_unit(&loop), 8); /* all of it, to a power of two */
    loop.extras = &extras;
    loop.max_len = 1;
    loop.end = 1000;
    pkn_loop_view_of(&loop, &view);
    cr_assert_eq(view.units, 1000);
    cr_assert_eq(view.grain, PKN_LOOP_MAX_UNITS);
    pkn_release(0, member, sizeof *member);
}

static int branches_verdict(void *ctx) {
    *(int *)ctx = pkn_loop_verdict(pkn_current(), 1e9, 0);
    return 0;
}

Test(pool_branches, nobody_to_share_with_is_alone) {
    pkern_pool *pool = pool_of(1);
    int verdict = 0;
    cr_assert_eq(pkern_pool_install(pool, branches_verdict, &verdict), 0);
    cr_assert_eq(verdict, PKN_LOOP_ALONE);
    pool_end(pool);
}

/* ---- a loop inside of a loop, at every place of the join deque ---- */

typedef struct branches_deep {
    pool_heap *heap;
    size_t ran, levels;
    int fails, code;
} branches_deep;

static int branches_fail(size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(begin);
    PKN_UNUSED(end);
    return ((branches_deep *)ctx)->code;
}

static int branches_inner(void *ctx) {
    branches_deep *deep = (branches_deep *)ctx;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    if (deep->levels-- != 0) {
        return pkern_join(0, branches_inner, deep, pool_count_one, &deep->ran);
    }
    options.item_cost_ns = 1e6;
    if (deep->fails) {
        pool_heap_fail(deep->heap, 0, SIZE_MAX);
    }
    int status = pkn_loop_run(0, 0, 40, &options, branches_count, &deep->ran);
    deep->heap->fail_count = 0;
    deep->code = 33;
    if (status == 0) { /* not hinted, and failing */
        status = pkn_loop_run(0, 0, 1000, 0, branches_fail, deep);
    }
    return status;
}

static int branches_outer(size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(end);
    return begin == 0 ? branches_inner(ctx) : 0;
}

Test(pool_branches, a_nested_loop_at_the_end_of_a_segment_with_and_without_memory) {
    for (size_t levels = 0; levels < 100; levels++) {
        for (int fails = 0; fails < 2; fails++) {
            pool_heap heap;
            pkern_pool_config config;
            pkern_par_options options;
            branches_deep deep;
            pool_heap_init(&heap);
            memset(&config, 0, sizeof config);
            memset(&options, 0, sizeof options);
            memset(&deep, 0, sizeof deep);
            config.num_threads = 2;
            config.allocator = &heap.allocator;
            options.item_cost_ns = 1e6;
            options.max_len = 1;
            deep.heap = &heap;
            deep.levels = levels;
            deep.fails = fails;
            pkern_pool *pool = pool_with(&config);
            cr_assert_eq(pkn_loop_run(pool, 0, 2, &options, branches_outer, &deep), 33);
            cr_assert_eq(deep.ran, levels + 40);
            pool_end(pool);
            pool_heap_check(&heap);
        }
    }
}

/* ---- places ---- */

Test(pool_branches, scopes_on_two_pools_end_in_the_order_they_began) {
    pkern_pool *a = pool_of(2), *b = pool_of(3);
    pkern_scope first, second;
    size_t ran = 0;
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(pkern_scope_begin(&first, a), PKERN_OK);
        cr_assert_eq(pkern_scope_begin(&second, b), PKERN_OK);
        cr_assert_eq(pkern_scope_spawn(&first, pool_count_one, &ran), PKERN_OK);
        cr_assert_eq(pkern_scope_spawn(&second, pool_count_one, &ran), PKERN_OK);
        cr_assert_eq(pkern_scope_wait(&first), PKERN_OK);
        cr_assert_eq(pkern_worker_index(a), -1);
        cr_assert_geq(pkern_worker_index(b), 0);
        cr_assert_eq(pkern_scope_wait(&second), PKERN_OK);
    }
    cr_assert_eq(ran, 40);
    pool_end(a);
    pool_end(b);
}

Test(pool_branches, no_member_has_more_join_segments_than_indices_tell_apart) {
    pkern_pool *pool = pool_of(1);
    size_t ran = 0;
    cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), 0);
    pkn_member *member = pkn_member_at(pool, 0);
    uint32_t segments = member->join_segments;
    pkn_slot foreign;
    member->join_segments = PKN_JOIN_SEGMENTS;
    cr_assert_eq(pkn_join_add_segment(member), 1);
    member->join_segments = segments;
    cr_assert_eq(pkn_join_index(member, &foreign), ((1u << PKN_JOIN_SEGMENTS) - 1u) * PKN_JOIN_SEGMENT_0, "it is in no segment");
    pool_end(pool);
}

Test(pool_branches, a_look_sees_what_lies_in_the_own_deque) {
    pkern_pool *pool = pool_of(1);
    pkern_scope scope;
    pkn_wait wait;
    size_t ran = 0;
    memset(&wait, 0, sizeof wait);
    wait.kind = PKN_WAIT_SCOPE;
    wait.scope = &scope;
    cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
    cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
    cr_assert_eq(pkn_search_now((pkn_member *)scope.member, &wait, PKN_SEARCH_IMPATIENT, 1), 1);
    cr_assert_eq(ran, 0);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(ran, 1);
    pool_end(pool);
}

/* Beyond the depth limit: the tasks of the scope that is waited for, and nothing else. */
typedef struct branches_shallows {
    pkern_pool *pool;
    size_t ran;
} branches_shallows;

static int branches_too_deep(void *ctx) {
    branches_shallows *shallows = (branches_shallows *)ctx;
    pkn_member *self = pkn_current(), *home = (pkn_member *)pkn_allocate(0, sizeof *home, PKN_CACHE_LINE);
    uint32_t limit = shallows->pool->depth_limit, root = pkn_root(self);
    pkern_scope scope;
    pkn_wait wait;
    memset(&wait, 0, sizeof wait);
    wait.kind = PKN_WAIT_JOIN;
    cr_assert_eq(pkern_spawn_urgent(shallows->pool, pool_count_one, &shallows->ran), PKERN_OK);
    cr_assert_eq(pkern_scope_begin(&scope, shallows->pool), PKERN_OK);
    cr_assert_eq(pkern_scope_spawn_urgent(&scope, pool_count_one, &shallows->ran), PKERN_OK);
    cr_assert_eq(pkn_search_now(self, &wait, 0, 1), 1);
    memset((void *)home, 0, sizeof *home);
    home->pool = shallows->pool;
    home->depth = limit;
    self->home = home; /* deep there, though not here */
    cr_assert_eq(pkn_search_now(self, &wait, 0, 1), 0);
    self->home = 0;
    pkn_release(0, home, sizeof *home);
    shallows->pool->depth_limit = 0;
    cr_assert_eq(pkn_search_now(self, &wait, 0, 0), 0);
    cr_assert_eq(shallows->ran, 0);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(shallows->ran, 1);
    shallows->pool->depth_limit = limit;
    /* in a region, where something lies in the queue */
    uint32_t region = pkn_region_begin(self);
    pkn_set_root(self, region);
    cr_assert_eq(pkern_scope_begin(&scope, shallows->pool), PKERN_OK);
    cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &shallows->ran), PKERN_OK);
    shallows->pool->depth_limit = 0;
    cr_assert_eq(pkn_search_now(self, &wait, 0, 1), 0);
    shallows->pool->depth_limit = limit;
    cr_assert_eq(pkn_search_now(self, &wait, 0, 1), 1);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(shallows->ran, 2);
    pkn_set_root(self, root);
    pkn_region_end(self, region);
    return 0;
}

Test(pool_branches, too_deep_takes_only_what_is_waited_for) {
    branches_shallows shallows = {pool_of(1), 0};
    cr_assert_eq(pkern_pool_install(shallows.pool, branches_too_deep, &shallows), 0);
    cr_assert_eq(shallows.ran, 3);
    pool_end(shallows.pool);
}

static int branches_regions_run_out(void *ctx) {
    pkern_pool *pool = (pkern_pool *)ctx;
    int slots = pool->num_slots;
    pool->num_slots = 40000; /* as with that many threads: the second region's root would be no 16-bit number */
    uint32_t first = pkn_region_begin(pkn_current());
    cr_assert_eq(first, 40000u + 1u + (uint32_t)pkn_current()->index);
    cr_assert_eq(pkn_region_begin(pkn_current()), PKN_ROOT_LONELY);
    pkn_region_end(pkn_current(), first);
    pool->num_slots = slots;
    return 0;
}

Test(pool_branches, a_pool_of_many_threads_has_few_regions) {
    pkern_pool *pool = pool_of(1);
    cr_assert_eq(pkern_pool_install(pool, branches_regions_run_out, pool), 0);
    pool_end(pool);
}

Test(pool_branches, two_bodies_that_take_turns_are_both_remembered) {
    pkn_member *member = (pkn_member *)pkn_allocate(0, sizeof *member, PKN_CACHE_LINE);
    memset((void *)member, 0, sizeof *member);
    size_t keys[3], found = 0;
    for (size_t key = 1; found < 3; key++) { /* in the same place */
        if (pkn_mix_u64(key) % (PKN_LOOP_COSTS / 2) == 5) {
            keys[found++] = key;
        }
    }
    for (int i = 0; i < 6; i++) {
        pkn_loop_cost *cost = pkn_loop_cost_of(member, keys[i % 2]);
        cr_assert(cost->body == keys[i % 2] && (i < 2 ? cost->item_ns == 0 : cost->item_ns == (float)(1 + i % 2)));
        cost->item_ns = (float)(1 + i % 2);
    }
    cr_assert(pkn_loop_cost_of(member, keys[2])->item_ns == 0);
    cr_assert(pkn_loop_cost_of(member, keys[1])->item_ns == 2, "the newer of the two stays");
    cr_assert(pkn_loop_cost_of(member, keys[0])->item_ns == 0);
    pkn_release(0, member, sizeof *member);
}

/* ---- joins that can't be queued ---- */

typedef struct branches_joins {
    size_t left, ran;
} branches_joins;

static int branches_context_tree(void *ctx, int migrated) {
    branches_joins *joins = (branches_joins *)ctx;
    cr_assert_eq(migrated, 0);
    if (joins->left == 0) {
        joins->ran++;
        return 0;
    }
    joins->left--;
    return pkern_join_context(0, branches_context_tree, joins, branches_context_tree, joins);
}

static int branches_context(void *ctx) {
    return branches_context_tree(ctx, 0);
}

Test(pool_branches, without_memory_joins_run_where_they_are) {
    pool_heap heap;
    branches_joins joins = {100, 0};
    pkern_pool *pool = pool_of_heap(&heap, 1);
    cr_assert_eq(pkern_pool_install(pool, branches_context, &joins), 0); /* the caller's place and a second segment are there */
    joins.left = 1000;
    pool_heap_fail(&heap, 0, SIZE_MAX);
    cr_assert_eq(pkern_pool_install(pool, branches_context, &joins), 0);
    cr_assert_eq(joins.ran, 101 + 1001);
    pool_end(pool);
    pool_heap_check(&heap);
}

#if PKN_THREADS

static void *branches_spawn_from_outside(void *ctx) {
    static int code = 12;
    cr_assert_eq(pkern_scope_spawn((pkern_scope *)ctx, pool_return, &code), PKERN_OK);
    return 0;
}

Test(pool_branches, a_spawn_that_runs_at_once_keeps_its_failure) {
    pkern_pool *pool = pool_of(2);
    pool_outside outside = {{0}, 0};
    pkern_scope scope;
    cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
    pool_go(&outside, branches_spawn_from_outside, &scope);
    pool_come_back(&outside);
    cr_assert_eq(pkern_scope_wait(&scope), 12);
    pkern_cancel cancel;
    memset(&cancel, 0, sizeof cancel);
    pkern_cancel_request(&cancel);
    cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
    cr_assert_eq(pkern_scope_set_cancel(&scope, &cancel), PKERN_OK);
    pool_go(&outside, branches_spawn_from_outside, &scope);
    pool_come_back(&outside);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_ECANCELED, "or it was skipped");
    pool_end(pool);
}

Test(pool_branches, a_failure_above_the_lowest_is_dropped) {
    pkn_atomic_u64 failure;
    pkn_atomic_store_relaxed_u64(&failure, PKN_NO_FAILURE);
    cr_assert_eq(pkn_failure_code(pkn_atomic_load_relaxed_u64(&failure)), PKERN_OK);
    pkn_keep_lowest_failure(&failure, 5, 50);
    pkn_keep_lowest_failure(&failure, 9, 90);
    cr_assert_eq(pkn_failure_code(pkn_atomic_load_relaxed_u64(&failure)), 50);
    pkn_keep_lowest_failure(&failure, 0, -3);
    pkn_keep_lowest_failure(&failure, 0, 4);
    cr_assert_eq(pkn_failure_code(pkn_atomic_load_relaxed_u64(&failure)), -3);
}

/* A known slot that another thread has meanwhile. */
typedef struct branches_turns {
    pkern_pool *pool;
    size_t turn;
    int index[2];
} branches_turns;

static int branches_take_turn(void *ctx) {
    branches_turns *turns = (branches_turns *)ctx;
    turns->index[1] = pkern_worker_index(0);
    __atomic_store_n(&turns->turn, 2, __ATOMIC_RELEASE);
    return !pool_reaches(&turns->turn, 3);
}

static void *branches_other_guest(void *ctx) {
    branches_turns *turns = (branches_turns *)ctx;
    cr_assert(pool_reaches(&turns->turn, 1));
    cr_assert_eq(pkern_pool_install(turns->pool, branches_take_turn, turns), 0);
    return 0;
}

static int branches_index(void *ctx) {
    return *(int *)ctx = pkern_worker_index(0), 0;
}

static void *branches_first_guest(void *ctx) {
    branches_turns *turns = (branches_turns *)ctx;
    int again = -1;
    cr_assert_eq(pkern_pool_install(turns->pool, branches_index, &turns->index[0]), 0);
    __atomic_store_n(&turns->turn, 1, __ATOMIC_RELEASE);
    cr_assert(pool_reaches(&turns->turn, 2));
    cr_assert_eq(pkern_pool_install(turns->pool, branches_index, &again), 0);
    cr_assert_eq(turns->index[0], turns->index[1]);
    cr_assert_neq(again, turns->index[0]);
    __atomic_store_n(&turns->turn, 3, __ATOMIC_RELEASE);
    return 0;
}

Test(pool_branches, a_slot_that_another_guest_took_is_given_up) {
    branches_turns turns;
    pool_outside outside = {{0}, 0};
    int index = -1;
    memset(&turns, 0, sizeof turns);
    turns.pool = pool_of(2);
    cr_assert_eq(pkern_pool_install(turns.pool, branches_index, &index), 0); /* we keep the first one */
    pool_go(&outside, branches_first_guest, &turns);
    pool_go(&outside, branches_other_guest, &turns);
    pool_come_back(&outside);
    pool_end(turns.pool);
}

/* Keeps the worker of a pool of two inside a task, so that the test may stand in for it. */
typedef struct branches_hold {
    pkern_pool *pool;
    size_t held, leave, left, ran;
    int loops;
} branches_hold;

static int branches_held(void *ctx) {
    branches_hold *hold = (branches_hold *)ctx;
    if (hold->loops) {
        pkern_par_options options;
        memset(&options, 0, sizeof options);
        options.item_cost_ns = 1e6;
        (void)pkn_loop_run(0, 0, 100, &options, branches_count, &hold->ran);
    }
    __atomic_store_n(&hold->held, 1, __ATOMIC_RELEASE);
    int reached = pool_reaches(&hold->leave, 1);
    __atomic_store_n(&hold->left, 1, __ATOMIC_RELEASE);
    return !reached;
}

static void branches_hold_worker(branches_hold *hold, int loops) {
    hold->held = hold->leave = hold->left = hold->ran = 0;
    hold->loops = loops;
    cr_assert_eq(pkern_spawn(hold->pool, branches_held, hold), PKERN_OK);
    cr_assert(pool_reaches(&hold->held, 1));
}

static void branches_let_worker_go(branches_hold *hold) {
    __atomic_store_n(&hold->leave, 1, __ATOMIC_RELEASE);
    cr_assert(pool_reaches(&hold->left, 1));
}

Test(pool_branches, who_was_asleep_abroad_may_be_awake_by_now) {
    branches_hold hold;
    hold.pool = pool_of(2);
    branches_hold_worker(&hold, 0);
    cr_assert_eq(pkn_wake_member_that_is(pkn_member_at(hold.pool, 0), PKN_ASLEEP_ABROAD), 0);
    branches_let_worker_go(&hold);
    pool_end(hold.pool);
}

Test(pool_branches, a_helper_too_late_finds_the_loop_over) {
    branches_hold hold;
    pkern_par_options options;
    pkn_filter anything = {0, 0, 0};
    size_t ran = 0;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1e6;
    hold.pool = pool_of(2);
    cr_assert_eq(pkn_loop_run(hold.pool, 0, 100, &options, branches_count, &ran), PKERN_OK);
    cr_assert_eq(ran, 100);
    branches_hold_worker(&hold, 0);
    pkn_member *worker = pkn_member_at(hold.pool, 0), *guest = pkn_member_at(hold.pool, 1);
    uint32_t number = pkn_loop_participant(guest, worker), seen = worker->seen_epoch[1];
    uint64_t done = pkn_atomic_load_relaxed_u64(&guest->slices[number].done);
    /* as if the worker had read the board, and another of its loops had come and gone */
    worker->seen_epoch[1] = guest->loop_epoch - 1u;
    worker->times_later = 0;
    pkn_atomic_store_relaxed_u64(&guest->slices[number].done, (uint64_t)(guest->loop_epoch + 1u) << 32);
    cr_assert_eq(pkn_loop_help(worker, guest, &anything, 0), 0);
    pkn_atomic_store_relaxed_u64(&guest->slices[number].done, done);
    worker->seen_epoch[1] = seen;
    guest->seen_epoch[1] = guest->loop_epoch - 1u;
    cr_assert_eq(pkn_loop_help(guest, guest, &anything, 1), 0);
    branches_let_worker_go(&hold);
    pool_end(hold.pool);
}

Test(pool_branches, a_guest_keeps_to_the_loops_of_its_own_call) {
    branches_hold hold;
    pkn_filter anything = {0, 0, 0};
    pkern_scope scope;
    hold.pool = pool_of(2);
    cr_assert_eq(pkern_scope_begin(&scope, hold.pool), PKERN_OK);
    branches_hold_worker(&hold, 1); /* a detached job's loop */
    cr_assert_eq(hold.ran, 100);
    pkn_member *worker = pkn_member_at(hold.pool, 0), *guest = pkn_member_at(hold.pool, 1);
    guest->seen_epoch[0] = worker->loop_epoch - 1u;
    cr_assert_eq(pkn_loop_help(guest, worker, &anything, 1), 0);
    branches_let_worker_go(&hold);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    pool_end(hold.pool);
}

Test(pool_branches, a_sleeper_s_last_look_sees_a_broadcast) {
    branches_hold hold;
    pkn_wait wait;
    memset(&wait, 0, sizeof wait);
    wait.kind = PKN_WAIT_WORK;
    hold.pool = pool_of(2);
    branches_hold_worker(&hold, 0);
    pkn_member *worker = pkn_member_at(hold.pool, 0);
    cr_assert_eq(pkn_search_now(worker, &wait, PKN_SEARCH_IMPATIENT, 1), 0);
    worker->seen_broadcast--;
    cr_assert_eq(pkn_search_now(worker, &wait, PKN_SEARCH_IMPATIENT, 1), 1);
    worker->seen_broadcast++;
    branches_let_worker_go(&hold);
    pool_end(hold.pool);
}

typedef struct branches_visit {
    size_t helpers[2];
    size_t seen;
} branches_visit;

/* On the worker: the guest whose call this is sleeps by and by, and could help. */
static int branches_ask_for_helpers(void *ctx) {
    branches_visit *visit = (branches_visit *)ctx;
    pkn_member *self = pkn_current();
    if (!self->is_worker) {
        return 0;
    }
    for (int i = 0; i < 1000 && visit->seen == 0; i++) {
        visit->seen = pkn_sleeping_helpers(self);
        pool_nap_us(1000);
    }
    return 0;
}

static int branches_detached(void *ctx) {
    branches_visit *visit = (branches_visit *)ctx;
    visit->helpers[1] = pkn_sleeping_helpers(pkn_current());
    __atomic_store_n(&visit->helpers[0], 1, __ATOMIC_RELEASE);
    return 0;
}

static int branches_wait_for_helpers(void *ctx) {
    branches_visit *visit = (branches_visit *)ctx;
    pkn_member *self = pkn_current();
    if (!self->is_worker) {
        return !pool_reaches(&visit->helpers[0], 1);
    }
    visit->helpers[1] = pkn_sleeping_helpers(self); /* the guest is awake, on the other side */
    __atomic_store_n(&visit->helpers[0], 1, __ATOMIC_RELEASE);
    return 0;
}

Test(pool_branches, the_guest_of_a_call_counts_as_a_helper_while_it_sleeps) {
    pkern_pool_config config;
    branches_visit visit;
    pkern_scope scope;
    memset(&visit, 0, sizeof visit);
    memset(&config, 0, sizeof config);
    config.num_threads = 2;
    config.spin_ns = -1;
    pkern_pool *pool = pool_with(&config);
    cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
    cr_assert_eq(pkern_scope_spawn(&scope, branches_ask_for_helpers, &visit), PKERN_OK);
    pool_nap_us(5000); /* the worker has it by now, or the guest does nothing of note */
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_leq(visit.seen, 1);
    cr_assert_eq(pkern_join(pool, branches_wait_for_helpers, &visit, branches_wait_for_helpers, &visit), 0);
    cr_assert_eq(visit.helpers[1], 0);
    memset(&visit, 0, sizeof visit);
    cr_assert_eq(pkern_spawn(pool, branches_detached, &visit), PKERN_OK); /* of no call */
    cr_assert(pool_reaches(&visit.helpers[0], 1));
    cr_assert_eq(visit.helpers[1], 0);
    pool_end(pool);
}

typedef struct branches_tree {
    size_t *leaves;
    int depth;
} branches_tree;

static int branches_leaves(void *ctx) {
    const branches_tree *tree = (const branches_tree *)ctx;
    branches_tree below = {tree->leaves, tree->depth - 1};
    return tree->depth == 0 ? pool_count_one(tree->leaves) : pkern_join(0, branches_leaves, &below, branches_leaves, &below);
}

Test(pool_branches, a_system_without_membarrier_has_everything_but_hidden_steals) {
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.num_threads = 3;
    pool_without_membarrier(&config, 0);
    pkern_pool *pool = pool_with(&config);
    size_t leaves = 0;
    branches_tree tree = {&leaves, 12};
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(pkern_pool_install(pool, branches_leaves, &tree), 0);
        pool_nap_us(1000);
    }
    cr_assert_eq(leaves, 5 * 4096);
    pool_end(pool);
}

#endif
