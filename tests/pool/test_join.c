/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

Test(pool_join, bad_arguments_run_nothing) {
    size_t ran = 0;
    cr_assert_eq(pkern_join(0, 0, 0, pool_count_one, &ran), PKERN_EINVAL);
    cr_assert_eq(pkern_join(0, pool_count_one, &ran, 0, 0), PKERN_EINVAL);
    cr_assert_eq(ran, 0);
}

static int join_spin_then_return(void *ctx) {
    for (int i = 0; i < 3000; i++) {
        pkn_cpu_relax();
    }
    return pool_return(ctx);
}

Test(pool_join, both_sides_run_and_the_first_error_of_a_then_b_is_returned) {
    static const int codes[] = {0, 5, PKERN_ENOMEM, INT32_MAX, INT32_MIN};
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (size_t a = 0; a < POOL_COUNT(codes); a++) {
            for (size_t b = 0; b < POOL_COUNT(codes); b++) {
                int a_code = codes[a], b_code = codes[b];
                for (int i = 0; i < 20; i++) {
                    cr_assert_eq(pkern_join(pool, join_spin_then_return, &a_code, pool_return, &b_code),
                                 a_code != 0 ? a_code : b_code);
                }
            }
        }
        pool_end(pool);
    }
}

typedef struct join_range {
    pkern_pool *pool;
    unsigned char *visits;
    size_t begin, end;
    size_t fail_from; /* leaves at or above it fail with their index + 1 */
} join_range;

static int join_visit(void *ctx) {
    const join_range *range = (const join_range *)ctx;
    join_range left = *range, right = *range;
    if (range->end - range->begin == 1) {
        range->visits[range->begin]++;
        return range->begin >= range->fail_from ? (int)range->begin + 1 : 0;
    }
    if (range->begin == range->end) {
        return 0;
    }
    left.end = right.begin = range->begin + (range->end - range->begin) / 2;
    return pkern_join(range->pool, join_visit, &left, join_visit, &right);
}

Test(pool_join, a_tree_visits_each_leaf_once_and_returns_the_leftmost_failure) {
    static unsigned char visits[10007];
    static const size_t sizes[] = {0, 1, 2, 101, 10007};
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (size_t s = 0; s < POOL_COUNT(sizes); s++) {
            for (int fails = 0; fails < 2; fails++) {
                join_range range = {pool, visits, 0, 0, SIZE_MAX};
                range.end = sizes[s];
                range.fail_from = fails ? sizes[s] / 3 : SIZE_MAX;
                memset(visits, 0, sizeof visits);
                cr_assert_eq(join_visit(&range), fails && sizes[s] != 0 ? (int)(sizes[s] / 3) + 1 : 0);
                for (size_t i = 0; i < sizes[s]; i++) {
                    cr_assert_eq(visits[i], 1);
                }
            }
        }
        pool_end(pool);
    }
}

/* n joins under each other on either side: records pass many segments. */
static int join_deep(void *ctx) {
    join_range *range = (join_range *)ctx;
    join_range below = *range;
    if (range->begin == range->end) {
        return 0;
    }
    below.begin++;
    range->visits[range->begin]++;
    return range->begin % 2 ? pkern_join(0, join_deep, &below, pool_count_one, &range->fail_from)
                            : pkern_join(0, pool_count_one, &range->fail_from, join_deep, &below);
}

Test(pool_join, nests_thousands_deep) {
    static unsigned char visits[3000];
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        join_range range = {0, visits, 0, sizeof visits, 0};
        pkern_pool *pool = pool_of(pool_threads[t]);
        memset(visits, 0, sizeof visits);
        cr_assert_eq(pkern_pool_install(pool, join_deep, &range), 0);
        for (size_t i = 0; i < sizeof visits; i++) {
            cr_assert_eq(visits[i], 1);
        }
        pool_end(pool);
    }
}

#if PKN_THREADS

static void *join_outside(void *ctx) {
    static unsigned char visits[8][1009];
    static size_t next;
    join_range range = {(pkern_pool *)ctx, 0, 0, 1009, SIZE_MAX};
    range.visits = visits[__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % 8];
    for (int i = 1; i <= 30; i++) {
        cr_assert_eq(join_visit(&range), 0);
        for (size_t k = 0; k < 1009; k++) {
            cr_assert_eq(range.visits[k], i);
        }
    }
    memset(range.visits, 0, 1009);
    return 0;
}

Test(pool_join, several_outside_threads_join_at_once) {
    for (int threads = 1; threads <= 3; threads++) {
        pool_outside outside = {{0}, 0};
        pkern_pool *pool = pool_of(threads);
        for (int i = 0; i < 8; i++) {
            pool_go(&outside, join_outside, pool);
        }
        pool_come_back(&outside);
        pool_end(pool);
    }
}

static int join_wait_for_other(void *ctx) {
    size_t *arrived = (size_t *)ctx;
    __atomic_fetch_add(arrived, 1, __ATOMIC_ACQ_REL);
    return !pool_reaches(arrived, 2);
}

Test(pool_join, both_sides_run_at_the_same_time_on_two_threads) {
    pkern_pool *pool = pool_of(2);
    for (int i = 0; i < 50; i++) {
        size_t arrived = 0;
        if (i % 2) {
            pool_wait_asleep(pool, 1);
        }
        cr_assert_eq(pkern_join(pool, join_wait_for_other, &arrived, join_wait_for_other, &arrived), 0);
    }
    pool_end(pool);
}

#endif

#if PKN_MEMBARRIER
/* Joins nested to `depth`, whose first sides block until all second sides have begun. */
typedef struct join_waits {
    pkern_pool *pool;
    int depth;
    pkn_atomic_u32 begun;
} join_waits;

static int join_begins(void *ctx) {
    pkn_atomic_fetch_add_acq_rel_u32(&((join_waits *)ctx)->begun, 1);
    return 0;
}

static int join_first_waits(void *ctx) {
    join_waits *waits = (join_waits *)ctx;
    if (waits->depth != 0) {
        waits->depth--;
        return pkern_join(waits->pool, join_first_waits, waits, join_begins, waits);
    }
    uint64_t until = pkn_now_ns() + UINT64_C(5000000000);
    while (pkn_atomic_load_acquire_u32(&waits->begun) != (uint32_t)pkern_pool_num_threads(waits->pool) - 1u) {
        if (pkn_now_ns() > until) {
            return 1;
        }
    }
    return 0;
}

Test(pool_join, no_second_side_stays_hidden_behind_a_first_one_that_blocks) {
    for (size_t t = 0; t < POOL_COUNT(pool_threads); t++) {
        pkern_pool *pool = pool_of(pool_threads[t]);
        for (int round = 0; round < 20; round++) {
            join_waits waits = {pool, pkern_pool_num_threads(pool) - 1, {0}};
            if (round % 2 != 0) {
                struct timespec pause = {0, 2000000};
                nanosleep(&pause, 0); /* they sleep */
            }
            cr_assert_eq(join_first_waits(&waits), 0, "%d threads, round %d", pool_threads[t], round);
        }
        pool_end(pool);
    }
}
#endif
