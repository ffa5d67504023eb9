/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

Test(pool_scope, bad_arguments_run_nothing) {
    pkern_scope scope;
    size_t ran = 0;
    cr_assert_eq(pkern_scope_begin(0, 0), PKERN_EINVAL);
    cr_assert_eq(pkern_scope_wait(0), PKERN_EINVAL);
    cr_assert_eq(pkern_scope_spawn(0, pool_count_one, &ran), PKERN_EINVAL);
    cr_assert_eq(pkern_scope_begin(&scope, 0), PKERN_OK);
    cr_assert_eq(pkern_scope_spawn(&scope, 0, &ran), PKERN_EINVAL);
    cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    cr_assert_eq(pkern_spawn(0, 0, &ran), PKERN_EINVAL);
    cr_assert_eq(ran, 0);
}

typedef struct scope_item {
    size_t *ran;
    int code;
} scope_item;

static int scope_run_item(void *ctx) {
    scope_item *item = (scope_item *)ctx;
    pool_count_one(item->ran);
    return item->code;
}

Test(pool_scope, runs_each_task_once_and_returns_the_first_spawned_failure) {
    static scope_item items[1009];
    static const size_t sizes[] = {0, 1, 2, 1009};
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        pkern_scope scope; /* one scope, used again and again */
        for (size_t s = 0; s < POOL_COUNT(sizes); s++) {
            for (int fails = 0; fails < 10; fails++) {
                size_t ran = 0;
                cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
                for (size_t i = 0; i < sizes[s]; i++) {
                    items[i].ran = &ran;
                    items[i].code = fails && i >= sizes[s] / 2 ? (int)i + 1 : 0;
                    cr_assert_eq(pkern_scope_spawn(&scope, scope_run_item, &items[i]), PKERN_OK);
                }
                cr_assert_eq(pkern_scope_wait(&scope), fails && sizes[s] != 0 ? (int)(sizes[s] / 2) + 1 : 0);
                cr_assert_eq(ran, sizes[s]);
            }
        }
        pool_end(pool);
    }
}

typedef struct scope_tree {
    pkern_scope *scope;
    size_t ran, left;
} scope_tree;

/* Each task spawns two more while there are any left to spawn. */
static int scope_grow(void *ctx) {
    scope_tree *tree = (scope_tree *)ctx;
    pool_count_one(&tree->ran);
    for (int i = 0; i < 2; i++) {
        size_t left = __atomic_load_n(&tree->left, __ATOMIC_RELAXED);
        while (left != 0 && !__atomic_compare_exchange_n(&tree->left, &left, left - 1, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        }
        if (left != 0) {
            cr_assert_eq(pkern_scope_spawn(tree->scope, scope_grow, tree), PKERN_OK);
        }
    }
    return 0;
}

Test(pool_scope, tasks_spawn_a_hundred_thousand_tasks) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        pkern_scope scope;
        scope_tree tree = {&scope, 0, 100000};
        cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
        cr_assert_eq(pkern_scope_spawn(&scope, scope_grow, &tree), PKERN_OK);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        cr_assert_eq(tree.ran, 100001);
        pool_end(pool);
    }
}

/* A scope in a task of a scope, with joins between them. */
static int scope_nested(void *ctx) {
    size_t *levels = (size_t *)ctx;
    size_t below[2] = {levels[0] - 1, levels[1]};
    pkern_scope scope;
    int status;
    if (levels[0] == 0) {
        return pool_count_one((void *)levels[1]);
    }
    status = pkern_scope_begin(&scope, 0);
    for (int i = 0; i < 3 && status == 0; i++) {
        status = pkern_scope_spawn(&scope, scope_nested, below);
    }
    if (status == 0) {
        status = pkern_join(0, scope_nested, below, scope_nested, below);
    }
    int waited = pkern_scope_wait(&scope);
    return status != 0 ? status : waited;
}

Test(pool_scope, nests_with_joins) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        size_t ran = 0;
        size_t levels[2] = {5, 0};
        levels[1] = (size_t)&ran;
        cr_assert_eq(pkern_pool_install(pool, scope_nested, levels), 0);
        cr_assert_eq(ran, 3125);
        pool_end(pool);
    }
}

Test(pool_scope, two_scopes_may_end_in_any_order) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int order = 0; order < 2; order++) {
            pkern_scope scopes[2];
            size_t ran = 0;
            cr_assert_eq(pkern_scope_begin(&scopes[0], pool), PKERN_OK);
            cr_assert_eq(pkern_scope_begin(&scopes[1], pool), PKERN_OK);
            for (int i = 0; i < 100; i++) {
                cr_assert_eq(pkern_scope_spawn(&scopes[i % 2], pool_count_one, &ran), PKERN_OK);
            }
            cr_assert_eq(pkern_scope_wait(&scopes[order]), PKERN_OK);
            cr_assert_geq(pool_read(&ran), 50);
            cr_assert_eq(pkern_scope_wait(&scopes[!order]), PKERN_OK);
            cr_assert_eq(ran, 100);
            cr_assert_eq(pkern_worker_index(pool), -1);
        }
        pool_end(pool);
    }
}

/* A scope's task on another pool spawns into it. */
typedef struct scope_abroad {
    pkern_pool *other;
    pkern_scope *scope;
    size_t ran;
} scope_abroad;

static int scope_spawn_home(void *ctx) {
    scope_abroad *abroad = (scope_abroad *)ctx;
    pool_count_one(&abroad->ran);
    return pkern_scope_spawn(abroad->scope, pool_count_one, &abroad->ran);
}

static int scope_go_abroad(void *ctx) {
    scope_abroad *abroad = (scope_abroad *)ctx;
    return pkern_join(abroad->other, scope_spawn_home, abroad, scope_spawn_home, abroad);
}

Test(pool_scope, takes_spawns_from_tasks_that_are_on_another_pool) {
    for (int threads = 1; threads <= 3; threads++) {
        pkern_scope scope;
        scope_abroad abroad = {0, &scope, 0};
        pkern_pool *pool = pool_of(threads);
        abroad.other = pool_of(3);
        for (int i = 0; i < 100; i++) {
            cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
            for (int k = 0; k < 5; k++) {
                cr_assert_eq(pkern_scope_spawn(&scope, scope_go_abroad, &abroad), PKERN_OK);
            }
            cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        }
        cr_assert_eq(abroad.ran, 2000);
        pool_end(pool);
        pool_end(abroad.other);
    }
}

/* ---- misuse ---- */

static int scope_everywhere(int index, int count, void *ctx) {
    PKN_UNUSED(index);
    PKN_UNUSED(count);
    return pool_count_one(ctx);
}

Test(pool_scope, a_finished_scope_is_refused) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        pkern_scope scope;
        pkern_cancel cancel;
        size_t ran = 0;
        memset(&scope, 0, sizeof scope);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_EINVAL); /* never begun */
        cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_EINVAL);
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_EINVAL);
        cr_assert_eq(pkern_scope_spawn_urgent(&scope, pool_count_one, &ran), PKERN_EINVAL);
        cr_assert_eq(pkern_scope_spawn_broadcast(&scope, scope_everywhere, &ran), PKERN_EINVAL);
        memset(&cancel, 0, sizeof cancel);
        cr_assert_eq(pkern_scope_set_cancel(&scope, &cancel), PKERN_EINVAL);
        cr_assert_eq(pkern_scope_set_cancel(0, &cancel), PKERN_EINVAL);
        cr_assert_eq(ran, 1);
        cr_assert_eq(pkern_worker_index(pool), -1);
        pool_end(pool);
    }
}

#if PKN_THREADS
static void *scope_wait_elsewhere(void *ctx) {
    cr_assert_eq(pkern_scope_wait((pkern_scope *)ctx), PKERN_EINVAL);
    return 0;
}

Test(pool_scope, only_the_thread_that_began_a_scope_may_wait_for_it) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        pool_outside outside = {{0}, 0};
        pkern_scope scope;
        size_t ran = 0;
        cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
        cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
        pool_go(&outside, scope_wait_elsewhere, &scope);
        pool_come_back(&outside);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        cr_assert_eq(ran, 1);
        pool_end(pool);
    }
}
#endif

/* ---- detached ---- */

static int scope_spawn_ten(void *ctx) {
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(pkern_spawn(0, pool_count_one, ctx), PKERN_OK);
    }
    return 0;
}

Test(pool_scope, destroy_finishes_detached_jobs_and_what_they_spawn) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        for (int round = 0; round < 20; round++) {
            pkern_pool *pool = pool_of(pool_threads[t]);
            size_t ran = 0;
            for (int i = 0; i < 100; i++) {
                cr_assert_eq(pkern_spawn(pool, scope_spawn_ten, &ran), PKERN_OK);
            }
            pool_end(pool);
            cr_assert_eq(ran, 1000);
        }
    }
}

static int scope_spawn_and_look(void *ctx) {
    size_t *ran = (size_t *)ctx;
    cr_assert_eq(pkern_spawn(0, pool_count_one, ran), PKERN_OK);
    cr_assert_eq(pkern_spawn(0, scope_spawn_ten, ran), PKERN_OK);
    return 0;
}

Test(pool_scope, a_pool_of_one_runs_a_spawn_before_the_outermost_call_returns) {
    pkern_pool *pool = pool_of(1);
    size_t ran = 0;
    cr_assert_eq(pkern_spawn(pool, pool_count_one, &ran), PKERN_OK);
    cr_assert_eq(ran, 1);
    cr_assert_eq(pkern_pool_install(pool, scope_spawn_and_look, &ran), 0);
    cr_assert_eq(ran, 12);
    cr_assert_eq(pkern_spawn(pool, scope_spawn_and_look, &ran), PKERN_OK);
    cr_assert_eq(ran, 23);
    pool_end(pool);
}
