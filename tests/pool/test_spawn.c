/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Spawned broadcasts, urgent jobs, the error hook, waiting until nothing is left. */
#include "pool_tools.h"

#define SPAWN_MS INT64_C(1000000)

/* ---- broadcasts ---- */

typedef struct spawn_everywhere {
    pkern_pool *pool;
    size_t runs[8], total, wrong;
    int count, code;
} spawn_everywhere;

static int spawn_visit(int index, int count, void *ctx) {
    spawn_everywhere *everywhere = (spawn_everywhere *)ctx;
    int expected = pkern_pool_num_threads(everywhere->pool) > 1 ? pkern_worker_index(everywhere->pool) : 0;
    __atomic_fetch_add(&everywhere->wrong, index != expected || count != everywhere->count, __ATOMIC_RELAXED);
    pool_count_one(&everywhere->runs[index]);
    pool_count_one(&everywhere->total);
    return everywhere->code != 0 ? everywhere->code + index : 0;
}

static void spawn_check_visits(const spawn_everywhere *everywhere, size_t rounds) {
    for (int i = 0; i < everywhere->count; i++) {
        cr_assert_eq(everywhere->runs[i], rounds);
    }
    cr_assert_eq(everywhere->total, rounds * (size_t)everywhere->count);
    cr_assert_eq(everywhere->wrong, 0);
}

static void spawn_prepare(spawn_everywhere *everywhere, pkern_pool *pool) {
    memset(everywhere, 0, sizeof *everywhere);
    everywhere->pool = pool;
    everywhere->count = pkern_pool_num_threads(pool) > 1 ? pkern_pool_num_threads(pool) - 1 : 1;
}

static int spawn_broadcast_again(void *ctx) {
    spawn_everywhere *everywhere = (spawn_everywhere *)ctx;
    return pkern_spawn_broadcast(0, spawn_visit, everywhere);
}

Test(pool_spawn, bad_arguments_run_nothing) {
    size_t ran = 0;
    pkern_scope scope;
    cr_assert_eq(pkern_spawn_broadcast(0, 0, &ran), PKERN_EINVAL);
    cr_assert_eq(pkern_spawn_urgent(0, 0, &ran), PKERN_EINVAL);
    cr_assert_eq(pkern_scope_spawn_broadcast(0, spawn_visit, &ran), PKERN_EINVAL);
    cr_assert_eq(pkern_scope_spawn_urgent(0, pool_count_one, &ran), PKERN_EINVAL);
    cr_assert_eq(pkern_scope_begin(&scope, 0), PKERN_OK);
    cr_assert_eq(pkern_scope_spawn_broadcast(&scope, 0, &ran), PKERN_EINVAL);
    cr_assert_eq(pkern_scope_spawn_urgent(&scope, 0, &ran), PKERN_EINVAL);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(ran, 0);
}

Test(pool_spawn, a_spawned_broadcast_runs_once_on_each_of_the_pools_threads) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        spawn_everywhere everywhere;
        pkern_pool *pool = pool_of(pool_threads[t]);
        spawn_prepare(&everywhere, pool);
        for (int round = 0; round < 20; round++) {
            cr_assert_eq(pkern_spawn_broadcast(pool, spawn_visit, &everywhere), PKERN_OK);
            cr_assert_eq(pkern_spawn(pool, spawn_broadcast_again, &everywhere), PKERN_OK);
        }
        cr_assert_eq(pkern_pool_wait_idle(pool, -1), PKERN_OK);
        spawn_check_visits(&everywhere, 40);
        pool_end(pool);
    }
}

Test(pool_spawn, destroy_finishes_spawned_broadcasts_and_those_that_jobs_spawn) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        for (int round = 0; round < 30; round++) {
            pool_heap heap;
            spawn_everywhere everywhere;
            pkern_pool *pool = pool_of_heap(&heap, pool_threads[t]);
            spawn_prepare(&everywhere, pool);
            everywhere.wrong = 0;
            cr_assert_eq(pkern_spawn(pool, spawn_broadcast_again, &everywhere), PKERN_OK);
            cr_assert_eq(pkern_spawn_broadcast(pool, spawn_visit, &everywhere), PKERN_OK);
            cr_assert_eq(pkern_spawn(pool, spawn_broadcast_again, &everywhere), PKERN_OK);
            pool_end(pool);
            cr_assert_eq(everywhere.total, 3u * (size_t)everywhere.count);
            pool_heap_check(&heap);
        }
    }
}

static int spawn_broadcast_in_scope(void *ctx) {
    spawn_everywhere *everywhere = (spawn_everywhere *)ctx;
    pkern_scope scope;
    cr_assert_eq(pkern_scope_begin(&scope, 0), PKERN_OK);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pkern_scope_spawn_broadcast(&scope, spawn_visit, everywhere), PKERN_OK);
    }
    pkern_status status = pkern_scope_wait(&scope);
    return status;
}

Test(pool_spawn, a_scope_waits_for_its_broadcasts_and_gets_the_lowest_failure) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        spawn_everywhere everywhere;
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int round = 0; round < 20; round++) {
            spawn_prepare(&everywhere, pool);
            everywhere.code = round % 2 * 5;
            cr_assert_eq(pkern_pool_install(pool, spawn_broadcast_in_scope, &everywhere), everywhere.code);
            spawn_check_visits(&everywhere, 3);
            spawn_prepare(&everywhere, pool);
            cr_assert_eq(pkern_join(pool, spawn_broadcast_in_scope, &everywhere, spawn_broadcast_in_scope, &everywhere), 0);
            spawn_check_visits(&everywhere, 6);
        }
        pool_end(pool);
    }
}

Test(pool_spawn, a_broadcast_needs_memory) {
    pool_heap heap;
    spawn_everywhere everywhere;
    pkern_scope scope;
    pkern_pool *pool = pool_of_heap(&heap, 3);
    spawn_prepare(&everywhere, pool);
    cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
    pool_heap_fail(&heap, 0, SIZE_MAX);
    pkern_status expected = PKN_THREADS ? PKERN_ENOMEM : PKERN_OK;
    cr_assert_eq(pkern_spawn_broadcast(pool, spawn_visit, &everywhere), expected);
    cr_assert_eq(pkern_scope_spawn_broadcast(&scope, spawn_visit, &everywhere), expected);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(pkern_pool_wait_idle(pool, -1), PKERN_OK);
    cr_assert_eq(everywhere.total, PKN_THREADS ? 0 : 2);
    pool_end(pool);
    pool_heap_check(&heap);
}

/* ---- errors ---- */

typedef struct spawn_errors {
    size_t seen, sum;
    const void *ctx;
    size_t wrong;
} spawn_errors;

static void spawn_on_error(int code, void *ctx, void *user) {
    spawn_errors *errors = (spawn_errors *)user;
    __atomic_fetch_add(&errors->wrong, ctx != errors->ctx, __ATOMIC_RELAXED);
    __atomic_fetch_add(&errors->sum, (size_t)code, __ATOMIC_RELAXED);
    pool_count_one(&errors->seen);
}

Test(pool_spawn, the_error_hook_sees_what_detached_jobs_return) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool_config config;
        spawn_errors errors;
        spawn_everywhere everywhere;
        int code = 5, none = 0;
        memset(&errors, 0, sizeof errors);
        memset(&config, 0, sizeof config);
        config.num_threads = pool_threads[t];
        config.on_task_error = spawn_on_error;
        config.user = &errors;
        pkern_pool *pool = pool_with(&config);
        errors.ctx = &code;
        for (int i = 0; i < 10; i++) {
            cr_assert_eq(pkern_spawn(pool, pool_return, &code), PKERN_OK);
            cr_assert_eq(pkern_spawn_fifo(pool, pool_return, &code), PKERN_OK);
            cr_assert_eq(pkern_spawn_urgent(pool, pool_return, &code), PKERN_OK);
            cr_assert_eq(pkern_spawn(pool, pool_return, &none), PKERN_OK);
        }
        cr_assert_eq(pkern_pool_wait_idle(pool, -1), PKERN_OK);
        cr_assert_eq(errors.seen, 30);
        cr_assert_eq(errors.sum, 150);
        spawn_prepare(&everywhere, pool);
        everywhere.code = 100;
        errors.ctx = &everywhere;
        cr_assert_eq(pkern_spawn_broadcast(pool, spawn_visit, &everywhere), PKERN_OK);
        cr_assert_eq(pkern_pool_wait_idle(pool, -1), PKERN_OK);
        cr_assert_eq(errors.seen, 30 + (size_t)everywhere.count);
        cr_assert_eq(errors.wrong, 0);
        pool_end(pool);
    }
}

Test(pool_spawn, without_an_error_hook_what_they_return_is_dropped) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        int code = 5;
        cr_assert_eq(pkern_spawn(pool, pool_return, &code), PKERN_OK);
        cr_assert_eq(pkern_pool_wait_idle(pool, -1), PKERN_OK);
        pool_end(pool);
    }
}

/* ---- urgent ---- */

typedef struct spawn_order {
    pkern_pool *pool;
    size_t turns, go, started, urgent_turns[20], normal_turns[20];
    int in_scope;
} spawn_order;

typedef struct spawn_turn {
    spawn_order *order;
    size_t *turn;
} spawn_turn;

static int spawn_take_turn(void *ctx) {
    spawn_turn *turn = (spawn_turn *)ctx;
    *turn->turn = __atomic_add_fetch(&turn->order->turns, 1, __ATOMIC_ACQ_REL);
    return 0;
}

/* On the pool's only worker, or alone: nobody takes anything before this returns. */
static int spawn_in_turns(void *ctx) {
    spawn_order *order = (spawn_order *)ctx;
    static spawn_turn turns[40];
    pkern_scope scope;
    cr_assert_eq(pkern_scope_begin(&scope, order->pool), PKERN_OK);
    for (size_t i = 0; i < 20; i++) {
        spawn_turn *normal = &turns[2 * i], *urgent = &turns[2 * i + 1];
        normal->order = urgent->order = order;
        normal->turn = &order->normal_turns[i];
        urgent->turn = &order->urgent_turns[i];
        if (order->in_scope) {
            cr_assert_eq(pkern_scope_spawn(&scope, spawn_take_turn, normal), PKERN_OK);
            cr_assert_eq(pkern_scope_spawn_urgent(&scope, spawn_take_turn, urgent), PKERN_OK);
        } else {
            cr_assert_eq(pkern_spawn(order->pool, spawn_take_turn, normal), PKERN_OK);
            cr_assert_eq(pkern_spawn_urgent(order->pool, spawn_take_turn, urgent), PKERN_OK);
        }
    }
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    return 0;
}

Test(pool_spawn, urgent_jobs_are_taken_first_and_in_their_order) {
    for (int threads = 1; threads <= 2; threads++) {
        for (int in_scope = 0; in_scope < 2; in_scope++) {
            spawn_order order;
            memset(&order, 0, sizeof order);
            order.in_scope = in_scope;
            order.pool = pool_of(threads);
            if (threads == 1) {
                cr_assert_eq(pkern_pool_install(order.pool, spawn_in_turns, &order), 0);
            } else {
                cr_assert_eq(pkern_spawn(order.pool, spawn_in_turns, &order), PKERN_OK);
                cr_assert_eq(pkern_pool_wait_idle(order.pool, -1), PKERN_OK);
            }
            cr_assert_eq(order.turns, 40);
            for (size_t i = 0; i < 20; i++) {
                cr_assert_eq(order.urgent_turns[i], i + 1);
                cr_assert_gt(order.normal_turns[i], 20);
            }
            pool_end(order.pool);
        }
    }
}

static int spawn_urgent_ten(void *ctx) {
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(pkern_spawn_urgent(0, pool_count_one, ctx), PKERN_OK);
    }
    return 0;
}

Test(pool_spawn, urgent_jobs_are_never_lost) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        for (int round = 0; round < 20; round++) {
            size_t ran = 0;
            pkern_scope scope;
            pkern_pool *pool = pool_of(pool_threads[t]);
            cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
            for (int i = 0; i < 20; i++) {
                cr_assert_eq(pkern_spawn(pool, spawn_urgent_ten, &ran), PKERN_OK);
                cr_assert_eq(pkern_scope_spawn_urgent(&scope, pool_count_one, &ran), PKERN_OK);
                cr_assert_eq(pkern_scope_spawn(&scope, spawn_urgent_ten, &ran), PKERN_OK);
                cr_assert_eq(pkern_spawn_urgent(pool, spawn_urgent_ten, &ran), PKERN_OK);
            }
            cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
            pool_end(pool);
            cr_assert_eq(ran, 620);
        }
    }
}

Test(pool_spawn, urgent_jobs_without_memory) {
    pool_heap heap;
    size_t ran = 0;
    pkern_scope scope;
    pkern_pool *pool = pool_of_heap(&heap, 2);
    cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
    pool_heap_fail(&heap, 0, SIZE_MAX);
    cr_assert_eq(pkern_spawn_urgent(pool, pool_count_one, &ran), PKERN_ENOMEM);
    cr_assert_eq(ran, 0);
    cr_assert_eq(pkern_scope_spawn_urgent(&scope, pool_count_one, &ran), PKERN_OK);
    cr_assert_eq(ran, 1);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(pkern_pool_wait_idle(pool, 0), PKERN_OK);
    pool_end(pool);
    pool_heap_check(&heap);
}

/* ---- idle ---- */

static int spawn_chain(void *ctx) {
    size_t *left = (size_t *)ctx;
    if (__atomic_fetch_sub(left, 1, __ATOMIC_ACQ_REL) > 1) {
        pool_nap_us(100);
        cr_assert_eq(pkern_spawn(0, spawn_chain, left), PKERN_OK);
    }
    return 0;
}

Test(pool_spawn, wait_idle_waits_for_jobs_and_for_what_they_spawn) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        cr_assert_eq(pkern_pool_wait_idle(pool, 0), PKERN_OK);
        cr_assert_eq(pkern_pool_wait_idle(pool, -1), PKERN_OK);
        for (int round = 0; round < 20; round++) {
            size_t left[3] = {10, 20, 1};
            for (size_t i = 0; i < 3; i++) {
                cr_assert_eq(pkern_spawn(pool, spawn_chain, &left[i]), PKERN_OK);
            }
            cr_assert_eq(pkern_pool_wait_idle(pool, round % 2 ? -1 : 100000 * SPAWN_MS), PKERN_OK);
            cr_assert_eq(left[0] + left[1] + left[2], 0);
        }
        pool_end(pool);
    }
}

static int spawn_wait_idle(void *ctx) {
    *(int *)ctx = pkern_pool_wait_idle(0, -1);
    return 0;
}

Test(pool_spawn, wait_idle_inside_a_detached_job_would_wait_for_itself) {
    for (int threads = 1; threads <= 2; threads++) {
        pkern_pool *pool = pool_of(threads);
        int status = 0;
        cr_assert_eq(pkern_spawn(pool, spawn_wait_idle, &status), PKERN_OK);
        cr_assert_eq(pkern_pool_wait_idle(pool, -1), PKERN_OK);
        cr_assert_eq(status, PKERN_EDEADLK);
        cr_assert_eq(pkern_pool_install(pool, spawn_wait_idle, &status), 0);
        cr_assert_eq(status, PKERN_OK);
        pool_end(pool);
    }
}

#if PKN_THREADS
static int spawn_stay(void *ctx) {
    return !pool_reaches((size_t *)ctx, 1);
}

Test(pool_spawn, wait_idle_gives_up_at_its_deadline) {
    pkern_pool *pool = pool_of(2);
    size_t go = 0;
    cr_assert_eq(pkern_spawn(pool, spawn_stay, &go), PKERN_OK);
    cr_assert_eq(pkern_pool_wait_idle(pool, 0), PKERN_ETIMEDOUT);
    uint64_t before = pkn_now_ns();
    cr_assert_eq(pkern_pool_wait_idle(pool, 20 * SPAWN_MS), PKERN_ETIMEDOUT);
    cr_assert_geq(pkn_now_ns() - before, 20 * SPAWN_MS);
    pool_wait_asleep(pool, 0);
    __atomic_store_n(&go, 1, __ATOMIC_RELEASE);
    cr_assert_eq(pkern_pool_wait_idle(pool, 10000 * SPAWN_MS), PKERN_OK);
    pool_end(pool);
}

static void *spawn_wait_idle_outside(void *ctx) {
    spawn_everywhere *everywhere = (spawn_everywhere *)ctx;
    cr_assert_eq(pkern_pool_wait_idle(everywhere->pool, -1), PKERN_OK);
    pool_count_one(&everywhere->total);
    return 0;
}

Test(pool_spawn, any_number_of_threads_may_wait_until_idle) {
    pool_outside outside = {{0}, 0};
    spawn_everywhere everywhere;
    size_t go = 0;
    memset(&everywhere, 0, sizeof everywhere);
    everywhere.pool = pool_of(2);
    cr_assert_eq(pkern_spawn(everywhere.pool, spawn_stay, &go), PKERN_OK);
    for (int i = 0; i < 40; i++) { /* more than there are guest slots */
        pool_go(&outside, spawn_wait_idle_outside, &everywhere);
    }
    pool_nap_us(20000);
    cr_assert_eq(pool_read(&everywhere.total), 0);
    __atomic_store_n(&go, 1, __ATOMIC_RELEASE);
    pool_come_back(&outside);
    cr_assert_eq(everywhere.total, 40);
    pool_end(everywhere.pool);
}
#endif
