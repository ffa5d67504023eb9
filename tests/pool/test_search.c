/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Waiting members work, on small stacks too. */
#include "pool_tools.h"

static pkern_pool *search_pool(int num_threads, size_t stack_size) {
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.num_threads = num_threads;
    config.stack_size = stack_size;
    return pool_with(&config);
}

typedef struct search_node {
    size_t *leaves;
    int depth;
} search_node;

static int search_visit(void *ctx);

static int search_visit_range(size_t begin, size_t end, void *ctx) {
    for (size_t i = begin; i < end; i++) {
        int status = search_visit(ctx);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/* Joins, scopes and loops inside each other, two branches a level. */
static int search_visit(void *ctx) {
    const search_node *node = (const search_node *)ctx;
    search_node below = {node->leaves, node->depth - 1};
    if (node->depth == 0) {
        return pool_count_one(node->leaves);
    }
    if (node->depth % 3 == 0) {
        return pkern_join(0, search_visit, &below, search_visit, &below);
    }
    if (node->depth % 3 == 1) {
        pkern_scope scope;
        int status = pkern_scope_begin(&scope, 0);
        for (int i = 0; i < 2 && status == 0; i++) {
            status = pkern_scope_spawn(&scope, search_visit, &below);
        }
        return status != 0 ? status : pkern_scope_wait(&scope);
    }
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1e5;
    return pkn_loop_run(0, 0, 2, &options, search_visit_range, &below);
}

Test(pool_search, stacks_of_64_kib_survive_nested_work) {
    for (int threads = 2; threads <= 8; threads += 3) {
        pkern_pool *pool = search_pool(threads, 65536);
        pkern_scope scope;
        size_t leaves = 0;
        search_node node = {&leaves, 9};
        for (int round = 0; round < 3; round++) {
            cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
            for (int i = 0; i < 16; i++) {
                cr_assert_eq(pkern_scope_spawn(&scope, search_visit, &node), PKERN_OK);
            }
            cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        }
        cr_assert_eq(leaves, 3 * 16 * 512);
        pool_end(pool);
    }
}

#if PKN_THREADS

static int search_nap(void *ctx) {
    pool_nap_us(400);
    return pool_count_one(ctx);
}

/* Each job waits longer than the patience of its worker, so each wait lifts the depth limit: the stack must not grow with the jobs. */
static int search_slow_join(void *ctx) {
    return pkern_join(0, search_nap, ctx, search_nap, ctx);
}

Test(pool_search, impatient_waits_do_not_pile_up_on_a_small_stack) {
    pkern_pool *pool = search_pool(8, 65536);
    size_t ran = 0;
    for (int i = 0; i < 3000; i++) {
        cr_assert_eq(pkern_spawn(pool, search_slow_join, &ran), PKERN_OK);
    }
    pool_end(pool);
    cr_assert_eq(ran, 6000);
}

/* Work that a waiting worker could do is not left lying: the second half of the join needs the spawned job to be done. */
static size_t search_done;

static int search_wait_for_done(void *ctx) {
    PKN_UNUSED(ctx);
    return !pool_reaches(&search_done, 1);
}

static int search_spawn_then_wait(void *ctx) {
    size_t *started = (size_t *)ctx;
    pkern_scope scope;
    __atomic_fetch_add(started, 1, __ATOMIC_ACQ_REL);
    cr_assert_eq(pkern_scope_begin(&scope, 0), PKERN_OK);
    cr_assert_eq(pkern_scope_spawn(&scope, search_wait_for_done, 0), PKERN_OK);
    cr_assert(pool_reaches(started, 2));
    return pkern_scope_wait(&scope);
}

static int search_finish(void *ctx) {
    size_t *started = (size_t *)ctx;
    __atomic_fetch_add(started, 1, __ATOMIC_ACQ_REL);
    cr_assert_eq(pkern_spawn(0, pool_count_one, &search_done), PKERN_OK);
    return 0;
}

Test(pool_search, waiting_workers_take_what_others_need) {
    for (int i = 0; i < 50; i++) {
        size_t started = 0;
        pkern_pool *pool = pool_of(3);
        search_done = 0;
        cr_assert_eq(pkern_join(pool, search_spawn_then_wait, &started, search_finish, &started), 0);
        pool_end(pool);
    }
}

#endif
