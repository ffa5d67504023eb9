/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the scenarios share: the library's real sources, pools whose members are the scenario's threads, and a ledger in
   which each item must be done once. */
#ifndef PKN_EXPLORE_SCENARIOS_H
#define PKN_EXPLORE_SCENARIOS_H

#define PKERN_STATIC
#include "pkern_pool.in.h"

#include "explore.h"

#define SCENARIO_TOOL static __attribute__((unused))

enum { ITEMS = 16, MEMBERS = 5 };

/* In the model's memory: plain words, so a race on them is a failure by itself. */
typedef struct item {
    uint64_t input, done;
} item;

typedef struct world {
    pkern_pool *pool, *other;
    pkn_member *member[MEMBERS];
    item items[ITEMS];
    pkn_atomic_u32 flag[4];
    pkern_cancel cancel;
    pkn_mutex lock;
    pkern_scope shared;
    pkern_future future;
} world;

static world *the;

SCENARIO_TOOL void name_member(const pkn_member *member, const char *const names[]) {
    const void *const fields[] = {&member->join_range, &member->spawns.top, &member->spawns.bottom, &member->spawns.ring,
                                  &member->board.ticket, &member->parked, &member->fork.request, &member->guest_state};
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        explore_name(fields[i], names[i]);
    }
}

SCENARIO_TOOL void name_members(void) {
    static const char *const names[][8] = {
        {"0.join_range", "0.spawn_top", "0.spawn_bottom", "0.spawn_ring", "0.ticket", "0.parked", "0.request", "0.guest_state"},
        {"1.join_range", "1.spawn_top", "1.spawn_bottom", "1.spawn_ring", "1.ticket", "1.parked", "1.request", "1.guest_state"},
        {"2.join_range", "2.spawn_top", "2.spawn_bottom", "2.spawn_ring", "2.ticket", "2.parked", "2.request", "2.guest_state"},
    };
    for (int i = 0; i < 3 && the->member[i] != 0; i++) {
        name_member(the->member[i], names[i]);
    }
    explore_name(&the->pool->sleepers, "sleepers");
    explore_name(&the->pool->num_members, "num_members");
    explore_name(&the->pool->injected.count, "injected");
    explore_name(&the->pool->board.number, "broadcast_number");
}

SCENARIO_TOOL void fresh_world(void) {
    explore_polls_before_sleep = 2;
    memset(pkn_thread_states, 0, sizeof pkn_thread_states);
    for (int i = 0; i < EXPLORE_THREADS; i++) {
        pkern_internal_selves[i] = &pkern_internal_outside;
    }
    the = (world *)explore_new(sizeof *the);
    explore_global_pool = (pkn_atomic_ptr *)explore_new(sizeof *explore_global_pool);
}

/* A pool of `threads` whose workers are scenario threads; `guests` guest slots in use behind them. */
SCENARIO_TOOL void make_members(int threads, int guests) {
    pkern_pool_config config;
    fresh_world();
    memset(&config, 0, sizeof config);
    config.spin_ns = -1;
    pkern_pool *pool = pkn_pool_allocate(&config, threads, 8);
    the->pool = pool;
    pool->num_threads = threads;
    pool->helpers = (uint32_t)threads - 1u;
    pool->ticks_per_ns = 1.0;
    pool->id = 1;
    for (int i = 0; i < threads - 1 + guests; i++) {
        pkn_member *member = pkn_member_create(pool, i, i < threads - 1);
        member->entries = 1;
        pkn_set_root(member, i < threads - 1 ? PKN_ROOT_NONE : (uint32_t)i + 1u);
        member->thread = i + 1; /* of the scenario, where its first is no worker */
        pkn_atomic_store_relaxed_u32(&member->guest_state, PKN_GUEST_BUSY);
        pkn_atomic_store_release_ptr(&pool->members[i], member);
        the->member[i] = member;
    }
    pkn_atomic_store_release_u32(&pool->num_members, (uint32_t)(threads - 1 + guests));
    name_members();
}

/* The calling scenario thread is this member from here on. */
SCENARIO_TOOL pkn_member *become(int index) {
    pkn_member *member = the->member[index];
    pkn_set_current(member);
    pkn_this_thread.memberships = member;
    pkn_this_thread.worker = member->is_worker ? member : 0;
    return member;
}

SCENARIO_TOOL void prepare_item(int i) {
    the->items[i].input = (uint64_t)i + 1;
}

/* As a task: reads what was prepared, and counts. */
SCENARIO_TOOL int do_item(void *ctx) {
    item *it = (item *)ctx;
    EXPLORE_ASSERT(it->input == (uint64_t)(it - the->items) + 1);
    it->done++;
    return 0;
}

SCENARIO_TOOL void check_items(int count) {
    for (int i = 0; i < ITEMS; i++) {
        if (the->items[i].done != (i < count ? 1u : 0u)) {
            explore_fail("item %d was done %llu times", i, (unsigned long long)the->items[i].done);
        }
    }
}

/* A piece of a loop: item i of [begin, end). */
SCENARIO_TOOL int do_range(size_t begin, size_t end, void *ctx) {
    (void)ctx;
    for (size_t i = begin; i < end; i++) {
        (void)do_item(&the->items[i]);
    }
    return 0;
}

SCENARIO_TOOL void raise_flag(int i) {
    pkn_atomic_store_release_u32(&the->flag[i], 1);
}

SCENARIO_TOOL void await_flag(int i) {
    while (pkn_atomic_load_acquire_u32(&the->flag[i]) == 0) {
        pkn_cpu_relax();
    }
}

#endif
