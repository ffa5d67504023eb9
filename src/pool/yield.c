/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Yield: one piece of work in the middle of a task. */
#ifndef PKN_POOL_YIELD_C
#define PKN_POOL_YIELD_C

#include "pool/guest.h"

/* One broadcast or job that waits for this thread in particular. */
PKN_INTERNAL int pkn_search_local(pkn_member *self) {
    pkn_filter anything = {0, 0, 0};
    pkn_job job;
    if (self->is_worker && pkn_has_broadcast(self)) {
        pkn_serve_broadcasts(self);
        return 1;
    }
    if (self->depth >= self->pool->depth_limit || !pkn_spawn_pop(self, &anything, &job)) {
        return 0;
    }
    self->depth++;
    pkn_run_job(self, &job);
    self->depth--;
    return 1;
}

PKN_INTERNAL int pkn_yield(const pkern_pool *pool, int is_local) {
    const pkn_thread_state *thread = pkn_settled_thread();
    pkn_member *outer = pkn_current();
    pkn_member *member = pool == 0 ? outer : pkn_membership(thread, pool);
    if (member == 0) {
        return PKERN_YIELD_OUTSIDE;
    }
    if (pkn_is_orphan(member->pool)) {
        return PKERN_YIELD_IDLE;
    }
    pkn_wait wait = {PKN_WAIT_YIELD, 0, 0, 0, 0, 0, 0};
    pkn_set_current(member);
    pkn_join_place place = pkn_join_close(member);
    int found = !is_local                                              ? pkn_search(member, &wait, 0)
                : pkn_is_isolated(member->pool, pkn_root(member)) ? 0
                                                                       : pkn_search_local(member);
    pkn_join_reopen(member, place);
    pkn_set_current(outer);
    return found ? PKERN_YIELD_EXECUTED : PKERN_YIELD_IDLE;
}

PKERN_API int pkern_yield_now(pkern_pool *pool) {
    return pkn_yield(pool, 0);
}

PKERN_API int pkern_yield_local(pkern_pool *pool) {
    return pkn_yield(pool, 1);
}

#endif
