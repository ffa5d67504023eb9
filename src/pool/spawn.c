/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Detached spawns. */
#ifndef PKN_POOL_SPAWN_C
#define PKN_POOL_SPAWN_C

#include "pool/guest.h"

PKN_INTERNAL pkern_status pkn_spawn_detached(pkern_pool *pool, pkern_task_fn fn, void *ctx, int is_fifo) {
    pkn_entry entry;
    pkn_job job = {fn, ctx, 0, 0, PKN_ROOT_NONE};
    if (fn == 0) {
        return PKERN_EINVAL;
    }
    int failed = 0;
    pkn_member *member = pkn_enter(pool, &entry);
    if (member == 0) {
        (void)fn(ctx);
    } else if (member->is_worker || member->pool->num_threads == 1) {
        /* alone, a guest runs its jobs before it leaves */
        failed = is_fifo ? pkn_fifo_push(member, &member->fifo, &job) : pkn_spawn_push(member, &job);
        if (!failed) {
            pkn_work_posted(member->pool, PKN_ROOT_NONE, 1);
        }
        if (member->stays == PKN_STAYS && member->pool->num_threads == 1) {
            member->stays = PKN_STAYS_AND_RUNS; /* so that jobs that spawn don't nest */
            pkn_run_own_jobs(member);
            member->stays = PKN_STAYS;
        }
    } else {
        /* a guest's jobs go to the pool's threads, so that it can leave; first in, first out, in any case */
        failed = pkn_inject(member->pool, &job);
        if (!failed) {
            pkn_work_posted(member->pool, PKN_ROOT_INJECTED, 1);
        }
    }
    pkn_leave(&entry);
    return failed ? PKERN_ENOMEM : PKERN_OK;
}

PKERN_API pkern_status pkern_spawn(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    return pkn_spawn_detached(pool, fn, ctx, 0);
}

PKERN_API pkern_status pkern_spawn_fifo(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    return pkn_spawn_detached(pool, fn, ctx, 1);
}

#endif
