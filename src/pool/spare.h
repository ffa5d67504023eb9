/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Spare threads: for each thread of the pool that is inside pkern_blocking one more works, up to the config's max_spares.

   A spare is a member behind the workers, among the guests, that takes any work. It takes no part in broadcasts and in flat loops, which
   number their threads, and what it spawns goes to the injector. Two counts, changed under the pool's lock, say how many there should
   be: `blocked`, members inside pkern_blocking, and `spares_working`, spares that don't rest. Who begins to block calls
   one that rests, or makes one, where spares_working < blocked. Who ends lowers `blocked`, and nothing else: a spare that finds, between
   two pieces of work, that spares_working > blocked, looks again under the lock and rests, on a word of its own, so that no poster wakes it in
   vain. One that sleeps for lack of work stays asleep and counts as working, so blocking in a loop beside an idle pool costs the lock only.

   The end of the pool: the workers end as ever; who of them is inside pkern_blocking still has its spare. When all have been joined, spares
   rest as soon as nothing is queued and none of them is blocked; when all rest, they end. Where a spare broadcasts then it stands in for the
   workers. */
#ifndef PKN_POOL_SPARE_H
#define PKN_POOL_SPARE_H

#include "pool/worker.h"

#if PKN_THREADS

/* Rests where this spare is one too many, until it is called again. 1 where it is to end. */
PKN_INTERNAL int pkn_spare_ends(pkn_member *self) {
    pkern_pool *pool = self->pool;
    pkn_mutex_lock(&pool->lock);
    int rests = pkn_spare_may_rest(pool);
    if (rests) {
        pkn_atomic_store_relaxed_u32(&pool->spares_working, pkn_atomic_load_relaxed_u32(&pool->spares_working) - 1u);
        pkn_atomic_store_relaxed_u32(&self->guest_state, PKN_GUEST_RESTING);
    }
    pkn_mutex_unlock(&pool->lock);
    if (rests) {
        pkn_sleep_on(self, &self->guest_state, PKN_GUEST_RESTING, 0);
    }
    return pkn_atomic_load_relaxed_u32(&self->guest_state) == PKN_GUEST_CLOSED;
}

/* For a spare that rests. Nothing else is told by this: what it finds then it looks for as ever. */
PKN_INTERNAL void pkn_spare_call(pkn_member *spare, uint32_t state) {
    pkn_atomic_store_relaxed_u32(&spare->guest_state, state);
    pkn_wake_sleeper(&spare->sleeper, &spare->guest_state);
}

/* Under the lock. 0, or 1 where there is no memory, thread or slot. */
PKN_INTERNAL int pkn_spare_create(pkern_pool *pool) {
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    pkn_member *spare = pool->num_spares == pool->max_spares ? 0 : pkn_member_create(pool, (int)count, 0);
    if (spare == 0) {
        return 1;
    }
    spare->is_spare = 1;
    spare->entries = 1;
    pkn_atomic_store_relaxed_u32(&spare->guest_state, PKN_GUEST_SPARE);
    pkn_atomic_store_relaxed_ptr(&pool->members[count], spare);
    if (pkn_start_worker(spare) != 0) {
        pkn_member_destroy(spare);
        return 1;
    }
    pool->num_spares++;
    /* release: who sees the count sees the pointer and the member */
    pkn_atomic_store_release_u32(&pool->num_members, count + 1u);
    return 0;
}

/* Under the lock. 0, or 1 where none rests. */
PKN_INTERNAL int pkn_spare_call_any(const pkern_pool *pool) {
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    for (uint32_t i = pool->helpers; i < count; i++) {
        pkn_member *spare = pkn_member_at(pool, i);
        if (pkn_atomic_load_relaxed_u32(&spare->guest_state) == PKN_GUEST_RESTING) {
            pkn_spare_call(spare, PKN_GUEST_SPARE);
            return 0;
        }
    }
    return 1;
}

/* 1 where the member, which may be 0, blocks from now on; 0 where nothing is to be done. */
PKN_INTERNAL int pkn_blocking_begin(pkn_member *member) {
    if (member == 0 || member->pool->max_spares == 0 || member->is_blocking || pkn_is_orphan(member->pool)) {
        return 0;
    }
    pkern_pool *pool = member->pool;
    member->is_blocking = 1;
    pkn_join_expose_all(member); /* for the spare */
    pkn_mutex_lock(&pool->lock);
    uint32_t blocked = pkn_atomic_load_relaxed_u32(&pool->blocked) + 1u;
    uint32_t working = pkn_atomic_load_relaxed_u32(&pool->spares_working);
    pkn_atomic_store_relaxed_u32(&pool->blocked, blocked);
    if (working < blocked && (pkn_spare_call_any(pool) == 0 || pkn_spare_create(pool) == 0)) {
        pkn_atomic_store_relaxed_u32(&pool->spares_working, working + 1u);
    }
    pkn_mutex_unlock(&pool->lock);
    return 1;
}

PKN_INTERNAL void pkn_blocking_end(pkn_member *member) {
    pkern_pool *pool = member->pool;
    member->is_blocking = 0;
    if (!pkn_is_orphan(pool)) { /* in a forked child a thread that is gone may hold the lock */
        pkn_mutex_lock(&pool->lock);
        pkn_atomic_store_relaxed_u32(&pool->blocked, pkn_atomic_load_relaxed_u32(&pool->blocked) - 1u);
        pkn_mutex_unlock(&pool->lock);
    }
}

/* When the workers have ended: 1 where all spares rest, for good, else 0, and those that sleep are woken, since they may rest now. */
PKN_INTERNAL int pkn_spares_rest(pkern_pool *pool) {
    pkn_mutex_lock(&pool->lock);
    uint32_t working = pkn_atomic_load_relaxed_u32(&pool->spares_working);
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    pkn_mutex_unlock(&pool->lock);
    for (uint32_t i = pool->helpers; i < count && working != 0; i++) {
        pkn_wake_member(pkn_member_at(pool, i));
    }
    return working == 0;
}

/* After the workers have ended. */
PKN_INTERNAL void pkn_end_spares(pkern_pool *pool) {
    while (!pkn_spares_rest(pool)) {
        pkn_nap();
    }
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members); /* nobody is left who could make more */
    for (uint32_t i = pool->helpers; i < count; i++) {
        pkn_member *spare = pkn_member_at(pool, i);
        if (spare->is_spare) {
            pkn_spare_call(spare, PKN_GUEST_CLOSED);
            pkn_join_worker(spare);
        }
    }
}

#endif

#endif
