/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Scenarios of spare threads, in whole pools: one comes, goes, is called again, and ends with the pool. */
#ifndef PKN_EXPLORE_SPARES_H
#define PKN_EXPLORE_SPARES_H

#include "sleepers.h"

static pkern_pool *create_with_spares(int spares) {
    pkern_pool_config config;
    pkern_pool *pool = 0;
    memset(&config, 0, sizeof config);
    config.num_threads = 2;
    config.spin_ns = -1;
    config.max_spares = spares;
    EXPLORE_ASSERT(pkern_pool_create(&config, &pool) == 0);
    the->pool = pool;
    return pool;
}

static int block_for_flag(void *ctx) {
    raise_flag(1);
    return await_flag_0(ctx);
}

static int block(void *ctx) {
    return pkern_blocking(0, block_for_flag, ctx);
}

static void spare_works(void) {
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_spawn(create_with_spares(1), block, &the->items[0]) == 0);
    await_flag(1);
    EXPLORE_ASSERT(pkern_spawn(the->pool, raise_flag_0, &the->items[1]) == 0);
    EXPLORE_ASSERT(pkern_pool_destroy(the->pool) == 0);
    check_items(2);
}

static int block_for_nothing(void *ctx) {
    return do_item(ctx);
}

static int block_briefly(void *ctx) {
    return pkern_blocking(0, block_for_nothing, ctx);
}

/* called, at rest, called again or ended */
static void spare_is_called_twice(void) {
    prepare_item(0);
    prepare_item(1);
    EXPLORE_ASSERT(pkern_spawn(create_with_spares(1), block_briefly, &the->items[0]) == 0);
    EXPLORE_ASSERT(pkern_spawn(the->pool, block_briefly, &the->items[1]) == 0);
    EXPLORE_ASSERT(pkern_pool_destroy(the->pool) == 0);
    check_items(2);
}

static int spare_broadcast(int index, int count, void *ctx) {
    (void)ctx;
    EXPLORE_ASSERT(index == 0 && count == 1);
    return do_item(&the->items[3]);
}

/* what the spare spawns may come when the worker has ended */
static int spare_job(void *ctx) {
    raise_flag(0);
    EXPLORE_ASSERT(pkern_spawn(0, do_item, &the->items[2]) == 0);
    EXPLORE_ASSERT(pkern_spawn_broadcast(0, spare_broadcast, 0) == 0);
    return do_item(ctx);
}

static void spare_spawns_at_the_end(void) {
    for (int i = 0; i < 4; i++) {
        prepare_item(i);
    }
    EXPLORE_ASSERT(pkern_spawn(create_with_spares(1), block, &the->items[0]) == 0);
    await_flag(1);
    EXPLORE_ASSERT(pkern_spawn(the->pool, spare_job, &the->items[1]) == 0);
    EXPLORE_ASSERT(pkern_pool_destroy(the->pool) == 0);
    check_items(4);
}

#endif
