/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Entering and leaving a pool. A thread that is no worker of the pool becomes a guest: it takes a guest slot for the time of its
   outermost call and works beside the others. Slots are found again by the thread that had them last, so a caller keeps its
   deques and its loop board warm. Without a free slot, and in a forked child, a call runs serially.

   The first guest of a pool keeps its slot: most programs call from one thread, and a locked instruction at the start of a call waits
   for all stores of the work before it, 250 ns in a loop that writes (measured with 1000 binds of 256 bytes). If that thread ends,
   one slot is lost, or inherited by a thread whose state lies at the same place. Only pkern_pool_destroy looks at a kept slot, and a call that starts while the pool is destroyed is an
   error of the program whatever we do. */
#ifndef PKN_POOL_GUEST_H
#define PKN_POOL_GUEST_H

#include "pool/wait.h"

PKN_INTERNAL pkn_member *pkn_member_create(pkern_pool *pool, int index, int is_worker) {
    size_t bytes = sizeof(pkn_member) + (size_t)pool->num_slots * sizeof(uint32_t);
    pkn_member *member = (pkn_member *)pkn_allocate(pool->allocator, bytes, PKN_CACHE_LINE);
    if (member == 0) {
        return 0;
    }
    memset((void *)member, 0, bytes);
    member->bytes = bytes;
    member->pool = pool;
    member->fork.pool = pool;
    member->fork.in_line_at = PKN_NOT_IN_LINE;
    member->index = index;
    member->is_worker = is_worker;
    member->seen_epoch = (uint32_t *)(void *)(member + 1);
    member->lane = pkn_trace_make_lane(pool);
    if (pkn_join_add_segment(member) != 0) {
        pkn_trace_free_lane(pool, member->lane);
        pkn_release(pool->allocator, member, bytes);
        return 0;
    }
    pkn_set_end(&member->fork, pkn_join_slot(member, 0));
#if PKN_THREADS
    if (pkn_sleeper_init(&member->sleeper) != 0) {
        pkn_trace_free_lane(pool, member->lane);
        pkn_release(pool->allocator, pkn_join_slot(member, 0), pkn_join_segment_bytes(0));
        pkn_release(pool->allocator, member, bytes);
        return 0;
    }
#endif
    return member;
}

PKN_INTERNAL void pkn_member_destroy(pkn_member *member) {
    pkern_pool *pool = member->pool;
    pkn_job_deque_free(&member->spawns, pool->allocator);
    pkn_job_deque_free(&member->fifo, pool->allocator);
    for (uint32_t i = 0; i < member->join_segments; i++) {
        pkn_release(pool->allocator, pkn_atomic_load_relaxed_ptr(&member->join_segment[i]), pkn_join_segment_bytes(i));
    }
    pkn_release(pool->allocator, member->slices, (size_t)pool->num_threads * sizeof(pkn_loop_slice));
    pkn_trace_free_lane(pool, member->lane);
#if PKN_THREADS
    if (!pkn_is_orphan(pool)) {
        pkn_sleeper_destroy(&member->sleeper); /* in a forked child its sleepers are gone, and it would wait for them */
    }
#endif
    pkn_release(pool->allocator, member, member->bytes);
}

PKN_INLINE int pkn_take_guest_slot(pkn_member *member) {
    uint32_t free = PKN_GUEST_FREE;
    /* acquire: what the slot's last guest left behind is visible */
    return pkn_atomic_cas_acq_rel_u32(&member->guest_state, &free, PKN_GUEST_BUSY);
}

/* A free guest slot, made where there is none yet; 0 where all are taken or memory is out. */
PKN_INTERNAL PKN_COLD pkn_member *pkn_find_guest_slot(pkern_pool *pool, const void *thread) {
    pkn_member *found = 0;
    pkn_mutex_lock(&pool->lock);
    uint32_t first = (uint32_t)pool->num_threads - 1u;
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    if (count > first && pkn_member_at(pool, first)->kept_by == thread) {
        found = pkn_member_at(pool, first);
        pkn_atomic_store_relaxed_u32(&found->guest_state, PKN_GUEST_KEPT_BUSY);
    }
    for (uint32_t i = first; i < count && found == 0; i++) {
        pkn_member *member = pkn_member_at(pool, i);
        found = pkn_take_guest_slot(member) ? member : 0;
    }
    /* the last slots are the spares' */
    if (found == 0 && count + pool->max_spares < (uint32_t)pool->num_slots + pool->num_spares) {
        found = pkn_member_create(pool, (int)count, 0);
        if (found != 0) {
            found->kept_by = count == first ? thread : 0;
            pkn_atomic_store_relaxed_u32(&found->guest_state, count == first ? PKN_GUEST_KEPT_BUSY : PKN_GUEST_BUSY);
            pkn_set_root(found, count + 1u);
            /* the first fork is offered at once: those who sleep by now can't ask */
            pkn_atomic_store_relaxed_u32(&found->fork.request, pool->num_threads > 1);
            pkn_atomic_store_relaxed_ptr(&pool->members[count], found);
            /* release: who sees the count sees the pointer and the member */
            pkn_atomic_store_release_u32(&pool->num_members, count + 1u);
        }
    }
    pkn_mutex_unlock(&pool->lock);
    return found;
}

PKN_INTERNAL pkn_member *pkn_become_guest(pkn_thread_state *thread, pkern_pool *pool) {
    pkn_member *member = 0;
    int is_known = thread->last_pool == pool && thread->last_pool_id == pool->id;
    if (is_known && thread->last_is_kept) {
        member = thread->last_guest;
        pkn_atomic_store_relaxed_u32(&member->guest_state, PKN_GUEST_KEPT_BUSY);
    } else if (is_known && pkn_take_guest_slot(thread->last_guest)) {
        member = thread->last_guest;
    } else {
        member = pool->num_slots == 0 ? 0 : pkn_find_guest_slot(pool, thread);
        if (member == 0) {
            return 0;
        }
        thread->last_pool = pool;
        thread->last_pool_id = pool->id;
        thread->last_guest = member;
        thread->last_is_kept = member->kept_by == thread;
    }
    member->home = thread->worker != 0 && !pkn_is_orphan(thread->worker->pool) ? thread->worker : 0;
    member->next_membership = thread->memberships;
    thread->memberships = member;
    return member;
}

PKN_INLINE pkn_member *pkn_membership(const pkn_thread_state *thread, const pkern_pool *pool) {
    pkn_member *member = thread->memberships;
    while (member != 0 && member->pool != pool) {
        member = member->next_membership;
    }
    return member;
}

PKN_INTERNAL PKN_COLD void pkn_settle_short_call(pkn_short_call *call);

/* Before anything that asks where the calling thread is: a short call gets its place now. */
PKN_INLINE pkn_thread_state *pkn_settled_thread(void) {
    pkn_thread_state *thread = &pkn_this_thread;
    if (PKN_UNLIKELY(thread->short_call != 0)) {
        pkn_settle_short_call(thread->short_call);
    }
    return thread;
}

/* Starts a call on a pool (0: the current one). entry->member is 0 where the call has to run serially. */
PKN_INTERNAL pkn_member *pkn_enter(pkern_pool *pool, pkn_entry *entry) {
    pkn_thread_state *thread = pkn_settled_thread();
    pkn_member *member = pkn_current();
    entry->outer = member;
    if (member == 0 || (pool != 0 && member->pool != pool)) {
        pool = pool != 0 ? pool : pkern_pool_global();
        if (PKN_UNLIKELY(pkn_is_orphan(pool))) {
            return entry->member = 0;
        }
        member = pkn_membership(thread, pool);
        if (member == 0) {
            member = pkn_become_guest(thread, pool);
        }
        if (member == 0) {
            return entry->member = 0;
        }
    } else if (PKN_UNLIKELY(pkn_is_orphan(member->pool))) {
        return entry->member = 0;
    }
    member->entries++;
    pkn_set_current(member);
    return entry->member = member;
}

/* Runs what lies in the member's own deque: jobs that only this thread could run. */
PKN_INTERNAL void pkn_run_own_jobs(pkn_member *member) {
    pkn_filter anything = {0, 0, 0};
    pkn_wait for_own = {PKN_WAIT_LOOP, 0, 0, 0, 0, 0, 0};
    pkn_job job;
    while (pkn_take_urgent(member, &for_own, 1, 0, &job) || pkn_spawn_pop(member, &anything, &job)) {
        pkn_run_job(member, &job);
    }
}

/* The outermost call of a guest ends: jobs that only this thread could run are run, and the slot is free again. */
PKN_INTERNAL PKN_NOINLINE void pkn_leave_for_good(pkn_member *member) {
    pkn_thread_state *thread = &pkn_this_thread;
    pkn_set_current(member);
    if (member->has_spawned && !pkn_is_orphan(member->pool)) {
        pkn_run_own_jobs(member);
        member->has_spawned = 0;
    }
    if (PKN_UNLIKELY(member->lane != 0)) {
        pkn_trace_end(member, PKN_TRACE_CALL, member->lane->call_start, 0, 0);
        member->lane->call_start = 0;
    }
    member->stays = PKN_STAYS_NOT;
    member->entries = 0;
    pkn_member **link = &thread->memberships;
    while (*link != member) {
        link = &(*link)->next_membership;
    }
    *link = member->next_membership;
    /* release: pairs with the next guest's acquire, and with destroy's */
    pkn_atomic_store_release_u32(
        &member->guest_state,
        member->kept_by != 0 ? PKN_GUEST_KEPT : PKN_GUEST_FREE);
}

/* The calling thread, which is in no pool, stays in this one until it ends it. 0, or 1 without memory. */
PKN_INTERNAL int pkn_stay(pkern_pool *pool) {
    pkn_member *member = pkn_become_guest(&pkn_this_thread, pool);
    if (member == 0) {
        return 1;
    }
    member->stays = PKN_STAYS;
    member->entries = 1;
    pkn_set_current(member);
    return 0;
}

PKN_INTERNAL void pkn_leave(const pkn_entry *entry) {
    pkn_member *member = entry->member;
    if (member != 0) {
        if (member->entries == 1) {
            pkn_leave_for_good(member);
        } else {
            member->entries--;
        }
        pkn_set_current(entry->outer);
    }
}

PKN_INTERNAL PKN_COLD void pkn_settle_short_call(pkn_short_call *call) {
    pkn_this_thread.short_call = 0;
    call->is_inside = 1;
    pkn_enter(call->pool, &call->entry);
}

/* The pool that a call would run on, for calls that need no place in it. */
PKN_INLINE pkern_pool *pkn_called_pool(pkern_pool *pool) {
    (void)pkn_settled_thread();
    return pool != 0 ? pool : pkn_current() != 0 ? pkn_current()->pool : pkern_pool_global();
}

PKN_INLINE const pkern_pool *pkn_pool_of_call(const pkern_pool *pool) {
    return pool != 0 ? pool : pkn_called_pool(0);
}

/* The allocator of the pool that a call would run on, for scratch memory of the layers above. Makes no pool. Ask once: the global pool
   may come between two questions. */
PKN_INTERNAL const pkern_allocator *pkn_pool_allocator(const pkern_pool *pool);

/* Before a wait of this mode. BLOCK leaves its tasks to others, so one worker at least never blocks: who would be the last waits as
   OWN does. So do spares, and workers at the pool's end, when the others may be gone. */
PKN_INTERNAL void pkn_block_begin(pkn_member *member, int wait_mode) {
    pkern_pool *pool = member->pool;
    if (wait_mode != PKERN_WAIT_BLOCK || pool->helpers == 0 || member->is_spare || pkn_atomic_load_relaxed_u32(&pool->stopping) != 0) {
        return;
    }
    member->blocks = !member->is_worker || pkn_atomic_fetch_add_relaxed_u32(&pool->blocking, 1) + 2u <= pool->helpers;
    if (!member->blocks) {
        pkn_atomic_fetch_sub_relaxed_u32(&pool->blocking, 1);
    }
}

PKN_INTERNAL void pkn_block_end(pkn_member *member) {
    if (member->blocks && member->is_worker) {
        pkn_atomic_fetch_sub_relaxed_u32(&member->pool->blocking, 1);
    }
    member->blocks = 0;
}

/* The calling thread's place in the scope's pool; 0 where spawns run at once. */
PKN_INLINE pkn_member *pkn_scope_member(const pkern_scope *scope) {
    return scope->member == 0 || pkn_is_orphan(scope->pool) ? 0 : pkn_membership(&pkn_this_thread, scope->pool);
}

#endif
