/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A shared library that carries a pkern of its own, all of it static; unload_host.c loads and unloads it. */
#define PKERN_STATIC
#include "pkern.h"

static int add(size_t begin, size_t end, void *ctx) {
    for (size_t i = begin; i < end; i++) pkn_atomic_fetch_add_relaxed_u64((pkn_atomic_u64 *)ctx, i);
    return 0;
}

static int one(void *ctx) {
    pkn_atomic_fetch_add_relaxed_u64((pkn_atomic_u64 *)ctx, 1);
    return 0;
}

/* 0 where a pool of the library's own and its global pool did what they should and were ended. */
int library_run(int threads);
int library_run(int threads) {
    pkern_pool_config config = {0};
    pkern_pool       *pool = 0;
    pkn_atomic_u64    sum = {0};
    pkern_par_options options = {0};
    options.item_cost_ns = 1e4;
    config.num_threads = threads;
    if (pkern_pool_create(&config, &pool) != PKERN_OK) return 1;
    if (pkern_par_for(pool, 0, 100, &options, add, &sum) != PKERN_OK || pkn_atomic_load_relaxed_u64(&sum) != 4950) return 2;
    if (pkern_join(pool, one, &sum, one, &sum) != PKERN_OK || pkern_spawn(pool, one, &sum) != PKERN_OK) return 3;
    if (pkern_join(0, one, &sum, one, &sum) != PKERN_OK) return 4;
    if (pkern_pool_destroy(pool) != PKERN_OK || pkern_pool_global_shutdown() != PKERN_OK) return 5;
    return pkn_atomic_load_relaxed_u64(&sum) == 4955 ? 0 : 6;
}
