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
    member->root = 5;
    return member;
}

/* Offers n more records; the caller sees to it that nobody asks for them. */
static void join_deque_push(pkn_member *member, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        pkn_slot *slot = member->fork.end;
        slot->run = join_deque_run;
        slot->payload[0] = slot->index;
        cr_assert_not_null(pkn_push(slot));
    }
}

static uint32_t join_deque_top(const pkn_member *member) {
    return (uint32_t)(pkn_atomic_load_relaxed_u64(&member->join_range) >> 32);
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
        cr_assert_eq(slot->index, i);
        cr_assert_eq((uintptr_t)slot % PKN_CACHE_LINE, 0);
        int ends_segment = ((i / PKN_JOIN_SEGMENT_0 + 1) & (i / PKN_JOIN_SEGMENT_0)) == 0 &&
                           pkn_popcount_u64((i + 1) / PKN_JOIN_SEGMENT_0 + 1) == 1 && (i + 1) % PKN_JOIN_SEGMENT_0 == 0;
        cr_assert_eq(((slot->flags & PKN_SLOT_LAST) != 0), ends_segment || ((slot->flags & PKN_SLOT_LAST) != 0));
        cr_assert(last == 0 || slot == last + 1 || (last->flags & PKN_SLOT_LAST) != 0);
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
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&member->fork.request), i == 39);
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

Test(pool_join_deque, the_owner_takes_half_of_the_public_part_back) {
    pkern_pool *pool = pool_of(1);
    pkn_member *member = join_deque_member(pool);
    join_deque_push(member, 20);
    pkn_join_expose(member, 20);
    for (int i = 0; i < 4; i++) {
        cr_assert_not_null(pkn_join_steal(member, &join_deque_all, 0));
    }
    cr_assert(pkn_join_try_take_back(member, pkn_join_slot(member, 19)));
    cr_assert_eq(member->split, 4 + 15 / 2);
    for (uint32_t i = 0; i < 19; i++) {
        cr_assert_eq((pkn_join_slot(member, i)->flags & PKN_SLOT_PUBLIC) != 0, i < member->split);
    }
    for (uint32_t i = 4; i < member->split; i++) {
        cr_assert_eq(pkn_join_steal(member, &join_deque_all, 0), pkn_join_slot(member, i));
    }
    cr_assert_null(pkn_join_steal(member, &join_deque_all, 0));
    cr_assert_not(pkn_join_try_take_back(member, pkn_join_slot(member, member->split - 1)));
    cr_assert_eq(join_deque_top(member), member->split);
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
            pkn_slot *slot = member->fork.end;
            slot->run = join_deque_count;
            slot->payload[1] = 0;
            pkn_atomic_store_relaxed_u32(&member->fork.request, 0);
            cr_assert_not_null(pkn_push(slot));
            if (pool_random(2 * round + i, 3) != 0) {
                pkn_join_expose(member, member->split + (uint32_t)pool_random(round + i, slot->index + 2 - member->split));
            }
        }
        offered += depth;
        for (uint32_t i = depth; i-- != 0;) {
            pkn_slot *slot = pkn_join_slot(member, i);
            member->fork.end = slot;
            if ((slot->flags & PKN_SLOT_PUBLIC) == 0 || pkn_join_try_take_back(member, slot)) {
                slot->run(0, slot);
            } else {
                while ((pkn_atomic_load_acquire_u32(&slot->state) & 0xffffu) != PKN_SLOT_DONE) {
                    pkn_cpu_relax();
                }
                pkn_atomic_store_release_u64(&member->join_range, pkn_join_pack(slot->index, slot->index));
                member->split = slot->index;
                pkn_join_make_private(slot);
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
    pkern_pool_config config;
    pool_heap_init(&heap);
    memset(&config, 0, sizeof config);
    config.num_threads = 1;
    config.allocator = &heap.allocator;
    pkern_pool *pool = pool_with(&config);
    pkn_member *member = join_deque_member(pool);
    pool_heap_fail(&heap, 0, SIZE_MAX);
    join_deque_push(member, PKN_JOIN_SEGMENT_0 - 1);
    pkn_slot *last = member->fork.end;
    cr_assert_eq(last->index, PKN_JOIN_SEGMENT_0 - 1);
    cr_assert_null(pkn_push(last));
    cr_assert_eq(member->fork.end, last);
    pool_heap_fail(&heap, 0, 0);
    cr_assert_not_null(pkn_push(last));
    cr_assert_eq(member->fork.end->index, PKN_JOIN_SEGMENT_0);
    cr_assert(pkn_pop(last));
    cr_assert_eq(member->fork.end, last);
    pkn_member_destroy(member);
    pool_end(pool);
    pool_heap_check(&heap);
}
