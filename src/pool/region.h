/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Regions: calls whose waits take only what descends from the call, so that a lock that the caller holds can't be asked for by other work
   on top of a wait.

   A region is a root of its own (see member.h): what is forked in it, by whatever thread, has that root, and a thread that runs
   such work takes nothing else while it waits. Regions nest: each knows the root that it was begun under, and work of an inner
   region counts as the outer one's. Why no circle of waits closes: a thread that runs a region's work holds none but the region's frames
   above it, so each record of the region is run by its owner or by a thread that comes to an end in the same way. A task of a region that
   nobody has begun could lie behind others in a deque whose owner waits for the lock; so these tasks go in one queue of the pool,
   where whoever may take them finds them.
   A member can tell PKN_REGIONS regions that it began apart. Beyond these its waits run nothing but tasks of the scope waited for.
   Source: own; TBB's task isolation has the rule, without the queue. */
#ifndef PKN_POOL_REGION_H
#define PKN_POOL_REGION_H

#include "pool/scope.h"
#include "pool/injector.h"
#include "base/bits.h"

/* Runs (sees) the oldest task of a region that the filter takes. */
PKN_INTERNAL int pkn_region_run(pkn_member *self, const pkn_filter *filter, int peek) {
    pkn_job job;
    if (!pkn_queue_take(self->pool, &self->pool->of_regions, filter, peek, &job)) {
        return 0;
    }
    if (!peek) {
        pkn_run_job(self, &job);
    }
    return 1;
}

/* The root of a new region under the member's present root. */
PKN_INTERNAL uint32_t pkn_region_begin(pkn_member *member) {
    uint32_t slots = (uint32_t)member->pool->num_slots;
    uint32_t level = member->regions == UINT32_MAX ? PKN_REGIONS : (uint32_t)pkn_ctz_u64(~(uint64_t)member->regions);
    uint64_t root = 1u + (uint64_t)(level + 1u) * slots + (uint32_t)member->index;
    if (level >= PKN_REGIONS || root >= PKN_ROOT_LONELY) {
        return PKN_ROOT_LONELY;
    }
    member->regions |= 1u << level;
    pkn_atomic_store_relaxed_u32(&member->region_outer[level], pkn_root(member));
    return (uint32_t)root;
}

/* Everything of the region is done. */
PKN_INTERNAL void pkn_region_end(pkn_member *member, uint32_t root) {
    if (root != PKN_ROOT_LONELY) {
        member->regions &= ~(1u << ((root - 1u) / (uint32_t)member->pool->num_slots - 1u));
    }
}

#endif
