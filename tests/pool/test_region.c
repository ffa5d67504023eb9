/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Waits that take only what is theirs: locks held over them. */
#include "pool_tools.h"

static const int region_modes[] = {PKERN_WAIT_OWN, PKERN_WAIT_BLOCK};

typedef struct region_state {
    pthread_mutex_t locks[2]; /* of the kind that tells a thread that it holds the lock already */
    pthread_t caller;
    pkern_pool *pool;
    size_t leaves, noise, deadlocks, inside, elsewhere;
    int mode, holders;
} region_state;

static region_state region;

static void region_init(pkern_pool *pool, int mode) {
    pthread_mutexattr_t attributes;
    memset(&region, 0, sizeof region);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&region.locks[0], &attributes);
    pthread_mutex_init(&region.locks[1], &attributes);
    pthread_mutexattr_destroy(&attributes);
    region.pool = pool;
    region.mode = mode;
    region.caller = pthread_self();
}

static void region_end(void) {
    pool_end(region.pool);
    pthread_mutex_destroy(&region.locks[0]);
    pthread_mutex_destroy(&region.locks[1]);
    cr_assert_eq(region.deadlocks, 0, "%zu locks were asked for by their holder", region.deadlocks);
}

static int region_lock(int i) {
    if (pthread_mutex_lock(&region.locks[i]) != 0) {
        pool_count_one(&region.deadlocks);
        return 0;
    }
    return 1;
}

static int region_want_lock(void *ctx) {
    int i = (int)(size_t)ctx;
    if (region_lock(i)) {
        pthread_mutex_unlock(&region.locks[i]);
    }
    return pool_count_one(&region.noise);
}

static int region_tree(void *ctx);

static int region_range(size_t begin, size_t end, void *ctx) {
    int status = 0;
    for (size_t i = begin; i < end; i++) {
        status |= region_tree(ctx);
    }
    return status;
}

/* Joins, scopes and loops inside each other; what is spawned detached wants a lock. */
static int region_tree(void *ctx) {
    size_t depth = (size_t)ctx;
    void *below = (void *)(depth - 1);
    pkern_scope scope;
    pkern_par_options options;
    int status;
    if (depth == 0) {
        return pool_count_one(&region.leaves);
    }
    switch (depth % 4) {
    case 0:
        status = pkern_spawn(0, region_want_lock, (void *)(depth / 4 % 2));
        return status | pkern_join(0, region_tree, below, region_tree, below);
    case 1:
        status = depth % 8 == 1 ? pkern_scope_begin(&scope, 0) : pkern_scope_begin_fifo(&scope, 0);
        status |= pkern_scope_spawn(&scope, region_tree, below);
        status |= pkern_yield_now(0) == PKERN_YIELD_OUTSIDE || pkern_yield_local(0) == PKERN_YIELD_OUTSIDE;
        status |= pkern_scope_spawn_urgent(&scope, region_tree, below);
        return status | pkern_scope_wait(&scope);
    case 2:
        return pkern_join_with(0, region_tree, below, region_tree, below, region.mode);
    default:
        memset(&options, 0, sizeof options);
        options.item_cost_ns = 1e5;
        return pkn_loop_run(0, 0, 2, &options, region_range, below);
    }
}

/* A lock held over a join or a scope; inside another one is held over another join. */
static int region_hold_second(void *ctx) {
    int status = 1;
    if (region_lock(1)) {
        status = pkern_join_with(0, region_tree, ctx, region_tree, ctx, region.mode);
        pthread_mutex_unlock(&region.locks[1]);
    }
    return status;
}

static int region_hold(void *ctx) {
    size_t number = (size_t)ctx;
    void *depth = (void *)(size_t)5;
    pkern_scope scope;
    int status = 1;
    if (!region_lock(0)) {
        return 1;
    }
    if (number % 3 == 0) {
        status = pkern_join_with(0, region_tree, depth, region_tree, depth, region.mode);
    } else if (number % 3 == 1 && region.mode != PKERN_WAIT_BLOCK) { /* who blocks leaves its tasks to threads that may want the lock */
        status = pkern_scope_begin_with(&scope, 0, region.mode);
        status |= pkern_scope_spawn(&scope, region_tree, depth);
        status |= pkern_scope_spawn(&scope, region_tree, depth);
        status |= pkern_scope_wait(&scope);
    } else {
        status = pkern_join_with(0, region_tree, depth, region_hold_second, (void *)(size_t)4, region.mode);
    }
    pthread_mutex_unlock(&region.locks[0]);
    return status;
}

Test(pool_region, a_lock_is_held_over_the_wait) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        for (size_t m = 0; m < POOL_COUNT(region_modes); m++) {
            region_init(pool_of(pool_threads[t]), region_modes[m]);
            for (int round = 0; round < 20; round++) {
                pkern_scope scope;
                cr_assert_eq(pkern_scope_begin(&scope, region.pool), PKERN_OK);
                for (size_t i = 0; i < 12; i++) {
                    cr_assert_eq(pkern_scope_spawn(&scope, region_hold, (void *)i), PKERN_OK);
                    cr_assert_eq(pkern_scope_spawn(&scope, region_want_lock, (void *)(i % 2)), PKERN_OK);
                }
                cr_assert_eq(pkern_pool_install(region.pool, region_hold, (void *)(size_t)round), 0);
                cr_assert_eq(pkern_scope_wait(&scope), 0);
            }
            region_end();
        }
    }
}

/* Tasks of another scope on top of the region's in the same deque, and below. */
Test(pool_region, interleaved_scopes_do_not_get_in_the_way) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        region_init(pool_of(pool_threads[t]), PKERN_WAIT_OWN);
        for (int round = 0; round < 50; round++) {
            pkern_scope own[2], other[2];
            for (int i = 0; i < 2; i++) {
                cr_assert_eq(pkern_scope_begin(&other[i], region.pool), PKERN_OK);
                cr_assert_eq(pkern_scope_begin_with(&own[i], region.pool, PKERN_WAIT_OWN), PKERN_OK);
                for (int k = 0; k < 4; k++) {
                    cr_assert_eq(pkern_scope_spawn(&other[i], region_want_lock, 0), PKERN_OK);
                    cr_assert_eq(pkern_scope_spawn(&own[i], region_tree, (void *)(size_t)3), PKERN_OK);
                    cr_assert_eq(pkern_scope_spawn(&other[i], region_want_lock, 0), PKERN_OK);
                }
            }
            cr_assert(region_lock(0));
            cr_assert_eq(pkern_scope_wait(&own[0]), 0);
            cr_assert_eq(pkern_scope_wait(&own[1]), 0);
            pthread_mutex_unlock(&region.locks[0]);
            cr_assert_eq(pkern_scope_wait(&other[1]), 0);
            cr_assert_eq(pkern_scope_wait(&other[0]), 0);
        }
        cr_assert_eq(region.leaves, 50 * 8 * 8);
        cr_assert_eq(region.noise, 50 * 16);
        region_end();
    }
}

static int region_count_range(size_t begin, size_t end, void *ctx) {
    PKN_UNUSED(ctx);
    __atomic_fetch_add(&region.inside, end - begin, __ATOMIC_ACQ_REL);
    return 0;
}

/* More regions inside each other than a member tells apart, and joins in them that others take. */
static int region_chain(void *ctx) {
    size_t depth = (size_t)ctx;
    void *below = (void *)(depth - 1);
    if (depth == 0) {
        pkern_par_options options;
        memset(&options, 0, sizeof options);
        options.item_cost_ns = 500; /* shared, if there is somebody awake */
        return pkn_loop_run(0, 0, 40, &options, region_count_range, 0) | pool_count_one(&region.leaves);
    }
    if (depth % 10 == 0) {
        pkern_scope scope;
        int status = pkern_scope_begin_with(&scope, 0, region.mode);
        status |= pkern_scope_spawn(&scope, region_tree, (void *)(size_t)3);
        status |= region_chain(below);
        return status | pkern_scope_wait(&scope);
    }
    return pkern_join_with(0, region_chain, below, pool_count_one, &region.noise, region.mode);
}

Test(pool_region, a_hundred_nest) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        for (size_t m = 0; m < POOL_COUNT(region_modes); m++) {
            region_init(pool_of(pool_threads[t]), region_modes[m]);
            for (int round = 0; round < 10; round++) {
                region.leaves = region.noise = region.inside = 0;
                if (round % 2 == 0) {
                    cr_assert_eq(pkern_pool_install(region.pool, region_chain, (void *)(size_t)100), 0);
                } else { /* on a worker, where there is one */
                    cr_assert_eq(pkern_spawn(region.pool, region_chain, (void *)(size_t)100), PKERN_OK);
                    cr_assert_eq(pkern_pool_wait_idle(region.pool, -1), PKERN_OK);
                }
                cr_assert_eq(region.leaves, 1 + 10 * 8);
                cr_assert_eq(region.noise, 90);
                cr_assert_eq(region.inside, 40);
            }
            region_end();
        }
    }
}

/* A scope of the outer region is waited for in the inner one, which it is no part of. */
static int region_wait_within(void *ctx) {
    return pkern_scope_wait((pkern_scope *)ctx);
}

static int region_scope_around(void *ctx) {
    pkern_scope scope;
    int status = pkern_scope_begin(&scope, 0);
    for (int i = 0; i < 5; i++) {
        status |= pkern_scope_spawn(&scope, region_tree, ctx);
    }
    return status | pkern_join_with(0, region_wait_within, &scope, region_tree, ctx, region.mode);
}

Test(pool_region, a_scope_from_outside_is_waited_for_inside) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        for (size_t m = 0; m < POOL_COUNT(region_modes); m++) {
            region_init(pool_of(pool_threads[t]), region_modes[m]);
            for (int round = 0; round < 50; round++) {
                cr_assert_eq(pkern_join_with(region.pool, region_scope_around, (void *)(size_t)3, region_tree, (void *)(size_t)3, region.mode), 0);
            }
            cr_assert_eq(region.leaves, 50 * 7 * 8);
            region_end();
        }
    }
}

/* The jobs are no part of the region, and the pool may have nobody else for them. */
static int region_late_job(void *ctx) {
    pool_nap_us(500);
    return pool_count_one(ctx);
}

static int region_wait_idle(void *ctx) {
    PKN_UNUSED(ctx);
    return pkern_pool_wait_idle(0, -1);
}

static int region_idle_inside(void *ctx) {
    int status = 0;
    for (int i = 0; i < 3; i++) {
        status |= pkern_spawn(0, region_late_job, ctx);
    }
    return status | pkern_join_with(0, region_wait_idle, 0, pool_count_one, &region.leaves, region.mode);
}

Test(pool_region, idle_is_waited_for_inside) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        for (size_t m = 0; m < POOL_COUNT(region_modes); m++) {
            region_init(pool_of(pool_threads[t]), region_modes[m]);
            for (int round = 0; round < 4; round++) {
                cr_assert_eq(pkern_pool_install(region.pool, region_idle_inside, &region.noise), 0);
            }
            cr_assert(region.noise == 12 && region.leaves == 4);
            region_end();
        }
    }
}

static int region_broadcast(int index, int count, void *ctx) {
    PKN_UNUSED(index);
    PKN_UNUSED(count);
    return pool_count_one(ctx);
}

static int region_try_broadcast(void *ctx) {
    return pkern_broadcast(0, region_broadcast, ctx);
}

static int region_seven(void *ctx) {
    pool_count_one(ctx);
    return 7;
}

Test(pool_region, statuses_and_bad_arguments) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        pkern_scope scope;
        size_t ran = 0;
        for (int mode = PKERN_WAIT_STEAL; mode <= PKERN_WAIT_BLOCK; mode++) {
            cr_assert_eq(pkern_join_with(pool, 0, &ran, pool_count_one, &ran, mode), PKERN_EINVAL);
            cr_assert_eq(pkern_join_with(pool, pool_count_one, &ran, 0, &ran, mode), PKERN_EINVAL);
            ran = 0;
            cr_assert_eq(pkern_join_with(pool, pool_count_one, &ran, region_seven, &ran, mode), 7);
            cr_assert_eq(pkern_join_with(pool, region_seven, &ran, pool_count_one, &ran, mode), 7);
            cr_assert_eq(ran, 4);
            cr_assert_eq(pkern_scope_begin_with(&scope, pool, mode), PKERN_OK);
            cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
            cr_assert_eq(pkern_scope_begin_with(&scope, pool, mode), PKERN_OK);
            cr_assert_eq(pkern_scope_spawn(&scope, region_seven, &ran), PKERN_OK);
            cr_assert_eq(pkern_scope_wait(&scope), 7);
            cr_assert_eq(ran, 5);
        }
        cr_assert_eq(pkern_join_with(pool, pool_count_one, &ran, region_try_broadcast, &ran, PKERN_WAIT_OWN), PKERN_EDEADLK);
        cr_assert_eq(pkern_broadcast(pool, region_broadcast, &ran), PKERN_OK);
        cr_assert_eq(pkern_scope_begin_with(&scope, pool, PKERN_WAIT_OWN), PKERN_OK);
        cr_assert_eq(pkern_scope_spawn_broadcast(&scope, region_broadcast, &ran), PKERN_EDEADLK);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        for (int mode = -1; mode <= 3; mode += 4) {
            cr_assert_eq(pkern_join_with(pool, pool_count_one, &ran, pool_count_one, &ran, mode), PKERN_EINVAL);
            cr_assert_eq(pkern_scope_begin_with(&scope, pool, mode), PKERN_EINVAL);
        }
        cr_assert_eq(pkern_scope_begin_with(0, pool, 0), PKERN_EINVAL);
        pool_end(pool);
    }
}

Test(pool_region, tasks_without_memory_run_at_once) {
    for (int threads = 1; threads <= 3; threads += 2) {
        for (size_t k = 0; k < 4; k++) {
            pool_heap heap;
            pkern_scope scope;
            size_t ran = 0;
            pkern_pool *pool = pool_of_heap(&heap, threads);
            cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), 0);
            pool_heap_fail(&heap, k, k % 2 == 0 ? 1 : SIZE_MAX);
            cr_assert_eq(pkern_scope_begin_with(&scope, pool, PKERN_WAIT_OWN), PKERN_OK);
            for (int i = 0; i < 200; i++) {
                cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
            }
            cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
            cr_assert_eq(ran, 202);
            pool_end(pool);
            pool_heap_check(&heap);
        }
    }
}

#if PKN_THREADS

static int region_not_on_caller(void *ctx) {
    cr_assert(!pthread_equal(pthread_self(), region.caller));
    return region_tree(ctx);
}

static int region_until_elsewhere(void *ctx) {
    PKN_UNUSED(ctx);
    return !pool_reaches(&region.elsewhere, 1);
}

static int region_elsewhere(void *ctx) {
    pool_count_one(&region.elsewhere);
    return region_not_on_caller(ctx);
}

Test(pool_region, who_blocks_runs_nothing) {
    for (int threads = 2; threads <= 8; threads += 3) {
        region_init(pool_of(threads), PKERN_WAIT_BLOCK);
        for (int i = 0; i < 100; i++) {
            pkern_scope scope;
            cr_assert_eq(pkern_scope_begin_with(&scope, region.pool, PKERN_WAIT_BLOCK), PKERN_OK);
            for (int k = 0; k < 5; k++) {
                cr_assert_eq(pkern_scope_spawn(&scope, region_not_on_caller, (void *)(size_t)3), PKERN_OK);
            }
            cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
            region.elsewhere = 0;
            cr_assert_eq(pkern_join_with(region.pool, region_until_elsewhere, 0, region_elsewhere, (void *)(size_t)3, PKERN_WAIT_BLOCK), 0);
        }
        region_end();
    }
}

#if PKN_THREADS
/* On one of two workers: blocks when the other is gone, since the pool ends. */
static int region_block_alone(void *ctx) {
    pkern_pool *pool = region.pool;
    pkern_scope scope;
    size_t ran = 0;
    pool_count_one(ctx);
    for (int ended = 0; !ended; pool_nap_us(20)) {
        pkn_mutex_lock(&pool->lock);
        ended = pkn_member_at(pool, 1u - (uint32_t)pkern_worker_index(0))->ended;
        pkn_mutex_unlock(&pool->lock);
    }
    cr_assert_eq(pkern_scope_begin_with(&scope, 0, PKERN_WAIT_BLOCK), PKERN_OK);
    cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(ran, 1);
    return pool_count_one(&region.elsewhere);
}

Test(pool_region, nobody_blocks_when_the_others_are_gone) {
    size_t inside = 0;
    region_init(pool_of(3), PKERN_WAIT_BLOCK);
    cr_assert_eq(pkern_spawn(region.pool, region_block_alone, &inside), PKERN_OK);
    cr_assert(pool_reaches(&inside, 1));
    region_end();
    cr_assert_eq(region.elsewhere, 1);
}
#endif

/* Both of two must be running for either to end. */
static int region_meet(void *ctx) {
    size_t *met = (size_t *)ctx;
    pool_count_one(met);
    return !pool_reaches(met, 2);
}

static int region_meet_in_scope(void *ctx) {
    pkern_scope scope;
    size_t met = 0;
    PKN_UNUSED(ctx);
    pool_count_one(&region.elsewhere);
    cr_assert(!pthread_equal(pthread_self(), region.caller));
    int status = pkern_scope_begin(&scope, 0);
    status |= pkern_scope_spawn(&scope, region_meet, &met);
    status |= pkern_scope_spawn(&scope, region_meet, &met);
    return status | pkern_scope_wait(&scope);
}

static int region_meet_in_join(void *ctx) {
    size_t met = 0;
    PKN_UNUSED(ctx);
    pool_count_one(&region.elsewhere);
    return pkern_join(0, region_meet, &met, region_meet, &met);
}

static int region_meet_in_region(void *ctx) {
    size_t met = 0;
    PKN_UNUSED(ctx);
    pool_count_one(&region.elsewhere);
    return pkern_join_with(0, region_meet, &met, region_meet, &met, PKERN_WAIT_OWN);
}

/* Two threads: the caller, whose wait has to take part in what the worker forks. */
Test(pool_region, who_waits_for_its_own_works_on_it) {
    static const pkern_task_fn sides[] = {region_meet_in_scope, region_meet_in_join, region_meet_in_region};
    for (int spins = 0; spins < 2; spins++) {
        pkern_pool_config config;
        memset(&config, 0, sizeof config);
        config.num_threads = 2;
        config.spin_ns = spins ? 0 : -1;
        region_init(pool_with(&config), PKERN_WAIT_OWN);
        for (int i = 0; i < 60; i++) {
            region.elsewhere = 0;
            /* every other time the caller's own wait is a common one */
            cr_assert_eq(pkern_join_with(region.pool, region_until_elsewhere, 0, sides[i / 2 % 3], 0, i % 2), 0);
        }
        region_end();
    }
}

/* The worker's inner record is offered to nobody, for it pushes no more: the caller, whose wait is the region's, has to come for it. */
static int region_inner_first(void *ctx) {
    pool_count_one(&region.inside);
    return ((const pkern_pool *)ctx)->has_membarrier && !pool_reaches(&region.leaves, 1);
}

static int region_outer_first(void *ctx) {
    return pkern_join(0, region_inner_first, ctx, pool_count_one, &region.leaves);
}

static int region_outer_second(void *ctx) {
    PKN_UNUSED(ctx);
    return !pool_reaches(&region.inside, 1);
}

static int region_on_worker(void *ctx) {
    pool_count_one(&region.elsewhere);
    return pkern_join(0, region_outer_first, ctx, region_outer_second, 0);
}

Test(pool_region, what_is_private_is_found_inside) {
    region_init(pool_of(2), PKERN_WAIT_OWN);
    for (int i = 0; i < 50; i++) {
        region.elsewhere = region.inside = region.leaves = 0;
        cr_assert_eq(pkern_join_with(region.pool, region_until_elsewhere, 0, region_on_worker, region.pool, PKERN_WAIT_OWN), 0);
        cr_assert_eq(region.leaves, 1);
    }
    region_end();
}

/* Each level begins a scope that runs nothing while it waits; the last threads of the pool must run its tasks all the same. */
typedef struct region_levels {
    pkern_pool *pool;
    int left;
    pkn_atomic_u32 ran;
} region_levels;

static int region_block_level(void *ctx) {
    region_levels *levels = (region_levels *)ctx;
    pkern_scope scope;
    if (levels->left-- == 0) {
        return 0;
    }
    cr_assert_eq(pkern_scope_begin_with(&scope, levels->pool, PKERN_WAIT_BLOCK), PKERN_OK);
    cr_assert_eq(pkern_scope_spawn(&scope, region_block_level, levels), PKERN_OK);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    pkn_atomic_fetch_add_relaxed_u32(&levels->ran, 1);
    return 0;
}

Test(pool_region, one_worker_never_blocks) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int round = 0; round < 20; round++) {
            region_levels levels = {pool, 5, {0}};
            cr_assert_eq(region_block_level(&levels), 0); /* from outside */
            cr_assert_eq(pkn_atomic_load_relaxed_u32(&levels.ran), 5);
            levels.left = 5;
            cr_assert_eq(pkern_spawn(pool, region_block_level, &levels), PKERN_OK); /* and where nobody waits beside it */
            cr_assert_eq(pkern_pool_wait_idle(pool, -1), PKERN_OK);
            cr_assert_eq(pkn_atomic_load_relaxed_u32(&levels.ran), 10);
        }
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&pool->blocking), 0);
        pool_end(pool);
    }
}

#endif
