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

/* ---- short calls ----

   A call from outside that is too short to share needs nothing of the pool, and where the program has been idle for a while
   each line that it touches costs 20 to 100 ns. So the thread remembers the body that ran short last, and runs it on the
   spot while that stays true; only this thread's own line is touched. A body that asks for its place in the pool
   (pkern_worker_index, a call of its own) gets it then. */

#define PKN_SHORT_CALLS 64u

PKN_INLINE int pkn_loop_is_short(const pkn_thread_state *thread, const pkern_pool *pool, size_t items, size_t key) {
    return thread->short_key == key && thread->short_pool == pool && thread->short_left != 0 && thread->current == 0 &&
           thread->short_call == 0 && thread->short_item_ticks * (double)items < thread->short_max_ticks;
}

PKN_INTERNAL int pkn_loop_run_short(pkn_thread_state *thread, pkern_pool *pool, size_t begin, size_t end, pkern_range_fn body,
                                    void *ctx) {
    pkn_short_call call = {pool, {0, 0}, 0};
    thread->short_call = &call;
    thread->short_left--;
    uint64_t start = pkn_ticks();
    int status = body(begin, end, ctx);
    double passed = (double)(pkn_ticks() - start);
    thread->short_call = 0;
    if (call.is_inside) {
        pkn_leave(&call.entry);
    }
    if (passed > 2.0 * thread->short_max_ticks) {
        thread->short_left = 0; /* dearer than it was: the next call goes the long way and measures */
    }
    return status;
}

PKN_INLINE void pkn_loop_remember_short(const pkern_pool *pool, size_t key, double item_ticks, double max_ticks) {
    pkn_thread_state *thread = &pkn_this_thread;
    thread->short_key = key;
    thread->short_pool = pool;
    thread->short_item_ticks = item_ticks;
    thread->short_max_ticks = max_ticks;
    thread->short_left = PKN_SHORT_CALLS;
}

#endif
