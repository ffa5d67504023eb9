/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Sleeping and waking.

   A member that finds nothing to do says so, looks once more, and sleeps; a poster makes work visible, then looks for sleepers:

       sleeper: sleepers += 1; parked = ASLEEP; fence; look for work and for its latch; sleep while parked == ASLEEP
       poster:  publish work; fence; if sleepers != 0: turn one member's parked from ASLEEP to AWAKE, sleepers -= 1, wake it

   (ASLEEP also says for which root, where the member would take nothing else: a poster passes over those it can't help.)

   The two fences order each side's store before its load of the other's word, so either the sleeper sees the work or the poster
   sees the sleeper. Whoever turns parked to AWAKE, poster or the sleeper that thinks better of it, also lowers sleepers: so it
   never counts fewer than those that are ASLEEP. A member that was woken and leaves its wait without having found work passes the
   wake on, so none is lost. A poster of several pieces of work wakes as many.
   What a member waits for (a join, a scope, a loop, a future) needs no wait flag of its own: who completes it does so with a
   read-modify-write and then looks at the waiter's parked word. Members live as long as the pool, so that look is safe
   though the frame of the waiter may be gone by then.
   A worker that waits in another pool is asleep in both: there as a guest, on whose word it sleeps, and at home as ASLEEP_ABROAD. A
   poster at home wakes the guest under the lock of the home pool. The thread takes itself off that state under
   the same lock before it goes on, so the other pool's member is there for as long as a waker needs it. */
#ifndef PKN_POOL_SLEEP_H
#define PKN_POOL_SLEEP_H

#include "pool/process.h"
#include "pool/trace.h"

PKN_INLINE uint32_t pkn_sleeping_workers(const pkern_pool *pool) {
    return pkn_atomic_load_relaxed_u32(&pool->sleepers) & (PKN_SLEEPING_GUEST - 1u);
}

PKN_INLINE uint32_t pkn_sleeper_unit(const pkn_member *member) {
    return pkn_is_own_thread(member) ? 1u : PKN_SLEEPING_GUEST;
}

/* parked: awake, or asleep until there is any work, or until there is work of a root. */
PKN_INLINE uint32_t pkn_asleep_for_root(uint32_t root) {
    return PKN_ASLEEP + 1u + root;
}

PKN_INTERNAL int pkn_wake_abroad(pkn_member *worker);

/* 1 where the member slept, as it was seen, and is awake now. */
PKN_INTERNAL int pkn_wake_member_that_is(pkn_member *member, uint32_t parked) {
    if (PKN_UNLIKELY(parked == PKN_ASLEEP_ABROAD)) {
        return pkn_wake_abroad(member);
    }
    /* acq_rel: the count was raised before parked was set, so it is lowered after that */
    if (parked == PKN_AWAKE || !pkn_atomic_cas_acq_rel_u32(&member->parked, &parked, PKN_AWAKE)) {
        return 0;
    }
    pkn_atomic_fetch_sub_relaxed_u32(&member->pool->sleepers, pkn_sleeper_unit(member));
#if PKN_THREADS
    pkn_wake_sleeper(&member->sleeper, &member->parked);
#endif
    pkn_trace_wake(member);
    return 1;
}

PKN_INLINE int pkn_wake_member(pkn_member *member) {
    return pkn_wake_member_that_is(member, pkn_atomic_load_relaxed_u32(&member->parked));
}

/* For the calling thread, which has parked itself as `guest`: its worker at home is asleep, too. */
PKN_INTERNAL PKN_COLD void pkn_sleep_abroad(pkn_member *worker, pkn_member *guest) {
    pkern_pool *pool = worker->pool;
    pkn_mutex_lock(&pool->lock);
    worker->abroad = guest;
    pkn_atomic_fetch_add_relaxed_u32(&pool->sleepers, 1);
    pkn_atomic_store_relaxed_u32(&worker->parked, PKN_ASLEEP_ABROAD); /* who would change it back takes the lock */
    pkn_mutex_unlock(&pool->lock);
}

/* Under the lock. */
PKN_INTERNAL int pkn_leave_sleep_abroad(pkn_member *worker) {
    int was_asleep = pkn_atomic_load_relaxed_u32(&worker->parked) == PKN_ASLEEP_ABROAD;
    if (was_asleep) {
        pkn_atomic_store_relaxed_u32(&worker->parked, PKN_AWAKE);
        pkn_atomic_fetch_sub_relaxed_u32(&worker->pool->sleepers, 1);
    }
    return was_asleep;
}

PKN_INTERNAL PKN_COLD int pkn_wake_abroad(pkn_member *worker) {
    if (pkn_is_orphan(worker->pool)) {
        return 0; /* a thread that is gone may hold the lock */
    }
    pkn_mutex_lock(&worker->pool->lock);
    int was_asleep = pkn_leave_sleep_abroad(worker);
    if (was_asleep) {
        (void)pkn_wake_member(worker->abroad);
    }
    pkn_mutex_unlock(&worker->pool->lock);
    return was_asleep;
}

/* The thread goes on. 1 where it was a poster at home that woke it. */
PKN_INTERNAL PKN_COLD int pkn_awake_from_abroad(pkn_member *worker) {
    pkn_mutex_lock(&worker->pool->lock);
    int was_woken = !pkn_leave_sleep_abroad(worker);
    pkn_mutex_unlock(&worker->pool->lock);
    return was_woken;
}

/* After work was published: wakes one member that can take it. 0 where there is none. */
PKN_INTERNAL PKN_COLD int pkn_wake_one(pkern_pool *pool, uint32_t root) {
    uint32_t count = pkn_atomic_load_acquire_u32(&pool->num_members);
    for (;;) {
        for (uint32_t i = 0; i < count; i++) {
            pkn_member *member = pkn_member_at(pool, i);
            uint32_t parked = pkn_atomic_load_relaxed_u32(&member->parked);
            if ((parked == PKN_ASLEEP || parked == PKN_ASLEEP_ABROAD || parked == pkn_asleep_for_root(root)) &&
                pkn_wake_member_that_is(member, parked)) {
                return 1;
            }
        }
        uint32_t outer = pkn_outer_root(pool, root); /* the caller's own work, so the chain is as it was made */
        if (outer == root) {
            return 0;
        }
        root = outer;
    }
}

/* After `pieces` pieces of work of a root were published. */
PKN_INLINE void pkn_work_posted(pkern_pool *pool, uint32_t root, uint32_t pieces) {
    /* orders the publication before the look at sleepers; pairs with the fence in pkn_sleep */
    pkn_fence_seq_cst();
    if (PKN_UNLIKELY(pkn_atomic_load_relaxed_u32(&pool->sleepers) != 0)) {
        while (pieces-- != 0 && pkn_wake_one(pool, root)) {
        }
    }
}

/* After a read-modify-write that completed what this member may wait for. */
PKN_INLINE void pkn_completed(pkn_member *waiter) {
    /* orders the completion before the look at parked; pairs with the fence in pkn_sleep */
    pkn_fence_seq_cst();
    if (PKN_UNLIKELY(pkn_atomic_load_relaxed_u32(&waiter->parked) != PKN_AWAKE)) {
        pkn_wake_member(waiter);
    }
}

/* The same, where any members may wait, and have said so by the address of what they wait for. It is only compared: what was there may
   be gone, and a wake too many does no harm. */
PKN_INTERNAL void pkn_wake_waiters_for(pkern_pool *pool, const void *what) {
    pkn_fence_seq_cst();
    if (pkn_atomic_load_relaxed_u32(&pool->sleepers) != 0) {
        uint32_t count = pkn_atomic_load_acquire_u32(&pool->num_members);
        for (uint32_t i = 0; i < count; i++) {
            pkn_member *member = pkn_member_at(pool, i);
            if (pkn_atomic_load_relaxed_ptr(&member->waits_for) == what) {
                pkn_wake_member(member);
            }
        }
    }
}

#endif
