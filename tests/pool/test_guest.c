/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "pool_tools.h"

#if PKN_THREADS

typedef struct guest_hall {
    pkern_pool *pool;
    size_t inside, leave, serial;
    unsigned char taken[PKERN_MAX_GUESTS + 16];
} guest_hall;

static int guest_be_inside(void *ctx) {
    guest_hall *hall = (guest_hall *)ctx;
    int index = pkern_worker_index(hall->pool);
    int T = pkern_pool_num_threads(hall->pool);
    size_t ran = 0;
    if (index < 0) {
        __atomic_fetch_add(&hall->serial, 1, __ATOMIC_RELAXED);
    } else {
        cr_assert(index >= T - 1 && index < pkern_pool_num_slots(hall->pool));
        cr_assert_eq(__atomic_fetch_add(&hall->taken[index], 1, __ATOMIC_ACQ_REL), 0);
    }
    __atomic_fetch_add(&hall->inside, 1, __ATOMIC_ACQ_REL);
    cr_assert(pool_reaches(&hall->leave, 1));
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(pkern_join(hall->pool, pool_count_one, &ran, pool_count_one, &ran), 0);
    }
    cr_assert_eq(ran, 200);
    cr_assert_eq(pkern_worker_index(hall->pool), index);
    if (index >= 0) {
        __atomic_fetch_sub(&hall->taken[index], 1, __ATOMIC_ACQ_REL);
    }
    return 0;
}

static void *guest_outside(void *ctx) {
    guest_hall *hall = (guest_hall *)ctx;
    cr_assert_eq(pkern_worker_index(hall->pool), -1);
    cr_assert_eq(pkern_pool_install(hall->pool, guest_be_inside, hall), 0);
    cr_assert_eq(pkern_worker_index(hall->pool), -1);
    return 0;
}

Test(pool_guest, forty_at_once_have_their_own_index_or_run_serially) {
    for (int threads = 1; threads <= 3; threads++) {
        static guest_hall hall;
        memset(&hall, 0, sizeof hall);
        hall.pool = pool_of(threads);
        for (int round = 0; round < 3; round++) {
            pool_outside outside = {{0}, 0};
            hall.inside = hall.leave = hall.serial = 0;
            for (int i = 0; i < PKERN_MAX_GUESTS + 8; i++) {
                pool_go(&outside, guest_outside, &hall);
            }
            cr_assert(pool_reaches(&hall.inside, PKERN_MAX_GUESTS + 8));
            cr_assert_eq(pkern_pool_destroy(hall.pool), PKERN_EDEADLK);
            __atomic_store_n(&hall.leave, 1, __ATOMIC_RELEASE);
            pool_come_back(&outside);
            cr_assert(hall.serial >= 8 && hall.serial <= 9, "%zu", hall.serial); /* the first thread's slot is kept */
        }
        pool_end(hall.pool);
    }
}

typedef struct guest_work {
    pkern_pool *pools[2];
    size_t done;
} guest_work;

static int guest_sum(size_t begin, size_t end, void *ctx) {
    __atomic_fetch_add((size_t *)ctx, end - begin, __ATOMIC_RELAXED);
    return 0;
}

static void *guest_mixed(void *ctx) {
    guest_work *work = (guest_work *)ctx;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1000;
    for (int i = 0; i < 60; i++) {
        pkern_pool *pool = work->pools[i % 2];
        pkern_scope scope;
        size_t ran = 0;
        cr_assert_eq(pkern_scope_begin(&scope, pool), PKERN_OK);
        for (int k = 0; k < 20; k++) {
            cr_assert_eq(pkern_scope_spawn(&scope, pool_count_one, &ran), PKERN_OK);
        }
        cr_assert_eq(pkn_loop_run(pool, 0, 100, &options, guest_sum, &ran), PKERN_OK);
        cr_assert_eq(pkern_scope_wait(&scope), PKERN_OK);
        cr_assert_eq(ran, 120);
        cr_assert_eq(pkern_spawn(pool, pool_count_one, &work->done), PKERN_OK);
    }
    return 0;
}

Test(pool_guest, threads_go_from_pool_to_pool) {
    pool_outside outside = {{0}, 0};
    guest_work work;
    work.pools[0] = pool_of(2);
    work.pools[1] = pool_of(3);
    work.done = 0;
    for (int i = 0; i < 6; i++) {
        pool_go(&outside, guest_mixed, &work);
    }
    pool_come_back(&outside);
    pool_end(work.pools[0]);
    pool_end(work.pools[1]);
    cr_assert_eq(work.done, 360);
}

Test(pool_guest, threads_that_come_and_go_find_slots_again) {
    guest_work work;
    work.pools[0] = work.pools[1] = pool_of(2);
    work.done = 0;
    for (int i = 0; i < 60; i++) {
        pool_outside outside = {{0}, 0};
        pool_go(&outside, guest_mixed, &work);
        pool_come_back(&outside);
    }
    cr_assert_leq(pkn_atomic_load_relaxed_u32(&work.pools[0]->num_members), 4);
    pool_end(work.pools[0]);
    cr_assert_eq(work.done, 3600);
}

#endif

Test(pool_guest, a_pool_made_where_another_was_is_not_mistaken_for_it) {
    for (int i = 0; i < 200; i++) {
        size_t ran = 0;
        pkern_pool *pool = pool_of(1 + i % 3);
        cr_assert_eq(pkern_join(pool, pool_count_one, &ran, pool_count_one, &ran), 0);
        cr_assert_eq(ran, 2);
        pool_end(pool);
    }
}
