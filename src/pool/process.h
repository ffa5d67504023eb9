/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What belongs to a process and to a thread, not to a pool: fork's generation, the thread's memberships. */
#ifndef PKN_POOL_PROCESS_H
#define PKN_POOL_PROCESS_H

#include "pool/member.h"

/* A loop too short to share, called from outside: it runs without a place in the pool unless its body asks for one. */
typedef struct pkn_short_call {
    pkern_pool *pool; /* as the caller gave it */
    pkn_entry entry;
    int is_inside; /* entry holds a place */
} pkn_short_call;

typedef struct pkn_thread_state {
    /* All that a short call touches, in one line: the body that ran short here last, how many of its items are too few to
       share (and too few while all helpers sleep), what they may cost; see loop_cost.h. */
    pkn_short_call *short_call;
    pkn_member *memberships; /* every pool this thread is inside of */
    size_t short_key;
    const pkern_pool *short_pool;
    size_t short_items, short_cold_items;
    uint32_t short_ticks;
    uint32_t short_left; /* calls until its cost is looked at again */
    float short_item_ns;

    float short_ticks_per_ns;
    float cold_ns;           /* shareable time that ran alone while all helpers slept ... */
    uint64_t cold_since;     /* ... from this tick on */
    pkn_member *worker;      /* where this is a pool's own thread */
    pkern_pool *last_pool;   /* the guest slot used last, taken again without a search */
    uint64_t last_pool_id;
    pkn_member *last_guest;
    int last_is_kept; /* the slot is this thread's for the pool's life */
} PKN_ALIGNED(PKN_CACHE_LINE) pkn_thread_state;

static PKN_THREAD_LOCAL pkn_thread_state pkn_this_thread;

#ifndef PKERN_STATIC
static pkn_slot pkern_internal_no_slot = PKN_NO_SLOT;
pkn_fork_state pkern_internal_outside = PKN_FORK_OUTSIDE;
PKN_THREAD_LOCAL pkn_fork_state *pkern_internal_self = &pkern_internal_outside;
#endif

/* The member of the innermost task or install, 0 outside of any. */
PKN_INLINE pkn_member *pkn_current(void) {
    pkn_fork_state *self = pkern_internal_self;
    return self == &pkern_internal_outside ? 0 : (pkn_member *)(void *)self;
}

PKN_INLINE void pkn_set_current(pkn_member *member) {
    pkern_internal_self = member != 0 ? &member->fork : &pkern_internal_outside;
}

/* How many forks this process descends from. A pool of an older generation has lost its threads. */
static pkn_atomic_u32 pkn_fork_generation;

PKN_INLINE int pkn_is_orphan(const pkern_pool *pool) {
    return pool->fork_generation != pkn_atomic_load_relaxed_u32(&pkn_fork_generation);
}

#if PKN_THREADS
/* Held while the global pool is made or ended, and over a fork, so that the child finds it free. */
static pkn_mutex pkn_global_lock = PKN_MUTEX_INIT;
/* Held while a trace is begun, written or ended. Taken after the other, where both are. */
static pkn_mutex pkn_trace_lock = PKN_MUTEX_INIT;

PKN_INTERNAL void pkn_before_fork(void) {
    pkn_mutex_lock(&pkn_global_lock);
    pkn_mutex_lock(&pkn_trace_lock);
}

PKN_INTERNAL void pkn_forked_parent(void) {
    pkn_mutex_unlock(&pkn_trace_lock);
    pkn_mutex_unlock(&pkn_global_lock);
}

PKN_INTERNAL void pkn_forked_child(void) {
    pkn_atomic_fetch_add_relaxed_u32(&pkn_fork_generation, 1);
    pkn_mutex_unlock(&pkn_trace_lock);
    pkn_mutex_unlock(&pkn_global_lock);
}

static pkn_once pkn_fork_once = PKN_ONCE_INIT;

PKN_INTERNAL void pkn_watch_fork_once(void) {
    pkn_at_fork(pkn_before_fork, pkn_forked_parent, pkn_forked_child);
}

PKN_INTERNAL void pkn_watch_fork(void) {
    pkn_call_once(&pkn_fork_once, pkn_watch_fork_once);
}
#else
static pkn_mutex pkn_global_lock;
static pkn_mutex pkn_trace_lock;

PKN_INTERNAL void pkn_watch_fork(void) {
}
#endif

#endif
