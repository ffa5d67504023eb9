/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The shared form of a flat loop: one board a member, on which the owner publishes a loop and from which helpers work.

   A loop is cut into units of items, at most 65,535. Participant 0, the owner, has a slice of them, each other participant too: the same
   slice from call to call, so its data stays in that core's cache. A participant claims units of its own slice from below; when that
   is empty it takes the upper half of what another slice has left and makes that its own. The loop is over when the units
   done, summed over the participants, are all of them.

   Nothing is reset between loops. Every word carries the loop's epoch; a slice whose tag is older than the loop is untouched, and its
   range follows from the board. So the owner writes one cache line to start a loop, and a helper that starts touches that line
   and its own slice. A helper reads the board's fields without a lock: if the owner has moved on meanwhile, all units of the old
   epoch are claimed, so the helper's claim fails and it drops what it read. If a claim succeeds, the loop can't end before the units
   claimed are done, so the fields were the loop's own: the helper's reads come before its report of done, and the owner
   writes the next loop's fields after it has seen that report.
   What a unit touches lies in the cache of the core that ran it last time, and so does the range of a slice: units that
   change sides, and looks at another's range, cost more than a small loop lasts. A participant says in its done word that it has come, so
   who has emptied its slice takes at once from those that have not, but leaves those that have alone for 2 us; then it takes where
   2 us of work is left at the rate that it has seen, and after as long again wherever anything is left.
   The owner waits for units that are claimed, never for a thread that has not shown up.
   Epochs are 32 bits and compared by their signed difference; old tags are refreshed every 2^30 loops, so none is ever
   half a round behind.
   Source: own. The flat dispatch without a queue follows fork_union; stealing halves of ranges follows lazy splitting
   (Tzannes et al. 2010) and pthreadpool. */
#ifndef PKN_POOL_LOOP_BOARD_H
#define PKN_POOL_LOOP_BOARD_H

#include "pool/scope.h"
#include "pool/spawn_deque.h"
#include "base/bits.h"
#include "base/alloc.h"
#include "base/time.h"

#define PKN_LOOP_MAX_UNITS 65535u
#define PKN_LOOP_REFRESH_MASK 0x3fffffffu

/* What only some loops need; on the caller's stack. */
typedef struct pkn_loop_extras {
    size_t max_len;
    pkern_cancel *cancel;
    int (*progress)(size_t done, size_t total, void *user);
    void *progress_user;
    size_t total;
    pkn_atomic_size done;      /* items */
    pkn_atomic_u32 stopped;    /* no further piece begins: canceled, by the token or by progress */
    pkn_atomic_u32 reporting;  /* a thread is in the progress callback */
    uint64_t reported_ns;      /* by the thread that reports */
} pkn_loop_extras;

/* A loop as one participant runs it. */
typedef struct pkn_loop_view {
    pkern_range_fn body;
    void *ctx;
    size_t begin, end, unit;
    pkn_loop_extras *extras;
    pkn_failure *failure;
    uint32_t epoch, units, owner_units;
    uint32_t grain; /* units that are worth a claim */
    uint32_t root;
} pkn_loop_view;

PKN_INLINE uint32_t pkn_root_of(size_t root_and_grain) {
    return (uint32_t)root_and_grain & 0xffffu;
}

PKN_INLINE uint32_t pkn_grain_of(size_t root_and_grain) {
    return (uint32_t)root_and_grain >> 16;
}

PKN_INLINE uint64_t pkn_loop_pack(uint32_t epoch, uint32_t next, uint32_t end) {
    return (uint64_t)epoch << 32 | next << 16 | end;
}

/* ---- one piece ---- */

#define PKN_PROGRESS_EVERY_NS UINT64_C(10000000)

PKN_INTERNAL PKN_COLD void pkn_loop_report(pkn_loop_extras *extras, size_t items) {
    size_t done = pkn_atomic_fetch_add_relaxed_size(&extras->done, items) + items;
    uint32_t idle = 0;
    if (done == extras->total || !pkn_atomic_cas_acq_rel_u32(&extras->reporting, &idle, 1)) {
        return; /* the last report is the caller's, at the end */
    }
    uint64_t now_ns = pkn_now_ns();
    if (now_ns - extras->reported_ns >= PKN_PROGRESS_EVERY_NS) {
        extras->reported_ns = now_ns;
        if (extras->progress(done, extras->total, extras->progress_user) != 0) {
            pkn_atomic_store_relaxed_u32(&extras->stopped, 1);
        }
    }
    pkn_atomic_store_release_u32(&extras->reporting, 0);
}

/* 1 where a unit below this one is known to have failed. */
PKN_INLINE int pkn_loop_failed_below(const pkn_loop_view *view, uint32_t unit) {
    uint64_t lowest = pkn_atomic_load_relaxed_u64(&view->failure->lowest);
    return (uint32_t)(lowest >> 32) == view->epoch && (uint32_t)lowest < unit;
}

/* [begin, end) in pieces of at most max_len, with cancel and progress, until a unit below `first` fails (view 0: the loop is not
   shared). PKERN_OK where it was stopped: extras tell. */
PKN_INTERNAL PKN_NOINLINE int pkn_loop_run_with_extras(pkern_range_fn body, void *ctx, size_t begin, size_t end,
                                                       pkn_loop_extras *extras, const pkn_loop_view *view, uint32_t first) {
    while (begin != end && (view == 0 || !pkn_loop_failed_below(view, first))) {
        if (extras->cancel != 0 && pkern_cancel_requested(extras->cancel)) {
            pkn_atomic_store_relaxed_u32(&extras->stopped, 1);
        }
        if (pkn_atomic_load_relaxed_u32(&extras->stopped) != 0) {
            return PKERN_OK;
        }
        size_t length = pkn_min_size(end - begin, extras->max_len);
        int status = body(begin, begin + length, ctx);
        if (status != 0) {
            return status;
        }
        begin += length;
        if (extras->progress != 0) {
            pkn_loop_report(extras, length);
        }
    }
    return PKERN_OK;
}

PKN_INTERNAL PKN_COLD void pkn_loop_failed(const pkn_loop_view *view, uint32_t unit, int status) {
    pkn_failure *failure = view->failure;
    uint32_t unlocked = 0;
    while (!pkn_atomic_cas_acq_rel_u32(&failure->lock, &unlocked, 1)) {
        unlocked = 0;
        pkn_cpu_relax();
    }
    uint64_t lowest = pkn_atomic_load_relaxed_u64(&failure->lowest);
    if ((uint32_t)(lowest >> 32) != view->epoch || unit < (uint32_t)lowest) {
        failure->status = status;
        pkn_atomic_store_relaxed_u64(&failure->lowest, (uint64_t)view->epoch << 32 | unit);
    }
    pkn_atomic_store_release_u32(&failure->lock, 0);
}

/* Units [first, last): skipped if a lower unit is known to have failed. */
PKN_INTERNAL void pkn_loop_run_units(const pkn_loop_view *view, uint32_t first, uint32_t last) {
    if (PKN_UNLIKELY(pkn_loop_failed_below(view, first))) {
        return;
    }
    size_t begin = view->begin + first * view->unit;
    size_t end = last == view->units ? view->end : view->begin + last * view->unit;
    int status = view->extras == 0
                     ? view->body(begin, end, view->ctx)
                     : pkn_loop_run_with_extras(view->body, view->ctx, begin, end, view->extras, view, first);
    if (PKN_UNLIKELY(status != 0)) {
        pkn_loop_failed(view, first, status);
    }
}

/* ---- slices ---- */

/* The participant number of a member in a loop of this owner. Workers come in the order of their indices; the guest that a
   worker's loop belongs to is the last, and no other guest may take part: each number is one thread's. */
PKN_INLINE uint32_t pkn_loop_participant(const pkn_member *owner, const pkn_member *member) {
    if (member == owner) {
        return 0;
    }
    if (!member->is_worker) {
        return (uint32_t)owner->pool->num_threads - 1u;
    }
    return (uint32_t)member->index + (!owner->is_worker || member->index < owner->index ? 1u : 0u);
}

PKN_INLINE uint64_t pkn_loop_first_range(const pkn_loop_view *view, uint32_t participant, uint32_t participants) {
    if (participant == 0) {
        return pkn_loop_pack(view->epoch, 0, view->owner_units);
    }
    uint32_t rest = view->units - view->owner_units;
    uint32_t next = view->owner_units + rest * (participant - 1) / (participants - 1);
    uint32_t end = view->owner_units + rest * participant / (participants - 1);
    return pkn_loop_pack(view->epoch, next, end);
}

/* The range word as this loop sees it: its own tag, or what an untouched slice stands for. 0 where the loop is over. */
PKN_INLINE uint64_t pkn_loop_range(const pkn_loop_view *view, uint64_t word, uint32_t participant, uint32_t participants) {
    uint32_t tag = (uint32_t)(word >> 32);
    if (tag == view->epoch) {
        return word;
    }
    return (int32_t)(tag - view->epoch) < 0 ? pkn_loop_first_range(view, participant, participants) : 0;
}

PKN_INLINE uint32_t pkn_range_next(uint64_t range) {
    return (uint32_t)(range >> 16) & 0xffffu;
}

PKN_INLINE uint32_t pkn_range_end(uint64_t range) {
    return (uint32_t)range & 0xffffu;
}

/* An eighth of what is left, at least a grain, and no crumb left over: few claims, and others find something to take. */
PKN_INLINE uint32_t pkn_loop_claim_size(uint32_t left, uint32_t grain) {
    uint32_t size = (left + 7) / 8;
    size = size < grain ? grain : size;
    return left < size + grain / 2 ? left : size;
}

PKN_INTERNAL int pkn_loop_claim(const pkn_loop_view *view, pkn_loop_slice *slices, uint32_t self, uint32_t participants,
                                uint32_t *first, uint32_t *last) {
    uint64_t word = pkn_atomic_load_relaxed_u64(&slices[self].range);
    for (;;) {
        uint64_t range = pkn_loop_range(view, word, self, participants);
        uint32_t next = pkn_range_next(range);
        uint32_t end = pkn_range_end(range);
        if (next >= end) {
            return 0;
        }
        uint32_t claimed = next + pkn_loop_claim_size(end - next, view->grain);
        /* relaxed: a unit's data come with the ticket, and the reads of the board stand before the report of done */
        if (pkn_atomic_cas_relaxed_u64(&slices[self].range, &word, pkn_loop_pack(view->epoch, claimed, end))) {
            *first = next;
            *last = claimed;
            return 1;
        }
    }
}

#define PKN_LOOP_TAKE_NS 2000.0
#define PKN_LOOP_FROM_ABSENT UINT32_MAX

/* How many units another slice must have left to be worth taking from, if our own ones took this long. */
PKN_INLINE uint32_t pkn_loop_worth_taking(uint32_t units, uint64_t ticks, uint64_t take_ticks) {
    return units == 0 || ticks >= take_ticks * units ? 1u : (uint32_t)(take_ticks * units / (ticks + 1u)) + 1u;
}

PKN_INLINE int pkn_loop_is_absent(const pkn_loop_view *view, const pkn_loop_slice *slices, uint32_t participant) {
    return participant != 0 && (uint32_t)(pkn_atomic_load_relaxed_u64(&slices[participant].done) >> 32) != view->epoch;
}

/* Half of what another slice has left becomes our own, empty slice: of a participant that has not come, or where at least
   `least` units are left (PKN_LOOP_FROM_ABSENT: of nobody else). 0 where there is none. The first piece of it, [first, last), is
   claimed at once: it saves a locked instruction, and no unit can be handed on and on without being run. */
PKN_INTERNAL int pkn_loop_take_half(const pkn_loop_view *view, pkn_loop_slice *slices, uint32_t self, uint32_t participants,
                                    uint32_t least, uint32_t *first, uint32_t *last) {
    for (uint32_t i = 1; i < participants; i++) {
        uint32_t other = (self + i) % participants;
        uint32_t enough = pkn_loop_is_absent(view, slices, other) ? 1u : least;
        if (enough == PKN_LOOP_FROM_ABSENT) {
            continue;
        }
        uint64_t word = pkn_atomic_load_relaxed_u64(&slices[other].range);
        for (;;) {
            uint64_t range = pkn_loop_range(view, word, other, participants);
            uint32_t next = pkn_range_next(range);
            uint32_t end = pkn_range_end(range);
            if (next >= end || end - next < enough) {
                break;
            }
            uint32_t middle = next + (end - next) / 2;
            if (pkn_atomic_cas_relaxed_u64(&slices[other].range, &word, pkn_loop_pack(view->epoch, next, middle))) {
                /* nobody else changes an empty slice */
                *first = middle;
                *last = middle + pkn_loop_claim_size(end - middle, view->grain);
                pkn_atomic_store_relaxed_u64(&slices[self].range, pkn_loop_pack(view->epoch, *last, end));
                return 1;
            }
        }
    }
    return 0;
}

/* Units that helpers have reported. */
PKN_INLINE uint32_t pkn_loop_reported(const pkn_loop_slice *slices, uint32_t participants, uint32_t epoch) {
    uint32_t done = 0;
    for (uint32_t i = 1; i < participants; i++) {
        uint64_t word = pkn_atomic_load_acquire_u64(&slices[i].done);
        done += (uint32_t)(word >> 32) == epoch ? (uint32_t)word : 0;
    }
    return done;
}

/* ---- helpers ---- */

/* The board as a helper reads it; 0 where there is nothing new. */
PKN_INTERNAL int pkn_loop_read_board(pkn_member *owner, uint32_t seen_epoch, pkn_loop_view *view) {
    /* acquire: pairs with the publication; the fields are those of this epoch or newer */
    uint64_t ticket = pkn_atomic_load_acquire_u64(&owner->board.ticket);
    view->epoch = (uint32_t)(ticket >> 32);
    if (view->epoch == seen_epoch) {
        return 0;
    }
    view->units = (uint32_t)(ticket >> 16) & 0xffffu;
    view->owner_units = (uint32_t)ticket & 0xffffu;
    view->body = (pkern_range_fn)pkn_atomic_load_relaxed_size(&owner->board.body);
    view->ctx = (void *)pkn_atomic_load_relaxed_size(&owner->board.ctx);
    view->begin = pkn_atomic_load_relaxed_size(&owner->board.begin);
    view->end = pkn_atomic_load_relaxed_size(&owner->board.end);
    view->unit = pkn_atomic_load_relaxed_size(&owner->board.unit);
    size_t root_and_grain = pkn_atomic_load_relaxed_size(&owner->board.root_and_grain);
    view->root = pkn_root_of(root_and_grain);
    view->grain = pkn_grain_of(root_and_grain);
    view->extras = (pkn_loop_extras *)pkn_atomic_load_relaxed_size(&owner->board.extras);
    view->failure = &owner->failure;
    return 1;
}

/* 1 where a slice has units left. */
PKN_INTERNAL int pkn_loop_has_units(const pkn_loop_view *view, const pkn_loop_slice *slices, uint32_t participants) {
    for (uint32_t i = 0; i < participants; i++) {
        uint64_t range = pkn_loop_range(view, pkn_atomic_load_relaxed_u64(&slices[i].range), i, participants);
        if (pkn_range_next(range) < pkn_range_end(range)) {
            return 1;
        }
    }
    return 0;
}

/* Claims and runs what the participant's own slice has; returns the units. */
PKN_INTERNAL uint32_t pkn_loop_run_slice(const pkn_loop_view *view, pkn_loop_slice *slices, uint32_t self, uint32_t participants) {
    uint32_t first, last, units = 0;
    while (pkn_loop_claim(view, slices, self, participants, &first, &last)) {
        pkn_loop_run_units(view, first, last);
        units += last - first;
    }
    return units;
}

/* Says that the participant has come; what it reports is added to this. 0 where the loop is over. A worker's word is its own, but the
   last participant of a worker's loops is one guest after another: one that is late must not write over what the next has reported. */
PKN_INTERNAL int pkn_loop_arrive(const pkn_loop_view *view, pkn_loop_slice *slice, int is_worker) {
    uint64_t done = pkn_atomic_load_relaxed_u64(&slice->done);
    while ((uint32_t)(done >> 32) != view->epoch) {
        if ((int32_t)((uint32_t)(done >> 32) - view->epoch) > 0) {
            return 0;
        }
        if (is_worker) {
            pkn_atomic_store_relaxed_u64(&slice->done, (uint64_t)view->epoch << 32);
            return 1;
        }
        if (pkn_atomic_cas_relaxed_u64(&slice->done, &done, (uint64_t)view->epoch << 32)) {
            return 1;
        }
    }
    return 1;
}

/* release: the owner that counts these units sees what they did. An exchange, so that the look at the owner comes after it. */
PKN_INTERNAL void pkn_loop_report_done(pkn_member *owner, pkn_loop_slice *slice, uint32_t units) {
    uint64_t done = pkn_atomic_load_relaxed_u64(&slice->done);
    pkn_atomic_exchange_acq_rel_u64(&slice->done, done + units);
    pkn_completed(owner);
}

/* Works on the owner's loop until it has nothing left that is worth taking. 1 where that was something; with peek, 1 where there
   is something. */
PKN_INTERNAL int pkn_loop_help(pkn_member *self, pkn_member *owner, const pkn_filter *filter, int peek) {
    pkn_loop_view view;
    if (!pkn_loop_read_board(owner, self->seen_epoch[owner->index], &view) ||
        (filter->by_root && !pkn_root_descends(self->pool, view.root, filter->root))) {
        return 0;
    }
    /* the root of this epoch or a newer loop's; in that case all units of this epoch are claimed */
    if (!self->is_worker && (!owner->is_worker || pkn_top_root(self->pool, view.root) != (uint32_t)self->index + 1u)) {
        return 0;
    }
    pkn_loop_slice *slices = owner->slices;
    uint32_t participants = (uint32_t)self->pool->num_threads;
    if (peek) {
        return pkn_loop_has_units(&view, slices, participants);
    }
    uint64_t start = pkn_ticks();
    int came_back = self->later_owner == (uint32_t)owner->index && self->later_epoch == view.epoch ? self->times_later : 0;
    if (came_back != 0 && (int64_t)(start - self->later_ticks) < 0) {
        return 0;
    }
    uint64_t take_ticks = (uint64_t)(PKN_LOOP_TAKE_NS * self->pool->ticks_per_ns);
    uint32_t number = pkn_loop_participant(owner, self);
    uint32_t outer_root = pkn_root(self);
    int outer_mode = self->tally.mode;
    uint32_t total = 0, units, least;
    /* the owner has looked at done: its line is asked for first, and written after the claim, whose locked instruction
       would wait for it */
    pkn_prefetch_to_write(&slices[number].done);
    uint32_t first = 0, last = 0;
    (void)pkn_loop_claim(&view, slices, number, participants, &first, &last);
    if (!pkn_loop_arrive(&view, &slices[number], self->is_worker)) {
        return 0;
    }
    pkn_set_root(self, view.root);
    pkn_tally_become(&self->tally, PKN_TALLY_BUSY, start);
    /* a wait inside a piece must not begin another piece of the same loop on top of it: state kept by worker index would clash */
    self->seen_epoch[owner->index] = view.epoch;
    do {
        if (first != last) {
            pkn_loop_run_units(&view, first, last);
        }
        units = last - first + pkn_loop_run_slice(&view, slices, number, participants);
        first = last;
        if (units != 0) {
            pkn_loop_report_done(owner, &slices[number], units);
            total += units;
        }
        least = total == 0 || came_back == 2 ? 1u
                : came_back == 0             ? PKN_LOOP_FROM_ABSENT
                                             : pkn_loop_worth_taking(total, pkn_ticks() - start, take_ticks);
    } while (pkn_loop_take_half(&view, slices, number, participants, least, &first, &last));
    pkn_set_root(self, outer_root);
    pkn_tally_back(&self->tally, outer_mode);
    if (total != 0) {
        pkn_tally_add(&self->tally, PKN_TALLY_LOOPS_HELPED, 1);
        pkn_tally_add(&self->tally, PKN_TALLY_UNITS_HELPED, total);
        pkn_trace_end(self, PKN_TRACE_HELP, self->lane != 0 ? start : 0, (uint32_t)owner->index, total);
    }
    if (least != 1) {
        self->seen_epoch[owner->index] = view.epoch - 1u;
        self->later_owner = (uint32_t)owner->index;
        self->later_epoch = view.epoch;
        self->later_ticks = pkn_ticks() + take_ticks;
        self->times_later = came_back + 1;
    }
    return total != 0;
}

#endif
