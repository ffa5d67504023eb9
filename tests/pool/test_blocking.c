/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

#include <sys/wait.h>

static pkern_pool *blocking_pool(int threads, int spares) {
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.num_threads = threads;
    config.max_spares = spares;
    return pool_with(&config);
}

Test(pool_blocking, returns_what_the_callback_does) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        for (int spares = 0; spares < 3; spares++) {
            pkern_pool *pool = blocking_pool(pool_threads[t], spares);
            int code = 7;
            size_t ran = 0;
            cr_assert_eq(pkern_blocking(pool, 0, &code), PKERN_EINVAL);
            cr_assert_eq(pkern_blocking(pool, pool_return, &code), 7);
            cr_assert_eq(pkern_blocking(0, pool_return, &code), 7);
            cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), 0);
            cr_assert_geq(pkern_pool_num_slots(pool), pkern_pool_num_threads(pool));
            pool_end(pool);
        }
    }
}

Test(pool_blocking, bad_numbers_make_nothing) {
    static const int bad[] = {-1, 257, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < POOL_COUNT(bad); i++) {
        pkern_pool_config config;
        pkern_pool *pool = 0;
        memset(&config, 0, sizeof config);
        config.max_spares = bad[i];
        cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_EINVAL);
    }
}

#if PKN_THREADS

typedef struct blocking_state {
    pkern_pool *pool;
    size_t inside, go, ran, finished, most, now;
    size_t wait_for;
    unsigned char taken[2048];
} blocking_state;

static blocking_state blocking;

static int blocking_until_go(void *ctx) {
    PKN_UNUSED(ctx);
    pool_count_one(&blocking.inside);
    return !pool_reaches(&blocking.go, 1);
}

static int blocking_job(void *ctx) {
    cr_assert_eq(pkern_blocking(0, blocking_until_go, ctx), 0);
    return pool_count_one(&blocking.finished);
}

/* No two threads that run have the same index. */
static int blocking_other(void *ctx) {
    int index = pkern_worker_index(0);
    PKN_UNUSED(ctx);
    cr_assert(index >= 0 && index < pkern_pool_num_slots(0) && index < 2048);
    cr_assert_eq(__atomic_fetch_add(&blocking.taken[index], 1, __ATOMIC_ACQ_REL), 0);
    size_t now = __atomic_add_fetch(&blocking.now, 1, __ATOMIC_ACQ_REL);
    size_t most = pool_read(&blocking.most);
    while (now > most && !__atomic_compare_exchange_n(&blocking.most, &most, now, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    }
    pool_nap_us(50);
    __atomic_sub_fetch(&blocking.now, 1, __ATOMIC_ACQ_REL);
    __atomic_sub_fetch(&blocking.taken[index], 1, __ATOMIC_ACQ_REL);
    return pool_count_one(&blocking.ran);
}

/* All workers block; what is spawned after that still runs, on at most as many spares as are allowed. */
Test(pool_blocking, spares_work_while_all_workers_block) {
    for (int threads = 2; threads <= 5; threads++) {
        for (int spares = 1; spares <= 3; spares++) {
            memset(&blocking, 0, sizeof blocking);
            pkern_pool *pool = blocking_pool(threads, spares);
            for (size_t round = 1; round <= 5; round++) {
                blocking.inside = blocking.go = blocking.ran = blocking.finished = 0;
                for (int i = 0; i < threads - 1; i++) {
                    cr_assert_eq(pkern_spawn(pool, blocking_job, 0), PKERN_OK);
                }
                cr_assert(pool_reaches(&blocking.inside, (size_t)threads - 1));
                for (int i = 0; i < 40; i++) {
                    cr_assert_eq(pkern_spawn(pool, blocking_other, 0), PKERN_OK);
                }
                cr_assert(pool_reaches(&blocking.ran, 40));
                cr_assert_eq(blocking.finished, 0);
                __atomic_store_n(&blocking.go, 1, __ATOMIC_RELEASE);
                cr_assert(pool_reaches(&blocking.finished, (size_t)threads - 1));
            }
            cr_assert_leq(blocking.most, (size_t)(spares < threads - 1 ? spares : threads - 1));
            cr_assert_leq(pool->num_spares, (uint32_t)spares);
            cr_assert_geq(pool->num_spares, 1u);
            pool_end(pool);
        }
    }
}

static int blocking_in_join(void *ctx) {
    return pkern_blocking(0, blocking_until_go, ctx);
}

static int blocking_let_go(void *ctx) {
    PKN_UNUSED(ctx);
    cr_assert(pool_reaches(&blocking.inside, 1));
    __atomic_store_n(&blocking.go, 1, __ATOMIC_RELEASE);
    return 0;
}

static int blocking_join(void *ctx) {
    /* the second side is in the deque of the one that blocks */
    cr_assert_eq(pkern_join(0, blocking_in_join, ctx, blocking_let_go, ctx), 0);
    return pool_count_one(&blocking.finished);
}

Test(pool_blocking, what_the_blocked_thread_has_queued_is_taken) {
    pkern_pool *pool = blocking_pool(2, 1);
    for (int i = 0; i < 30; i++) {
        memset(&blocking, 0, sizeof blocking);
        cr_assert_eq(pkern_spawn(pool, blocking_join, 0), PKERN_OK);
        cr_assert(pool_reaches(&blocking.finished, 1));
    }
    pool_end(pool);
}

static int blocking_short(void *ctx) {
    pool_nap_us(20);
    return pool_count_one(ctx);
}

static int blocking_tree(void *ctx) {
    size_t depth = (size_t)ctx;
    void *below = (void *)(depth - 1);
    pkern_scope scope;
    if (depth == 0) {
        return pkern_blocking(0, blocking_short, &blocking.ran);
    }
    if (depth % 2 == 0) {
        return pkern_join(0, blocking_tree, below, blocking_tree, below);
    }
    int status = pkern_scope_begin(&scope, 0);
    status |= pkern_scope_spawn(&scope, blocking_tree, below);
    status |= pkern_scope_spawn(&scope, blocking_tree, below);
    return status | pkern_scope_wait(&scope);
}

static int blocking_index(int index, int count, void *ctx) {
    cr_assert(index < count);
    return pool_count_one(ctx);
}

Test(pool_blocking, mixes_with_everything) {
    for (int threads = 2; threads <= 8; threads += 3) {
        pkern_pool *pool = blocking_pool(threads, 4);
        for (int i = 0; i < 10; i++) {
            size_t ran = 0;
            memset(&blocking, 0, sizeof blocking);
            cr_assert_eq(pkern_spawn(pool, blocking_tree, (void *)(size_t)5), PKERN_OK);
            cr_assert_eq(pkern_pool_install(pool, blocking_tree, (void *)(size_t)6), 0);
            cr_assert_eq(pkern_broadcast(pool, blocking_index, &ran), PKERN_OK);
            cr_assert_eq(ran, (size_t)threads);
            cr_assert(pool_reaches(&blocking.ran, 96));
        }
        pool_end(pool);
    }
}

Test(pool_blocking, the_pool_ends_beside_blocked_and_resting_threads) {
    for (int i = 0; i < 40; i++) {
        memset(&blocking, 0, sizeof blocking);
        pkern_pool *pool = blocking_pool(3, 2);
        for (int k = 0; k < i % 4; k++) {
            cr_assert_eq(pkern_spawn(pool, blocking_tree, (void *)(size_t)3), PKERN_OK);
        }
        pool_end(pool);
        cr_assert_eq(blocking.ran, 8 * (size_t)(i % 4));
    }
}

Test(pool_blocking, without_a_thread_or_memory_it_only_calls) {
    for (size_t k = 0; k < 8; k++) {
        pool_heap heap;
        pkern_pool_config config;
        memset(&blocking, 0, sizeof blocking);
        pool_heap_init(&heap);
        memset(&config, 0, sizeof config);
        config.num_threads = 2;
        config.max_spares = 2;
        config.allocator = &heap.allocator;
        pkern_pool *pool = pool_with(&config);
        if (k < 4) {
            test_failing_threads = UINT64_C(1) << k | (k == 3 ? UINT64_MAX : 0);
        } else {
            pool_heap_fail(&heap, k - 4, k == 7 ? SIZE_MAX : 1);
        }
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(pkern_pool_install(pool, blocking_tree, (void *)(size_t)4), 0);
        }
        cr_assert_eq(blocking.ran, 48);
        test_failing_threads = 0;
        pool_end(pool);
        pool_heap_check(&heap);
    }
}

/* ---- inside each other, from outside, in loops ---- */

static int blocking_innermost(void *ctx) {
    cr_assert_eq(pkern_blocking(0, pool_count_one, ctx), 0);
    return 3;
}

static int blocking_inner(void *ctx) {
    pkern_pool *pool = blocking.pool;
    cr_assert_eq(pkern_blocking(0, blocking_innermost, ctx), 3);
    cr_assert_eq(pkern_blocking(pool, blocking_innermost, ctx), 3);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&pool->blocked), 1u);
    return pkern_join(0, pool_count_one, ctx, pool_count_one, ctx);
}

static int blocking_outer(void *ctx) {
    int status = pkern_blocking(0, blocking_inner, ctx);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&blocking.pool->blocked), 0u);
    return status;
}

Test(pool_blocking, one_inside_another_only_calls) {
    memset(&blocking, 0, sizeof blocking);
    blocking.pool = blocking_pool(2, 2);
    for (int i = 0; i < 20; i++) {
        size_t ran = 0;
        cr_assert_eq(pkern_pool_install(blocking.pool, blocking_outer, &ran), 0);
        cr_assert_eq(ran, 4);
    }
    cr_assert_leq(blocking.pool->num_spares, 1u);
    pool_end(blocking.pool);
}

/* A thread that is in no call of the pool takes no place in it, and a guest does. */
Test(pool_blocking, from_outside_nothing_is_called) {
    pkern_pool *pool = blocking_pool(3, 2);
    size_t ran = 0;
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(pkern_blocking(pool, pool_count_one, &ran), 0);
    }
    cr_assert_eq(ran, 10);
    cr_assert_eq(pool->num_spares, 0);
    cr_assert_eq(pkern_pool_install(pool, blocking_innermost, &ran), 3);
    cr_assert_eq(pool->num_spares, 1);
    pool_end(pool);
}

/* Pieces of loops block, on the threads of the pool and, where the loops are forked, on spares. */
static int blocking_piece(size_t begin, size_t end, void *ctx) {
    for (size_t i = begin; i < end; i++) {
        cr_assert_eq(pkern_blocking(0, blocking_short, &((size_t *)ctx)[i]), 0);
    }
    return 0;
}

static int blocking_loop(void *ctx) {
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1e5;
    options.max_len = 1;
    return pkn_loop_run(0, 0, 64, &options, blocking_piece, ctx);
}

Test(pool_blocking, loops_and_what_is_forked_in_them) {
    for (int threads = 2; threads <= 4; threads++) {
        pkern_pool *pool = blocking_pool(threads, 8);
        for (int i = 0; i < 10; i++) {
            size_t ran[2][64];
            memset(ran, 0, sizeof ran);
            cr_assert_eq(pkern_pool_install(pool, blocking_loop, ran[0]), 0);
            cr_assert_eq(pkern_join(pool, blocking_loop, ran[0], blocking_loop, ran[1]), 0);
            for (int k = 0; k < 64; k++) {
                cr_assert_eq(ran[0][k], 2);
                cr_assert_eq(ran[1][k], 1);
            }
        }
        cr_assert_leq(pool->num_spares, 8u); /* spares block, too */
        pool_end(pool);
    }
}

/* More threads block than there may be spares: what is left over waits for the first that comes back. */
static void blocking_beyond(int spares) {
    memset(&blocking, 0, sizeof blocking);
    pkern_pool *pool = blocking_pool(4, spares);
    for (int i = 0; i < 3 + spares; i++) {
        cr_assert_eq(pkern_spawn(pool, blocking_job, 0), PKERN_OK);
    }
    cr_assert(pool_reaches(&blocking.inside, 3 + (size_t)spares));
    cr_assert_eq(pkern_spawn(pool, pool_count_one, &blocking.ran), PKERN_OK);
    pool_nap_us(2000);
    cr_assert_eq(pool_read(&blocking.ran), 0);
    cr_assert_eq(pool->num_spares, (uint32_t)spares);
    __atomic_store_n(&blocking.go, 1, __ATOMIC_RELEASE);
    cr_assert(pool_reaches(&blocking.ran, 1));
    pool_end(pool);
    cr_assert_eq(blocking.finished, 3 + (size_t)spares);
}

Test(pool_blocking, no_more_than_allowed) {
    blocking_beyond(0);
    blocking_beyond(1);
    blocking_beyond(2);
}

/* ---- what a spare may do ---- */

static int blocking_on_spare(void *ctx) {
    pkern_pool *pool = blocking.pool;
    size_t ran = 0, from_broadcast = 0;
    cr_assert_geq(pkern_worker_index(0), pkern_pool_num_threads(0) - 1);
    cr_assert_eq(pkern_pool_wait_idle(pool, -1), PKERN_EDEADLK);
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_EDEADLK);
    cr_assert_eq(pkern_spawn(0, pool_count_one, &blocking.ran), PKERN_OK);
    cr_assert_eq(pkern_spawn_fifo(0, pool_count_one, &blocking.ran), PKERN_OK);
    cr_assert_eq(pkern_spawn_urgent(0, pool_count_one, &blocking.ran), PKERN_OK);
    cr_assert_eq(pkern_spawn_broadcast(0, blocking_index, &blocking.ran), PKERN_OK);
    __atomic_store_n(&blocking.go, 1, __ATOMIC_RELEASE); /* a broadcast waits for the worker */
    cr_assert_eq(pkern_broadcast(0, blocking_index, &from_broadcast), PKERN_OK);
    cr_assert_eq(from_broadcast, (size_t)pkern_pool_num_threads(pool));
    for (int mode = PKERN_WAIT_STEAL; mode <= PKERN_WAIT_BLOCK; mode++) {
        pkern_scope scope;
        cr_assert_eq(pkern_scope_begin_with(&scope, 0, mode), PKERN_OK);
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        cr_assert_eq(pkern_join_with(0, pool_count_one, &ran, pool_count_one, &ran, mode), PKERN_OK);
    }
    cr_assert_eq(ran, 12);
    return pool_count_one(ctx);
}

Test(pool_blocking, a_spare_does_what_a_worker_does) {
    for (int i = 0; i < 20; i++) {
        memset(&blocking, 0, sizeof blocking);
        blocking.pool = blocking_pool(2, 1);
        size_t ended = 0;
        cr_assert_eq(pkern_spawn(blocking.pool, blocking_job, 0), PKERN_OK);
        cr_assert(pool_reaches(&blocking.inside, 1));
        cr_assert_eq(pkern_spawn(blocking.pool, blocking_on_spare, &ended), PKERN_OK);
        if (i % 2 == 0) {
            cr_assert(pool_reaches(&ended, 1));
            cr_assert_eq(pkern_pool_wait_idle(blocking.pool, -1), PKERN_OK);
        }
        pool_end(blocking.pool);
        cr_assert_eq(ended, 1);
        cr_assert_eq(blocking.ran, 4);
    }
}

/* ---- the end ---- */

/* Of two workers: returns when the pool ends and the other worker is gone. */
static void blocking_until_alone(void) {
    pkern_pool *pool = blocking.pool;
    pool_count_one(&blocking.inside);
    for (int ended = 0; !ended; pool_nap_us(20)) {
        pkn_mutex_lock(&pool->lock);
        ended = pkn_member_at(pool, 1u - (uint32_t)pkern_worker_index(0))->ended;
        pkn_mutex_unlock(&pool->lock);
    }
}

static int blocking_last_spare(void *ctx) {
    cr_assert_eq(pkern_worker_index(0) >= 2, 1);
    return blocking_on_spare(ctx);
}

/* the spare runs what the blocked worker has spawned and waits for */
static int blocking_last_worker(void *ctx) {
    blocking_until_alone();
    cr_assert_eq(pkern_spawn(0, blocking_last_spare, ctx), PKERN_OK);
    return pkern_blocking(0, blocking_until_go, 0);
}

Test(pool_blocking, a_spare_is_there_while_the_last_worker_blocks_at_the_end) {
    for (int i = 0; i < 10; i++) {
        memset(&blocking, 0, sizeof blocking);
        blocking.pool = blocking_pool(3, 1 + i % 2);
        size_t ended = 0;
        cr_assert_eq(pkern_spawn(blocking.pool, blocking_last_worker, &ended), PKERN_OK);
        cr_assert(pool_reaches(&blocking.inside, 1));
        pool_end(blocking.pool);
        cr_assert_eq(ended, 1);
        cr_assert_eq(blocking.ran, 5); /* 3 jobs, a broadcast to 2 */
    }
}

/* A worker lets its spare have a job, and is gone before the job blocks. */
static int blocking_spare_alone(void *ctx) {
    pkern_pool *pool = blocking.pool;
    __atomic_store_n(&blocking.go, 1, __ATOMIC_RELEASE);
    for (int ended = 0; !ended; pool_nap_us(20)) {
        pkn_mutex_lock(&pool->lock);
        ended = pkn_member_at(pool, 0)->ended;
        pkn_mutex_unlock(&pool->lock);
    }
    cr_assert_eq(pkern_blocking(0, blocking_short, ctx), 0);
    cr_assert_eq(pkern_spawn(0, blocking_job, 0), PKERN_OK);
    cr_assert_eq(pkern_spawn_broadcast(0, blocking_index, &blocking.ran), PKERN_OK);
    cr_assert_eq(pkern_broadcast(0, blocking_index, &blocking.ran), PKERN_OK);
    return 0;
}

Test(pool_blocking, spares_finish_what_is_left_when_the_workers_are_gone) {
    for (int i = 0; i < 10; i++) {
        memset(&blocking, 0, sizeof blocking);
        blocking.pool = blocking_pool(2, 1 + i % 2);
        size_t ran = 0;
        cr_assert_eq(pkern_spawn(blocking.pool, blocking_job, 0), PKERN_OK);
        cr_assert(pool_reaches(&blocking.inside, 1));
        cr_assert_eq(pkern_spawn(blocking.pool, blocking_spare_alone, &ran), PKERN_OK);
        pool_end(blocking.pool);
        cr_assert_eq(ran, 1);
        cr_assert_eq(blocking.finished, 2);
        cr_assert_eq(blocking.ran, 3);
    }
}

Test(pool_blocking, spares_that_sleep_or_rest_end) {
    for (int i = 0; i < 30; i++) {
        memset(&blocking, 0, sizeof blocking);
        pkern_pool *pool = blocking_pool(3, 2);
        blocking.go = i % 3 != 0;
        cr_assert_eq(pkern_spawn(pool, blocking_job, 0), PKERN_OK);
        cr_assert_eq(pkern_spawn(pool, blocking_job, 0), PKERN_OK);
        cr_assert(pool_reaches(&blocking.inside, 2));
        if (i % 3 == 0) {
            pool_wait_asleep(pool, 2); /* both spares */
            __atomic_store_n(&blocking.go, 1, __ATOMIC_RELEASE);
        }
        if (i % 3 == 1) {
            cr_assert(pool_reaches(&blocking.finished, 2));
            pool_nap_us(1000);
        }
        pool_end(pool);
        cr_assert_eq(blocking.finished, 2);
    }
}

/* ---- other pools, hooks, handlers, cancel, fork ---- */

static int blocking_abroad(void *ctx) {
    return pkern_pool_install((pkern_pool *)ctx, blocking_in_join, 0);
}

/* A worker of one pool blocks as a guest of another: both get a spare. */
Test(pool_blocking, in_both_pools_that_the_thread_is_in) {
    memset(&blocking, 0, sizeof blocking);
    pkern_pool *pool = blocking_pool(2, 1), *other = blocking_pool(2, 1);
    cr_assert_eq(pkern_spawn(pool, blocking_abroad, other), PKERN_OK);
    cr_assert(pool_reaches(&blocking.inside, 1));
    cr_assert_eq(pkern_spawn(pool, pool_count_one, &blocking.ran), PKERN_OK);
    cr_assert(pool_reaches(&blocking.ran, 1));
    cr_assert_eq(pool->num_spares, 1);
    cr_assert_eq(other->num_spares, 1);
    __atomic_store_n(&blocking.go, 1, __ATOMIC_RELEASE);
    pool_end(pool);
    pool_end(other);
}

static int blocking_waits_abroad(void *ctx) {
    size_t ran = 0;
    cr_assert_geq(pkern_worker_index(blocking.pool), 1);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(pkern_join((pkern_pool *)ctx, blocking_short, &ran, blocking_short, &ran), 0);
    }
    cr_assert_eq(ran, 40);
    return pool_count_one(&blocking.most);
}

/* A spare that waits in another pool goes on working in its own. */
Test(pool_blocking, a_spare_as_a_guest_elsewhere) {
    for (int i = 0; i < 10; i++) {
        memset(&blocking, 0, sizeof blocking);
        pkern_pool *other = pool_of(2);
        blocking.pool = blocking_pool(2, 1);
        cr_assert_eq(pkern_spawn(blocking.pool, blocking_job, 0), PKERN_OK);
        cr_assert(pool_reaches(&blocking.inside, 1));
        cr_assert_eq(pkern_spawn(blocking.pool, blocking_waits_abroad, other), PKERN_OK);
        for (int k = 0; k < 50; k++) {
            cr_assert_eq(pkern_spawn(blocking.pool, blocking_short, &blocking.ran), PKERN_OK);
        }
        cr_assert(pool_reaches(&blocking.ran, 50));
        if (i % 2 == 0) {
            cr_assert(pool_reaches(&blocking.most, 1));
        }
        __atomic_store_n(&blocking.go, 1, __ATOMIC_RELEASE);
        pool_end(blocking.pool);
        pool_end(other);
        cr_assert_eq(blocking.most, 1);
    }
}

static size_t blocking_hooks[2];

static void blocking_thread_starts(int index, void *user) {
    PKN_UNUSED(user);
    cr_assert_eq(pkern_worker_index(0), index);
    pool_count_one(&blocking_hooks[0]);
}

static void blocking_thread_exits(int index, void *user) {
    PKN_UNUSED(user);
    cr_assert_eq(pkern_worker_index(0), index);
    pool_count_one(&blocking_hooks[1]);
}

static pthread_t blocking_handler_threads[8];
static int blocking_handler_fails;

static void *blocking_handler_main(void *argument) {
    pkern_thread_start *start = (pkern_thread_start *)argument;
    start->run(start->argument);
    free(start);
    return 0;
}

static int blocking_handler_start(const pkern_thread_start *start, void *user) {
    pkern_thread_start *copy = (pkern_thread_start *)malloc(sizeof *copy);
    PKN_UNUSED(user);
    cr_assert(start->index >= 0 && start->index < 8);
    if (copy == 0 || blocking_handler_fails) {
        free(copy);
        return 1;
    }
    *copy = *start;
    return pthread_create(&blocking_handler_threads[start->index], 0, blocking_handler_main, copy);
}

static void blocking_handler_join(int index, void *user) {
    PKN_UNUSED(user);
    pthread_join(blocking_handler_threads[index], 0);
}

Test(pool_blocking, hooks_and_handlers_know_spares) {
    for (int fails = 0; fails < 2; fails++) {
        pkern_pool_config config;
        memset(&config, 0, sizeof config);
        memset(&blocking, 0, sizeof blocking);
        memset(blocking_hooks, 0, sizeof blocking_hooks);
        config.num_threads = 2;
        config.max_spares = 1;
        config.on_thread_start = blocking_thread_starts;
        config.on_thread_exit = blocking_thread_exits;
        config.start_thread = blocking_handler_start;
        config.join_thread = blocking_handler_join;
        config.flags = PKERN_POOL_PIN;
        pkern_pool *pool = pool_with(&config);
        blocking_handler_fails = fails;
        for (int i = 0; i < 5; i++) {
            cr_assert_eq(pkern_pool_install(pool, blocking_tree, (void *)(size_t)3), 0);
        }
        blocking_handler_fails = 0;
        pool_end(pool);
        cr_assert_eq(blocking.ran, 40);
        cr_assert_eq(blocking_hooks[0], fails ? 1 : 2);
        cr_assert_eq(blocking_hooks[1], fails ? 1 : 2);
    }
}

typedef struct blocking_cancel {
    pkern_cancel cancel;
    size_t ran;
} blocking_cancel;

static int blocking_until_cancelled(void *ctx) {
    while (!pkern_cancel_requested(&((blocking_cancel *)ctx)->cancel)) {
        pool_nap_us(20);
    }
    return PKERN_ECANCELED;
}

static int blocking_cancelled_task(void *ctx) {
    pool_count_one(&((blocking_cancel *)ctx)->ran);
    return pkern_blocking(0, blocking_until_cancelled, ctx);
}

static int blocking_cancels(void *ctx) {
    pkern_cancel_request(&((blocking_cancel *)ctx)->cancel);
    return 0;
}

/* Tasks that block until the token is requested, and behind them the one that requests it: with spares for all but it runs. */
Test(pool_blocking, a_cancelled_scope) {
    for (int i = 0; i < 20; i++) {
        blocking_cancel state;
        pkern_scope scope;
        memset(&state, 0, sizeof state);
        pkern_pool *pool = blocking_pool(2, 4);
        cr_assert_eq(pkern_scope_begin_fifo(&scope, pool), PKERN_OK);
        cr_assert_eq(pkern_scope_set_cancel(&scope, &state.cancel), PKERN_OK);
        for (int k = 0; k < 3; k++) {
            cr_assert_eq(pkern_scope_spawn(&scope, blocking_cancelled_task, &state), PKERN_OK);
        }
        cr_assert_eq(pkern_scope_spawn(&scope, blocking_cancels, &state), PKERN_OK);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_ECANCELED);
        cr_assert_leq(state.ran, 3u);
        pool_end(pool);
    }
}

static int blocking_forks(void *ctx) {
    pid_t child = fork();
    cr_assert_neq(child, -1);
    if (child == 0) {
        size_t ran = 0;
        int failed = pkern_blocking(0, blocking_short, &ran) != 0;
        failed |= pkern_join(0, blocking_short, &ran, blocking_short, &ran) != 0;
        failed |= ran != 3;
        *(int *)ctx = failed ? 2 : 1;
        return 0;
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}

static int blocking_that_forks(void *ctx) {
    return pkern_blocking(0, blocking_forks, ctx);
}

/* The child of a fork inside of a blocking call comes back from it, alone; the parent goes on. */
Test(pool_blocking, a_fork_inside) {
    for (int i = 0; i < 20; i++) {
        int in_child = 0;
        memset(&blocking, 0, sizeof blocking);
        pkern_pool *pool = blocking_pool(3, 2);
        cr_assert_eq(pkern_spawn(pool, blocking_tree, (void *)(size_t)4), PKERN_OK);
        cr_assert_eq(pkern_pool_install(pool, blocking_that_forks, &in_child), 0);
        if (in_child != 0) {
            int failed = in_child != 1 || pkern_pool_destroy(pool) != PKERN_OK;
            pool_child_ends(failed);
        }
        cr_assert_eq(pkern_pool_install(pool, blocking_tree, (void *)(size_t)4), 0);
        pool_end(pool);
        cr_assert_eq(blocking.ran, 32);
    }
}

#endif

Test(pool_blocking, a_spare_rests_where_it_is_one_too_many_and_no_work_is_left_to_it) {
    pkern_pool *pool = pool_of(1);
    pkn_filter anything = {0, 0, 0};
    pkn_job job;
    memset(&job, 0, sizeof job);
    cr_assert_not(pkn_spare_may_rest(pool));
    pkn_atomic_store_relaxed_u32(&pool->spares_working, 1);
    cr_assert(pkn_spare_may_rest(pool));
    cr_assert_eq(pkn_inject(pool, &job), 0);
    cr_assert(pkn_spare_may_rest(pool)); /* others are there for it */
    pkn_atomic_store_relaxed_u32(&pool->stopping, 1);
    cr_assert_not(pkn_spare_may_rest(pool));
    cr_assert(pkn_queue_take(pool, &pool->injected, &anything, 0, &job));
    cr_assert(pkn_spare_may_rest(pool));
    pkn_atomic_store_relaxed_u32(&pool->blocked, 1);
    cr_assert_not(pkn_spare_may_rest(pool));
    pkn_atomic_store_relaxed_u32(&pool->blocked, 0);
    pkn_atomic_store_relaxed_u32(&pool->spares_working, 0);
    pkn_atomic_store_relaxed_u32(&pool->stopping, 0);
    pool_end(pool);
}
