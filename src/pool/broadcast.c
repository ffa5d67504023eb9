/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Broadcast: one call on each thread. Broadcasts are numbered; each worker runs those newer than the last one it has run, in order, at
   its next look for work. The list is under the pool's lock; a number beside it keeps who only looks off the lock. */
#ifndef PKN_POOL_BROADCAST_C
#define PKN_POOL_BROADCAST_C

#include "pool/guest.h"

/* The oldest broadcast that this worker has not run, or 0. */
PKN_INTERNAL pkn_broadcast *pkn_next_broadcast(pkn_member *self) {
    pkern_pool *pool = self->pool;
    pkn_mutex_lock(&pool->lock);
    pkn_broadcast *next = pool->broadcasts;
    while (next != 0 && (int32_t)(next->number - self->seen_broadcast) <= 0) {
        next = next->next;
    }
    self->seen_broadcast = next != 0 ? next->number : pkn_atomic_load_relaxed_u32(&pool->broadcast_number);
    pkn_mutex_unlock(&pool->lock);
    return next;
}

PKN_INTERNAL void pkn_serve_broadcasts(pkn_member *self) {
    pkn_broadcast *broadcast;
    while ((broadcast = pkn_next_broadcast(self)) != 0) {
        pkn_member *caller = broadcast->caller;
        pkn_member *outer = pkn_current();
        uint32_t outer_root = pkn_root(self);
        pkn_set_root(self, broadcast->root);
        pkn_set_current(self); /* the thread may be a guest elsewhere just now */
        int code = broadcast->fn(self->index, broadcast->count, broadcast->ctx);
        pkn_set_current(outer);
        pkn_set_root(self, outer_root);
        if (code != 0) {
            pkn_keep_lowest_failure(&broadcast->failure, (uint32_t)self->index, code);
        }
        /* acq_rel: the caller that reads 0 sees what every thread did; the last access */
        if (pkn_atomic_fetch_sub_acq_rel_u32(&broadcast->remaining, 1) == 1) {
            pkn_completed(caller);
        }
    }
}

PKN_INTERNAL void pkn_announce_broadcast(pkern_pool *pool, pkn_broadcast *broadcast) {
    pkn_mutex_lock(&pool->lock);
    pkn_broadcast **link = &pool->broadcasts;
    while (*link != 0) {
        link = &(*link)->next;
    }
    *link = broadcast;
    broadcast->number = pkn_atomic_load_relaxed_u32(&pool->broadcast_number) + 1u;
    pkn_atomic_store_relaxed_u32(&pool->broadcast_number, broadcast->number); /* who sees it takes the lock */
    pkn_mutex_unlock(&pool->lock);
    /* as pkn_work_posted, for all workers */
    pkn_fence_seq_cst();
    for (uint32_t i = 0; pkn_sleeping_workers(pool) != 0 && i + 1 < (uint32_t)pool->num_threads; i++) {
        pkn_wake_member(pkn_member_at(pool, i));
    }
}

PKN_INTERNAL void pkn_withdraw_broadcast(pkern_pool *pool, pkn_broadcast *broadcast) {
    if (pkn_is_orphan(pool)) {
        return; /* a thread that is gone may hold the lock */
    }
    pkn_mutex_lock(&pool->lock);
    pkn_broadcast **link = &pool->broadcasts;
    while (*link != broadcast) {
        link = &(*link)->next;
    }
    *link = broadcast->next;
    pkn_mutex_unlock(&pool->lock);
}

/* A spawned job may broadcast while the pool is being destroyed. The caller stands in for workers that had ended before. */
PKN_INTERNAL PKN_COLD void pkn_broadcast_for_the_ended(pkern_pool *pool, pkn_broadcast *broadcast) {
    for (int i = 0; i + 1 < pool->num_threads; i++) {
        pkn_member *worker = pkn_member_at(pool, (uint32_t)i);
        pkn_mutex_lock(&pool->lock);
        int missed = worker->ended && (int32_t)(broadcast->number - worker->seen_broadcast) > 0;
        pkn_mutex_unlock(&pool->lock);
        if (missed) {
            int code = broadcast->fn(i, broadcast->count, broadcast->ctx);
            if (code != 0) {
                pkn_keep_lowest_failure(&broadcast->failure, (uint32_t)i, code);
            }
            pkn_atomic_fetch_sub_relaxed_u32(&broadcast->remaining, 1); /* by the one who waits */
        }
    }
}

PKERN_API pkern_status pkern_broadcast(pkern_pool *pool, int (*fn)(int index, int count, void *ctx), void *ctx) {
    pkn_entry entry;
    if (fn == 0) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    if (member != 0 && pkn_is_isolated(member->pool, pkn_root(member))) {
        pkn_leave(&entry);
        return PKERN_EDEADLK;
    }
    if (member == 0 || member->pool->num_threads == 1) {
        int status = fn(0, 1, ctx);
        pkn_leave(&entry);
        return status;
    }
    int workers = member->pool->num_threads - 1;
    pkn_broadcast broadcast = {0, 0, 0, fn, ctx, member, pkn_root(member), {0}, {PKN_NO_FAILURE}};
    broadcast.count = member->is_worker ? workers : workers + 1;
    pkn_atomic_store_relaxed_u32(&broadcast.remaining, (uint32_t)workers);
    pkn_announce_broadcast(member->pool, &broadcast);
    int lost = 0;
    if (member->is_worker) {
        pkn_serve_broadcasts(member);
        /* a worker that had ended before was seen to by the lock, and so was why */
        if (pkn_atomic_load_relaxed_u32(&member->pool->stopping) != 0) {
            pkn_broadcast_for_the_ended(member->pool, &broadcast);
        }
    } else {
        int code = fn(workers, broadcast.count, ctx);
        if (code != 0) {
            pkn_keep_lowest_failure(&broadcast.failure, (uint32_t)workers, code);
        }
    }
    pkn_wait wait = {PKN_WAIT_BROADCAST, 0, 0, 0, 0, 0};
    wait.broadcast = &broadcast;
    if (!pkn_wait_is_over(member, &wait)) {
        pkn_join_expose_all(member);
        lost = pkn_work_until(member, &wait);
    }
    if (!lost) {
        pkn_withdraw_broadcast(member->pool, &broadcast);
    }
    pkn_leave(&entry);
    int code = pkn_failure_code(pkn_atomic_load_relaxed_u64(&broadcast.failure));
    return code != 0 ? code : lost ? PKERN_ECANCELED : PKERN_OK;
}

#endif
