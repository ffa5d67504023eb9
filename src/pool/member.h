/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The scheduler's data: a member is a thread's place in a pool, a worker's for good, a guest's while it is inside a call. All of
   it lives as long as the pool, so a late reader never touches freed memory. Each group of fields that one side writes has its
   own cache lines; a line that crosses cores costs 100 to 200 ns. */
#ifndef PKN_POOL_MEMBER_H
#define PKN_POOL_MEMBER_H

#include "pool/fork.h"
#include "pool/tally.h"
#include "base/platform.h"
#include "base/futex.h"

/* A spawned job: a task of a scope, or detached where scope is 0. */
typedef struct pkn_job {
    pkern_task_fn fn; /* 0: stands for the oldest job in the deque that ctx points to */
    void *ctx;
    pkern_scope *scope;
    uint32_t number; /* of the spawn in its scope */
    uint32_t root;   /* whose call it descends from, PKN_ROOT_NONE for detached jobs */
} pkn_job;

#define PKN_ROOT_NONE 0u
/* 1 .. num_slots are guests' calls, up to here regions, see region.h; this one is a region that can't be told from others */
#define PKN_ROOT_LONELY 0xffffu
#define PKN_REGIONS 32
#define PKN_ROOT_INJECTED UINT32_MAX /* for a wake alone: who waits for work of one root takes nothing from the injector */

/* A job in a spawn deque, word by word: a thief may read while the owner overwrites, and then drops what it read. */
typedef struct pkn_job_cell {
    pkn_atomic_size word[5];
} pkn_job_cell;

typedef struct pkn_job_ring {
    size_t capacity; /* power of two */
    size_t bytes;
    struct pkn_job_ring *older; /* kept until the pool ends, since a thief may still read it */
    pkn_job_cell cell[1];
} pkn_job_ring;

/* See spawn_deque.h: pushed to and popped from at the bottom by one thread, taken from at the top by all. */
typedef struct pkn_job_deque {
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_size top;
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_size bottom;
    pkn_atomic_ptr ring;
} pkn_job_deque;

/* One participant's part of a flat loop. Both words are tagged with the loop's epoch, so nothing is reset between loops. They have
   a line each: the owner waits on done while the participant claims from range. */
typedef struct pkn_loop_slice {
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u64 range; /* epoch 32, next unit 16, end unit 16 */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u64 done;  /* epoch 32, units finished 32 */
} PKN_ALIGNED(PKN_CACHE_LINE) pkn_loop_slice;

/* A loop as its helpers see it: one cache line. See loop.c for the protocol. */
typedef struct pkn_loop_board {
    pkn_atomic_u64 ticket;  /* epoch 32, units 16, units of the owner's slice 16; written last */
    pkn_atomic_size body;   /* pkern_range_fn */
    pkn_atomic_size ctx;
    pkn_atomic_size begin;
    pkn_atomic_size end;
    pkn_atomic_size unit;   /* items of a unit */
    pkn_atomic_size extras; /* pkn_loop_extras of the caller, or 0 */
    pkn_atomic_size root_and_grain; /* root 16, units worth a claim 16 */
} PKN_ALIGNED(PKN_CACHE_LINE) pkn_loop_board;

/* The lowest failure of a loop. Rarely written, so helpers keep it in their caches. */
typedef struct pkn_failure {
    pkn_atomic_u64 lowest; /* epoch 32, unit 32 */
    pkn_atomic_u32 lock;
    int status;
} pkn_failure;

/* What a loop body cost when it last ran here. */
typedef struct pkn_loop_cost {
    size_t body;
    float item_ns;
} pkn_loop_cost;

struct pkn_trace_lane;
typedef struct pkn_trace pkn_trace;

#define PKN_LOOP_COSTS 32
#define PKN_JOIN_SEGMENTS 15 /* 2^20 - 32 records; join_range tells 2^20 indices apart */
#define PKN_JOIN_SEGMENT_0 32u
#define PKN_JOIN_TIMES 32u
#define PKN_THEFT_NS 1000 /* about what one costs both sides */

/* When a member last asked for room for this function at this index. */
typedef struct pkn_join_time {
    uintptr_t what;
    uint32_t index;
    uint64_t ticks;
} pkn_join_time;

/* A guest slot. The pool's first one is kept for the thread that had it first: that thread alone comes and goes there, by plain stores. */
enum { PKN_GUEST_FREE = 0, PKN_GUEST_BUSY = 1, PKN_GUEST_CLOSED = 2, PKN_GUEST_KEPT = 3, PKN_GUEST_KEPT_BUSY = 4, PKN_GUEST_SPARE = 5, PKN_GUEST_RESTING = 6 };
enum { PKN_AWAKE = 0, PKN_ASLEEP = 1 };
#define PKN_ASLEEP_ABROAD 0x80000000u /* a worker that sleeps as a guest of another pool */
/* A guest for the pool's life, by PKERN_POOL_USE_CURRENT_THREAD; it is just running the jobs that nobody else can run. */
enum { PKN_STAYS_NOT = 0, PKN_STAYS = 1, PKN_STAYS_AND_RUNS = 2 };

/* Where a pinned worker runs: the number of its last cache and of its memory node; 0, 0 where nobody knows. */
typedef struct pkn_cpu_place {
    int cache, node;
} pkn_cpu_place;

struct pkn_member {
    pkn_fork_state fork; /* must be first: typed joins see it alone */

    /* what everybody reads and hardly anybody writes */
    PKN_ALIGNED(PKN_CACHE_LINE) pkern_pool *pool;
    int index;
    int is_worker;
    int is_spare;           /* see spare.h */
    pkn_cpu_place place;
    size_t bytes;           /* of this block */
    pkn_loop_slice *slices; /* [T], allocated by the first loop that is shared */
    uint32_t *seen_epoch;   /* [members] last epoch of each member's loop that had nothing left for us */
    pkn_failure failure;    /* of our loop */

    /* the owner's */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 guest_state;
    const void *kept_by;   /* the thread state of the one that keeps this slot; a later thread at the same place inherits it */
    struct pkn_trace_lane *lane; /* where the pool is traced */
    uint32_t entries;      /* calls this thread is inside, nested ones counted */
    pkn_atomic_u32 root;   /* of the job that runs; thieves look at it */
    uint32_t in_detached;  /* detached jobs and futures that this thread is inside */
    uint32_t depth;        /* jobs of others that run on top of waiting ones */
    uint64_t stuck_since;  /* the last timed wait ended in vain, and had found no work since then; ticks */
    uint32_t join_floor;   /* records below it are of other roots than what runs now, and stay public */
    int blocks;            /* waits, and runs nothing meanwhile */
    uint32_t regions;      /* bit i: region_outer[i] is in use */
    pkn_atomic_u32 region_outer[PKN_REGIONS]; /* the root under which it was begun; thieves look at it */
    pkn_member *home;      /* a guest's: where its thread is a worker, in another pool */
    pkn_member *abroad;    /* a worker's: as which guest it sleeps; under the pool's lock */
    uint32_t join_segments;
    uint32_t victim;       /* where the last successful search ended */
    uint32_t seen_broadcast;
    int has_spawned;       /* something was pushed to the spawn deque since the guest came */
    int stays;             /* PKN_STAYS... */
    int is_blocking;       /* inside pkern_blocking */
    int ended;             /* the worker is gone, since the pool is being destroyed; under the pool's lock */
    uint32_t loop_epoch;
    int loop_active;       /* the board is in use */
    pkn_member *next_membership; /* of the same thread, in other pools */
    uint32_t later_owner, later_epoch; /* a loop that was not worth helping, not looked at again before later_ticks */
    uint64_t later_ticks;
    int times_later;
    pkn_loop_cost costs[PKN_LOOP_COSTS];
    pkn_join_time join_times[PKN_JOIN_TIMES];

    PKN_ALIGNED(PKN_CACHE_LINE) pkn_tally tally;

    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_ptr join_segment[PKN_JOIN_SEGMENTS];

    uint64_t tally_base[PKN_TALLY_WORDS]; /* tally at the last reset; under the pool's lock */

    /* what thieves read and change */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u64 join_range; /* the public joins, see join_deque.h */
    pkn_job_deque spawns;
    pkn_job_deque fifo; /* detached jobs that start in the order of their spawns, see fifo.h */

    pkn_loop_board board;

    /* what wakes us */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 parked;
    pkn_atomic_ptr waits_for; /* address of what has no owner: a future, the count of detached jobs */
#if PKN_THREADS
    pkn_thread thread;
    pkn_sleeper sleeper;
#endif
};

/* One pkern_broadcast, on its caller's stack, or a spawned one, in memory of its own, without a caller; linked while a worker may
   still have to run it. */
typedef struct pkn_broadcast {
    struct pkn_broadcast *next;
    uint32_t number;
    int count;
    int (*fn)(int index, int count, void *ctx);
    void *ctx;
    pkn_member *caller;
    uint32_t root;
    pkn_atomic_u32 remaining;
    pkn_atomic_u64 failure; /* index 32, code 32; all ones for none */
    pkern_scope *scope;     /* whose task it is, as its number-th spawn */
    uint32_t spawn_number;
    struct pkn_broadcast *next_spawned;
} pkn_broadcast;

/* What idle workers look at, in one line. call says what to run in broadcast number `call_number`, while that is not done. */
typedef struct pkn_broadcast_board {
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 number; /* of the newest broadcast */
    pkn_atomic_u32 call_number;
    pkn_atomic_u32 count, root;
    pkn_atomic_size fn;
    pkn_atomic_size ctx;
    pkn_atomic_ptr broadcast;
} PKN_ALIGNED(PKN_CACHE_LINE) pkn_broadcast_board;

/* Jobs first in, first out, under the pool's lock. */
typedef struct pkn_job_queue {
    pkn_atomic_size count;
    pkn_job *jobs; /* [capacity], a ring */
    size_t capacity, head;
} pkn_job_queue;

struct pkern_pool {
    int num_threads; /* T */
    int num_slots;
    uint32_t fork_generation;
    uint32_t depth_limit;
    int is_spread; /* the workers are pinned, at places that differ */
    size_t stack_size;
    uint64_t spin_ticks;
    double ticks_per_ns;
    uint64_t theft_ticks;
    uint64_t id; /* no two pools of the process share one: when it was made, in ns */
    uint64_t created_ticks; /* at the same moment */
    uint64_t stats_since_ns; /* under lock */
    pkn_trace *trace;
    pkern_status trace_status;
    unsigned flags;
    int has_membarrier; /* a thread can fence all of them: private joins can be stolen */
    pkern_allocator allocator_storage;
    const pkern_allocator *allocator;
    void (*on_thread_start)(int index, void *user);
    void (*on_thread_exit)(int index, void *user);
    int (*start_thread)(const pkern_thread_start *start, void *user);
    void (*join_thread)(int index, void *user);
    void (*on_task_error)(int code, void *ctx, void *user);
    void *user;
    char name[16];
    size_t bytes;
    pkn_atomic_ptr *members; /* [num_slots] pkn_member, guests' made when first needed */
    pkn_mutex starting;     /* held while the workers are made */
    pkn_mutex lock;         /* guest creation, broadcasts, the two queues */

    pkn_broadcast *broadcasts; /* under lock */
    pkn_broadcast *spawned_broadcasts; /* under lock; whose memory a forked child frees */

    pkn_broadcast_board board; /* beside the list, so that workers come by without the lock */

    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 num_members; /* members[0 .. this) exist */
    pkn_atomic_u32 stopping;
    pkn_job_queue injected;          /* see injector.h */
    pkn_job_queue urgent;
    pkn_job_queue of_regions;        /* tasks of regions, see region.h */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_size detached; /* detached jobs and futures that are queued or run */

    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 sleepers; /* workers asleep, + PKN_SLEEPING_GUEST for each guest */
    uint32_t helpers; /* T - 1 */
    pkn_atomic_u32 blocking; /* workers in a wait that runs nothing */

    /* see spare.h; changed under lock */
    PKN_ALIGNED(PKN_CACHE_LINE) pkn_atomic_u32 blocked; /* members inside pkern_blocking */
    pkn_atomic_u32 spares_working;                      /* that don't rest */
    uint32_t num_spares, max_spares;
};

#define PKN_SLEEPING_GUEST 0x10000u

PKN_INLINE uint32_t pkn_root(const pkn_member *member) {
    return pkn_atomic_load_relaxed_u32(&member->root);
}

PKN_INLINE void pkn_set_root(pkn_member *member, uint32_t root) {
    pkn_atomic_store_relaxed_u32(&member->root, root);
}

/* Of an index below num_members, whose release covers the pointer, or of a thief whose claim was seen. */
PKN_INLINE pkn_member *pkn_member_at(const pkern_pool *pool, uint32_t index) {
    return (pkn_member *)pkn_atomic_load_relaxed_ptr(&pool->members[index]);
}

/* One of the pool's own threads, which take any work; the others are guests. */
PKN_INLINE int pkn_is_own_thread(const pkn_member *member) {
    return member->is_worker || member->is_spare;
}

/* 0 where both have the same last cache, or one's place isn't known; 1 in the same memory node; else 2. */
PKN_INLINE int pkn_distance(const pkn_member *a, const pkn_member *b) {
    if (a->place.cache == b->place.cache || a->place.cache == 0 || b->place.cache == 0) {
        return 0;
    }
    return a->place.node == b->place.node ? 1 : 2;
}

/* 1 where a thread that runs work of this root takes nothing else while it waits. */
PKN_INLINE int pkn_is_isolated(const pkern_pool *pool, uint32_t root) {
    return root > (uint32_t)pool->num_slots && root <= PKN_ROOT_LONELY;
}

/* The root that a region was begun under; roots that are no region end the chain by themselves. */
PKN_INLINE uint32_t pkn_outer_root(const pkern_pool *pool, uint32_t root) {
    uint32_t slots = (uint32_t)pool->num_slots;
    if (!pkn_is_isolated(pool, root) || root == PKN_ROOT_LONELY) {
        return root;
    }
    const pkn_member *member = pkn_member_at(pool, (root - 1u) % slots);
    return pkn_atomic_load_relaxed_u32(&member->region_outer[(root - 1u) / slots - 1u]);
}

/* 1 where work of this root is the other's, too. A root that is read before its work is claimed may be an old one of a region that is
   over, so the chain may be anything, and long. */
PKN_INTERNAL int pkn_root_descends(const pkern_pool *pool, uint32_t root, uint32_t from) {
    for (int steps = 0; root != from && steps < 1000; steps++) {
        uint32_t outer = pkn_outer_root(pool, root);
        if (outer == root) {
            return 0;
        }
        root = outer;
    }
    return root == from;
}

/* The call that all of it descends from. */
PKN_INTERNAL uint32_t pkn_top_root(const pkern_pool *pool, uint32_t root) {
    uint32_t outer = pkn_outer_root(pool, root);
    for (int steps = 0; outer != root && steps < 1000; steps++) {
        root = outer;
        outer = pkn_outer_root(pool, root);
    }
    return root;
}

#endif
