/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Recording what members do, and the hooks through which the scheduler tells it.

   Each traced member has a lane: events in blocks of PKN_TRACE_BLOCK, allocated when the first is written, at most PKERN_TRACE_EVENTS;
   what comes after that is only counted. An event is written at its end, so slices of one thread nest by themselves. The lane's
   count is published after the event, so the lanes can be written to the file while their threads go on, as at exit.
   Off, lane is 0, and each hook is one branch on a line that its thread has at hand. */
#ifndef PKN_POOL_TRACE_H
#define PKN_POOL_TRACE_H

#include "pool/process.h"
#include "base/alloc.h"

/* slices, in pairs with their names in trace.c, then instants */
enum {
    PKN_TRACE_JOIN,
    PKN_TRACE_JOB,
    PKN_TRACE_HELP,
    PKN_TRACE_LOOP,
    PKN_TRACE_ALONE,
    PKN_TRACE_BROADCAST,
    PKN_TRACE_WAIT, /* + kind of the wait, 1 to 7 */
    PKN_TRACE_SLEEP = PKN_TRACE_WAIT + 8,
    PKN_TRACE_CALL,
    PKN_TRACE_WAKE,
    PKN_TRACE_ANNOUNCE,
    PKN_TRACE_KINDS
};

typedef struct pkn_trace_event {
    uint64_t start, end; /* ticks; end is start for an instant */
    uint32_t kind, first, second;
} pkn_trace_event;

#define PKN_TRACE_BLOCK 4096u
#define PKN_TRACE_BLOCKS ((PKERN_TRACE_EVENTS + PKN_TRACE_BLOCK - 1u) / PKN_TRACE_BLOCK)

typedef struct pkn_trace_lane {
    pkn_count recorded;
    pkn_count dropped;
    uint64_t call_start; /* of the guest's outermost call, 0 where that is a loop or a broadcast, which have slices of their own */
    pkn_atomic_ptr block[PKN_TRACE_BLOCKS];
} pkn_trace_lane;

/* A lane, where the pool is traced and there is memory; else 0, and this member leaves no trace. */
PKN_INTERNAL pkn_trace_lane *pkn_trace_make_lane(const pkern_pool *pool) {
    if (pool->trace == 0) {
        return 0;
    }
    pkn_trace_lane *lane = (pkn_trace_lane *)pkn_allocate(pool->allocator, sizeof(pkn_trace_lane), PKN_CACHE_LINE);
    if (lane != 0) {
        memset((void *)lane, 0, sizeof *lane);
    }
    return lane;
}

PKN_INTERNAL void pkn_trace_free_lane(const pkern_pool *pool, pkn_trace_lane *lane) {
    if (lane != 0) {
        for (uint32_t i = 0; i < PKN_TRACE_BLOCKS; i++) {
            pkn_release(pool->allocator, pkn_atomic_load_relaxed_ptr(&lane->block[i]), PKN_TRACE_BLOCK * sizeof(pkn_trace_event));
        }
        pkn_release(pool->allocator, lane, sizeof *lane);
    }
}

PKN_INTERNAL PKN_COLD void pkn_trace_record(const pkn_member *self, uint32_t kind, uint64_t start, uint64_t end, uint32_t first,
                                            uint32_t second) {
    pkn_trace_lane *lane = self->lane;
    uint64_t count = pkn_count_read(&lane->recorded);
    uint64_t at = count % PKN_TRACE_BLOCK;
    pkn_atomic_ptr *place = &lane->block[count / PKN_TRACE_BLOCK < PKN_TRACE_BLOCKS ? count / PKN_TRACE_BLOCK : 0];
    pkn_trace_event *block = (pkn_trace_event *)pkn_atomic_load_relaxed_ptr(place);
    if (count < PKERN_TRACE_EVENTS && block == 0) {
        block = (pkn_trace_event *)pkn_allocate(self->pool->allocator, PKN_TRACE_BLOCK * sizeof(pkn_trace_event), PKN_CACHE_LINE);
        pkn_atomic_store_relaxed_ptr(place, block);
    }
    if (count >= PKERN_TRACE_EVENTS || block == 0) {
        pkn_count_add(&lane->dropped, 1);
        return;
    }
    block[at].start = start;
    block[at].end = end;
    block[at].kind = kind;
    block[at].first = first;
    block[at].second = second;
    pkn_count_publish(&lane->recorded, count + 1);
}

/* Begin and end of a pool's trace, see trace.c. open: a status for pkern_pool_stats.trace. */
PKN_INTERNAL pkern_status pkn_trace_open(pkern_pool *pool, const char *name);
PKN_INTERNAL void pkn_trace_close(pkern_pool *pool);

/* ---- hooks ---- */

/* The time where this member is traced, else 0. */
PKN_INLINE uint64_t pkn_trace_start(const pkn_member *self) {
    return PKN_UNLIKELY(self->lane != 0) ? pkn_ticks() : 0;
}

/* A slice from start to now; nothing where start is 0. */
PKN_INLINE void pkn_trace_end(const pkn_member *self, uint32_t kind, uint64_t start, uint32_t first, uint32_t second) {
    if (PKN_UNLIKELY(start != 0)) {
        pkn_trace_record(self, kind, start, pkn_ticks(), first, second);
    }
}

PKN_INLINE void pkn_trace_instant(const pkn_member *self, uint32_t kind, uint32_t first) {
    if (PKN_UNLIKELY(self->lane != 0)) {
        uint64_t now = pkn_ticks();
        pkn_trace_record(self, kind, now, now, first, 0);
    }
}

/* A call that came from outside begins; pkn_leave_for_good ends it. */
PKN_INLINE void pkn_trace_call(const pkn_member *self) {
    if (PKN_UNLIKELY(self->lane != 0) && self->entries == 1 && !self->is_worker) {
        self->lane->call_start = pkn_ticks();
    }
}

typedef struct pkn_work {
    uint64_t start;
    int outer_mode;
} pkn_work;

/* A piece of work begins: it is counted, and its member is busy. */
PKN_INLINE pkn_work pkn_work_begins(pkn_member *self, int count) {
    pkn_work work;
    pkn_tally_add(&self->tally, count, 1);
    work.outer_mode = self->tally.mode;
    pkn_tally_turn(&self->tally, PKN_TALLY_BUSY);
    work.start = pkn_trace_start(self);
    return work;
}

PKN_INLINE void pkn_work_ends(pkn_member *self, const pkn_work *work, uint32_t kind, uint32_t first) {
    pkn_tally_back(&self->tally, work->outer_mode);
    pkn_trace_end(self, kind, work->start, first, 0);
}

/* The calling thread has woken a member: counted where it is a member of the same pool. */
PKN_INTERNAL PKN_COLD void pkn_trace_wake(const pkn_member *woken) {
    pkn_member *self = pkn_this_thread.memberships;
    while (self != 0 && self->pool != woken->pool) {
        self = self->next_membership;
    }
    if (self != 0) {
        pkn_tally_add(&self->tally, PKN_TALLY_WAKES, 1);
        pkn_trace_instant(self, PKN_TRACE_WAKE, (uint32_t)woken->index);
    }
}

#endif
