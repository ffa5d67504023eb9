/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

enum { BROADCAST_MOST = 8 };

typedef struct broadcast_tally {
    pkern_pool *pool;
    size_t seen[BROADCAST_MOST + 1];
    size_t wrong;
    int count;
    int guest_runs; /* a guest is the last index */
} broadcast_tally;

static int broadcast_count(int index, int count, void *ctx) {
    broadcast_tally *tally = (broadcast_tally *)ctx;
    int own = pkern_worker_index(tally->pool);
    int is_guest = tally->guest_runs && index == count - 1;
    if (index < 0 || index >= count || count != tally->count || (is_guest ? own < count - 1 : own != index)) {
        __atomic_fetch_add(&tally->wrong, 1, __ATOMIC_RELAXED);
        return 0;
    }
    __atomic_fetch_add(&tally->seen[index], 1, __ATOMIC_RELAXED);
    return 0;
}

static void broadcast_check(const broadcast_tally *tally, size_t times) {
    cr_assert_eq(tally->wrong, 0);
    for (int i = 0; i < tally->count; i++) {
        cr_assert_eq(tally->seen[i], times);
    }
}

Test(pool_broadcast, runs_once_on_each_thread) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        broadcast_tally tally;
        memset(&tally, 0, sizeof tally);
        tally.pool = pool_of(pool_threads[t]);
        tally.count = pkern_pool_num_threads(tally.pool);
        tally.guest_runs = 1;
        for (int i = 0; i < 200; i++) {
            cr_assert_eq(pkern_broadcast(tally.pool, broadcast_count, &tally), PKERN_OK);
        }
        broadcast_check(&tally, 200);
        cr_assert_eq(pkern_broadcast(tally.pool, 0, &tally), PKERN_EINVAL);
        pool_end(tally.pool);
    }
}

static int broadcast_fail(int index, int count, void *ctx) {
    PKN_UNUSED(count);
    return index >= *(const int *)ctx ? index + 1 : 0;
}

Test(pool_broadcast, returns_the_failure_with_the_lowest_index) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        int count = pkern_pool_num_threads(pool);
        for (int first = 0; first <= count; first++) {
            cr_assert_eq(pkern_broadcast(pool, broadcast_fail, &first), first < count ? first + 1 : 0);
        }
        pool_end(pool);
    }
}

#if PKN_THREADS

static int broadcast_from_task(void *ctx) {
    return pkern_broadcast(0, broadcast_count, ctx);
}

Test(pool_broadcast, from_a_worker_leaves_the_outside_out) {
    for (int threads = 2; threads <= BROADCAST_MOST; threads++) {
        broadcast_tally tally;
        memset(&tally, 0, sizeof tally);
        tally.pool = pool_of(threads);
        tally.count = threads - 1;
        for (int i = 0; i < 50; i++) {
            cr_assert_eq(pkern_spawn(tally.pool, broadcast_from_task, &tally), PKERN_OK);
        }
        for (int i = 0; i < tally.count; i++) { /* while the pool is destroyed the caller stands in for who has ended */
            cr_assert(pool_reaches(&tally.seen[i], 50));
        }
        pool_end(tally.pool);
        broadcast_check(&tally, 50);
    }
}

static int broadcast_again(int index, int count, void *ctx) {
    broadcast_tally *tally = (broadcast_tally *)ctx;
    int own = pkern_worker_index(tally->pool);
    PKN_UNUSED(index);
    PKN_UNUSED(count);
    if (own >= pkern_pool_num_threads(tally->pool) - 1) {
        return 0; /* the guest has begun this */
    }
    return pkern_broadcast(tally->pool, broadcast_count, tally);
}

Test(pool_broadcast, from_every_thread_of_a_broadcast_ends) {
    for (int threads = 2; threads <= 4; threads++) {
        for (int i = 0; i < 50; i++) {
            broadcast_tally tally;
            memset(&tally, 0, sizeof tally);
            tally.pool = pool_of(threads);
            tally.count = threads - 1;
            cr_assert_eq(pkern_broadcast(tally.pool, broadcast_again, &tally), PKERN_OK);
            broadcast_check(&tally, (size_t)threads - 1);
            pool_end(tally.pool);
        }
    }
}

static void *broadcast_outside(void *ctx) {
    broadcast_tally *tally = (broadcast_tally *)ctx;
    for (int i = 0; i < 300; i++) {
        cr_assert_eq(pkern_broadcast(tally->pool, broadcast_count, tally), PKERN_OK);
    }
    return 0;
}

Test(pool_broadcast, several_at_once_do_not_wait_for_each_other) {
    for (int threads = 2; threads <= 8; threads += 3) {
        pool_outside outside = {{0}, 0};
        broadcast_tally tally;
        memset(&tally, 0, sizeof tally);
        tally.pool = pool_of(threads);
        tally.count = threads;
        tally.guest_runs = 1;
        for (int i = 0; i < 3; i++) {
            pool_go(&outside, broadcast_outside, &tally);
        }
        broadcast_outside(&tally);
        pool_come_back(&outside);
        broadcast_check(&tally, 1200);
        pool_end(tally.pool);
    }
}

static int broadcast_noise(size_t begin, size_t end, void *ctx) {
    __atomic_fetch_add((size_t *)ctx, end - begin, __ATOMIC_RELAXED);
    return 0;
}

typedef struct broadcast_mix {
    broadcast_tally tally;
    size_t noise;
} broadcast_mix;

/* Broadcasts from workers that take other work while they wait. */
static int broadcast_among_work(void *ctx) {
    broadcast_mix *mix = (broadcast_mix *)ctx;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1e6;
    int status = pkn_loop_run(0, 0, 20, &options, broadcast_noise, &mix->noise);
    return status != 0 ? status : pkern_broadcast(0, broadcast_count, &mix->tally);
}

Test(pool_broadcast, waiting_workers_take_other_work) {
    for (int threads = 2; threads <= 4; threads++) {
        broadcast_mix mix;
        memset(&mix, 0, sizeof mix);
        mix.tally.pool = pool_of(threads);
        mix.tally.count = threads - 1;
        for (int i = 0; i < 300; i++) {
            cr_assert_eq(pkern_spawn(mix.tally.pool, broadcast_among_work, &mix), PKERN_OK);
        }
        for (int i = 0; i < mix.tally.count; i++) {
            cr_assert(pool_reaches(&mix.tally.seen[i], 300));
        }
        pool_end(mix.tally.pool);
        broadcast_check(&mix.tally, 300);
        cr_assert_eq(mix.noise, 6000);
    }
}

#endif

#if PKN_THREADS
typedef struct broadcast_across {
    pkern_pool *home, *other;
    pkn_atomic_u32 ran, finished;
    pkern_status status;
} broadcast_across;

static int broadcast_across_count(int index, int count, void *ctx) {
    (void)index;
    (void)count;
    pkn_atomic_fetch_add_relaxed_u32(&((broadcast_across *)ctx)->ran, 1);
    return 0;
}

static int broadcast_across_slow(void *ctx) {
    (void)ctx;
    pool_nap_us(100);
    pool_nap_us(100);
    return 0;
}

static int broadcast_across_home(void *ctx) {
    broadcast_across *across = (broadcast_across *)ctx;
    return pkern_broadcast(across->home, broadcast_across_count, across);
}

/* on home's worker, which waits as a guest of the other pool while that pool's worker broadcasts to home */
static int broadcast_across_job(void *ctx) {
    broadcast_across *across = (broadcast_across *)ctx;
    across->status = pkern_join(across->other, broadcast_across_slow, 0, broadcast_across_home, across);
    pkn_atomic_store_release_u32(&across->finished, 1);
    return 0;
}

Test(pool_broadcast, reaches_a_worker_that_waits_in_another_pool) {
    static broadcast_across across;
    memset(&across, 0, sizeof across);
    across.home = pool_of(2);
    across.other = pool_of(2);
    for (uint32_t round = 1; round <= 20; round++) {
        uint64_t start = pkn_now_ns();
        pkn_atomic_store_relaxed_u32(&across.finished, 0);
        cr_assert_eq(pkern_spawn(across.home, broadcast_across_job, &across), PKERN_OK);
        while (pkn_atomic_load_acquire_u32(&across.finished) == 0) {
            cr_assert_lt(pkn_now_ns() - start, UINT64_C(20000000000));
            pool_nap_us(100);
        }
        cr_assert_eq(across.status, PKERN_OK);
    }
    cr_assert_geq(pkn_atomic_load_relaxed_u32(&across.ran), 20u);
    pool_end(across.home);
    pool_end(across.other);
}
#endif

#if PKN_THREADS
/* The second side of a worker's join keeps its root while the worker runs broadcasts of another call. */
typedef struct broadcast_roots {
    pkern_pool *pool;
    pkn_atomic_u32 ready, finished;
    uint32_t root; /* of the join's record, as seen within the other's broadcast */
} broadcast_roots;

static int broadcast_roots_nothing(void *ctx) {
    (void)ctx;
    return 0;
}

static int broadcast_roots_look(void *ctx) {
    pkn_member *self = pkn_current();
    uint32_t state = pkn_atomic_load_relaxed_u32(&pkn_join_slot(self, 0)->state);
    ((broadcast_roots *)ctx)->root |= state >> 16;
    return 0;
}

static int broadcast_roots_of_guest(int index, int count, void *ctx) {
    if (index < count - 1) {
        for (int i = 0; i < 3; i++) {
            pkn_atomic_store_relaxed_u32(&pkn_current()->fork.request, 1);
            (void)pkern_join(0, broadcast_roots_look, ctx, broadcast_roots_nothing, 0);
        }
    }
    return 0;
}

static int broadcast_roots_of_worker(int index, int count, void *ctx) {
    (void)index;
    (void)count;
    (void)ctx;
    return 0;
}

static int broadcast_roots_first(void *ctx) {
    broadcast_roots *roots = (broadcast_roots *)ctx;
    uint32_t number = pkn_atomic_load_relaxed_u32(&roots->pool->board.number);
    pkn_atomic_store_release_u32(&roots->ready, 1);
    while (pkn_atomic_load_relaxed_u32(&roots->pool->board.number) == number) {
        pkn_cpu_relax();
    }
    return pkern_broadcast(0, broadcast_roots_of_worker, roots);
}

static int broadcast_roots_job(void *ctx) {
    broadcast_roots *roots = (broadcast_roots *)ctx;
    (void)pkern_join(0, broadcast_roots_first, roots, broadcast_roots_nothing, 0);
    pkn_atomic_store_release_u32(&roots->finished, 1);
    return 0;
}

Test(pool_broadcast, leaves_what_the_worker_offered_before_to_its_own_call) {
    broadcast_roots roots;
    for (int round = 0; round < 20; round++) {
        memset(&roots, 0, sizeof roots);
        roots.pool = pool_of(2);
        cr_assert_eq(pkern_spawn(roots.pool, broadcast_roots_job, &roots), PKERN_OK);
        while (pkn_atomic_load_acquire_u32(&roots.ready) == 0) {
            pkn_nap();
        }
        cr_assert_eq(pkern_broadcast(roots.pool, broadcast_roots_of_guest, &roots), PKERN_OK);
        while (pkn_atomic_load_acquire_u32(&roots.finished) == 0) {
            pkn_nap();
        }
        cr_assert_eq(roots.root, PKN_ROOT_NONE);
        pool_end(roots.pool);
    }
}
#endif
