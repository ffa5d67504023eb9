/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

static const pkn_filter spawn_deque_all = {0, 0, 0};

static int spawn_deque_fn(void *ctx) {
    PKN_UNUSED(ctx);
    return 0;
}

static pkn_job spawn_deque_job(uint32_t number) {
    pkn_job job = {spawn_deque_fn, 0, 0, 0, 0};
    job.number = number;
    job.root = number % 3;
    return job;
}

/* A member that no thread works as. */
static pkn_member *spawn_deque_member(pkern_pool *pool, size_t first_index) {
    pkn_member *member = pkn_member_create(pool, 0, 0);
    cr_assert_not_null(member);
    pkn_atomic_store_relaxed_size(&member->spawns.top, first_index);
    pkn_atomic_store_relaxed_size(&member->spawns.bottom, first_index);
    return member;
}

Test(pool_spawn_deque, steal_from_empty_returns_nothing) {
    pkern_pool *pool = pool_of(1);
    pkn_member *member = spawn_deque_member(pool, 0);
    pkn_job job;
    cr_assert_not(pkn_spawn_steal(member, &spawn_deque_all, 0, &job));
    cr_assert_not(pkn_spawn_steal(member, &spawn_deque_all, 1, &job));
    cr_assert_not(pkn_spawn_pop(member, &spawn_deque_all, &job));
    pkn_member_destroy(member);
    pool_end(pool);
}

/* Against an array with two ends; indices pass the end of size_t on the way. */
Test(pool_spawn_deque, owner_takes_the_newest_and_thieves_the_oldest) {
    enum { MOST = 4000 };
    static uint32_t model[MOST];
    pkern_pool *pool = pool_of(1);
    pkn_member *member = spawn_deque_member(pool, SIZE_MAX - 100);
    size_t top = 0, bottom = 0;
    for (uint64_t step = 0; step < 20000; step++) {
        pkn_job job = spawn_deque_job((uint32_t)step);
        uint64_t what = pool_random(step, 100);
        if (what < (step / 2000 % 2 == 0 ? 70u : 30u) && bottom < MOST) {
            cr_assert_eq(pkn_spawn_push(member, &job), 0);
            model[bottom++] = (uint32_t)step;
        } else if (what < 85) {
            int got = pkn_spawn_pop(member, &spawn_deque_all, &job);
            cr_assert_eq(got, bottom != top);
            cr_assert(!got || job.number == model[--bottom]);
        } else {
            pkn_job seen;
            int sees = pkn_spawn_steal(member, &spawn_deque_all, 1, &seen);
            int got = pkn_spawn_steal(member, &spawn_deque_all, 0, &job);
            cr_assert_eq(got, bottom != top);
            cr_assert_eq(sees, got);
            cr_assert(!got || (job.number == model[top] && seen.number == model[top] && job.fn == spawn_deque_fn));
            top += got != 0;
        }
        if (top == bottom) {
            top = bottom = 0;
        }
    }
    pkn_member_destroy(member);
    pool_end(pool);
}

Test(pool_spawn_deque, a_filter_leaves_what_it_does_not_take) {
    pkern_pool *pool = pool_of(1);
    pkn_member *member = spawn_deque_member(pool, 0);
    pkern_scope scopes[2];
    pkn_job job;
    for (uint32_t i = 0; i < 2; i++) {
        job = spawn_deque_job(i);
        job.scope = &scopes[i];
        cr_assert_eq(pkn_spawn_push(member, &job), 0);
    }
    pkn_filter filter = {1, 2, 0};
    cr_assert_not(pkn_spawn_pop(member, &filter, &job));
    cr_assert_not(pkn_spawn_steal(member, &filter, 0, &job));
    filter.root = 1;
    cr_assert_not(pkn_spawn_steal(member, &filter, 0, &job)); /* the oldest has root 0 */
    filter.by_root = 0;
    filter.scope = &scopes[0];
    cr_assert_not(pkn_spawn_pop(member, &filter, &job)); /* the newest is of the other scope */
    cr_assert(pkn_spawn_steal(member, &filter, 0, &job) && job.number == 0);
    filter.scope = &scopes[1];
    filter.by_root = 1;
    cr_assert(pkn_spawn_pop(member, &filter, &job) && job.number == 1);
    cr_assert_not(pkn_spawn_pop(member, &spawn_deque_all, &job));
    pkn_member_destroy(member);
    pool_end(pool);
}

Test(pool_spawn_deque, without_memory_a_push_is_refused_and_nothing_is_lost) {
    pool_heap heap;
    pkn_job job = spawn_deque_job(0);
    pkern_pool *pool = pool_of_heap(&heap, 1);
    pkn_member *member = spawn_deque_member(pool, 0);
    pool_heap_fail(&heap, 0, SIZE_MAX);
    cr_assert_neq(pkn_spawn_push(member, &job), 0);
    pool_heap_fail(&heap, 1, SIZE_MAX);
    while (pkn_spawn_push(member, &job) == 0) {
        job.number++;
    }
    cr_assert_eq(job.number, PKN_JOB_RING_0);
    for (uint32_t i = 0; i < PKN_JOB_RING_0; i++) {
        cr_assert(pkn_spawn_steal(member, &spawn_deque_all, 0, &job));
        cr_assert_eq(job.number, i);
    }
    pkn_member_destroy(member);
    pool_end(pool);
    pool_heap_check(&heap);
}

#if PKN_THREADS

enum { SPAWN_DEQUE_JOBS = 200000 };
static unsigned char spawn_deque_taken[SPAWN_DEQUE_JOBS];
static size_t spawn_deque_ended;

static void spawn_deque_take(const pkn_job *job) {
    cr_assert_eq(__atomic_fetch_add(&spawn_deque_taken[job->number], 1, __ATOMIC_RELAXED), 0);
}

static void *spawn_deque_thief(void *ctx) {
    pkn_job job;
    for (;;) {
        size_t ended = pool_read(&spawn_deque_ended);
        if (pkn_spawn_steal((pkn_member *)ctx, &spawn_deque_all, 0, &job)) {
            spawn_deque_take(&job);
        } else if (ended) {
            return 0;
        }
    }
}

/* Rings from the smallest on, few jobs at a time: growth, wrap and the fight for the last job all happen. */
Test(pool_spawn_deque, each_job_is_taken_once_by_owner_or_thieves) {
    pool_outside thieves = {{0}, 0};
    pkern_pool *pool = pool_of(1);
    pkn_member *member = spawn_deque_member(pool, SIZE_MAX - 1000);
    uint32_t pushed = 0;
    for (int i = 0; i < 3; i++) {
        pool_go(&thieves, spawn_deque_thief, member);
    }
    for (uint64_t round = 0; pushed < SPAWN_DEQUE_JOBS; round++) {
        pkn_job job;
        for (uint64_t i = 1 + pool_random(round, round % 100 == 0 ? 500 : 4); i != 0 && pushed < SPAWN_DEQUE_JOBS; i--) {
            job = spawn_deque_job(pushed++);
            cr_assert_eq(pkn_spawn_push(member, &job), 0);
        }
        for (uint64_t i = pool_random(round + 1, 6); i != 0 && pkn_spawn_pop(member, &spawn_deque_all, &job); i--) {
            spawn_deque_take(&job);
        }
    }
    __atomic_store_n(&spawn_deque_ended, 1, __ATOMIC_RELEASE);
    pool_come_back(&thieves);
    for (uint32_t i = 0; i < SPAWN_DEQUE_JOBS; i++) {
        cr_assert_eq(spawn_deque_taken[i], 1);
    }
    pkn_member_destroy(member);
    pool_end(pool);
}

#endif
