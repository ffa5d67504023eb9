/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Finding work: one piece of it, of those that a member that waits may take. The waits themselves are in wait.h.

   What a waiting member may take, in this order: its own newest spawn and jobs of the scope or from the thief that it waits for;
   work that descends from the same call (root); anything. A guest stops at its root, since it wants to leave. So does a loop's owner.
   A guest whose thread is a worker of another pool goes on there, with anything.
   Jobs that run on top of waiting ones nest on the stack. Beyond the pool's depth_limit a member takes only tasks of the scope that
   it waits for; not work of the thief that has its join, which may be a whole other tree. A join needs none of it: frames
   wait for jobs that began after them, so no circle of joins can close. A task of a scope can lie in a deque behind one that
   nobody there takes, so after 200 us without progress, twice that for each level more, a member takes anything. */
#ifndef PKN_POOL_SEARCH_H
#define PKN_POOL_SEARCH_H

#include "pool/join_deque.h"
#include "pool/region.h"
#include "pool/injector.h"
#include "pool/loop_board.h"
#include "pool/process.h"

enum { PKN_WAIT_WORK, PKN_WAIT_ELSEWHERE, PKN_WAIT_JOIN, PKN_WAIT_SCOPE, PKN_WAIT_LOOP, PKN_WAIT_BROADCAST, PKN_WAIT_FUTURE, PKN_WAIT_IDLE, PKN_WAIT_YIELD, PKN_WAIT_END };

typedef struct pkn_wait {
    int kind;
    const pkn_slot *slot;         /* JOIN */
    const pkern_scope *scope;     /* SCOPE, FUTURE */
    uint32_t epoch, units;        /* LOOP: helpers' units of this epoch */
    const pkn_broadcast *broadcast; /* BROADCAST */
    uint64_t deadline_ns;           /* SCOPE, FUTURE, IDLE: the wait is over then, too */
} pkn_wait;

/* Before a stolen record runs, which may take long: if there are members asleep and the victim has more, two of them are woken, who
   do the same. */
PKN_INTERNAL void pkn_call_for_the_rest(pkn_member *victim) {
    pkern_pool *pool = victim->pool;
    if (pkn_sleeping_workers(pool) == 0) {
        return;
    }
    pkn_atomic_store_relaxed_u32(&victim->fork.request, 1);
    /* either the victim's next push sees the request, or we see what it pushed */
    pkn_fence_all_threads(pool->has_membarrier);
    uint32_t top = pkn_join_top(pkn_atomic_load_relaxed_u64(&victim->join_range));
    uint32_t end = pkn_join_end(victim);
    if (end > top) {
        pkn_work_posted(pool, pkn_root(victim), end - top > 1 ? 2 : 1);
    }
}

/* Runs a stolen record; the exchange is the last access to it. */
PKN_INTERNAL void pkn_run_stolen(pkn_member *self, pkn_member *victim, pkn_slot *slot, uint32_t root) {
    uint32_t outer_root = pkn_root(self);
    pkn_atomic_store_relaxed_u32(&slot->state, root << 16 | (PKN_SLOT_TAKEN_BY + (uint32_t)self->index));
    pkn_set_root(self, root);
    pkn_work work = pkn_work_begins(self, PKN_TALLY_JOINS_STOLEN);
    pkn_call_for_the_rest(victim);
    if (slot->run != 0) {
        slot->run(&self->fork, slot);
    } else {
        pkn_join_frame *frame = (pkn_join_frame *)(void *)slot->payload;
        frame->status = frame->fn(frame->ctx);
    }
    pkn_set_root(self, outer_root);
    /* acq_rel: the victim that reads DONE sees the result */
    pkn_atomic_exchange_acq_rel_u32(&slot->state, root << 16 | PKN_SLOT_DONE);
    pkn_completed(victim);
    pkn_work_ends(self, &work, PKN_TRACE_JOIN, (uint32_t)victim->index);
}

/* Runs (or, with peek, sees) one piece of work of this member. */
PKN_INTERNAL int pkn_take_from(pkn_member *self, pkn_member *victim, const pkn_filter *filter, int peek) {
    pkn_job job;
    pkn_slot *slot;
    if (filter->scope == 0 && pkn_loop_help(self, victim, filter, peek)) {
        return 1;
    }
    slot = pkn_join_steal(victim, filter, peek);
    if (slot != 0) {
        if (!peek) {
            pkn_run_stolen(self, victim, slot, pkn_atomic_load_relaxed_u32(&slot->state) >> 16);
        }
        return 1;
    }
    if (pkn_spawn_steal(victim, filter, peek, &job)) {
        if (!peek) {
            pkn_tally_add(&self->tally, PKN_TALLY_JOBS_STOLEN, 1);
            self->tally.from = (uint32_t)victim->index + 1u;
            pkn_run_job(self, &job);
        }
        return 1;
    }
    return 0;
}

/* distance: -1 for any */
PKN_INTERNAL int pkn_take_at_distance(pkn_member *self, const pkn_filter *filter, int peek, int distance) {
    uint32_t count = pkn_atomic_load_acquire_u32(&self->pool->num_members);
    uint32_t i = self->victim < count ? self->victim : 0;
    for (uint32_t tries = 0; tries < count; tries++) {
        pkn_member *victim = pkn_member_at(self->pool, i);
        if (victim != self && (distance < 0 || pkn_distance(self, victim) == distance) &&
            pkn_take_from(self, victim, filter, peek)) {
            self->victim = i;
            return 1;
        }
        i = i + 1 < count ? i + 1 : 0;
    }
    return 0;
}

PKN_INTERNAL int pkn_take_from_any(pkn_member *self, const pkn_filter *filter, int peek) {
    if (PKN_LIKELY(!self->pool->is_spread)) {
        return pkn_take_at_distance(self, filter, peek, -1);
    }
    for (int distance = 0; distance <= 2; distance++) {
        if (pkn_take_at_distance(self, filter, peek, distance)) {
            return 1;
        }
    }
    return 0;
}

/* The same, of what the others' owners have not made public. */
PKN_INTERNAL int pkn_take_hidden_from_any(pkn_member *self, const pkn_filter *filter, int peek) {
    uint32_t count = self->pool->has_membarrier ? pkn_atomic_load_acquire_u32(&self->pool->num_members) : 0;
    for (uint32_t i = 0; i < count; i++) {
        pkn_member *victim = pkn_member_at(self->pool, i);
        uint32_t root;
        pkn_slot *slot = victim != self ? pkn_join_steal_hidden(victim, filter, peek, &root) : 0;
        if (slot != 0) {
            if (!peek) {
                pkn_run_stolen(self, victim, slot, root);
            }
            return 1;
        }
    }
    return 0;
}

/* A guest wants to leave, and a loop's owner to go on, so they take what descends from their own call; but who yields asks for any. */
PKN_INLINE int pkn_wait_stops_at_root(const pkn_member *self, const pkn_wait *wait) {
    return (!pkn_is_own_thread(self) && wait->kind != PKN_WAIT_YIELD) || wait->kind == PKN_WAIT_LOOP;
}

/* The root of urgent jobs that this member may take, and posts. In a pool of one nobody else may run them: the guest's call must
   not end before. */
PKN_INLINE uint32_t pkn_urgent_root(const pkn_member *self, uint32_t root) {
    return self->pool->num_threads == 1 ? (uint32_t)self->index + 1u : root;
}

/* Queues an urgent job. 0, or 1 without memory. */
PKN_INTERNAL int pkn_post_urgent(pkn_member *member, const pkn_job *given) {
    pkern_pool *pool = member->pool;
    pkn_job job = *given;
    job.root = pkn_urgent_root(member, job.root);
    member->has_spawned = 1;
    int failed = pkn_queue_push(pool, &pool->urgent, &job);
    if (!failed) {
        pkn_tally_add(&member->tally, PKN_TALLY_SPAWNS, 1);
        pkn_work_posted(pool, job.root, 1);
    }
    return failed;
}

/* The oldest urgent job that this wait allows: by root or scope, where a wait is bound to these. */
PKN_INTERNAL int pkn_take_urgent(pkn_member *self, const pkn_wait *wait, int shallow, int peek, pkn_job *job) {
    pkern_pool *pool = self->pool;
    if (pkn_atomic_load_relaxed_size(&pool->urgent.count) == 0) {
        return 0;
    }
    pkn_filter of_root = {0, 0, 0}, of_scope = {0, 0, 0};
    of_root.by_root = pool->num_threads == 1 || pkn_wait_stops_at_root(self, wait);
    of_root.root = pkn_urgent_root(self, pkn_root(self));
    of_scope.scope = wait->scope;
    return (shallow && pkn_queue_take(pool, &pool->urgent, &of_root, peek, job)) ||
           (wait->scope != 0 && pkn_queue_take(pool, &pool->urgent, &of_scope, peek, job));
}

PKN_INTERNAL void pkn_serve_broadcasts(pkn_member *self);

PKN_INLINE int pkn_has_broadcast(const pkn_member *worker) {
    return pkn_atomic_load_relaxed_u32(&worker->pool->board.number) != worker->seen_broadcast;
}

PKN_INLINE int pkn_is_shallow(const pkn_member *member) {
    return member->depth < member->pool->depth_limit;
}

/* how: without the depth limit; private joins, too */
enum { PKN_SEARCH_IMPATIENT = 1, PKN_SEARCH_HIDDEN = 2 };

/* 1 where the wait takes only what descends from the region that the member works in. A scope begun outside of it needs what is outside, as
   detached jobs and futures do. */
PKN_INLINE int pkn_wait_is_isolated(const pkn_member *self, const pkn_wait *wait) {
    uint32_t root = pkn_root(self);
    return PKN_UNLIKELY(pkn_is_isolated(self->pool, root)) && wait->kind != PKN_WAIT_IDLE &&
           (wait->scope == 0 || pkn_root_descends(self->pool, wait->scope->root, root));
}

/* In a region: tasks of the scope waited for, then anything of the region. */
PKN_INTERNAL PKN_COLD int pkn_search_region(pkn_member *self, const pkn_wait *wait, int shallow, int how, int peek) {
    pkn_filter filter = {0, 0, wait->scope};
    uint32_t root = pkn_root(self);
    if (self->blocks) {
        return 0;
    }
    if (wait->scope != 0 && pkn_region_run(self, &filter, peek)) {
        return 1;
    }
    if (!shallow || root == PKN_ROOT_LONELY) {
        return 0;
    }
    filter.scope = 0;
    filter.by_root = 1;
    filter.root = root;
    return pkn_region_run(self, &filter, peek) || pkn_take_from_any(self, &filter, peek) ||
           ((how & PKN_SEARCH_HIDDEN) != 0 && pkn_take_hidden_from_any(self, &filter, peek));
}

/* Runs (sees) one piece of work that this wait allows. */
PKN_INTERNAL int pkn_search_now(pkn_member *self, const pkn_wait *wait, int how, int peek) {
    pkern_pool *pool = self->pool;
    pkn_filter filter = {0, 0, 0};
    pkn_job job;
    int shallow = (how & PKN_SEARCH_IMPATIENT) != 0 ||
                  (pkn_is_shallow(self) && (self->home == 0 || pkn_is_shallow(self->home)));
    if (pkn_wait_is_isolated(self, wait)) {
        return pkn_search_region(self, wait, shallow, how, peek);
    }
    if (self->is_worker && pkn_has_broadcast(self)) {
        if (!peek) {
            pkn_serve_broadcasts(self);
        }
        return 1;
    }
    if (pkn_take_urgent(self, wait, shallow, peek, &job)) {
        if (!peek) {
            self->tally.from = PKN_FROM_QUEUE;
            pkn_run_job(self, &job);
        }
        return 1;
    }
    /* what we wait for */
    filter.scope = shallow ? 0 : wait->scope;
    if (peek ? pkn_spawn_steal(self, &filter, 1, &job)
             : (shallow || wait->scope != 0) && pkn_spawn_pop(self, &filter, &job)) {
        if (!peek) {
            pkn_run_job(self, &job);
        }
        return 1;
    }
    if (wait->kind == PKN_WAIT_SCOPE) {
        filter.scope = wait->scope;
        if (pkn_region_run(self, &filter, peek) || pkn_take_from_any(self, &filter, peek)) {
            return 1;
        }
    }
    filter.scope = 0;
    filter.by_root = !pkn_is_own_thread(self);
    filter.root = pkn_root(self);
    if (!shallow) {
        return 0;
    }
    if (wait->kind == PKN_WAIT_JOIN) {
        uint32_t state = pkn_atomic_load_relaxed_u32(&wait->slot->state) & 0xffffu;
        if (state >= PKN_SLOT_TAKEN_BY &&
            pkn_take_from(self, pkn_member_at(pool, state - PKN_SLOT_TAKEN_BY), &filter, peek)) {
            return 1;
        }
    }
    /* what descends from the same call */
    if (wait->kind > PKN_WAIT_ELSEWHERE) {
        filter.by_root = 1;
        if (pkn_region_run(self, &filter, peek) || pkn_take_from_any(self, &filter, peek)) {
            return 1;
        }
        if (pkn_wait_stops_at_root(self, wait)) {
            return (how & PKN_SEARCH_HIDDEN) != 0 && pkn_take_hidden_from_any(self, &filter, peek);
        }
        filter.by_root = 0;
    }
    /* anything */
    if (pkn_region_run(self, &filter, peek) || pkn_take_from_any(self, &filter, peek)) {
        return 1;
    }
    if (peek ? pkn_atomic_load_relaxed_size(&pool->injected.count) != 0 : pkn_take_injected(pool, &job)) {
        if (!peek) {
            pkn_tally_add(&self->tally, PKN_TALLY_JOBS_INJECTED, 1);
            self->tally.from = PKN_FROM_QUEUE;
            pkn_run_job(self, &job);
        }
        return 1;
    }
    return (how & PKN_SEARCH_HIDDEN) != 0 && pkn_take_hidden_from_any(self, &filter, peek);
}

/* Before a wait that is not for the newest record: what is private becomes public, while its root is known. */
PKN_INTERNAL void pkn_join_expose_all(pkn_member *member) {
    uint32_t pieces = member->pool->helpers != 0 ? pkn_join_expose(member, pkn_join_end(member)) : 0;
    if (pieces != 0) {
        pkn_work_posted(member->pool, pkn_root(member), pieces);
    }
}

typedef struct pkn_join_place {
    uint32_t floor;
    uint32_t in_line_at, in_line_depth;
} pkn_join_place;

/* Before work of other roots runs on top: what the member has forked so far becomes public, while its root is known, and is not taken back and
   made public again as theirs. What runs on top begins as at the bottom. Returns what pkn_join_reopen takes. */
PKN_INTERNAL pkn_join_place pkn_join_close(pkn_member *member) {
    pkn_join_place place = {member->join_floor, member->fork.in_line_at, member->fork.in_line_depth};
    pkn_join_expose_all(member);
    member->join_floor = pkn_join_end(member);
    member->fork.in_line_at = PKN_NOT_IN_LINE;
    member->fork.in_line_depth = 0;
    return place;
}

PKN_INLINE void pkn_join_reopen(pkn_member *member, pkn_join_place place) {
    member->join_floor = place.floor;
    member->fork.in_line_at = place.in_line_at;
    member->fork.in_line_depth = place.in_line_depth;
}

/* pkn_search_now in the pool where this thread, which waits as a guest of another one, is a worker. */
PKN_INTERNAL int pkn_search_at_home(pkn_member *worker, int how, int peek) {
    pkn_wait wait = {PKN_WAIT_ELSEWHERE, 0, 0, 0, 0, 0, 0};
    pkn_member *outer = pkn_current();
    int found;
    pkn_set_current(worker);
    if (peek) {
        found = pkn_search_now(worker, &wait, how, 1);
    } else {
        pkn_join_place place = pkn_join_close(worker);
        found = pkn_search_now(worker, &wait, how, 0);
        pkn_join_reopen(worker, place);
    }
    pkn_set_current(outer);
    return found;
}

PKN_INTERNAL int pkn_search(pkn_member *self, const pkn_wait *wait, int how) {
    pkn_member *home = pkn_wait_is_isolated(self, wait) ? 0 : self->home;
    if (home == 0) {
        self->depth += wait->kind != PKN_WAIT_WORK;
        int found = pkn_search_now(self, wait, how, 0);
        self->depth -= wait->kind != PKN_WAIT_WORK;
        pkn_tally_add(&self->tally, PKN_TALLY_STEALS_FAILED, !found);
        return found;
    }
    self->depth++;
    home->depth++;
    int found = pkn_search_now(self, wait, how, 0) || pkn_search_at_home(home, how, 0);
    home->depth--;
    self->depth--;
    pkn_tally_add(&self->tally, PKN_TALLY_STEALS_FAILED, !found);
    return found;
}

#endif
