/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What is remembered of a loop body's cost: in the member, to decide alone or shared; in the thread, to run the shortest calls
   without a place in the pool. Tuned for programs that call the same few bodies again and again. */
#ifndef PKN_POOL_LOOP_COST_H
#define PKN_POOL_LOOP_COST_H

#include "pool/guest.h"
#include "base/rng.h"

/* ---- cost of a body, as last seen by this member ---- */

/* Each body has two places, and a new one drives out the older. */
PKN_INLINE pkn_loop_cost *pkn_loop_cost_of(pkn_member *member, size_t key) {
    pkn_loop_cost *newer = &member->costs[pkn_mix_u64(key) % (PKN_LOOP_COSTS / 2) * 2];
    pkn_loop_cost *older = newer + 1;
    if (newer->body != key) {
        pkn_loop_cost first = *newer;
        *newer = *older;
        *older = first;
        if (newer->body != key) {
            newer->body = key;
            newer->item_ns = 0;
        }
    }
    return newer;
}

PKN_INLINE void pkn_loop_learn(pkn_loop_cost *cost, double ns, size_t items) {
    if (items != 0) {
        double seen = ns / (double)items;
        seen = seen > 0.01 ? seen : 0.01;
        cost->item_ns = (float)(cost->item_ns > 0 ? 0.5 * ((double)cost->item_ns + seen) : seen);
    }
}

/* ---- many small calls in a row ----

   They are worth a wake together: the shareable time that a thread ran alone while all helpers slept is added up, and when it
   reaches 30 wakes within 5 ms one helper is woken, which then spins while calls keep coming. */

#define PKN_WAKE_WORTH_NS 150000.0
#define PKN_COLD_WINDOW_NS 5e6

/* 1 where a helper should be woken now. */
PKN_INLINE int pkn_loop_count_cold(pkn_thread_state *thread, double work_ns, double ticks_per_ns) {
    uint64_t now = pkn_ticks();
    if ((double)(now - thread->cold_since) > PKN_COLD_WINDOW_NS * ticks_per_ns) {
        thread->cold_since = now;
        thread->cold_ns = 0;
    }
    thread->cold_ns += (float)work_ns;
    return (double)thread->cold_ns >= PKN_WAKE_WORTH_NS;
}

/* ---- short calls ----

   A call from outside that is too short to share needs nothing of the pool, and where the program has been idle for a while
   each line that it touches costs 20 to 100 ns. So the thread remembers the body that ran short last, and runs it on the
   spot while that stays true; one line of data is touched, the thread's own, and as few of code as can be. A body that asks
   for its place in the pool (pkern_worker_index, a call of its own) gets it then. */

#define PKN_SHORT_CALLS 64u
/* below this no helper is worth its hand-over; while all sleep, the rest of the way in costs more than watching the body is worth */
#define PKN_SHARE_NS 1600.0
#define PKN_SHORT_COLD_NS 12000.0

PKN_INLINE int pkn_all_helpers_sleep(const pkern_pool *pool) {
    return pkn_sleeping_workers(pool) >= pool->helpers;
}

PKN_INTERNAL PKN_NOINLINE int pkn_loop_is_short_cold(pkn_thread_state *thread, const pkern_pool *pool, size_t items) {
    double work_ns = (double)thread->short_item_ns * (double)items;
    return pkn_all_helpers_sleep(pool != 0 ? pool : pkern_pool_global()) &&
           !pkn_loop_count_cold(thread, work_ns, (double)thread->short_ticks_per_ns);
}

/* Never where there are no items, or less. */
PKN_ALWAYS_INLINE int pkn_loop_is_short(pkn_thread_state *thread, const pkern_pool *pool, size_t items, size_t key) {
    if (thread->short_key != key || thread->short_pool != pool || thread->memberships != 0 || thread->short_call != 0) {
        return 0;
    }
    return PKN_LIKELY(items - 1u < thread->short_items) ||
           (items - 1u < thread->short_cold_items && pkn_loop_is_short_cold(thread, pool, items));
}

PKN_INLINE void pkn_loop_forget_short(pkn_thread_state *thread) {
    thread->short_items = 0;
    thread->short_cold_items = 0;
}

PKN_ALWAYS_INLINE int pkn_loop_run_short(pkn_thread_state *thread, pkern_pool *pool, size_t begin, size_t end, pkern_range_fn body,
                                         void *ctx) {
    pkn_short_call call;
    call.pool = pool;
    call.is_inside = 0;
    thread->short_call = &call;
    uint32_t start = (uint32_t)pkn_ticks();
    int status = body(begin, end, ctx);
    uint32_t passed = (uint32_t)pkn_ticks() - start; /* a body of seconds may pass for a short one, 64 times */
    thread->short_call = 0;
    if (PKN_UNLIKELY(call.is_inside)) {
        pkn_leave(&call.entry);
    }
    thread->short_left--;
    if (PKN_UNLIKELY(thread->short_left == 0 || passed > thread->short_ticks)) {
        pkn_loop_forget_short(thread); /* old, or dearer than it was: the next call goes the long way and measures */
    }
    return status;
}

PKN_INLINE void pkn_loop_remember_short(const pkern_pool *pool, size_t key, double item_ns, double ticks_per_ns) {
    pkn_thread_state *thread = &pkn_this_thread;
    thread->short_key = key;
    thread->short_pool = pool;
    thread->short_items = (size_t)(PKN_SHARE_NS / item_ns); /* 0.01 ns at least, see pkn_loop_learn */
    thread->short_cold_items = (size_t)(PKN_SHORT_COLD_NS / item_ns);
    thread->short_ticks = (uint32_t)(2.0 * PKN_SHORT_COLD_NS * ticks_per_ns);
    thread->short_item_ns = (float)item_ns;
    thread->short_ticks_per_ns = (float)ticks_per_ns;
    thread->short_left = PKN_SHORT_CALLS;
}

#endif
