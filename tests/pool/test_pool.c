/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

Test(pool_pool, bad_arguments_make_nothing) {
    pkern_pool_config config;
    pkern_allocator half;
    pkern_pool *pool = (pkern_pool *)&config;
    memset(&config, 0, sizeof config);
    memset(&half, 0, sizeof half);
    half.allocate = pool_heap_allocate;
    cr_assert_eq(pkern_pool_create(&config, 0), PKERN_EINVAL);
    config.num_threads = -1;
    cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_EINVAL);
    cr_assert_null(pool);
    config.num_threads = PKERN_MAX_THREADS + 1;
    cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_EINVAL);
    config.num_threads = 1;
    config.flags = 1u << 31;
    cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_EINVAL);
    config.flags = 0;
    config.allocator = &half;
    cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_EINVAL);
    cr_assert_null(pool);
    cr_assert_eq(pkern_pool_destroy(0), PKERN_OK);
    cr_assert_eq(pkern_pool_install(0, 0, 0), PKERN_EINVAL);
}

Test(pool_pool, a_pool_has_the_threads_asked_for) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        cr_assert_geq(pkern_pool_num_slots(pool), pkern_pool_num_threads(pool));
        cr_assert_eq(pkern_worker_index(pool), -1);
        pool_end(pool);
    }
}

Test(pool_pool, the_defaults_follow_environment_and_cpus) {
    static const struct {
        const char *text;
        int threads;
    } cases[] = {{"3", 3}, {"1", 1}, {"0", 0}, {"-2", 0}, {"junk", 0}, {"", 0}, {"99999999999", 0}, {"1025", 0}, {"2 ", 0}};
    int by_default = PKERN_NUM_THREADS != 0 ? PKERN_NUM_THREADS : pkn_usable_cpus();
    for (size_t i = 0; i < POOL_COUNT(cases); i++) {
        pkern_pool *pool = 0;
        setenv("PKERN_NUM_THREADS", cases[i].text, 1);
        cr_assert_eq(pkern_pool_create(0, &pool), PKERN_OK);
        cr_assert_eq(pkern_pool_num_threads(pool), !PKN_THREADS ? 1 : cases[i].threads != 0 ? cases[i].threads : by_default);
        pool_end(pool);
        pool = pool_of(2); /* the config beats the environment */
        pool_end(pool);
    }
    unsetenv("PKERN_NUM_THREADS");
}

Test(pool_pool, is_made_and_ended_many_times) {
    for (int i = 0; i < 300; i++) {
        pkern_pool *pool = pool_of(1 + i % 5);
        size_t ran = 0;
        if (i % 2) {
            cr_assert_eq(pkern_spawn(pool, pool_count_one, &ran), PKERN_OK);
        }
        pool_end(pool);
        cr_assert_eq(ran, (size_t)(i % 2));
    }
}

typedef struct pool_install_at {
    pkern_pool *pools[2];
    int depth;
    size_t levels;
} pool_install_at;

static int pool_install_deeper(void *ctx) {
    pool_install_at *at = (pool_install_at *)ctx;
    pkern_pool *here = at->pools[at->depth % 2];
    at->levels++;
    cr_assert_geq(pkern_worker_index(here), 0);
    cr_assert_eq(pkern_worker_index(0), pkern_worker_index(here));
    cr_assert_eq(pkern_pool_num_threads(0), pkern_pool_num_threads(here));
    if (at->depth == 64) {
        return 64;
    }
    at->depth++;
    int code = pkern_pool_install(at->pools[at->depth % 2], pool_install_deeper, at);
    at->depth--;
    cr_assert_eq(pkern_worker_index(0), pkern_worker_index(here));
    return code;
}

Test(pool_pool, installs_from_pool_to_pool_and_back_64_deep) {
    for (int a = 1; a <= 2; a++) {
        for (int b = 1; b <= 2; b++) {
            pool_install_at at;
            at.pools[0] = pool_of(a);
            at.pools[1] = pool_of(b);
            at.depth = 0;
            at.levels = 0;
            cr_assert_eq(pkern_pool_install(at.pools[0], pool_install_deeper, &at), 64);
            cr_assert_eq(at.levels, 65);
            cr_assert_eq(pkern_worker_index(at.pools[0]), -1);
            cr_assert_eq(pkern_worker_index(at.pools[1]), -1);
            pool_end(at.pools[0]);
            pool_end(at.pools[1]);
        }
    }
}

/* ---- destroy ---- */

static int pool_destroy_me(void *ctx) {
    return pkern_pool_destroy(*(pkern_pool **)ctx);
}

static int pool_destroy_me_and_tell(void *ctx) {
    pkern_pool **pool = (pkern_pool **)ctx;
    __atomic_store_n((int *)(void *)(pool + 1), pkern_pool_destroy(*pool), __ATOMIC_RELEASE);
    return 0;
}

Test(pool_pool, is_not_destroyed_from_inside) {
    struct {
        pkern_pool *pool;
        int status, fill;
    } ask;
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_scope scope;
        ask.pool = pool_of(pool_threads[t]);
        ask.status = 0;
        cr_assert_eq(pkern_pool_install(ask.pool, pool_destroy_me, &ask), PKERN_EDEADLK);
        cr_assert_eq(pkern_join(ask.pool, pool_destroy_me, &ask, pool_destroy_me, &ask), PKERN_EDEADLK);
        cr_assert_eq(pkern_scope_begin(&scope, ask.pool), PKERN_OK);
        cr_assert_eq(pkern_pool_destroy(ask.pool), PKERN_EDEADLK);
        cr_assert_eq(pkern_scope_spawn(&scope, pool_destroy_me, &ask), PKERN_OK);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_EDEADLK);
        cr_assert_eq(pkern_spawn(ask.pool, pool_destroy_me_and_tell, &ask), PKERN_OK);
        pool_end(ask.pool);
        cr_assert_eq(ask.status, PKERN_EDEADLK);
    }
}

#if PKN_THREADS

typedef struct pool_visit {
    pkern_pool *pool;
    size_t inside, leave;
} pool_visit;

static int pool_stay(void *ctx) {
    pool_visit *visit = (pool_visit *)ctx;
    __atomic_store_n(&visit->inside, 1, __ATOMIC_RELEASE);
    return !pool_reaches(&visit->leave, 1);
}

static void *pool_visitor(void *ctx) {
    pool_visit *visit = (pool_visit *)ctx;
    cr_assert_eq(pkern_pool_install(visit->pool, pool_stay, visit), 0);
    return 0;
}

Test(pool_pool, is_not_destroyed_while_another_thread_is_inside) {
    for (int threads = 1; threads <= 3; threads++) {
        pool_outside outside = {{0}, 0};
        pool_visit visit = {0, 0, 0};
        size_t ran = 0;
        visit.pool = pool_of(threads);
        pool_go(&outside, pool_visitor, &visit);
        cr_assert(pool_reaches(&visit.inside, 1));
        cr_assert_eq(pkern_pool_destroy(visit.pool), PKERN_EDEADLK);
        cr_assert_eq(pkern_join(visit.pool, pool_count_one, &ran, pool_count_one, &ran), 0); /* it still works */
        cr_assert_eq(ran, 2);
        __atomic_store_n(&visit.leave, 1, __ATOMIC_RELEASE);
        pool_come_back(&outside);
        pool_end(visit.pool);
    }
}

typedef struct pool_late {
    pkern_pool *pool;
    size_t ran;
} pool_late;

static int pool_late_index(int index, int count, void *ctx) {
    pool_late *late = (pool_late *)ctx;
    cr_assert(index >= 0 && index < count);
    __atomic_fetch_add(&late->ran, 1, __ATOMIC_RELAXED);
    return 0;
}

static int pool_late_work(void *ctx) {
    pool_late *late = (pool_late *)ctx;
    pkern_scope scope;
    pool_nap_us(3000); /* the pool's other threads have found nothing to do by now */
    cr_assert_eq(pkern_broadcast(0, pool_late_index, late), PKERN_OK);
    cr_assert_eq(pkern_scope_begin(&scope, 0), PKERN_OK);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &late->ran), PKERN_OK);
        cr_assert_eq(pkern_spawn(0, pool_count_one, &late->ran), PKERN_OK);
    }
    return pkern_scope_wait(&scope);
}

Test(pool_pool, destroy_finishes_what_spawned_jobs_start_late) {
    for (int threads = 2; threads <= 4; threads++) {
        pool_late late = {0, 0};
        late.pool = pool_of(threads);
        cr_assert_eq(pkern_spawn(late.pool, pool_late_work, &late), PKERN_OK);
        pool_end(late.pool);
        cr_assert_eq(late.ran, 200u + (size_t)threads - 1u);
    }
}

/* ---- threads that can't be had ---- */

Test(pool_pool, runs_with_the_threads_it_got) {
    for (int fail = 0; fail < 7; fail++) {
        for (int persistent = 0; persistent < 2; persistent++) {
            pool_heap heap;
            pkern_pool_config config;
            pkern_pool *pool = 0;
            size_t ran = 0;
            pool_heap_init(&heap);
            memset(&config, 0, sizeof config);
            config.num_threads = 8;
            config.allocator = &heap.allocator;
            test_failing_threads = (persistent ? UINT64_MAX : UINT64_C(1)) << fail;
            cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_OK);
            cr_assert_eq(pkern_pool_num_threads(pool), fail + 1);
            for (int i = 0; i < 100; i++) {
                cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), 0);
                cr_assert_eq(pkern_spawn(pool, pool_count_one, &ran), 0);
            }
            pool_end(pool);
            cr_assert_eq(ran, 300);
            pool_heap_check(&heap);
            config.flags = PKERN_POOL_ALL_THREADS;
            test_failing_threads = (persistent ? UINT64_MAX : UINT64_C(1)) << fail;
            cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_ETHREAD);
            cr_assert_null(pool);
            pool_heap_check(&heap);
            test_failing_threads = 0;
        }
    }
}

#endif

/* ---- memory that can't be had ---- */

static int pool_sum(size_t begin, size_t end, void *ctx) {
    __atomic_fetch_add((size_t *)ctx, end - begin, __ATOMIC_RELAXED);
    return 0;
}

static int pool_tree(void *ctx) {
    size_t *levels = (size_t *)ctx;
    size_t below[2] = {levels[0] - 1, levels[1]};
    if (levels[0] == 0) {
        return pool_count_one((void *)levels[1]);
    }
    return pkern_join(0, pool_tree, below, pool_tree, below);
}

/* A chain of joins that passes the end of two segments. */
static int pool_chain(void *ctx) {
    size_t *levels = (size_t *)ctx;
    size_t below[2] = {levels[0] - 1, levels[1]};
    return levels[0] == 0 ? 0 : pkern_join(0, pool_chain, below, pool_count_one, (void *)levels[1]);
}

/* Everything that allocates, counted. */
static void pool_use_all(pkern_pool *pool) {
    size_t ran = 0, spawned = 0;
    size_t tree[2] = {8, 0}, chain[2] = {120, 0};
    pkern_scope scope;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1e6;
    tree[1] = chain[1] = (size_t)&ran;
    cr_assert_eq(pkern_pool_install(pool, pool_tree, tree), 0);
    cr_assert_eq(ran, 256);
    cr_assert_eq(pkern_pool_install(pool, pool_chain, chain), 0);
    cr_assert_eq(ran, 376);
    cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
    }
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(ran, 476);
    cr_assert_eq(pkn_loop_run(pool, 0, 101, &options, pool_sum, &ran), PKERN_OK);
    cr_assert_eq(ran, 577);
    for (int i = 0; i < 70; i++) {
        pkern_status status = pkern_spawn(pool, pool_count_one, &ran);
        cr_assert(status == PKERN_OK || status == PKERN_ENOMEM);
        spawned += status == PKERN_OK;
    }
    cr_assert(pool_reaches(&ran, 577 + spawned));
}

Test(pool_pool, every_failed_allocation_is_survived_without_a_leak) {
    for (int threads = 1; threads <= 3; threads += 2) {
        for (int persistent = 0; persistent < 2; persistent++) {
            size_t calls = 1;
            for (size_t k = 0; k < calls; k++) {
                pool_heap heap;
                pkern_pool_config config;
                pkern_pool *pool = 0;
                pool_heap_init(&heap);
                memset(&config, 0, sizeof config);
                config.num_threads = threads;
                config.allocator = &heap.allocator;
                pool_heap_fail(&heap, k, persistent ? SIZE_MAX : 1);
                pkern_status status = pkern_pool_create(&config, &pool);
                cr_assert_eq(status, k == 0 ? PKERN_ENOMEM : PKERN_OK);
                if (status == PKERN_OK) {
                    pool_use_all(pool);
                    pool_end(pool);
                } else {
                    cr_assert_null(pool);
                }
                pool_heap_check(&heap);
                calls = k == 0 ? 12 : heap.calls > calls ? heap.calls : calls;
                calls = calls > 40 ? 40 : calls;
            }
        }
    }
}

/* ---- the global pool ---- */

Test(pool_pool, the_global_pool_is_made_once_and_again_after_shutdown) {
    pkern_pool_config config;
    pkern_pool *first;
    size_t ran = 0;
    memset(&config, 0, sizeof config);
    config.num_threads = 3;
    cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
    config.num_threads = -1;
    cr_assert_eq(pkern_pool_global_init(&config), PKERN_EINVAL);
    config.num_threads = 3;
    cr_assert_eq(pkern_pool_global_init(&config), PKERN_OK);
    cr_assert_eq(pkern_pool_global_init(&config), PKERN_EINVAL);
    first = pkern_pool_global();
    cr_assert_eq(pkern_pool_num_threads(0), PKN_THREADS ? 3 : 1);
    cr_assert_eq(pkern_pool_global(), first);
    cr_assert_eq(pkern_join(0, pool_count_one, &ran, pool_count_one, &ran), 0);
    cr_assert_eq(pkern_pool_install(0, pool_destroy_me, &first), PKERN_EDEADLK);
    cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
    cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
    cr_assert_eq(pkern_join(0, pool_count_one, &ran, pool_count_one, &ran), 0);
    cr_assert_eq(ran, 4);
    cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
}

#if PKN_THREADS

static void *pool_first_use(void *ctx) {
    PKN_UNUSED(ctx);
    return pkern_pool_global();
}

Test(pool_pool, threads_that_use_the_global_pool_first_get_the_same) {
    for (int round = 0; round < 20; round++) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++) {
            cr_assert_eq(pthread_create(&threads[i], 0, pool_first_use, 0), 0);
        }
        for (int i = 0; i < 4; i++) {
            void *seen = 0;
            pthread_join(threads[i], &seen);
            cr_assert_eq(seen, (void *)pkern_pool_global());
        }
        cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
    }
}

#endif

/* The serial stand-in of the global pool: everything works on the caller. */
Test(pool_pool, the_serial_pool_does_everything_on_the_caller) {
    size_t ran = 0;
    pkern_scope scope;
    pkern_pool *pool = &pkn_serial_pool;
    cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), 0);
    cr_assert_eq(pkern_spawn(pool, pool_count_one, &ran), 0);
    cr_assert_eq(pkern_scope_begin(&scope, pool), 0);
    cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), 0);
    cr_assert_eq(pkern_scope_wait(&scope), 0);
    cr_assert_eq(pkern_pool_install(pool, pool_count_one, &ran), 0);
    cr_assert_eq(pkn_loop_run(pool, 0, 10, 0, pool_sum, &ran), 0);
    cr_assert_eq(ran, 15);
    cr_assert_eq(pkern_worker_index(pool), -1);
    cr_assert_geq(pkern_pool_num_slots(pool), 1);
    cr_assert_geq(pkern_pool_num_threads(pool), 1);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
}
