/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

PKERN_DEFINE_JOIN_TASK_1(long, fork_fib, long, n) {
    long a, b;
    if (n < 2) {
        return n;
    }
    PKERN_JOIN(a = PKERN_CALL(fork_fib, n - 1), b, fork_fib, n - 2);
    return a + b;
}

Test(pool_fork, fib_is_right_on_any_pool) {
    static const long expected[] = {0, 1, 1, 2, 3, 5, 8, 13};
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (long n = 0; n < 8; n++) {
            cr_assert_eq(fork_fib(pool, n), expected[n]);
        }
        for (int i = 0; i < 10; i++) {
            cr_assert_eq(fork_fib(pool, 20), 6765);
        }
        pool_end(pool);
    }
    cr_assert_eq(fork_fib(0, 20), 6765);
    cr_assert_eq(fork_fib(&pkn_serial_pool, 20), 6765);
    cr_assert_eq(pkern_pool_global_shutdown(), PKERN_OK);
}

/* The largest frame: 32 bytes of arguments, 8 of result. */
PKERN_DEFINE_JOIN_TASK_4(uint64_t, fork_visit, unsigned char *, visits, size_t, begin, size_t, end, uint64_t, salt) {
    uint64_t a, b;
    size_t middle = begin + (end - begin) / 2;
    if (end == begin) {
        return 0;
    }
    if (end - begin == 1) {
        visits[begin]++;
        return pkn_mix_u64(begin ^ salt);
    }
    PKERN_JOIN(a = PKERN_CALL(fork_visit, visits, begin, middle, salt), b, fork_visit, visits, middle, end, salt);
    return a + b;
}

Test(pool_fork, each_leaf_is_visited_once) {
    static unsigned char visits[10007];
    static const size_t sizes[] = {0, 1, 2, 1009, 10007};
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (size_t s = 0; s < POOL_COUNT(sizes); s++) {
            uint64_t expected = 0;
            memset(visits, 0, sizeof visits);
            for (size_t i = 0; i < sizes[s]; i++) {
                expected += pkn_mix_u64(i ^ 77);
            }
            cr_assert_eq(fork_visit(pool, visits, 0, sizes[s], 77), expected);
            for (size_t i = 0; i < sizeof visits; i++) {
                cr_assert_eq(visits[i], i < sizes[s]);
            }
        }
        pool_end(pool);
    }
}

/* A chain that passes segments, with generic joins and scopes in the middle of typed tasks. */
static int fork_leaf(void *ctx) {
    return pool_count_one(ctx);
}

PKERN_DEFINE_JOIN_TASK_2(int, fork_chain, int, depth, size_t *, ran) {
    int a, b;
    if (depth == 0) {
        return 0;
    }
    if (depth % 7 == 0) {
        pkern_scope scope;
        cr_assert_eq(pkern_scope_begin(&scope, 0), PKERN_OK);
        cr_assert_eq(pkern_scope_spawn(&scope, fork_leaf, ran), PKERN_OK);
        cr_assert_eq(pkern_join(0, fork_leaf, ran, fork_leaf, ran), PKERN_OK);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
    }
    if (depth % 2) {
        PKERN_JOIN(a = PKERN_CALL(fork_chain, depth - 1, ran), b, fork_chain, 0, ran);
    } else {
        PKERN_JOIN(a = PKERN_CALL(fork_chain, 0, ran), b, fork_chain, depth - 1, ran);
    }
    return a + b + 1;
}

Test(pool_fork, deep_chains_mix_with_joins_and_scopes) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int depth = 1; depth <= 2000; depth = depth * 3 + 1) {
            size_t ran = 0;
            cr_assert_eq(fork_chain(pool, depth, &ran), depth);
            cr_assert_eq(ran, 3 * (size_t)(depth / 7));
        }
        pool_end(pool);
    }
}

Test(pool_fork, without_memory_for_records_the_tasks_run_in_line) {
    for (int threads = 1; threads <= 3; threads += 2) {
        pool_heap heap;
        pkern_pool_config config;
        size_t ran = 0;
        pool_heap_init(&heap);
        memset(&config, 0, sizeof config);
        config.num_threads = threads;
        config.allocator = &heap.allocator;
        pkern_pool *pool = pool_with(&config);
        cr_assert_eq(fork_fib(pool, 2), 1); /* the guest slot is there */
        pool_heap_fail(&heap, 0, SIZE_MAX);
        cr_assert_eq(fork_chain(pool, 1000, &ran), 1000);
        cr_assert_eq(ran, 3 * (1000u / 7));
        cr_assert_eq(fork_fib(pool, 18), 2584);
        pool_end(pool);
        pool_heap_check(&heap);
    }
}
