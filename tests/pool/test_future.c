/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

#define FUTURE_MS INT64_C(1000000)

Test(pool_future, bad_arguments_run_nothing) {
    pkern_future future;
    size_t ran = 0;
    memset(&future, 0, sizeof future);
    cr_assert_eq(pkern_future_spawn(0, 0, pool_count_one, &ran), PKERN_EINVAL);
    cr_assert_eq(pkern_future_spawn(&future, 0, 0, &ran), PKERN_EINVAL);
    cr_assert_eq(pkern_future_wait(0), PKERN_EINVAL);
    cr_assert_eq(pkern_future_wait(&future), PKERN_EINVAL);
    cr_assert_eq(pkern_future_wait_for(&future, 1), PKERN_EINVAL);
    cr_assert_eq(pkern_future_is_done(0), 0);
    cr_assert_eq(pkern_future_is_done(&future), 0);
    cr_assert_eq(ran, 0);
}

Test(pool_future, gives_the_tasks_result_as_often_as_asked) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        pkern_future future;
        for (int code = -300; code < 300; code++) {
            cr_assert_eq(pkern_future_spawn(&future, pool, pool_return, &code), PKERN_OK);
            cr_assert_eq(code % 2 ? pkern_future_wait(&future) : pkern_future_wait_for(&future, 100000 * FUTURE_MS), code);
            cr_assert_eq(pkern_future_is_done(&future), 1);
            cr_assert_eq(pkern_future_wait_for(&future, 0), code);
        }
        pool_end(pool);
        cr_assert_eq(pkern_future_wait(&future), 299); /* done, so the pool is not needed */
    }
}

Test(pool_future, many_may_be_under_way_and_are_waited_for_in_any_order) {
    static pkern_future futures[1009];
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int backwards = 0; backwards < 2; backwards++) {
            size_t ran = 0;
            for (size_t i = 0; i < POOL_COUNT(futures); i++) {
                cr_assert_eq(pkern_future_spawn(&futures[i], pool, pool_count_one, &ran), PKERN_OK);
            }
            for (size_t i = 0; i < POOL_COUNT(futures); i++) {
                cr_assert_eq(pkern_future_wait(&futures[backwards ? POOL_COUNT(futures) - 1 - i : i]), 0);
            }
            cr_assert_eq(ran, POOL_COUNT(futures));
        }
        pool_end(pool);
    }
}

/* ---- inside ---- */

static int future_fib(void *ctx) {
    int n = *(int *)ctx;
    int less[2] = {n - 1, n - 2};
    pkern_future future;
    if (n < 2) {
        return n;
    }
    cr_assert_eq(pkern_future_spawn(&future, 0, future_fib, &less[0]), PKERN_OK);
    int b = future_fib(&less[1]);
    return pkern_future_wait(&future) + b;
}

static int future_fib_timed(void *ctx) {
    int n = *(int *)ctx;
    int less[2] = {n - 1, n - 2};
    pkern_future future;
    if (n < 2) {
        return n;
    }
    cr_assert_eq(pkern_future_spawn(&future, 0, future_fib_timed, &less[0]), PKERN_OK);
    int b = future_fib_timed(&less[1]), a;
    while ((a = pkern_future_wait_for(&future, FUTURE_MS)) == PKERN_ETIMEDOUT) {
    }
    return a + b;
}

Test(pool_future, tasks_wait_for_futures_of_their_own) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        int n = 15;
        pkern_future future;
        cr_assert_eq(pkern_pool_install(pool, future_fib, &n), 610);
        cr_assert_eq(pkern_pool_install(pool, future_fib_timed, &n), 610);
        cr_assert_eq(pkern_future_spawn(&future, pool, future_fib, &n), PKERN_OK);
        cr_assert_eq(pkern_future_wait(&future), 610);
        cr_assert_eq(pkern_pool_wait_idle(pool, -1), PKERN_OK);
        pool_end(pool);
    }
}

/* Tasks that descend one level with each wait: no stack overflows, and none waits for good. */
static int future_descend(void *ctx) {
    int left = *(int *)ctx;
    int less = left - 1;
    pkern_future futures[2];
    if (left == 0) {
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pkern_future_spawn(&futures[i], 0, i == 0 ? future_descend : pool_return, &less), PKERN_OK);
    }
    int b = pkern_future_wait(&futures[1]);
    return pkern_future_wait(&futures[0]) == (left == 1 ? 0 : left - 1) && b == left - 1 ? left : -1;
}

Test(pool_future, waits_nest_beyond_the_depth_limit) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        int left = 150;
        pkern_future future;
        cr_assert_eq(pkern_future_spawn(&future, pool, future_descend, &left), PKERN_OK);
        cr_assert_eq(pkern_future_wait(&future), 150);
        pool_end(pool);
    }
}

Test(pool_future, without_memory_the_task_runs_in_the_call) {
    for (size_t after = 0; after < 4; after++) {
        pool_heap heap;
        pkern_future futures[100];
        size_t ran = 0;
        pkern_pool *pool = pool_of_heap(&heap, 2);
        pool_heap_fail(&heap, after, SIZE_MAX);
        for (size_t i = 0; i < POOL_COUNT(futures); i++) {
            cr_assert_eq(pkern_future_spawn(&futures[i], pool, pool_count_one, &ran), PKERN_OK);
        }
        for (size_t i = 0; i < POOL_COUNT(futures); i++) {
            cr_assert_eq(pkern_future_wait(&futures[i]), 0);
        }
        cr_assert_eq(ran, POOL_COUNT(futures));
        pool_end(pool);
        pool_heap_check(&heap);
    }
}

/* ---- from outside, and late ---- */

static int future_deep(void *ctx) {
    size_t *levels = (size_t *)ctx;
    pkern_future futures[2];
    size_t ran = 0;
    int tries = 0;
    if (--*levels != 0) {
        cr_assert_eq(pkern_future_spawn(&futures[0], 0, future_deep, ctx), PKERN_OK);
        return pkern_future_wait(&futures[0]);
    }
    cr_assert_eq(pkern_future_spawn(&futures[0], 0, pool_count_one, &ran), PKERN_OK);
    cr_assert_eq(pkern_future_spawn(&futures[1], 0, pool_count_one, &ran), PKERN_OK);
    while (pkern_future_wait_for(&futures[0], 20000) == PKERN_ETIMEDOUT) {
        cr_assert_lt(++tries, 100000);
    }
    cr_assert_eq(pkern_future_wait(&futures[1]), 0);
    return 0;
}

/* Beyond the depth limit who waits takes other work after a time, in many short waits as in a long one. */
Test(pool_future, short_waits_deep_in_a_pool_of_one_come_to_an_end) {
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.num_threads = 1;
    config.stack_size = 65536;
    pkern_pool *pool = pool_with(&config);
    for (size_t depth = 1; depth <= 8; depth++) {
        size_t levels = depth;
        cr_assert_eq(pkern_pool_install(pool, future_deep, &levels), 0);
        cr_assert_eq(levels, 0);
    }
    pool_end(pool);
}

#if PKN_THREADS

typedef struct future_meeting {
    pkern_future future;
    size_t go, done, started;
} future_meeting;

static int future_stay(void *ctx) {
    future_meeting *meeting = (future_meeting *)ctx;
    pool_count_one(&meeting->started);
    return pool_reaches(&meeting->go, 1) ? 42 : -1;
}

static void *future_wait_outside(void *ctx) {
    future_meeting *meeting = (future_meeting *)ctx;
    cr_assert_eq(pkern_future_wait(&meeting->future), 42);
    pool_count_one(&meeting->done);
    return 0;
}

static void *future_wait_outside_timed(void *ctx) {
    future_meeting *meeting = (future_meeting *)ctx;
    cr_assert_eq(pkern_future_wait_for(&meeting->future, 100000 * FUTURE_MS), 42);
    pool_count_one(&meeting->done);
    return 0;
}

Test(pool_future, several_threads_wait_for_one_future) {
    for (int round = 0; round < 5; round++) {
        future_meeting meeting;
        pool_outside outside = {{0}, 0};
        pkern_pool *pool = pool_of(3);
        memset(&meeting, 0, sizeof meeting);
        cr_assert_eq(pkern_future_spawn(&meeting.future, pool, future_stay, &meeting), PKERN_OK);
        cr_assert(pool_reaches(&meeting.started, 1));
        for (int i = 0; i < 36; i++) { /* more than there are guest slots */
            pool_go(&outside, i % 2 ? future_wait_outside : future_wait_outside_timed, &meeting);
        }
        pool_nap_us(2000);
        cr_assert_eq(pool_read(&meeting.done), 0);
        cr_assert_eq(pkern_future_is_done(&meeting.future), 0);
        __atomic_store_n(&meeting.go, 1, __ATOMIC_RELEASE);
        pool_come_back(&outside);
        cr_assert_eq(meeting.done, 36);
        pool_end(pool);
    }
}

Test(pool_future, a_wait_gives_up_at_its_deadline_and_the_task_goes_on) {
    future_meeting meeting;
    pkern_pool *pool = pool_of(2);
    memset(&meeting, 0, sizeof meeting);
    cr_assert_eq(pkern_future_spawn(&meeting.future, pool, future_stay, &meeting), PKERN_OK);
    cr_assert_eq(pkern_future_wait_for(&meeting.future, 0), PKERN_ETIMEDOUT);
    uint64_t before = pkn_now_ns();
    cr_assert_eq(pkern_future_wait_for(&meeting.future, 20 * FUTURE_MS), PKERN_ETIMEDOUT);
    uint64_t passed = pkn_now_ns() - before;
    cr_assert(passed >= 20 * FUTURE_MS && passed < 5000 * FUTURE_MS, "%llu ns", (unsigned long long)passed);
    __atomic_store_n(&meeting.go, 1, __ATOMIC_RELEASE);
    cr_assert_eq(pkern_future_wait(&meeting.future), 42);
    pool_end(pool);
}

/* The only worker is busy: who waits without a deadline runs the task itself. */
Test(pool_future, a_guest_runs_what_nobody_has_begun) {
    future_meeting meeting;
    pkern_future futures[10];
    size_t ran = 0;
    pkern_pool *pool = pool_of(2);
    memset(&meeting, 0, sizeof meeting);
    cr_assert_eq(pkern_future_spawn(&meeting.future, pool, future_stay, &meeting), PKERN_OK);
    cr_assert(pool_reaches(&meeting.started, 1));
    for (size_t i = 0; i < POOL_COUNT(futures); i++) {
        cr_assert_eq(pkern_future_spawn(&futures[i], pool, pool_count_one, &ran), PKERN_OK);
    }
    cr_assert_eq(pkern_future_wait(&futures[7]), 0);
    cr_assert_eq(ran, 1);
    cr_assert_eq(pkern_future_wait(&futures[0]), 0);
    cr_assert_eq(pkern_future_wait(&futures[9]), 0);
    cr_assert_eq(ran, 3);
    __atomic_store_n(&meeting.go, 1, __ATOMIC_RELEASE);
    pool_end(pool);
    cr_assert_eq(ran, 10);
    cr_assert_eq(pkern_future_wait(&meeting.future), 42);
}

/* A worker of another pool waits. */
static int future_wait_abroad(void *ctx) {
    return pkern_future_wait((pkern_future *)ctx);
}

Test(pool_future, a_worker_of_another_pool_may_wait) {
    pkern_pool *pool = pool_of(2), *other = pool_of(2);
    for (int i = 0; i < 100; i++) {
        pkern_future near, far;
        int code = i + 1;
        cr_assert_eq(pkern_future_spawn(&far, other, pool_return, &code), PKERN_OK);
        cr_assert_eq(pkern_future_spawn(&near, pool, future_wait_abroad, &far), PKERN_OK);
        cr_assert_eq(pkern_future_wait(&near), code);
        cr_assert_eq(pkern_pool_wait_idle(other, -1), PKERN_OK);
    }
    pool_end(pool);
    pool_end(other);
}

/* The worker owns a loop and waits for the piece that the guest has; in that piece the guest waits for what it spawned. Nobody else can
   run that. */
typedef struct future_piece {
    pkern_pool *pool;
    size_t worker_is_in, guest_is_in, ran;
    int yields;
} future_piece;

static int future_wait_in_piece(size_t begin, size_t end, void *ctx) {
    future_piece *piece = (future_piece *)ctx;
    pkern_future future;
    int status = PKERN_ETIMEDOUT;
    PKN_UNUSED(begin);
    PKN_UNUSED(end);
    if (pkern_worker_index(piece->pool) == 0) {
        pool_count_one(&piece->worker_is_in);
        return !pool_reaches(&piece->guest_is_in, 1);
    }
    pool_count_one(&piece->guest_is_in);
    pool_nap_us(2000); /* the worker waits by now */
    cr_assert_eq(pkern_pool_wait_idle(piece->pool, -1), PKERN_EDEADLK);
    if (piece->yields) {
        cr_assert_eq(pkern_spawn(piece->pool, pool_count_one, &piece->ran), PKERN_OK);
        for (int i = 0; pool_read(&piece->ran) == 0 && i < 10000; i++) {
            if (pkern_yield_now(piece->pool) == PKERN_YIELD_IDLE) {
                pool_nap_us(100);
            }
        }
        return pool_read(&piece->ran) == 1 ? 0 : -100;
    }
    cr_assert_eq(pkern_future_spawn(&future, piece->pool, pool_count_one, &piece->ran), PKERN_OK);
    for (int i = 0; status == PKERN_ETIMEDOUT && i < 1000; i++) {
        status = pkern_future_wait_for(&future, FUTURE_MS);
    }
    return status;
}

static int future_own_loop(void *ctx) {
    future_piece *piece = (future_piece *)ctx;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1e7;
    options.max_len = 1;
    return pkn_loop_run(piece->pool, 0, 2, &options, future_wait_in_piece, piece);
}

Test(pool_future, a_guest_in_a_workers_loop_runs_what_it_waits_for) {
    for (int round = 0; round < 10; round++) {
        future_piece piece;
        pkern_scope scope;
        memset(&piece, 0, sizeof piece);
        piece.pool = pool_of(2);
        piece.yields = round % 2;
        cr_assert_eq(pkern_scope_begin(&scope, piece.pool), PKERN_OK);
        cr_assert_eq(pkern_scope_spawn(&scope, future_own_loop, &piece), PKERN_OK);
        cr_assert(pool_reaches(&piece.worker_is_in, 1));
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        cr_assert_eq(piece.ran, 1);
        pool_end(piece.pool);
    }
}
#endif
