/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

/* Each task notes its turn. */
typedef struct fifo_task {
    size_t *turns;
    size_t turn;
} fifo_task;

static int fifo_note(void *ctx) {
    fifo_task *task = (fifo_task *)ctx;
    task->turn = __atomic_add_fetch(task->turns, 1, __ATOMIC_ACQ_REL);
    return 0;
}

#define FIFO_TASKS 211

typedef struct fifo_run {
    pkern_pool *pool;
    pkern_scope scope;
    size_t turns, ended;
    fifo_task tasks[FIFO_TASKS];
} fifo_run;

Test(pool_fifo, bad_arguments_run_nothing) {
    size_t ran = 0;
    pkern_scope scope;
    cr_assert_eq(pkern_scope_begin_fifo(0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_spawn_fifo(0, 0, &ran), PKERN_EINVAL);
    cr_assert_eq(pkern_scope_begin_fifo(&scope, 0), PKERN_OK);
    cr_assert_eq(pkern_scope_spawn(&scope, 0, &ran), PKERN_EINVAL);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(ran, 0);
}

static void fifo_check_order(const fifo_run *run) {
    for (size_t i = 0; i < FIFO_TASKS; i++) {
        cr_assert_eq(run->tasks[i].turn, i + 1);
    }
}

/* Alone, so turns can be told exactly. */
Test(pool_fifo, one_thread_runs_a_scopes_tasks_in_the_order_of_their_spawns) {
    pkern_pool *pool = pool_of(1);
    static fifo_run run;
    for (int round = 0; round < 3; round++) {
        memset(&run, 0, sizeof run);
        cr_assert_eq(pkern_scope_begin_fifo(&run.scope, pool), PKERN_OK);
        for (size_t i = 0; i < FIFO_TASKS; i++) {
            run.tasks[i].turns = &run.turns;
            cr_assert_eq(pkern_scope_spawn(&run.scope, fifo_note, &run.tasks[i]), PKERN_OK);
        }
        cr_assert_eq(pkern_scope_wait(&run.scope), PKERN_OK);
        fifo_check_order(&run);
    }
    pool_end(pool);
}

static int fifo_spawn_detached(void *ctx) {
    fifo_run *run = (fifo_run *)ctx;
    for (size_t i = 0; i < FIFO_TASKS; i++) {
        run->tasks[i].turns = &run->turns;
        cr_assert_eq(pkern_spawn_fifo(run->pool, fifo_note, &run->tasks[i]), PKERN_OK);
    }
    pool_count_one(&run->ended);
    return 0;
}

/* From outside by way of the injector, from a task by way of its member's queue; one thread runs them. */
Test(pool_fifo, detached_jobs_start_in_the_order_of_their_spawns) {
    static fifo_run run;
    for (int threads = 1; threads <= 2; threads++) {
        for (int inside = 0; inside < 2; inside++) {
            memset(&run, 0, sizeof run);
            run.pool = pool_of(threads);
            if (inside) {
                cr_assert_eq(pkern_spawn(run.pool, fifo_spawn_detached, &run), PKERN_OK);
            } else {
                cr_assert_eq(pkern_pool_install(run.pool, fifo_spawn_detached, &run), PKERN_OK);
            }
            cr_assert(pool_reaches(&run.ended, 1));
            pool_end(run.pool);
            cr_assert_eq(run.turns, FIFO_TASKS);
            fifo_check_order(&run);
        }
    }
}

/* With several threads, turns that were taken at the same time may change places; what has ended can't be overtaken. */
typedef struct fifo_slow {
    size_t *started; /* the tasks of this spawner that have started, in their order */
    size_t number;
    size_t threads;
    size_t *wrong;
} fifo_slow;

static int fifo_start(void *ctx) {
    fifo_slow *task = (fifo_slow *)ctx;
    size_t before = __atomic_fetch_add(task->started, 1, __ATOMIC_ACQ_REL);
    /* of the tasks taken before, at most one a thread has not come to the line above */
    if (before + task->threads <= task->number) {
        __atomic_fetch_add(task->wrong, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

typedef struct fifo_spawner {
    pkern_scope *scope;
    size_t started;
    fifo_slow tasks[FIFO_TASKS];
} fifo_spawner;

static int fifo_spawn_all(void *ctx) {
    fifo_spawner *spawner = (fifo_spawner *)ctx;
    for (size_t i = 0; i < FIFO_TASKS; i++) {
        cr_assert_eq(pkern_scope_spawn(spawner->scope, fifo_start, &spawner->tasks[i]), PKERN_OK);
    }
    return 0;
}

Test(pool_fifo, each_threads_tasks_start_in_the_order_of_their_spawns) {
    static fifo_spawner spawners[5];
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int round = 0; round < 20; round++) {
            pkern_scope scope;
            size_t wrong = 0;
            cr_assert_eq(pkern_scope_begin_fifo(&scope, pool), PKERN_OK);
            for (size_t s = 0; s < POOL_COUNT(spawners); s++) {
                spawners[s].scope = &scope;
                spawners[s].started = 0;
                for (size_t i = 0; i < FIFO_TASKS; i++) {
                    fifo_slow task = {&spawners[s].started, i, (size_t)pool_threads[t], &wrong};
                    spawners[s].tasks[i] = task;
                }
                cr_assert_eq(pkern_scope_spawn(&scope, fifo_spawn_all, &spawners[s]), PKERN_OK);
            }
            cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
            for (size_t s = 0; s < POOL_COUNT(spawners); s++) {
                cr_assert_eq(spawners[s].started, FIFO_TASKS);
            }
            cr_assert_eq(wrong, 0, "%zu tasks were overtaken", wrong);
        }
        pool_end(pool);
    }
}

/* A FIFO scope in each task of a FIFO scope: the inner one's tasks come first, so the stack stays flat. */
typedef struct fifo_nest {
    size_t ran, deepest;
} fifo_nest;

static PKN_THREAD_LOCAL size_t fifo_depth;

static int fifo_count_depth(void *ctx) {
    fifo_nest *nest = (fifo_nest *)ctx;
    size_t deepest = __atomic_load_n(&nest->deepest, __ATOMIC_RELAXED);
    while (fifo_depth > deepest &&
           !__atomic_compare_exchange_n(&nest->deepest, &deepest, fifo_depth, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return pool_count_one(&nest->ran);
}

static int fifo_inner(void *ctx) {
    pkern_scope scope;
    fifo_depth++;
    cr_assert_eq(pkern_scope_begin_fifo(&scope, 0), PKERN_OK);
    for (int i = 0; i < 7; i++) {
        cr_assert_eq(pkern_scope_spawn(&scope, fifo_count_depth, ctx), PKERN_OK);
    }
    pkern_status status = pkern_scope_wait(&scope);
    fifo_depth--;
    return status;
}

Test(pool_fifo, scopes_nest) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        fifo_nest nest = {0, 0};
        pkern_scope scope;
        cr_assert_eq(pkern_scope_begin_fifo(&scope, pool), PKERN_OK);
        for (int i = 0; i < 500; i++) {
            cr_assert_eq(pkern_scope_spawn(&scope, fifo_inner, &nest), PKERN_OK);
        }
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        cr_assert_eq(nest.ran, 3500);
        if (pool_threads[t] == 1) {
            cr_assert_eq(nest.deepest, 1);
        }
        pool_end(pool);
    }
}

static int fifo_code(void *ctx) {
    return *(const int *)ctx;
}

Test(pool_fifo, the_lowest_spawns_failure_is_returned) {
    static const int codes[] = {0, 0, 7, 5, 0, 3};
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int round = 0; round < 50; round++) {
            pkern_scope scope;
            cr_assert_eq(pkern_scope_begin_fifo(&scope, pool), PKERN_OK);
            for (size_t i = 0; i < POOL_COUNT(codes); i++) {
                cr_assert_eq(pkern_scope_spawn(&scope, fifo_code, (void *)&codes[i]), PKERN_OK);
            }
            cr_assert_eq(pkern_scope_wait(&scope), 7);
        }
        pool_end(pool);
    }
}

/* the pool by name: where there is no memory for a guest, a call is in none */
static int fifo_scope_without_memory(void *ctx) {
    fifo_run *run = (fifo_run *)ctx;
    pkern_scope scope;
    cr_assert_eq(pkern_scope_begin_fifo(&scope, run->pool), PKERN_OK);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &run->ended), PKERN_OK);
    }
    return pkern_scope_wait(&scope);
}

static int fifo_spawn_without_memory(void *ctx) {
    fifo_run *run = (fifo_run *)ctx;
    for (int i = 0; i < 100; i++) {
        if (pkern_spawn_fifo(run->pool, pool_count_one, &run->ended) == PKERN_ENOMEM) {
            pool_count_one(&run->ended);
        }
    }
    return 0;
}

Test(pool_fifo, every_allocation_may_fail) {
    for (int threads = 1; threads <= 2; threads++) {
        for (size_t after = 0; after < 12; after++) {
            for (int once = 0; once < 2; once++) {
                pool_heap heap;
                pkern_pool_config config;
                static fifo_run run;
                memset(&run, 0, sizeof run);
                pool_heap_init(&heap);
                memset(&config, 0, sizeof config);
                config.num_threads = threads;
                config.allocator = &heap.allocator;
                pkern_pool *pool = run.pool = pool_with(&config);
                pool_heap_fail(&heap, after, once ? 1 : SIZE_MAX);
                cr_assert_eq(pkern_pool_install(pool, fifo_scope_without_memory, &run), PKERN_OK);
                cr_assert_eq(run.ended, 100);
                pool_heap_fail(&heap, after, once ? 1 : SIZE_MAX);
                cr_assert_eq(pkern_pool_install(pool, fifo_spawn_without_memory, &run), PKERN_OK);
                pool_end(pool);
                cr_assert_eq(run.ended, 200);
                pool_heap_check(&heap);
            }
        }
    }
}
