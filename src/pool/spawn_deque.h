/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The spawn deque: Chase and Lev's, public at once. The owner pushes and pops at the bottom, thieves take at the top.

   A job is copied word by word before the compare-and-swap on top claims it. The copy may be torn where the owner overwrites the
   cell, but then top has moved and the claim fails. Growth copies the live jobs into a larger ring; thieves that still read the
   old one find their job there unchanged, and old rings live until the pool ends.
   Orders: push stores the cell, then bottom with release; steal loads bottom with acquire, so it sees the cell. pop stores bottom,
   steal advances top: the full fences between each side's store and its load of the other's word let at least one of them see
   the other, and the last job goes to whoever moves top.
   Source: Chase and Lev, "Dynamic circular work-stealing deque", 2005; Le et al., "Correct and efficient work-stealing
   for weak memory models", 2013. */
#ifndef PKN_POOL_SPAWN_DEQUE_H
#define PKN_POOL_SPAWN_DEQUE_H

#include "pool/member.h"
#include "base/alloc.h"

#define PKN_JOB_RING_0 32u

/* What a searching member may take. */
typedef struct pkn_filter {
    int by_root;               /* only jobs of this root */
    uint32_t root;
    const pkern_scope *scope; /* only jobs of this scope, where not 0 */
} pkn_filter;

PKN_INLINE int pkn_filter_takes_job(const pkn_filter *filter, const pkn_job *job) {
    return (!filter->by_root || job->root == filter->root) && (filter->scope == 0 || job->scope == filter->scope);
}

PKN_INLINE void pkn_job_store(pkn_job_cell *cell, const pkn_job *job) {
    pkn_atomic_store_relaxed_size(&cell->word[0], (size_t)job->fn);
    pkn_atomic_store_relaxed_size(&cell->word[1], (size_t)job->ctx);
    pkn_atomic_store_relaxed_size(&cell->word[2], (size_t)job->scope);
    pkn_atomic_store_relaxed_size(&cell->word[3], job->number);
    pkn_atomic_store_relaxed_size(&cell->word[4], job->root);
}

PKN_INLINE void pkn_job_load(const pkn_job_cell *cell, pkn_job *job) {
    job->fn = (pkern_task_fn)pkn_atomic_load_relaxed_size(&cell->word[0]);
    job->ctx = (void *)pkn_atomic_load_relaxed_size(&cell->word[1]);
    job->scope = (pkern_scope *)pkn_atomic_load_relaxed_size(&cell->word[2]);
    job->number = (uint32_t)pkn_atomic_load_relaxed_size(&cell->word[3]);
    job->root = (uint32_t)pkn_atomic_load_relaxed_size(&cell->word[4]);
}

PKN_INTERNAL pkn_job_ring *pkn_job_ring_create(const pkern_allocator *allocator, size_t capacity) {
    size_t bytes = sizeof(pkn_job_ring) + (capacity - 1) * sizeof(pkn_job_cell);
    pkn_job_ring *ring = (pkn_job_ring *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (ring != 0) {
        ring->capacity = capacity;
        ring->bytes = bytes;
        ring->older = 0;
    }
    return ring;
}

/* Owner only. A ring twice as large with the jobs [top, bottom); 0 without memory. */
PKN_INTERNAL PKN_COLD pkn_job_ring *pkn_job_ring_grow(pkn_job_deque *deque, const pkern_allocator *allocator, pkn_job_ring *ring,
                                                      size_t top, size_t bottom) {
    pkn_job_ring *larger = pkn_job_ring_create(allocator, ring == 0 ? PKN_JOB_RING_0 : 2 * ring->capacity);
    if (larger == 0) {
        return 0;
    }
    for (size_t i = top; i != bottom; i++) {
        pkn_job job;
        pkn_job_load(&ring->cell[i & (ring->capacity - 1)], &job);
        pkn_job_store(&larger->cell[i & (larger->capacity - 1)], &job);
    }
    larger->older = ring;
    /* release: a thief that finds the ring finds its cells */
    pkn_atomic_store_release_ptr(&deque->ring, larger);
    return larger;
}

/* Owner only. The ring, with room for one job more; 0 without memory. */
PKN_INTERNAL pkn_job_ring *pkn_job_room(pkn_job_deque *deque, const pkern_allocator *allocator) {
    size_t bottom = pkn_atomic_load_relaxed_size(&deque->bottom);
    /* acquire: pairs with the thief's claim, so that its reads of the cell stand before what is stored there now */
    size_t top = pkn_atomic_load_acquire_size(&deque->top);
    pkn_job_ring *ring = (pkn_job_ring *)pkn_atomic_load_relaxed_ptr(&deque->ring);
    if (PKN_UNLIKELY(ring == 0 || bottom - top >= ring->capacity)) {
        ring = pkn_job_ring_grow(deque, allocator, ring, top, bottom);
    }
    return ring;
}

/* Owner only. 0, or 1 where there is no memory: nothing was queued. */
PKN_INTERNAL int pkn_job_push(pkn_job_deque *deque, const pkern_allocator *allocator, const pkn_job *job) {
    size_t bottom = pkn_atomic_load_relaxed_size(&deque->bottom);
    pkn_job_ring *ring = pkn_job_room(deque, allocator);
    if (ring == 0) {
        return 1;
    }
    pkn_job_store(&ring->cell[bottom & (ring->capacity - 1)], job);
    /* release: pairs with the thief's acquire of bottom */
    pkn_atomic_store_release_size(&deque->bottom, bottom + 1);
    return 0;
}

/* Owner only. 1 and the newest job, if the filter takes it. */
PKN_INTERNAL int pkn_job_pop(pkn_job_deque *deque, const pkn_filter *filter, pkn_job *job) {
    size_t bottom = pkn_atomic_load_relaxed_size(&deque->bottom);
    size_t top = pkn_atomic_load_relaxed_size(&deque->top);
    if ((ptrdiff_t)(bottom - top) <= 0) {
        return 0;
    }
    pkn_job_ring *ring = (pkn_job_ring *)pkn_atomic_load_relaxed_ptr(&deque->ring);
    bottom--;
    pkn_job_load(&ring->cell[bottom & (ring->capacity - 1)], job);
    if (!pkn_filter_takes_job(filter, job)) {
        return 0;
    }
    /* release, for a thief that reads this bottom sees the cells below it: in C++20 a thread's own later relaxed store no longer
       carries on what push has released */
    pkn_atomic_store_release_size(&deque->bottom, bottom);
    /* orders the store of bottom before the load of top; pairs with the fence in pkn_job_steal */
    pkn_fence_seq_cst();
    top = pkn_atomic_load_relaxed_size(&deque->top);
    if ((ptrdiff_t)(bottom - top) > 0) {
        return 1;
    }
    int taken = 0;
    if (top == bottom) {
        /* the last job: whoever moves top has it */
        taken = pkn_atomic_cas_relaxed_size(&deque->top, &top, top + 1);
    }
    pkn_atomic_store_relaxed_size(&deque->bottom, bottom + 1);
    return taken;
}

/* Any thread. 1 and the oldest job, if there is one that the filter takes and no other thief was faster; with peek, 1 where such a
   job is there, and it stays. */
PKN_INTERNAL int pkn_job_steal(pkn_job_deque *deque, const pkn_filter *filter, int peek, pkn_job *job) {
    size_t top = pkn_atomic_load_relaxed_size(&deque->top);
    if ((ptrdiff_t)(pkn_atomic_load_relaxed_size(&deque->bottom) - top) <= 0) {
        return 0;
    }
    /* orders the load of top before the load of bottom; pairs with the fence in pkn_job_pop */
    pkn_fence_seq_cst();
    /* acquire: pairs with push's release of bottom, so the cell is visible */
    size_t bottom = pkn_atomic_load_acquire_size(&deque->bottom);
    if ((ptrdiff_t)(bottom - top) <= 0) {
        return 0;
    }
    /* acquire: pairs with grow's release of the ring */
    pkn_job_ring *ring = (pkn_job_ring *)pkn_atomic_load_acquire_ptr(&deque->ring);
    pkn_job_load(&ring->cell[top & (ring->capacity - 1)], job);
    if (!pkn_filter_takes_job(filter, job)) {
        return 0;
    }
    /* release: pairs with push's acquire of top */
    return peek || pkn_atomic_cas_acq_rel_size(&deque->top, &top, top + 1);
}

/* Nobody uses the deque any more. */
PKN_INTERNAL void pkn_job_deque_free(pkn_job_deque *deque, const pkern_allocator *allocator) {
    pkn_job_ring *ring = (pkn_job_ring *)pkn_atomic_load_relaxed_ptr(&deque->ring);
    while (ring != 0) {
        pkn_job_ring *older = ring->older;
        pkn_release(allocator, ring, ring->bytes);
        ring = older;
    }
}

/* ---- a member's spawns ---- */

PKN_INLINE int pkn_spawn_push(pkn_member *owner, const pkn_job *job) {
    owner->has_spawned = 1;
    int failed = pkn_job_push(&owner->spawns, owner->pool->allocator, job);
    pkn_tally_add(&owner->tally, PKN_TALLY_SPAWNS, !failed);
    return failed;
}

PKN_INLINE int pkn_spawn_pop(pkn_member *owner, const pkn_filter *filter, pkn_job *job) {
    return pkn_job_pop(&owner->spawns, filter, job);
}

PKN_INLINE int pkn_spawn_steal(pkn_member *victim, const pkn_filter *filter, int peek, pkn_job *job) {
    return pkn_job_steal(&victim->spawns, filter, peek, job);
}

#endif
