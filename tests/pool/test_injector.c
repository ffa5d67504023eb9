/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

static int injector_never(void *ctx) {
    PKN_UNUSED(ctx);
    return 0;
}

Test(pool_injector, is_first_in_first_out_through_growth_and_wrap) {
    pkern_pool *pool = pool_of(1);
    pkn_job job = {injector_never, 0, 0, 0, 0};
    uint32_t in = 0, out = 0;
    cr_assert_not(pkn_take_injected(pool, &job));
    for (uint64_t round = 0; round < 300; round++) {
        for (uint64_t i = pool_random(2 * round, 40); i != 0; i--) {
            job.number = in++;
            cr_assert_eq(pkn_inject(pool, &job), 0);
        }
        for (uint64_t i = pool_random(2 * round + 1, 40); i != 0 && out != in; i--) {
            cr_assert(pkn_take_injected(pool, &job));
            cr_assert_eq(job.number, out++);
        }
        cr_assert_eq(pkn_atomic_load_relaxed_size(&pool->injected.count), in - out);
    }
    while (out != in) {
        cr_assert(pkn_take_injected(pool, &job));
        cr_assert_eq(job.number, out++);
    }
    cr_assert_not(pkn_take_injected(pool, &job));
    pool_end(pool);
}

Test(pool_injector, without_memory_refuses_and_keeps_what_it_has) {
    pool_heap heap;
    pkn_job job = {injector_never, 0, 0, 0, 0};
    pkern_pool *pool = pool_of_heap(&heap, 1);
    pool_heap_fail(&heap, 0, SIZE_MAX);
    cr_assert_neq(pkn_inject(pool, &job), 0);
    pool_heap_fail(&heap, 1, SIZE_MAX);
    while (pkn_inject(pool, &job) == 0) {
        job.number++;
    }
    cr_assert_eq(job.number, 32);
    for (uint32_t i = 0; i < 32; i++) {
        cr_assert(pkn_take_injected(pool, &job));
        cr_assert_eq(job.number, i);
    }
    cr_assert_not(pkn_take_injected(pool, &job));
    pool_end(pool);
    pool_heap_check(&heap);
}

Test(pool_injector, queues_are_empty_where_each_of_them_is) {
    pkern_pool *pool = pool_of(1);
    pkn_job_queue *queues[] = {&pool->injected, &pool->urgent, &pool->of_regions};
    pkn_filter anything = {0, 0, 0};
    pkn_job job = {injector_never, 0, 0, 0, 0};
    cr_assert(pkn_queues_are_empty(pool));
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pkn_queue_push(pool, queues[i], &job), 0);
        cr_assert_not(pkn_queues_are_empty(pool));
        cr_assert(pkn_queue_take(pool, queues[i], &anything, 0, &job));
        cr_assert(pkn_queues_are_empty(pool));
    }
    pool_end(pool);
}
