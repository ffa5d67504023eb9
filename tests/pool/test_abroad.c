/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Calls from pool to pool: who waits in one goes on serving the one that it is a worker of. */
#include "pool_tools.h"

#include <sys/wait.h>

#if PKN_THREADS

typedef struct abroad_state {
    pkern_pool *pools[3];
    int num_pools;
    size_t inside, served, leaves;
} abroad_state;

static abroad_state abroad_world;

static int abroad_serve(void *ctx) {
    PKN_UNUSED(ctx);
    cr_assert_eq(pkern_worker_index(0), 0); /* on the only worker of the first pool */
    cr_assert_eq(pkern_worker_index(abroad_world.pools[0]), 0);
    return pool_count_one(&abroad_world.served);
}

static int abroad_until_served(void *ctx) {
    pool_count_one(&abroad_world.inside);
    return !pool_reaches(&abroad_world.served, *(const size_t *)ctx);
}

static int abroad_wait_for_inside(void *ctx) {
    return !pool_reaches(&abroad_world.inside, *(const size_t *)ctx);
}

static int abroad_range(size_t begin, size_t end, void *ctx) {
    int status = 0;
    for (size_t i = begin; i < end; i++) {
        /* one of the two is the caller */
        status |= pkern_worker_index(0) == 0 ? abroad_until_served(ctx) : abroad_wait_for_inside(ctx);
    }
    return status;
}

typedef struct abroad_job {
    int kind;
    size_t want, finished;
} abroad_job;

/* The first pool's only worker waits in the second for a thread that waits for a job of the first. */
static int abroad_wait(void *ctx) {
    abroad_job *job = (abroad_job *)ctx;
    pkern_pool *other = abroad_world.pools[1];
    int status = 1;
    if (job->kind == 0) {
        status = pkern_join(other, abroad_wait_for_inside, &job->want, abroad_until_served, &job->want);
    } else if (job->kind == 1) {
        pkern_scope scope;
        status = pkern_scope_begin(&scope, other);
        status |= pkern_scope_spawn(&scope, abroad_until_served, &job->want);
        status |= abroad_wait_for_inside(&job->want);
        status |= pkern_scope_wait(&scope);
    } else {
        pkern_par_options options;
        memset(&options, 0, sizeof options);
        options.item_cost_ns = 1e9;
        options.max_len = 1;
        status = pkn_loop_run(other, 0, 2, &options, abroad_range, &job->want);
    }
    cr_assert_eq(status, 0);
    cr_assert_eq(pkern_worker_index(0), 0);
    return pool_count_one(&job->finished);
}

Test(pool_abroad, who_waits_in_another_pool_serves_its_own) {
    for (int variant = 0; variant < 5; variant++) {
        memset(&abroad_world, 0, sizeof abroad_world);
        for (int i = 0; i < 2; i++) {
            pkern_pool_config config;
            memset(&config, 0, sizeof config);
            config.num_threads = 2;
            config.spin_ns = variant == 4 ? 0 : -1;
            if (variant < 4 && (variant >> i & 1) != 0) {
                pool_without_membarrier(&config, i);
            }
            abroad_world.pools[i] = pool_with(&config);
        }
        for (size_t i = 0; i < 60; i++) {
            abroad_job job = {(int)(i % 3), i + 1, 0};
            cr_assert_eq(pkern_spawn(abroad_world.pools[0], abroad_wait, &job), PKERN_OK);
            cr_assert(pool_reaches(&abroad_world.inside, i + 1));
            if (i % 2 == 0) {
                pool_nap_us(300); /* asleep by now */
            }
            cr_assert_eq(pkern_spawn(abroad_world.pools[0], abroad_serve, 0), PKERN_OK);
            cr_assert(pool_reaches(&job.finished, 1));
        }
        pool_end(abroad_world.pools[0]);
        pool_end(abroad_world.pools[1]);
    }
}

/* A tree whose nodes go from pool to pool: joins, scopes, installs, loops. */
typedef struct abroad_node {
    int depth;
    unsigned seed;
} abroad_node;

static int abroad_visit(void *ctx);

static int abroad_visit_range(size_t begin, size_t end, void *ctx) {
    int status = 0;
    for (size_t i = begin; i < end; i++) {
        status |= abroad_visit(ctx);
    }
    return status;
}

static int abroad_visit(void *ctx) {
    const abroad_node *node = (const abroad_node *)ctx;
    abroad_node left = {node->depth - 1, node->seed * 2 + 1}, right = {node->depth - 1, node->seed * 2 + 2};
    if (node->depth == 0) {
        return pool_count_one(&abroad_world.leaves);
    }
    uint64_t random = pool_random(node->seed, 1000);
    pkern_pool *pool = random % 4 == 0 ? 0 : abroad_world.pools[random / 4 % (unsigned)abroad_world.num_pools];
    pkern_scope scope;
    pkern_par_options options;
    int status;
    switch (random % 3) {
    case 0:
        return pkern_join(pool, abroad_visit, &left, abroad_visit, &right);
    case 1:
        status = pkern_scope_begin(&scope, pool);
        status |= pkern_scope_spawn(&scope, abroad_visit, &left);
        status |= pkern_pool_install(pool, abroad_visit, &right);
        return status | pkern_scope_wait(&scope);
    default:
        memset(&options, 0, sizeof options);
        options.item_cost_ns = 1e6;
        return pkn_loop_run(pool, 0, 2, &options, abroad_visit_range, &left);
    }
}

Test(pool_abroad, pools_that_call_into_each_other_end_on_small_stacks) {
    static const int sizes[][3] = {{2, 2, 1}, {2, 3, 2}, {3, 2, 3}, {8, 2, 2}};
    for (size_t s = 0; s < POOL_COUNT(sizes); s++) {
        memset(&abroad_world, 0, sizeof abroad_world);
        abroad_world.num_pools = 3;
        for (int i = 0; i < 3; i++) {
            pkern_pool_config config;
            memset(&config, 0, sizeof config);
            config.num_threads = sizes[s][i];
            config.stack_size = i == 1 ? 0 : 131072; /* a deep limit there, and small stacks here */
            abroad_world.pools[i] = pool_with(&config);
        }
        for (unsigned round = 0; round < 20; round++) {
            abroad_node node = {8, round};
            pkern_scope scope;
            abroad_world.leaves = 0;
            cr_assert_eq(pkern_scope_begin(&scope, abroad_world.pools[round % 3]), PKERN_OK);
            for (int i = 0; i < 8; i++) {
                cr_assert_eq(pkern_scope_spawn(&scope, abroad_visit, &node), PKERN_OK);
            }
            cr_assert_eq(pkern_scope_wait(&scope), 0);
            cr_assert_eq(abroad_world.leaves, 8 * 256, "%zu leaves, seed %llu", abroad_world.leaves, (unsigned long long)POOL_SEED);
        }
        for (int i = 0; i < 3; i++) {
            pool_end(abroad_world.pools[i]);
        }
    }
}

static int abroad_count_index(int index, int count, void *ctx) {
    cr_assert(index < count);
    return pool_count_one(ctx);
}

static int abroad_broadcast(void *ctx) {
    size_t ran = 0;
    size_t pool = (size_t)ctx;
    cr_assert_eq(pkern_broadcast(abroad_world.pools[1 - pool], abroad_count_index, &ran), PKERN_OK);
    cr_assert_eq(ran, 2);
    return pool_count_one(&abroad_world.served);
}

Test(pool_abroad, workers_of_two_pools_broadcast_to_each_other) {
    memset(&abroad_world, 0, sizeof abroad_world);
    abroad_world.pools[0] = pool_of(2);
    abroad_world.pools[1] = pool_of(2);
    for (size_t i = 0; i < 500; i++) {
        cr_assert_eq(pkern_spawn(abroad_world.pools[i % 2], abroad_broadcast, (void *)(i % 2)), PKERN_OK);
    }
    cr_assert(pool_reaches(&abroad_world.served, 500));
    pool_end(abroad_world.pools[0]);
    pool_end(abroad_world.pools[1]);
}

static int abroad_destroys(void *ctx) {
    pkern_pool *inner = pool_of(2);
    PKN_UNUSED(ctx);
    cr_assert_eq(pkern_spawn(inner, abroad_broadcast, (void *)(size_t)1), PKERN_OK);
    cr_assert_eq(pkern_spawn(inner, abroad_broadcast, (void *)(size_t)1), PKERN_OK);
    pool_end(inner);
    return pool_count_one(&abroad_world.inside);
}

/* What a pool has left at its end waits for the thread that ends it. */
Test(pool_abroad, who_ends_a_pool_goes_on_serving_its_own) {
    memset(&abroad_world, 0, sizeof abroad_world);
    abroad_world.pools[0] = pool_of(2);
    for (size_t i = 0; i < 20; i++) {
        cr_assert_eq(pkern_spawn(abroad_world.pools[0], abroad_destroys, 0), PKERN_OK);
    }
    cr_assert(pool_reaches(&abroad_world.inside, 20));
    cr_assert_eq(abroad_world.served, 40);
    pool_end(abroad_world.pools[0]);
}

static int abroad_ends_where_it_stays(void *ctx) {
    cr_assert_eq(pkern_pool_destroy((pkern_pool *)ctx), PKERN_EDEADLK);
    return 0;
}

/* Who stays in a pool is inside of it while it is in a call of another. */
Test(pool_abroad, a_pool_that_the_caller_stays_in_is_not_ended_from_another) {
    pkern_pool_config config;
    memset(&config, 0, sizeof config);
    config.num_threads = 2;
    config.flags = PKERN_POOL_USE_CURRENT_THREAD;
    pkern_pool *pool = pool_with(&config), *other = pool_of(2);
    size_t ran = 0;
    cr_assert_eq(pkern_pool_install(other, abroad_ends_where_it_stays, pool), 0);
    cr_assert_eq(pkern_join(0, pool_count_one, &ran, pool_count_one, &ran), 0);
    pool_end(other);
    pool_end(pool);
    cr_assert_eq(ran, 2);
}

static int abroad_in_child;

static int abroad_forks(void *ctx) {
    pid_t child = fork();
    cr_assert_neq(child, -1);
    if (child == 0) {
        abroad_in_child = 1;
        return 0;
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return pool_count_one(ctx);
}

static int abroad_ends_and_forks(void *ctx) {
    size_t want = 1;
    pkern_pool *inner = pool_of(2);
    abroad_world.served = 0;
    cr_assert_eq(pkern_spawn(inner, abroad_until_served, &want), PKERN_OK);
    cr_assert_eq(pkern_spawn(0, abroad_forks, &abroad_world.served), PKERN_OK);
    int status = pkern_pool_destroy(inner);
    if (abroad_in_child) {
        pool_child_ends(status != PKERN_OK);
    }
    cr_assert_eq(status, PKERN_OK);
    return pool_count_one(ctx);
}

/* The job that runs while a pool is ended forks: the child comes back from the end, too. */
Test(pool_abroad, a_fork_while_a_pool_is_ended) {
    size_t ended = 0;
    memset(&abroad_world, 0, sizeof abroad_world);
    abroad_world.pools[0] = pool_of(2);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(pkern_spawn(abroad_world.pools[0], abroad_ends_and_forks, &ended), PKERN_OK);
        cr_assert(pool_reaches(&ended, (size_t)i + 1));
    }
    pool_end(abroad_world.pools[0]);
}

#endif
