/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

typedef struct context_call {
    pthread_t caller;
    size_t ran, migrated;
    int a, b, depth;
} context_call;

static int context_side(context_call *call, int migrated, int is_b) {
    cr_assert_eq(migrated != 0, !pthread_equal(pthread_self(), call->caller));
    cr_assert(!migrated || is_b);
    __atomic_fetch_add(&call->migrated, (size_t)migrated, __ATOMIC_RELAXED);
    pool_count_one(&call->ran);
    return is_b ? call->b : call->a;
}

static int context_a(void *ctx, int migrated) {
    return context_side((context_call *)ctx, migrated, 0);
}

static int context_b(void *ctx, int migrated) {
    return context_side((context_call *)ctx, migrated, 1);
}

Test(pool_join_context, tells_each_side_where_it_runs) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int i = 0; i < 2000; i++) {
            context_call call = {pthread_self(), 0, 0, i % 3 == 0 ? 7 : 0, i % 2 == 0 ? 9 : 0, 0};
            cr_assert_eq(pkern_join_context(pool, context_a, &call, context_b, &call), call.a != 0 ? call.a : call.b);
            cr_assert_eq(call.ran, 2);
            cr_assert(pkern_pool_num_threads(pool) > 1 || call.migrated == 0);
        }
        cr_assert_eq(pkern_join_context(pool, 0, 0, context_b, 0), PKERN_EINVAL);
        cr_assert_eq(pkern_join_context(pool, context_a, 0, 0, 0), PKERN_EINVAL);
        pool_end(pool);
    }
}

static int context_tree(void *ctx, int migrated) {
    context_call *above = (context_call *)ctx;
    context_call call = {pthread_self(), 0, 0, 0, 0, above->depth - 1};
    cr_assert_eq(migrated != 0, !pthread_equal(pthread_self(), above->caller));
    if (above->depth == 0) {
        pool_count_one(&above->ran);
        return 0;
    }
    int status = pkern_join_context(0, context_tree, &call, context_tree, &call);
    __atomic_fetch_add(&above->ran, pool_read(&call.ran), __ATOMIC_ACQ_REL);
    return status;
}

static int context_in_pool(void *ctx) {
    return context_tree(ctx, 0);
}

Test(pool_join_context, nests) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int i = 0; i < 10; i++) {
            context_call top = {pthread_self(), 0, 0, 0, 0, 10};
            cr_assert_eq(pkern_pool_install(pool, context_in_pool, &top), 0);
            cr_assert_eq(top.ran, 1024);
        }
        pool_end(pool);
    }
}

#if PKN_THREADS

typedef struct context_wait {
    size_t b_runs;
} context_wait;

static int context_wait_a(void *ctx, int migrated) {
    cr_assert_eq(migrated, 0);
    return !pool_reaches(&((context_wait *)ctx)->b_runs, 1);
}

static int context_wait_b(void *ctx, int migrated) {
    cr_assert_eq(migrated, 1);
    return pool_count_one(&((context_wait *)ctx)->b_runs);
}

Test(pool_join_context, a_side_that_another_thread_took_knows_it) {
    pkern_pool *pool = pool_of(2);
    for (int i = 0; i < 50; i++) {
        context_wait wait = {0};
        cr_assert_eq(pkern_join_context(pool, context_wait_a, &wait, context_wait_b, &wait), 0);
    }
    pool_end(pool);
}

#endif

/* ---- pending tasks ---- */

typedef struct pending_state {
    pkern_pool *pool;
    size_t hold, held, ran;
} pending_state;

static int pending_in_a(void *ctx) {
    pending_state *state = (pending_state *)ctx;
    if (pkern_pool_num_threads(state->pool) == 1) {
        cr_assert_eq(pkern_worker_has_pending_tasks(state->pool), 1);
        cr_assert_eq(pkern_worker_has_pending_tasks(0), 1);
    } else {
        cr_assert(pool_reaches(&state->ran, 1)); /* taken by now */
        cr_assert_eq(pkern_worker_has_pending_tasks(0), 0);
    }
    return 0;
}

static int pending_inside(void *ctx) {
    pending_state *state = (pending_state *)ctx;
    pkern_scope scope;
    cr_assert_eq(pkern_worker_has_pending_tasks(0), 0);
    cr_assert_eq(pkern_join(0, pending_in_a, state, pool_count_one, &state->ran), 0);
    cr_assert_eq(pkern_worker_has_pending_tasks(0), 0);
    cr_assert_eq(pkern_scope_begin(&scope, 0), PKERN_OK);
    cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &state->ran), PKERN_OK);
    if (pkern_pool_num_threads(state->pool) == 1) {
        cr_assert_eq(pkern_worker_has_pending_tasks(0), 1);
    } else {
        cr_assert(pool_reaches(&state->ran, 2));
        cr_assert_eq(pkern_worker_has_pending_tasks(0), 0);
    }
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(pkern_worker_has_pending_tasks(0), 0);
    return 0;
}

Test(pool_join_context, pending_tasks_are_those_that_nobody_has_taken) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pending_state state = {pool_of(pool_threads[t]), 0, 0, 0};
        cr_assert_eq(pkern_worker_has_pending_tasks(state.pool), -1);
        cr_assert_eq(pkern_pool_install(state.pool, pending_inside, &state), 0);
        cr_assert_eq(pkern_worker_has_pending_tasks(state.pool), -1);
        pool_end(state.pool);
    }
}
