/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

static const pkn_filter join_deque_all = {0, 0, 0};

static void join_deque_run(pkn_fork_state *self, pkn_slot *slot) {
    PKN_UNUSED(self);
    PKN_UNUSED(slot);
}

/* A member that no thread works as, in a pool that thinks it has three threads. */
static pkn_member *join_deque_member(pkern_pool *pool) {
    pkn_member *member = pkn_member_create(pool, 0, 0);
    cr_assert_not_null(member);
    pkn_set_root(member, 5);
    return member;
}

/* Offers n more records; the caller sees to it that nobody asks for them. */
static void join_deque_push(pkn_member *member, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        pkn_slot *slot = pkn_room(pkn_end(&member->fork));
        cr_assert_not_null(slot);
        slot->run = join_deque_run;
        slot->payload[0] = pkn_join_index(member, slot);
        pkn_push(slot);
    }
}

static uint32_t join_deque_top(const pkn_member *member) {
    return pkn_join_top(pkn_atomic_load_relaxed_u64(&member->join_range));
}

static uint32_t join_deque_split(const pkn_member *member) {
    return pkn_join_split(pkn_atomic_load_relaxed_u64(&member->join_range));
}

Test(pool_join_deque, records_are_found_by_index_across_segments) {
    pkern_pool *pool = pool_of(1);
    pkn_member *member = join_deque_member(pool);
    const pkn_slot *last = 0;
    for (uint32_t segments = 1; segments < 6; segments++) {
        cr_assert_eq(pkn_join_add_segment(member), 0);
    }
    for (uint32_t i = 0; i < 63 * PKN_JOIN_SEGMENT_0; i++) {
        const pkn_slot *slot = pkn_join_slot(member, i);
        cr_assert_eq(pkn_join_index(member, slot), i);
        cr_assert_eq((uintptr_t)slot % PKN_CACHE_LINE, 0);
        int is_first = i % PKN_JOIN_SEGMENT_0 == 0 && pkn_popcount_u64(i / PKN_JOIN_SEGMENT_0 + 1) == 1;
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&slot->flags), 0);
        if (last != 0) {
            cr_assert_eq(pkn_join_index(member, last + 1), i);
            cr_assert_eq(pkn_atomic_load_relaxed_u32(&last[1].flags), is_first ? PKN_SLOT_BEHIND : 0);
            cr_assert_eq(last[1].owner, &member->fork);
        }
        last = slot;
    }
    pkn_member_destroy(member);
    pool_end(pool);
}

Test(pool_join_deque, private_records_are_not_stolen_and_public_ones_oldest_first) {
    pkern_pool *pool = pool_of(1);
    pkn_member *member = join_deque_member(pool);
    join_deque_push(member, 100);
    cr_assert_null(pkn_join_steal(member, &join_deque_all, 0));
    pkn_join_expose(member, 40);
    for (uint32_t i = 0; i < 40; i++) {
        pkn_slot *seen = pkn_join_steal(member, &join_deque_all, 1);
        cr_assert_eq(seen, pkn_join_slot(member, i));
        cr_assert_eq(pkn_join_steal(member, &join_deque_all, 0), seen);
        cr_assert_eq(seen->payload[0], i);
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&seen->state) >> 16, 5);
    }
    cr_assert_null(pkn_join_steal(member, &join_deque_all, 0));
    pkn_member_destroy(member);
    pool_end(pool);
}

Test(pool_join_deque, a_filter_passes_over_other_roots_and_scopes) {
    pkern_pool *pool = pool_of(1);
    pkn_member *member = join_deque_member(pool);
    pkern_scope scope;
    pkn_filter filter = {1, 4, 0};
    join_deque_push(member, 3);
    pkn_join_expose(member, 3);
    cr_assert_null(pkn_join_steal(member, &filter, 0));
    filter.root = 5;
    filter.scope = &scope; /* joins belong to no scope */
    cr_assert_null(pkn_join_steal(member, &filter, 0));
    filter.scope = 0;
    cr_assert_not_null(pkn_join_steal(member, &filter, 0));
    pkn_member_destroy(member);
    pool_end(pool);
}

Test(pool_join_deque, a_private_record_is_stolen_where_none_is_public) {
    pkern_pool *pool = pool_of(1);
    pkn_member *member = join_deque_member(pool);
    pkn_filter of_another = {1, 4, 0}, of_this = {1, 5, 0};
    uint32_t root = 0;
    cr_assert_null(pkn_join_steal_hidden(member, &join_deque_all, 1, &root));
    cr_assert_null(pkn_join_steal_hidden(member, &join_deque_all, 0, &root));
    join_deque_push(member, 3);
    cr_assert_null(pkn_join_steal(member, &join_deque_all, 0));
    cr_assert_null(pkn_join_steal_hidden(member, &of_another, 1, &root));
    cr_assert_null(pkn_join_steal_hidden(member, &of_another, 0, &root));
    cr_assert_eq(pkn_join_steal_hidden(member, &of_this, 1, &root), pkn_join_slot(member, 0));
    cr_assert_eq(pkn_join_steal_hidden(member, &of_this, 0, &root), pkn_join_slot(member, 0));
    cr_assert_eq(root, 5);
    cr_assert_eq(join_deque_top(member), 1);
    pkn_join_expose(member, 2);
    cr_assert_null(pkn_join_steal_hidden(member, &of_this, 0, &root)); /* the public one is first */
    cr_assert_eq(pkn_join_steal(member, &of_this, 0), pkn_join_slot(member, 1));
    cr_assert_eq(pkn_join_steal_hidden(member, &of_this, 0, &root), pkn_join_slot(member, 2));
    cr_assert_null(pkn_join_steal_hidden(member, &of_this, 0, &root));
    for (uint32_t i = 3; i-- != 0;) {
        cr_assert(pkn_pop_is_special(pkn_join_slot(member, i)));
        cr_assert_not(pkn_join_try_take_back(member, i));
    }
    pkn_member_destroy(member);
    pool_end(pool);
}

Test(pool_join_deque, a_mark_that_came_too_late_costs_the_long_way_once) {
    pkern_pool *pool = pool_of(1);
    pkn_member *member = join_deque_member(pool);
    pkn_slot *first = pkn_join_slot(member, 0);
    join_deque_push(member, 1);
    pkn_join_mark(first);
    cr_assert(pkn_pop_is_special(first));
    cr_assert(pkn_join_try_take_back(member, 0));
    cr_assert_not(pkn_pop_is_special(first));
    pkn_join_mark(first);
    join_deque_push(member, 1); /* onto a marked free record */
    cr_assert_eq(pkn_join_end(member), 1);
    cr_assert_not(pkn_pop_is_special(first));
    cr_assert_eq(join_deque_split(member), 0);
    pkn_member_destroy(member);
    pool_end(pool);
}

Test(pool_join_deque, a_range_that_looks_the_same_later_is_another) {
    pkern_pool *pool = pool_of(1);
    pkn_member *member = join_deque_member(pool);
    join_deque_push(member, 1);
    uint64_t before = pkn_atomic_load_relaxed_u64(&member->join_range);
    pkn_join_expose(member, 1);
    cr_assert(pkn_join_try_take_back(member, 0));
    uint64_t after = pkn_atomic_load_relaxed_u64(&member->join_range);
    cr_assert_neq(before, after);
    cr_assert_eq(pkn_join_top(before), pkn_join_top(after));
    cr_assert_eq(pkn_join_split(before), pkn_join_split(after));
    uint64_t last = UINT64_MAX; /* the version wraps, the rest stays */
    cr_assert_eq(pkn_join_next(last, 7, 9), UINT64_C(7) << PKN_JOIN_INDEX_BITS | 9);
    pkn_member_destroy(member);
    pool_end(pool);
}

Test(pool_join_deque, the_owner_takes_half_of_the_public_part_back) {
    pkern_pool *pool = pool_of(1);
    pkn_member *member = join_deque_member(pool);
    join_deque_push(member, 20);
    pkn_join_expose(member, 20);
    for (int i = 0; i < 4; i++) {
        cr_assert_not_null(pkn_join_steal(member, &join_deque_all, 0));
    }
    cr_assert(pkn_join_try_take_back(member, 19));
    cr_assert_eq(join_deque_split(member), 4 + 15 / 2);
    for (uint32_t i = 0; i < 19; i++) {
        cr_assert_eq((pkn_atomic_load_relaxed_u32(&pkn_join_slot(member, i)->flags) & PKN_SLOT_PUBLIC) != 0, i < join_deque_split(member));
    }
    for (uint32_t i = 4; i < join_deque_split(member); i++) {
        cr_assert_eq(pkn_join_steal(member, &join_deque_all, 0), pkn_join_slot(member, i));
    }
    cr_assert_null(pkn_join_steal(member, &join_deque_all, 0));
    cr_assert_not(pkn_join_try_take_back(member, join_deque_split(member) - 1));
    cr_assert_eq(join_deque_top(member), join_deque_split(member));
    pkn_member_destroy(member);
    pool_end(pool);
}

#if PKN_THREADS

enum { JOIN_DEQUE_ROUNDS = 20000 };
static pkn_member *join_deque_victim;
static size_t join_deque_ended;
static pkn_atomic_u32 join_deque_runs;

static void join_deque_count(pkn_fork_state *self, pkn_slot *slot) {
    PKN_UNUSED(self);
    slot->payload[1] += 1;
    pkn_atomic_fetch_add_relaxed_u32(&join_deque_runs, 1);
}

static void *join_deque_thief(void *ctx) {
    PKN_UNUSED(ctx);
    while (!pool_read(&join_deque_ended)) {
        pkn_slot *slot = pkn_join_steal(join_deque_victim, &join_deque_all, 0);
        if (slot != 0) {
            slot->run(0, slot);
            pkn_atomic_exchange_acq_rel_u32(&slot->state, PKN_SLOT_DONE);
        }
    }
    return 0;
}

/* Random depths of joins, exposed by chance, against two thieves: each record runs once a round. */
Test(pool_join_deque, each_record_is_run_once_by_owner_or_thief) {
    pool_outside thieves = {{0}, 0};
    pkern_pool *pool = pool_of(1);
    pkn_member *member = join_deque_victim = join_deque_member(pool);
    uint32_t offered = 0;
    pool_go(&thieves, join_deque_thief, 0);
    pool_go(&thieves, join_deque_thief, 0);
    for (uint64_t round = 0; round < JOIN_DEQUE_ROUNDS; round++) {
        uint32_t depth = 1 + (uint32_t)pool_random(2 * round, round % 50 == 0 ? 80 : 5);
        for (uint32_t i = 0; i < depth; i++) {
            pkn_slot *slot = pkn_room(pkn_end(&member->fork));
            cr_assert_not_null(slot);
            slot->run = join_deque_count;
            slot->payload[1] = 0;
            pkn_atomic_store_relaxed_u32(&member->fork.request, 0);
            pkn_push(slot);
            if (pool_random(2 * round + i, 3) != 0) {
                uint32_t split = join_deque_split(member);
                pkn_join_expose(member, split + (uint32_t)pool_random(round + i, pkn_join_index(member, slot) + 2 - split));
            }
        }
        offered += depth;
        for (uint32_t i = depth; i-- != 0;) {
            pkn_slot *slot = pkn_join_slot(member, i);
            if (!pkn_pop_is_special(slot) || pkn_join_try_take_back(member, i)) {
                slot->run(0, slot);
            } else {
                while ((pkn_atomic_load_acquire_u32(&slot->state) & 0xffffu) != PKN_SLOT_DONE) {
                    pkn_cpu_relax();
                }
                pkn_join_forget_stolen(member, slot, i);
            }
            cr_assert_eq(slot->payload[1], 1);
        }
    }
    __atomic_store_n(&join_deque_ended, 1, __ATOMIC_RELEASE);
    pool_come_back(&thieves);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&join_deque_runs), offered);
    pkn_member_destroy(member);
    pool_end(pool);
}

#endif

Test(pool_join_deque, without_memory_a_push_at_the_end_of_a_segment_is_refused) {
    pool_heap heap;
    pkern_pool *pool = pool_of_heap(&heap, 1);
    pkn_member *member = join_deque_member(pool);
    pool_heap_fail(&heap, 0, SIZE_MAX);
    join_deque_push(member, PKN_JOIN_SEGMENT_0);
    pkn_slot *behind = pkn_end(&member->fork);
    cr_assert_eq(pkn_join_index(member, behind), PKN_JOIN_SEGMENT_0);
    cr_assert_null(pkn_room(behind));
    cr_assert_eq(pkn_end(&member->fork), behind);
    pool_heap_fail(&heap, 0, 0);
    join_deque_push(member, 1);
    cr_assert_eq(pkn_join_end(member), PKN_JOIN_SEGMENT_0 + 1);
    cr_assert_eq(pkn_join_slot(member, PKN_JOIN_SEGMENT_0)->payload[0], PKN_JOIN_SEGMENT_0);
    cr_assert(pkn_pop(pkn_join_slot(member, PKN_JOIN_SEGMENT_0)));
    cr_assert_eq(pkn_join_end(member), PKN_JOIN_SEGMENT_0);
    cr_assert_eq(pkn_room(pkn_end(&member->fork)), pkn_join_slot(member, PKN_JOIN_SEGMENT_0));
    pkn_member_destroy(member);
    pool_end(pool);
    pool_heap_check(&heap);
}
