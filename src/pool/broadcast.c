/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Broadcast: one call on each thread. Broadcasts are numbered; each worker runs those newer than the last one it has run, in order, at
   its next look for work. The list is under the pool's lock; a number beside it keeps who only looks off the lock. */
#ifndef PKN_POOL_BROADCAST_C
#define PKN_POOL_BROADCAST_C

#include "pool/guest.h"

#define PKN_BROADCAST_POLLS 64

/* The oldest broadcast that this worker has not run, or 0. */
PKN_INTERNAL pkn_broadcast *pkn_next_broadcast(pkn_member *self) {
    pkern_pool *pool = self->pool;
    pkn_mutex_lock(&pool->lock);
    pkn_broadcast *next = pool->broadcasts;
    while (next != 0 && (int32_t)(next->number - self->seen_broadcast) <= 0) {
        next = next->next;
    }
    self->seen_broadcast = next != 0 ? next->number : pkn_atomic_load_relaxed_u32(&pool->board.number);
    pkn_mutex_unlock(&pool->lock);
    return next;
}

/* The only broadcast there is. Nobody reads the board now: all workers have run those before. */
PKN_INTERNAL void pkn_put_on_board(pkn_broadcast_board *board, pkn_broadcast *broadcast) {
    pkn_atomic_store_relaxed_size(&board->fn, (size_t)(uintptr_t)broadcast->fn);
    pkn_atomic_store_relaxed_size(&board->ctx, (size_t)(uintptr_t)broadcast->ctx);
    pkn_atomic_store_relaxed_u32(&board->count, (uint32_t)broadcast->count);
    pkn_atomic_store_relaxed_u32(&board->root, broadcast->root);
    pkn_atomic_store_relaxed_ptr(&board->broadcast, broadcast);
    pkn_atomic_store_relaxed_u32(&board->call_number, broadcast->number);
}

PKN_INTERNAL void pkn_announce_broadcast(pkern_pool *pool, pkn_broadcast *broadcast) {
    pkn_mutex_lock(&pool->lock);
    pkn_broadcast **link = &pool->broadcasts;
    while (*link != 0) {
        link = &(*link)->next;
    }
    *link = broadcast;
    if (broadcast->caller == 0) {
        broadcast->next_spawned = pool->spawned_broadcasts;
        pool->spawned_broadcasts = broadcast;
    }
    broadcast->number = pkn_atomic_load_relaxed_u32(&pool->board.number) + 1u;
    if (pool->broadcasts == broadcast && broadcast->caller != 0) {
        pkn_put_on_board(&pool->board, broadcast);
    }
    /* release: who sees the number sees the board */
    pkn_atomic_store_release_u32(&pool->board.number, broadcast->number);
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
    link = &pool->spawned_broadcasts;
    while (*link != 0 && *link != broadcast) {
        link = &(*link)->next_spawned;
    }
    if (*link != 0) {
        *link = broadcast->next_spawned;
    }
    pkn_mutex_unlock(&pool->lock);
}

/* A spawned broadcast has run everywhere. */
PKN_INTERNAL void pkn_end_spawned_broadcast(pkern_pool *pool, pkn_broadcast *broadcast) {
    pkern_scope *scope = broadcast->scope;
    uint32_t number = broadcast->spawn_number;
    int code = pkn_failure_code(pkn_atomic_load_relaxed_u64(&broadcast->failure));
    if (!pkn_is_orphan(pool)) { /* a forked child frees those under way with the pool */
        pkn_withdraw_broadcast(pool, broadcast);
        pkn_release(pool->allocator, broadcast, sizeof *broadcast);
    }
    if (scope != 0) {
        pkn_scope_task_ended(scope, number, code);
    } else {
        pkn_detached_ended(pool);
    }
}

/* After thread `index`'s part: the last access to a broadcast that somebody waits for. Who is last ends one that was spawned. */
PKN_INTERNAL void pkn_broadcast_part_ended(pkern_pool *pool, pkn_broadcast *broadcast, int index, int code) {
    pkn_member *caller = broadcast->caller;
    if (code != 0) {
        pkn_keep_lowest_failure(&broadcast->failure, (uint32_t)index, code);
        if (caller == 0 && broadcast->scope == 0) {
            pkn_report_error(pool, code, broadcast->ctx);
        }
    }
    /* acq_rel: who reads 0 sees what every thread did */
    if (pkn_atomic_fetch_sub_acq_rel_u32(&broadcast->remaining, 1) == 1) {
        if (caller != 0) {
            pkn_completed(caller);
        } else {
            pkn_end_spawned_broadcast(pool, broadcast);
        }
    }
}

PKN_INTERNAL void pkn_run_broadcast(pkern_pool *pool, pkn_broadcast *broadcast, int index) {
    const pkern_scope *scope = broadcast->scope;
    int code = scope != 0 && pkern_cancel_requested(scope->cancel)
                   ? PKERN_ECANCELED
                   : broadcast->fn(index, broadcast->count, broadcast->ctx);
    pkn_broadcast_part_ended(pool, broadcast, index, code);
}

/* Runs the next broadcast if it is the one on the board. What is there stays until this worker has run it too. */
PKN_INTERNAL int pkn_serve_board(pkn_member *self) {
    pkn_broadcast_board *board = &self->pool->board;
    /* acquire: pairs with the announcement */
    uint32_t number = pkn_atomic_load_acquire_u32(&board->number);
    if (number != self->seen_broadcast + 1u || pkn_atomic_load_relaxed_u32(&board->call_number) != number) {
        return 0;
    }
    int (*fn)(int, int, void *) = (int (*)(int, int, void *))(uintptr_t)pkn_atomic_load_relaxed_size(&board->fn);
    void *ctx = (void *)(uintptr_t)pkn_atomic_load_relaxed_size(&board->ctx);
    self->seen_broadcast = number;
    pkn_set_root(self, pkn_atomic_load_relaxed_u32(&board->root));
    pkn_work work = pkn_work_begins(self, PKN_TALLY_BROADCASTS);
    int code = fn(self->index, (int)pkn_atomic_load_relaxed_u32(&board->count), ctx);
    pkn_broadcast_part_ended(self->pool, (pkn_broadcast *)pkn_atomic_load_relaxed_ptr(&board->broadcast), self->index, code);
    pkn_work_ends(self, &work, PKN_TRACE_BROADCAST, 0);
    return 1;
}

PKN_INTERNAL void pkn_serve_broadcasts(pkn_member *self) {
    pkn_member *outer = pkn_current();
    uint32_t outer_root = pkn_root(self);
    pkn_join_place place = pkn_join_close(self);
    pkn_set_current(self); /* the thread may be a guest elsewhere just now */
    while (pkn_has_broadcast(self)) {
        if (!pkn_serve_board(self)) {
            pkn_broadcast *broadcast = pkn_next_broadcast(self);
            if (broadcast != 0) {
                pkn_set_root(self, broadcast->root);
                pkn_work work = pkn_work_begins(self, PKN_TALLY_BROADCASTS);
                pkn_run_broadcast(self->pool, broadcast, self->index);
                pkn_work_ends(self, &work, PKN_TRACE_BROADCAST, 0);
            }
        }
    }
    pkn_set_current(outer);
    pkn_set_root(self, outer_root);
    pkn_join_reopen(self, place);
}

/* A spawned job may broadcast while the pool is being destroyed. The caller stands in for workers that had ended before. */
PKN_INTERNAL PKN_COLD void pkn_broadcast_for_the_ended(pkern_pool *pool, pkn_broadcast *broadcast) {
    for (int i = 0; i + 1 < pool->num_threads; i++) {
        pkn_member *worker = pkn_member_at(pool, (uint32_t)i);
        pkn_mutex_lock(&pool->lock);
        int missed = worker->ended && (int32_t)(broadcast->number - worker->seen_broadcast) > 0;
        pkn_mutex_unlock(&pool->lock);
        if (missed) {
            pkn_run_broadcast(pool, broadcast, i);
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
        if (member != 0) {
            pkn_tally_add(&member->tally, PKN_TALLY_BROADCASTS, 1);
        }
        int status = fn(0, 1, ctx);
        pkn_leave(&entry);
        return status;
    }
    int workers = member->pool->num_threads - 1;
    pkn_broadcast broadcast = {0, 0, 0, fn, ctx, member, pkn_root(member), {0}, {PKN_NO_FAILURE}, 0, 0, 0};
    broadcast.count = member->is_worker ? workers : workers + 1;
    pkn_atomic_store_relaxed_u32(&broadcast.remaining, (uint32_t)workers);
    pkn_announce_broadcast(member->pool, &broadcast);
    pkn_trace_instant(member, PKN_TRACE_ANNOUNCE, 0);
    int lost = 0;
    if (member->is_worker) {
        pkn_serve_broadcasts(member);
    } else {
        uint64_t start = pkn_trace_start(member);
        pkn_tally_add(&member->tally, PKN_TALLY_BROADCASTS, 1);
        int code = fn(workers, broadcast.count, ctx);
        pkn_trace_end(member, PKN_TRACE_BROADCAST, start, 0, 0);
        if (code != 0) {
            pkn_keep_lowest_failure(&broadcast.failure, (uint32_t)workers, code);
        }
    }
    /* a worker that had ended before was seen to by the lock, and so was why */
    if (pkn_is_own_thread(member) && pkn_atomic_load_relaxed_u32(&member->pool->stopping) != 0) {
        pkn_broadcast_for_the_ended(member->pool, &broadcast);
    }
    pkn_wait wait = {PKN_WAIT_BROADCAST, 0, 0, 0, 0, 0, 0};
    wait.broadcast = &broadcast;
    /* a short call is over before a search for other work would be */
    for (int i = 0; i < PKN_BROADCAST_POLLS && !pkn_wait_is_over(member, &wait); i++) {
        pkn_cpu_relax();
    }
    if (!pkn_wait_is_over(member, &wait)) {
        lost = pkn_work_until(member, &wait);
    }
    if (!lost) {
        pkn_withdraw_broadcast(member->pool, &broadcast);
    }
    pkn_leave(&entry);
    int code = pkn_failure_code(pkn_atomic_load_relaxed_u64(&broadcast.failure));
    return code != 0 ? code : lost ? PKERN_ECANCELED : PKERN_OK;
}

/* ---- spawned ---- */

/* As the task of a scope, or detached. The pool has workers. */
PKN_INTERNAL pkern_status pkn_spawn_broadcast(pkn_member *member, pkern_scope *scope, int (*fn)(int index, int count, void *ctx),
                                              void *ctx) {
    pkern_pool *pool = member->pool;
    pkn_broadcast *broadcast = (pkn_broadcast *)pkn_allocate(pool->allocator, sizeof *broadcast, PKN_CACHE_LINE);
    if (broadcast == 0) {
        return PKERN_ENOMEM;
    }
    memset((void *)broadcast, 0, sizeof *broadcast);
    broadcast->fn = fn;
    broadcast->ctx = ctx;
    broadcast->count = pool->num_threads - 1;
    broadcast->root = scope != 0 ? pkn_root(member) : PKN_ROOT_NONE;
    broadcast->scope = scope;
    pkn_atomic_store_relaxed_u32(&broadcast->remaining, (uint32_t)broadcast->count + 1u); /* a part is this function's */
    pkn_atomic_store_relaxed_u64(&broadcast->failure, PKN_NO_FAILURE);
    if (scope != 0) {
        broadcast->spawn_number = pkn_atomic_fetch_add_relaxed_u32(&scope->spawned, 1);
        pkn_atomic_fetch_add_relaxed_size(&scope->pending, 1);
    } else {
        pkn_atomic_fetch_add_relaxed_size(&pool->detached, 1);
    }
    pkn_announce_broadcast(pool, broadcast);
    pkn_trace_instant(member, PKN_TRACE_ANNOUNCE, 0);
    if (pkn_is_own_thread(member) && pkn_atomic_load_relaxed_u32(&pool->stopping) != 0) {
        pkn_broadcast_for_the_ended(pool, broadcast);
    }
    pkn_broadcast_part_ended(pool, broadcast, 0, 0);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_spawn_broadcast(pkern_pool *pool, int (*fn)(int index, int count, void *ctx), void *ctx) {
    pkn_entry entry;
    if (fn == 0) {
        return PKERN_EINVAL;
    }
    pkern_status status = PKERN_OK;
    pkn_member *member = pkn_enter(pool, &entry);
    if (member == 0 || member->pool->num_threads == 1) {
        pkn_report_error(member != 0 ? member->pool : pkn_pool_of_call(pool), fn(0, 1, ctx), ctx);
    } else {
        status = pkn_spawn_broadcast(member, 0, fn, ctx);
    }
    pkn_leave(&entry);
    return status;
}

PKERN_API pkern_status pkern_scope_spawn_broadcast(pkern_scope *scope, int (*fn)(int index, int count, void *ctx), void *ctx) {
    if (scope == 0 || fn == 0 || scope->state != PKN_SCOPE_OPEN) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_scope_member(scope);
    if (member != 0 && pkn_is_isolated(member->pool, scope->root)) {
        return PKERN_EDEADLK;
    }
    if (member != 0 && member->pool->num_threads > 1) {
        return pkn_spawn_broadcast(member, scope, fn, ctx);
    }
    uint32_t number = pkn_atomic_fetch_add_relaxed_u32(&scope->spawned, 1);
    int code = pkern_cancel_requested(scope->cancel) ? PKERN_ECANCELED : fn(0, 1, ctx);
    if (code != 0) {
        pkn_keep_lowest_failure(&scope->failure, number, code);
    }
    return PKERN_OK;
}

#endif
