/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Calls that wait for something outside of the pool. */
#ifndef PKN_POOL_BLOCKING_C
#define PKN_POOL_BLOCKING_C

#include "pool/spare.h"

PKERN_API pkern_status pkern_blocking(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    if (fn == 0) {
        return PKERN_EINVAL;
    }
#if PKN_THREADS
    const pkn_thread_state *thread = pkn_settled_thread();
    pkn_member *member = pool == 0 ? pkn_current() : pkn_membership(thread, pool);
    pkn_member *home = member != 0 ? member->home : 0;
    int blocks = pkn_blocking_begin(member);
    int blocks_at_home = pkn_blocking_begin(home);
    int status = fn(ctx);
    if (blocks_at_home) {
        pkn_blocking_end(home);
    }
    if (blocks) {
        pkn_blocking_end(member);
    }
    return status;
#else
    PKN_UNUSED(pool);
    return fn(ctx);
#endif
}

#endif
