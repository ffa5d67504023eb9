/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Waiting: while a member waits it works, and where there is nothing to do it spins, looks deeper and deeper, and sleeps. */
#ifndef PKN_POOL_WAIT_H
#define PKN_POOL_WAIT_H

#include "pool/search.h"
#include "pool/deadline.h"

/* Those waits that a thread without a place in the pool may have, too. */
PKN_INTERNAL int pkn_wait_without_place_is_over(const pkern_pool *pool, const pkn_wait *wait) {
    const pkn_atomic_size *left = wait->scope != 0 ? &wait->scope->pending : &pool->detached;
    return pkn_atomic_load_acquire_size(left) == 0 || pkn_deadline_has_passed(wait->deadline_ns);
}

/* One spare is too many; at the pool's end, when workers that have ended have left it nothing. See spare.h. */
PKN_INTERNAL int pkn_spare_may_rest(const pkern_pool *pool) {
    return pkn_atomic_load_relaxed_u32(&pool->spares_working) > pkn_atomic_load_relaxed_u32(&pool->blocked) &&
           (pkn_atomic_load_relaxed_u32(&pool->stopping) == 0 || pkn_queues_are_empty(pool));
}

/* acquire in each: what was done before is visible after the wait */
PKN_INTERNAL int pkn_wait_is_over(const pkn_member *self, const pkn_wait *wait) {
    switch (wait->kind) {
    case PKN_WAIT_WORK:
        return self->is_spare && pkn_spare_may_rest(self->pool);
    case PKN_WAIT_JOIN:
        return (pkn_atomic_load_acquire_u32(&wait->slot->state) & 0xffffu) == PKN_SLOT_DONE;
    case PKN_WAIT_LOOP:
        return pkn_loop_reported(self->slices, (uint32_t)self->pool->num_threads, wait->epoch) == wait->units;
    case PKN_WAIT_BROADCAST:
        return pkn_atomic_load_acquire_u32(&wait->broadcast->remaining) == 0;
    case PKN_WAIT_SCOPE:
    case PKN_WAIT_FUTURE:
    case PKN_WAIT_IDLE:
        return pkn_wait_without_place_is_over(self->pool, wait);
    default:
        return 0;
    }
}

/* A worker's search for work, at the pool's end. A spare goes on, for what is blocked may still need it. */
PKN_INTERNAL int pkn_wait_stops(const pkn_member *self, const pkn_wait *wait) {
    return wait->kind == PKN_WAIT_WORK && !self->is_spare && pkn_atomic_load_relaxed_u32(&self->pool->stopping) != 0;
}

/* Asks everybody to make private joins public at the next fork; who is hungry, to fork where joins run in line, too. */
PKN_INTERNAL void pkn_request_work(pkn_member *self, int is_hungry) {
    uint32_t count = pkn_atomic_load_acquire_u32(&self->pool->num_members);
    for (uint32_t i = 0; i < count; i++) {
        pkn_member *member = pkn_member_at(self->pool, i);
        if (member == self) {
            continue;
        }
        if (pkn_atomic_load_relaxed_u32(&member->fork.request) == 0) {
            pkn_atomic_store_relaxed_u32(&member->fork.request, 1);
        }
        if (is_hungry) {
            pkn_atomic_fetch_add_relaxed_u32(&member->fork.hunger, PKN_HUNGER_STEP);
        }
    }
}

/* what pkn_sleep tells: the wake of a poster in this pool, at home was taken */
enum { PKN_WOKEN = 1, PKN_WOKEN_AT_HOME = 2 };

#if PKN_THREADS
/* Until the word changes, or the deadline where that is not 0. */
PKN_INTERNAL void pkn_sleep_on(pkn_member *self, pkn_atomic_u32 *word, uint32_t value, uint64_t deadline_ns) {
    uint64_t start = pkn_ticks();
    pkn_tally_add(&self->tally, PKN_TALLY_SLEEPS, 1);
    pkn_watch_start(&self->tally.watch[PKN_TALLY_ASLEEP], start);
    if (deadline_ns == 0) {
        pkn_sleep_while_equal(&self->sleeper, word, value);
    } else {
        pkn_sleep_until(&self->sleeper, word, value, deadline_ns);
    }
    self->tally.clock = pkn_ticks();
    pkn_watch_stop(&self->tally.watch[PKN_TALLY_ASLEEP], self->tally.clock);
    pkn_trace_end(self, PKN_TRACE_SLEEP, self->lane != 0 ? start : 0, 0, 0);
}
#endif

/* Sleeps until woken, unless there is something to do. See sleep.h. */
PKN_INTERNAL int pkn_sleep(pkn_member *self, const pkn_wait *wait) {
#if PKN_THREADS
    pkern_pool *pool = self->pool;
    int is_isolated = pkn_wait_is_isolated(self, wait);
    int takes_anything = pkn_is_own_thread(self) && wait->kind != PKN_WAIT_LOOP && !is_isolated;
    uint32_t parked = takes_anything ? (uint32_t)PKN_ASLEEP : pkn_asleep_for_root(self->blocks ? PKN_ROOT_LONELY : pkn_root(self));
    pkn_member *home = is_isolated ? 0 : self->home;
    int woken = PKN_WOKEN;
    const int all = PKN_SEARCH_IMPATIENT | PKN_SEARCH_HIDDEN;
    pkn_atomic_fetch_add_relaxed_u32(&pool->sleepers, pkn_sleeper_unit(self));
    /* release: after the count, which is never less than those that are parked. The other way round a waker that is
       fast lowers the count first, and who reads 0 then passes over another sleeper */
    pkn_atomic_store_release_u32(&self->parked, parked);
    if (home != 0) {
        pkn_sleep_abroad(home, self);
        pkn_request_work(home, 1);
    }
    pkn_request_work(self, 1);
    /* orders parked, sleepers and the requests before the looks below; pairs with the fences of posters and completers. Those who push
       joins have none: so it is a fence on their side, too, and either they see the request or we see the join */
    pkn_fence_all_threads(pool->has_membarrier || (home != 0 && home->pool->has_membarrier));
    if (!(pkn_wait_is_over(self, wait) || pkn_search_now(self, wait, all, 1) || (home != 0 && pkn_search_at_home(home, all, 1)) ||
          pkn_wait_stops(self, wait) || pkn_is_orphan(pool))) {
        pkn_sleep_on(self, &self->parked, parked, wait->deadline_ns);
    }
    if (pkn_atomic_cas_relaxed_u32(&self->parked, &parked, PKN_AWAKE)) {
        pkn_atomic_fetch_sub_relaxed_u32(&pool->sleepers, pkn_sleeper_unit(self));
        woken = 0;
    }
    return home != 0 && pkn_awake_from_abroad(home) ? woken | PKN_WOKEN_AT_HOME : woken;
#else
    PKN_UNUSED(self);
    PKN_UNUSED(wait);
    return 0;
#endif
}

/* In a forked child: tasks of our scope that lie in our own deque are still ours to run. 0, or 1 where others are on threads that
   are gone. Nothing here may take a lock, which one of those may have held. */
PKN_INTERNAL PKN_COLD int pkn_finish_alone(pkn_member *self, const pkn_wait *wait) {
    pkn_filter of_scope = {0, 0, 0};
    pkn_job job;
    of_scope.scope = wait->scope;
    while (wait->scope != 0 && !pkn_wait_is_over(self, wait) && pkn_spawn_pop(self, &of_scope, &job)) {
        pkn_run_job(self, &job);
    }
    return !pkn_wait_is_over(self, wait);
}

#define PKN_POLLS_PER_REQUEST 64u
#define PKN_PATIENCE_NS 200000
#define PKN_HIDDEN_AFTER_NS 20000 /* without work; then private joins are looked for */

/* By how many jobs the stack is higher than the depth limit. */
PKN_INTERNAL uint32_t pkn_too_deep(const pkn_member *self) {
    uint32_t here = pkn_is_shallow(self) ? 0 : self->depth - self->pool->depth_limit;
    uint32_t at_home = self->home == 0 ? 0 : pkn_too_deep(self->home);
    return here > at_home ? here : at_home;
}

PKN_INTERNAL int pkn_work_here_until(pkn_member *self, const pkn_wait *wait) {
    pkern_pool *pool = self->pool;
    uint32_t too_deep = pkn_too_deep(self);
    uint64_t patience = (uint64_t)(PKN_PATIENCE_NS * pool->ticks_per_ns) << (too_deep < 20 ? too_deep : 20);
    uint64_t hidden_after = (uint64_t)(PKN_HIDDEN_AFTER_NS * pool->ticks_per_ns);
    uint64_t stuck_since = self->stuck_since, spinning_since = 0, hidden_at = 0;
    uint32_t polls = 0;
    int was_woken = 0, stuck = stuck_since != 0, hurries = 0, how = 0;
    int outer_mode = self->tally.mode;
    uint64_t start = wait->kind == PKN_WAIT_WORK ? 0 : pkn_trace_start(self);
    self->stuck_since = 0;
    if (outer_mode == PKN_TALLY_AWAY) {
        (void)pkn_tally_spun(&self->tally);
    }
    while (!pkn_wait_is_over(self, wait)) {
        if (PKN_UNLIKELY(pkn_is_orphan(pool))) {
            return pkn_finish_alone(self, wait);
        }
        if (pkn_search(self, wait, how)) {
            polls = 0;
            hurries = (how & PKN_SEARCH_HIDDEN) != 0;
            was_woken = stuck = how = 0;
            self->stuck_since = 0;
            continue;
        }
        how &= PKN_SEARCH_IMPATIENT;
        if (polls % PKN_POLLS_PER_REQUEST == 0) {
            uint64_t now = pkn_ticks();
            pkn_tally_idle(&self->tally, now);
            stuck_since = stuck ? stuck_since : now;
            hidden_at = stuck ? hidden_at : now + hidden_after;
            spinning_since = polls == 0 ? now : spinning_since;
            stuck = 1;
            how = now - stuck_since >= patience ? PKN_SEARCH_IMPATIENT : 0;
            if (hurries || now >= hidden_at) {
                /* who was woken, or has just taken such a join, need not ask first */
                hurries = 0;
                hidden_at = now + hidden_after;
                how |= PKN_SEARCH_HIDDEN;
            }
            pkn_request_work(self, polls != 0);
            if (pkn_wait_stops(self, wait)) {
                return 0;
            }
        }
        if (polls % 8 == 7 && pkn_tally_spun(&self->tally) - spinning_since >= pool->spin_ticks) {
            was_woken = pkn_sleep(self, wait);
            hurries = 1;
            polls = 0;
            continue;
        }
        polls++;
        pkn_cpu_relax();
    }
    /* else a thread that waits for short times, again and again, would never lose its patience */
    self->stuck_since = stuck && pkn_deadline_has_passed(wait->deadline_ns) ? stuck_since : 0;
    pkn_tally_turn(&self->tally, outer_mode);
    pkn_trace_end(self, PKN_TRACE_WAIT + (uint32_t)wait->kind, start, 0, 0);
    /* somebody meant us to work: another may */
    if ((was_woken & PKN_WOKEN) != 0) {
        pkn_work_posted(pool, pkn_root(self), 1);
    }
    if ((was_woken & PKN_WOKEN_AT_HOME) != 0) {
        pkn_work_posted(self->home->pool, pkn_root(self->home), 1);
    }
    return 0;
}

/* Works until the wait is over; PKN_WAIT_WORK: until the pool stops and nothing is left. 0, or 1 where it can never be over,
   because this is a forked child and the threads are gone. A worker of another pool goes on serving that one. */
PKN_INTERNAL int pkn_work_until(pkn_member *self, const pkn_wait *wait) {
    pkn_join_place place = pkn_join_close(self);
    int lost = pkn_work_here_until(self, wait);
    pkn_join_reopen(self, place);
    return lost;
}

#endif
