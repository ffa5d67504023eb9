/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Building pools: threads that the user makes, the current thread as a member, hooks, bad values. */
#include "pool_tools.h"

static int build_sum(size_t begin, size_t end, void *ctx) {
    __atomic_fetch_add((size_t *)ctx, end - begin, __ATOMIC_RELAXED);
    return 0;
}

static int build_tree(void *ctx) {
    size_t *levels = (size_t *)ctx;
    size_t below[2] = {levels[0] - 1, levels[1]};
    return levels[0] == 0 ? pool_count_one((void *)levels[1]) : pkern_join(0, build_tree, below, build_tree, below);
}

static int build_broadcast(int index, int count, void *ctx) {
    cr_assert(index >= 0 && index < count);
    return pool_count_one(ctx);
}

/* Some of everything. */
static void build_use(pkern_pool *pool) {
    size_t ran = 0;
    size_t tree[2] = {8, 0};
    pkern_scope scope;
    tree[1] = (size_t)&ran;
    cr_assert_eq(pkern_pool_install(pool, build_tree, tree), 0);
    cr_assert_eq(pkern_join(pool, build_tree, tree, build_tree, tree), 0);
    cr_assert_eq(ran, 768);
    cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
    }
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(ran, 868);
    cr_assert_eq(pkn_loop_run(pool, 0, 1009, 0, build_sum, &ran), PKERN_OK);
    cr_assert_eq(ran, 1877);
    cr_assert_eq(pkern_broadcast(pool, build_broadcast, &ran), PKERN_OK);
    cr_assert_eq(ran, 1877 + (size_t)pkern_pool_num_threads(pool));
}

/* ---- bad values ---- */

static int build_start_nothing(const pkern_thread_start *start, void *user) {
    PKN_UNUSED(start);
    PKN_UNUSED(user);
    return 1;
}

static void build_join_nothing(int index, void *user) {
    PKN_UNUSED(index);
    PKN_UNUSED(user);
    cr_assert(0);
}

Test(pool_build, bad_values_make_nothing) {
    static const int threads[] = {-1, INT32_MIN, PKERN_MAX_THREADS + 1, 65536, 100000, INT32_MAX};
    static const unsigned flags[] = {8, 1u << 31, UINT32_MAX};
    pkern_pool_config config;
    pkern_pool *pool;
    for (size_t i = 0; i < POOL_COUNT(threads); i++) {
        memset(&config, 0, sizeof config);
        config.num_threads = threads[i];
        pool = (pkern_pool *)&config;
        cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_EINVAL, "%d threads", threads[i]);
        cr_assert_null(pool);
    }
    for (size_t i = 0; i < POOL_COUNT(flags); i++) {
        memset(&config, 0, sizeof config);
        config.flags = flags[i];
        cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_EINVAL, "flags %x", flags[i]);
    }
    memset(&config, 0, sizeof config);
    config.start_thread = build_start_nothing;
    cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_EINVAL);
    config.start_thread = 0;
    config.join_thread = build_join_nothing;
    cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_EINVAL);
    cr_assert_null(pool);
}

Test(pool_build, odd_but_good_values_make_a_pool) {
    static const char *const names[] = {"", "a", "a name much longer than the system keeps", "%s%n"};
    static const size_t stacks[] = {1, 4097, 65536, 1 << 20};
    static const int64_t spins[] = {INT64_MIN, -1, 1, INT64_MAX};
    for (size_t i = 0; i < 4; i++) {
        pkern_pool_config config;
        memset(&config, 0, sizeof config);
        config.num_threads = 3;
        config.name = names[i];
        config.stack_size = stacks[i];
        config.spin_ns = spins[i];
        pkern_pool *pool = pool_with(&config);
        build_use(pool);
        pool_end(pool);
    }
}

/* ---- the current thread stays ---- */

static pkern_pool *build_staying(int threads) {
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.num_threads = threads;
    config.flags = PKERN_POOL_USE_CURRENT_THREAD;
    return pool_with(&config);
}

typedef struct build_chain {
    size_t left, ran, inside, deepest;
} build_chain;

static int build_spawn_next(void *ctx) {
    build_chain *chain = (build_chain *)ctx;
    size_t inside = __atomic_add_fetch(&chain->inside, 1, __ATOMIC_RELAXED);
    if (inside > chain->deepest) {
        chain->deepest = inside;
    }
    if (chain->left != 0) {
        chain->left--;
        cr_assert_eq(pkern_spawn(0, build_spawn_next, chain), PKERN_OK);
    }
    __atomic_sub_fetch(&chain->inside, 1, __ATOMIC_RELAXED);
    return pool_count_one(&chain->ran);
}

Test(pool_build, the_current_thread_stays_until_it_ends_the_pool) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        for (int round = 0; round < 3; round++) {
            pkern_pool *pool = build_staying(pool_threads[t]);
            int own = pkern_pool_num_threads(pool) - 1;
            build_chain chain = {1000, 0, 0, 0};
            size_t ran = 0;
            cr_assert_eq(pkern_worker_index(pool), own);
            cr_assert_eq(pkern_worker_index(0), own);
            cr_assert_eq(pkern_pool_num_threads(0), own + 1);
            build_use(pool);
            build_use(0);
            cr_assert_eq(pkern_worker_index(0), own);
            for (int i = 0; i < 100; i++) {
                cr_assert_eq(pkern_join(0, pool_count_one, &ran, pool_count_one, &ran), 0);
            }
            cr_assert_eq(ran, 200);
            cr_assert_eq(pkern_spawn(0, build_spawn_next, &chain), PKERN_OK);
            if (own == 0) {
                cr_assert_eq(chain.ran, 1001); /* inside the call, one after another */
                cr_assert_eq(chain.deepest, 1);
            }
            pool_end(pool);
            cr_assert_eq(chain.ran, 1001);
            cr_assert_eq(pkern_worker_index(0), -1);
        }
    }
}

static int build_end(void *ctx) {
    return pkern_pool_destroy(*(pkern_pool **)ctx);
}

static int build_stay_inside(void *ctx) {
    pkern_pool_config config;
    pkern_pool *pool = 0;
    PKN_UNUSED(ctx);
    memset(&config, 0, sizeof config);
    config.num_threads = 2;
    config.flags = PKERN_POOL_USE_CURRENT_THREAD;
    return pkern_pool_create(&config, &pool);
}

Test(pool_build, a_thread_stays_in_one_pool_and_not_from_inside_a_call) {
    pkern_pool *pool = build_staying(2);
    pkern_pool *other = pool_of(2);
    cr_assert_eq(build_stay_inside(0), PKERN_EINVAL);
    cr_assert_eq(pkern_pool_install(other, build_stay_inside, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_join(0, build_end, &pool, build_stay_inside, 0), PKERN_EDEADLK);
    cr_assert_eq(pkern_pool_install(pool, build_end, &pool), PKERN_EDEADLK);
    build_use(other);
    build_use(pool);
    pool_end(other);
    pool_end(pool);
    other = pool_of(2);
    cr_assert_eq(pkern_pool_install(other, build_stay_inside, 0), PKERN_EINVAL);
    pool_end(other);
}

Test(pool_build, the_global_pool_can_have_the_current_thread) {
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.num_threads = 3;
    config.flags = PKERN_POOL_USE_CURRENT_THREAD;
    cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
    cr_assert_eq(pkern_pool_global_init(&config), PKERN_OK);
    cr_assert_eq(pkern_worker_index(0), pkern_pool_num_threads(0) - 1);
    build_use(0);
    cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
    cr_assert_eq(pkern_worker_index(0), -1);
}

Test(pool_build, without_memory_for_its_place_nobody_stays) {
    for (int threads = 1; threads <= 3; threads += 2) {
        int failures = 0;
        for (size_t k = 0; k < 20; k++) {
            pool_heap heap;
            pkern_pool_config config;
            pkern_pool *pool = 0;
            pool_heap_init(&heap);
            memset(&config, 0, sizeof config);
            config.num_threads = threads;
            config.flags = PKERN_POOL_USE_CURRENT_THREAD;
            config.allocator = &heap.allocator;
            pool_heap_fail(&heap, k, 1);
            pkern_status status = pkern_pool_create(&config, &pool);
            if (status == PKERN_OK) {
                cr_assert_eq(pkern_worker_index(0), pkern_pool_num_threads(pool) - 1);
                build_use(pool);
                pool_end(pool);
            } else {
                cr_assert_eq(status, PKERN_ENOMEM);
                failures++;
            }
            cr_assert_eq(pkern_worker_index(pool == 0 ? 0 : pkern_pool_global()), -1);
            pool_heap_check(&heap);
        }
        cr_assert(failures >= 2);
    }
}

#if PKN_THREADS

static void *build_other_thread(void *ctx) {
    pkern_pool *pool = *(pkern_pool **)ctx;
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_EDEADLK);
    cr_assert_eq(pkern_worker_index(pool), -1);
    build_use(pool);
    return 0;
}

Test(pool_build, other_threads_are_guests_beside_the_one_that_stays) {
    pkern_pool *pool = build_staying(3);
    for (int i = 0; i < 5; i++) {
        pool_outside outside = {{0}, 0};
        pool_go(&outside, build_other_thread, &pool);
        pool_go(&outside, build_other_thread, &pool);
        build_use(pool);
        pool_come_back(&outside);
    }
    pool_end(pool);
}

/* ---- the user makes the threads ---- */

typedef struct build_maker {
    pthread_t threads[8];
    pkern_thread_start starts[8];
    char names[8][16];
    int started, joined, fail_from;
    size_t began, ended, in_other_pool;
    pkern_pool *other;
} build_maker;

static build_maker build_made;

static int build_run_inside(void *ctx) {
    pkern_thread_start *start = (pkern_thread_start *)ctx;
    start->run(start->argument);
    cr_assert_eq(pkern_worker_index(0), pkern_worker_index(build_made.other)); /* as before */
    return 0;
}

static void *build_thread(void *ctx) {
    pkern_thread_start *start = (pkern_thread_start *)ctx;
    if (build_made.other != 0) {
        cr_assert_eq(pkern_pool_install(build_made.other, build_run_inside, start), 0);
    } else {
        start->run(start->argument);
    }
    cr_assert_eq(pkern_worker_index(pkern_pool_global()), -1);
    return 0;
}

static int build_start(const pkern_thread_start *start, void *user) {
    build_maker *maker = (build_maker *)user;
    cr_assert_eq(start->index, maker->started);
    cr_assert_eq(start->stack_size, 1 << 18);
    if (start->index >= maker->fail_from) {
        return 1;
    }
    maker->starts[maker->started] = *start;
    strncpy(maker->names[maker->started], start->name, 15);
    if (pthread_create(&maker->threads[maker->started], 0, build_thread, &maker->starts[maker->started]) != 0) {
        return 1;
    }
    maker->started++;
    return 0;
}

static void build_join(int index, void *user) {
    build_maker *maker = (build_maker *)user;
    cr_assert_eq(index, maker->joined);
    cr_assert_eq(pthread_join(maker->threads[index], 0), 0);
    maker->joined++;
}

static void build_begins(int index, void *user) {
    build_maker *maker = (build_maker *)user;
    cr_assert(index >= 0 && index < 8);
    cr_assert_eq(pkern_worker_index(0), index);
    __atomic_fetch_add(&maker->began, 1, __ATOMIC_RELAXED);
}

static void build_ends(int index, void *user) {
    build_maker *maker = (build_maker *)user;
    cr_assert_eq(pkern_worker_index(0), index);
    __atomic_fetch_add(&maker->ended, 1, __ATOMIC_RELAXED);
}

static void build_maker_config(pkern_pool_config *config, int fail_from) {
    memset(&build_made, 0, sizeof build_made);
    build_made.fail_from = fail_from;
    memset(config, 0, sizeof *config);
    config->num_threads = 5;
    config->name = "made";
    config->stack_size = 1 << 18;
    config->start_thread = build_start;
    config->join_thread = build_join;
    config->on_thread_start = build_begins;
    config->on_thread_exit = build_ends;
    config->user = &build_made;
}

Test(pool_build, threads_are_the_users) {
    pkern_pool_config config;
    build_maker_config(&config, 8);
    pkern_pool *pool = pool_with(&config);
    cr_assert_eq(build_made.started, 4);
    cr_assert_str_eq(build_made.names[0], "made-0");
    cr_assert_str_eq(build_made.names[3], "made-3");
    build_use(pool);
    cr_assert_eq(build_made.joined, 0);
    pool_end(pool);
    cr_assert_eq(build_made.joined, 4);
    cr_assert_eq(build_made.began, 4);
    cr_assert_eq(build_made.ended, 4);
}

Test(pool_build, a_handler_that_fails_is_a_thread_that_can_not_be_had) {
    for (int from = 0; from < 4; from++) {
        pkern_pool_config config;
        pkern_pool *pool = 0;
        build_maker_config(&config, from);
        cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_OK);
        cr_assert_eq(pkern_pool_num_threads(pool), from + 1);
        build_use(pool);
        pool_end(pool);
        cr_assert_eq(build_made.joined, from);
        build_maker_config(&config, from);
        config.flags = PKERN_POOL_ALL_THREADS;
        cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_ETHREAD);
        cr_assert_null(pool);
        cr_assert_eq(build_made.joined, from);
        cr_assert_eq(build_made.began, build_made.ended);
    }
}

Test(pool_build, a_thread_of_one_pool_can_serve_another) {
    pkern_pool_config config;
    build_maker_config(&config, 8);
    build_made.other = pool_of(2);
    pkern_pool *pool = pool_with(&config);
    for (int i = 0; i < 10; i++) {
        build_use(pool);
        build_use(build_made.other);
    }
    pool_end(pool);
    pool_end(build_made.other);
}

#endif
