/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The shared form of a flat loop: slices, epochs, and what may run on top of what. */
#include "test.h"

enum { BOARD_ITEMS = 1000, BOARD_MAX_SLOTS = 64 };

static pkern_pool *board_pool(int threads) {
    pkern_pool_config config;
    pkern_pool *pool = 0;
    memset(&config, 0, sizeof config);
    config.num_threads = threads;
    cr_assert_eq(pkern_pool_create(&config, &pool), PKERN_OK);
    return pool;
}

static int board_count(size_t begin, size_t end, void *ctx) {
    pkn_atomic_u32 *counts = (pkn_atomic_u32 *)ctx;
    for (size_t i = begin; i < end; i++) {
        pkn_atomic_fetch_add_relaxed_u32(&counts[i], 1);
    }
    return 0;
}

static void board_check_loop(pkern_pool *pool, size_t items, double item_cost_ns) {
    static pkn_atomic_u32 counts[BOARD_ITEMS];
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    memset(counts, 0, sizeof counts);
    options.item_cost_ns = item_cost_ns;
    cr_assert_eq(pkn_loop_run(pool, 0, items, &options, board_count, counts), PKERN_OK);
    for (size_t i = 0; i < items; i++) {
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&counts[i]), 1u);
    }
}

/* The epoch of the calling thread's board, set to just before a refresh, half the range, and the wrap to 0. */
Test(pool_loop_board, epochs_may_wrap) {
    if (!PKN_THREADS) {
        PKN_TEST_SKIP("a build without threads shares no loop");
    }
    static const uint32_t starts[] = {0x3ffffffdu, 0x7ffffffdu, 0xbffffffdu, 0xfffffffdu};
    pkern_pool *pool = board_pool(3);
    board_check_loop(pool, BOARD_ITEMS, 1000);
    for (size_t s = 0; s < sizeof starts / sizeof starts[0]; s++) {
        pkn_member *guest = pkn_member_at(pool, 2);
        /* as if that many loops had run: no tag is older than a refresh */
        for (uint32_t i = 0; i < 3; i++) {
            pkn_atomic_store_relaxed_u64(&guest->slices[i].range, pkn_loop_pack(starts[s], 0, 0));
            pkn_atomic_store_relaxed_u64(&guest->slices[i].done, pkn_loop_pack(starts[s], 0, 0));
        }
        guest->loop_epoch = starts[s];
        for (int loop = 0; loop < 8; loop++) {
            board_check_loop(pool, BOARD_ITEMS, 1000);
            board_check_loop(pool, 2, 100000);
        }
    }
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
}

typedef struct board_nest {
    pkern_pool *pool;
    int busy[BOARD_MAX_SLOTS]; /* by worker index: a piece is in progress here */
    pkn_atomic_u32 clashes, pieces;
} board_nest;

static int board_inner(size_t begin, size_t end, void *ctx) {
    volatile uint64_t spin = 0;
    (void)ctx;
    for (size_t i = begin; i < end; i++) {
        /* some items far dearer than the rest: then the others really wait */
        for (int k = 0; k < (i % 8 == 7 ? 30000 : 300); k++) {
            spin += i;
        }
    }
    PKN_UNUSED(spin);
    return 0;
}

static int board_outer(size_t begin, size_t end, void *ctx) {
    board_nest *nest = (board_nest *)ctx;
    int index = pkern_worker_index(nest->pool);
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = 1000; /* dear enough to be shared, so that it is waited for */
    if (nest->busy[index]) {
        pkn_atomic_fetch_add_relaxed_u32(&nest->clashes, 1);
    }
    nest->busy[index] = 1;
    pkn_atomic_fetch_add_relaxed_u32(&nest->pieces, (uint32_t)(end - begin));
    int status = pkn_loop_run(nest->pool, 0, 16, &options, board_inner, 0);
    nest->busy[index] = 0;
    return status;
}

/* State by worker index is safe in a loop body that calls loops itself: it was not, and a program's scratch was overwritten. */
Test(pool_loop_board, no_piece_runs_on_top_of_another_of_its_loop) {
    for (int threads = 2; threads <= 8; threads *= 2) {
        static board_nest nest;
        pkern_par_options options;
        memset(&nest, 0, sizeof nest);
        memset(&options, 0, sizeof options);
        nest.pool = board_pool(threads);
        options.item_cost_ns = 2000; /* so that a participant holds back for a while and helps inside */
        for (int round = 0; round < 20; round++) {
            cr_assert_eq(pkn_loop_run(nest.pool, 0, 256, &options, board_outer, &nest), PKERN_OK);
        }
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&nest.pieces), 20u * 256u);
        cr_assert_eq(pkn_atomic_load_relaxed_u32(&nest.clashes), 0u);
        cr_assert_eq(pkern_pool_destroy(nest.pool), PKERN_OK);
    }
}

/* Every participant has a number of its own, whoever owns the board. */
Test(pool_loop_board, participants_are_numbered_apart) {
    if (!PKN_THREADS) {
        PKN_TEST_SKIP("a build without threads shares no loop");
    }
    pkern_pool *pool = board_pool(4);
    board_check_loop(pool, BOARD_ITEMS, 1000); /* makes the guest */
    for (uint32_t owner = 0; owner < 4; owner++) {
        unsigned seen = 0;
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t number = pkn_loop_participant(pkn_member_at(pool, owner), pkn_member_at(pool, i));
            cr_assert_lt(number, 4u);
            cr_assert_eq(seen >> number & 1u, 0u);
            seen |= 1u << number;
        }
        cr_assert_eq(pkn_loop_participant(pkn_member_at(pool, owner), pkn_member_at(pool, owner)), 0u);
    }
    cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
}

/* The first ranges of all participants cover the units once, for any cut. */
Test(pool_loop_board, first_ranges_cover_the_units) {
    pkn_loop_view view;
    memset(&view, 0, sizeof view);
    view.epoch = 7;
    for (uint32_t participants = 2; participants <= 9; participants++) {
        static const uint32_t units[] = {1, 2, 3, 10, 17, 1000, 65535};
        for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
            for (uint32_t own = 1; own <= units[u]; own += 1 + units[u] / 5) {
                uint32_t next = 0;
                view.units = units[u];
                view.owner_units = own;
                for (uint32_t p = 0; p < participants; p++) {
                    uint64_t range = pkn_loop_first_range(&view, p, participants);
                    cr_assert_eq(pkn_range_next(range), next);
                    cr_assert_geq(pkn_range_end(range), next);
                    next = pkn_range_end(range);
                }
                cr_assert_eq(next, units[u]);
            }
        }
    }
}
