/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The flat parallel loop, from the caller's side: alone or shared, and how.

   The rule is that sharing must pay. A hand-over to a spinning thread and back costs 0.2 to 0.5 us, waking a sleeper 3 to 12 us of the
   caller's time. So a loop is shared with threads that are awake where what remains is worth 4 hand-overs, and a sleeper is woken where it is
   worth 30 wakes. What a loop costs is known from the caller's hint or from the last calls of the same body; a body never seen before
   is shared at once, since its first item may be the long one. A body that is thought cheap runs in growing pieces with a look at the
   clock between them, and is shared from where it turns out not to be.
   Many small calls in a row are worth a wake together; see loop_cost.h. */
#ifndef PKN_POOL_LOOP_C
#define PKN_POOL_LOOP_C

#include "pool/loop_cost.h"

#define PKN_HANDOVER_NS 200.0
/* how finely a loop is cut, and the least work that is worth a claim (its locked instruction waits for the stores of the piece
   before, 100 ns and more) */
#define PKN_UNIT_NS 100.0
#define PKN_CLAIM_NS 2500.0
/* of a body that was cheap when it last ran: what a piece may cost before the clock is looked at, how much of the time may be the
   caches', and how long it must have been dear, about what a wake costs, before a sleeper is woken for it */
#define PKN_UNCHECKED_NS 200.0
#define PKN_WARM_UP_NS 2000.0
#define PKN_SURPRISE_NS 20000.0

typedef struct pkn_loop {
    pkn_member *member;
    pkern_range_fn body;
    void *ctx;
    size_t begin, end;
    size_t min_len, max_len;
    double item_ns; /* 0: not known */
    pkn_loop_extras *extras;
    double short_item_ns; /* of a loop that ran alone to its end and told its cost */
} pkn_loop;

enum { PKN_LOOP_ALONE = -1 }; /* else shared, with so many sleepers to wake */

PKN_INTERNAL int pkn_loop_run_alone(const pkn_loop *loop, size_t begin, size_t end) {
    return loop->extras == 0 ? loop->body(begin, end, loop->ctx)
                             : pkn_loop_run_with_extras(loop->body, loop->ctx, begin, end, loop->extras, 0, 0);
}

/* ---- alone or shared ---- */

/* Members that could help and sleep: workers, and the guest that a worker's loop belongs to. */
PKN_INTERNAL uint32_t pkn_sleeping_helpers(const pkn_member *member) {
    uint32_t asleep = pkn_sleeping_workers(member->pool);
    uint32_t top = member->is_worker ? pkn_top_root(member->pool, pkn_root(member)) : PKN_ROOT_NONE;
    if (top != PKN_ROOT_NONE && top != PKN_ROOT_LONELY &&
        pkn_atomic_load_relaxed_u32(&pkn_member_at(member->pool, top - 1u)->parked) != PKN_AWAKE) {
        asleep++;
    }
    return asleep;
}

/* PKN_LOOP_ALONE, or how many sleepers to wake. count_cold: add the work to the account of time run alone while all slept. */
PKN_INTERNAL int pkn_loop_verdict(pkn_member *member, double work_ns, int count_cold) {
    uint32_t helpers = (uint32_t)member->pool->num_threads - 1u;
    if (work_ns < PKN_SHARE_NS || helpers == 0) {
        return PKN_LOOP_ALONE;
    }
    if (work_ns >= PKN_WAKE_WORTH_NS) {
        /* who sleeps is looked up after the board is published: a helper may fall asleep until then */
        double worth = work_ns / PKN_WAKE_WORTH_NS;
        return worth < helpers ? (int)worth : (int)helpers;
    }
    uint32_t asleep = pkn_sleeping_helpers(member);
    if (asleep < helpers) {
        return 0;
    }
    if (count_cold) {
        pkn_thread_state *thread = &pkn_this_thread;
        if (pkn_loop_count_cold(thread, work_ns, member->pool->ticks_per_ns)) {
            thread->cold_ns = 0;
            return 1;
        }
    }
    return PKN_LOOP_ALONE;
}

/* ---- a loop inside a piece of the same member's loop: its board is taken, so the pieces are joins ---- */

typedef struct pkn_loop_split_frame {
    const pkn_loop_view *view;
    uint32_t first, last, grain;
} pkn_loop_split_frame;

PKN_INTERNAL void pkn_loop_split(pkn_fork_state *self, const pkn_loop_view *view, uint32_t first, uint32_t last, uint32_t grain);

PKN_INTERNAL void pkn_loop_split_stolen(pkn_fork_state *self, pkn_slot *slot) {
    pkn_loop_split_frame *frame = (pkn_loop_split_frame *)(void *)slot->payload;
    pkn_loop_split(self, frame->view, frame->first, frame->last, frame->grain);
}

PKN_INTERNAL void pkn_loop_split(pkn_fork_state *self, const pkn_loop_view *view, uint32_t first, uint32_t last, uint32_t grain) {
    while (last - first > grain) {
        uint32_t middle = first + (last - first) / 2;
        pkn_slot *slot = pkn_room(pkn_end(self));
        if (slot == 0) {
            break;
        }
        pkn_loop_split_frame *frame = (pkn_loop_split_frame *)(void *)slot->payload;
        frame->view = view;
        frame->first = middle;
        frame->last = last;
        frame->grain = grain;
        slot->run = pkn_loop_split_stolen;
        pkn_push(slot);
        pkn_loop_split(self, view, first, middle, grain);
        if (pkn_pop(slot) == 0) {
            return;
        }
        first = middle;
    }
    pkn_loop_run_units(view, first, last);
}

/* ---- shared ---- */

/* Items of a unit: at least min_len, few enough units to fit the slices' words. */
PKN_INTERNAL size_t pkn_loop_unit(const pkn_loop *loop) {
    size_t items = loop->end - loop->begin;
    size_t least = items / PKN_LOOP_MAX_UNITS + (items % PKN_LOOP_MAX_UNITS != 0);
    double worth = loop->item_ns > 0 ? PKN_UNIT_NS / loop->item_ns : 1.0;
    size_t unit = worth >= (double)items ? items : (size_t)worth;
    /* a power of two, so that a cost that is measured a little differently each time moves no borders */
    unit = unit > 1 ? (size_t)1 << (63u - pkn_clz_u64(unit)) : unit;
    if (loop->max_len != 0) {
        unit = pkn_min_size(unit, loop->max_len);
    }
    unit = pkn_max_size(pkn_max_size(unit, loop->min_len), pkn_max_size(least, 1));
    if (loop->max_len != 0 && unit > loop->max_len) {
        size_t pieces = unit / loop->max_len + (unit % loop->max_len != 0);
        unit = pieces > SIZE_MAX / loop->max_len ? unit : pieces * loop->max_len;
    }
    return unit;
}

PKN_INTERNAL void pkn_loop_view_of(const pkn_loop *loop, pkn_loop_view *view) {
    size_t items = loop->end - loop->begin;
    view->body = loop->body;
    view->ctx = loop->ctx;
    view->begin = loop->begin;
    view->end = loop->end;
    view->unit = pkn_loop_unit(loop);
    view->units = (uint32_t)(items / view->unit + (items % view->unit != 0));
    view->extras = loop->extras;
    view->root = pkn_root(loop->member);
    if (loop->max_len != 0 && view->unit <= loop->max_len) {
        loop->extras->max_len = loop->max_len / view->unit * view->unit; /* so that no short piece is left inside a claim */
    }
    double grain = loop->item_ns > 0 ? PKN_CLAIM_NS / (loop->item_ns * (double)view->unit) : 1.0;
    view->grain = grain < 1.0 ? 1u : grain > PKN_LOOP_MAX_UNITS ? PKN_LOOP_MAX_UNITS : (uint32_t)grain;
}

/* The owner's part is larger by what a hand-over costs, so that all end together. */
PKN_INTERNAL uint32_t pkn_loop_owner_units(const pkn_loop *loop, const pkn_loop_view *view) {
    uint32_t threads = (uint32_t)loop->member->pool->num_threads;
    double handover = loop->item_ns > 0 ? PKN_HANDOVER_NS / (loop->item_ns * (double)view->unit) : 0.0;
    double units = ((double)view->units + (threads - 1) * handover) / threads;
    uint32_t whole = (uint32_t)(units + 0.999);
    return whole < 1 ? 1 : whole > view->units ? view->units : whole;
}

/* Writes the board; helpers may come from here on. */
PKN_INTERNAL void pkn_loop_publish(pkn_member *owner, const pkn_loop_view *view) {
    pkn_loop_board *board = &owner->board;
    if ((view->epoch & PKN_LOOP_REFRESH_MASK) == 0) {
        for (int i = 0; i < owner->pool->num_threads; i++) {
            pkn_atomic_store_relaxed_u64(&owner->slices[i].range, pkn_loop_pack(view->epoch - 1u, 0, 0));
            pkn_atomic_store_relaxed_u64(&owner->slices[i].done, pkn_loop_pack(view->epoch - 1u, 0, 0));
        }
        pkn_atomic_store_relaxed_u64(&owner->failure.lowest, pkn_loop_pack(view->epoch - 1u, 0, 0));
    }
    if (view->owner_units <= view->grain) {
        /* the owner's only claim, without a locked instruction */
        pkn_atomic_store_relaxed_u64(&owner->slices[0].range, pkn_loop_pack(view->epoch, view->owner_units, view->owner_units));
    }
    pkn_atomic_store_relaxed_size(&board->body, (size_t)view->body);
    pkn_atomic_store_relaxed_size(&board->ctx, (size_t)view->ctx);
    pkn_atomic_store_relaxed_size(&board->begin, view->begin);
    pkn_atomic_store_relaxed_size(&board->end, view->end);
    pkn_atomic_store_relaxed_size(&board->unit, view->unit);
    pkn_atomic_store_relaxed_size(&board->extras, (size_t)view->extras);
    pkn_atomic_store_relaxed_size(&board->root_and_grain, pkn_root(owner) | (size_t)view->grain << 16);
    /* release: a helper that reads this epoch sees the fields, and the slices' array */
    pkn_atomic_store_release_u64(&board->ticket, pkn_loop_pack(view->epoch, view->units, view->owner_units));
}

PKN_INTERNAL int pkn_loop_status(const pkn_loop_view *view, int lost) {
    if ((uint32_t)(pkn_atomic_load_relaxed_u64(&view->failure->lowest) >> 32) == view->epoch) {
        return view->failure->status;
    }
    return lost ? PKERN_ECANCELED : PKERN_OK;
}

/* The owner's side of a shared loop: what it ran, and in which time. */
typedef struct pkn_loop_own {
    uint32_t units;
    uint64_t since;  /* it has been working from this tick on */
    uint64_t worked; /* ticks before that */
} pkn_loop_own;

/* Waits until helpers have reported all other units, or for the time given. 1 where they have. */
PKN_INTERNAL int pkn_loop_await(const pkn_member *owner, const pkn_loop_view *view, pkn_loop_own *own, uint64_t ticks) {
    uint32_t threads = (uint32_t)owner->pool->num_threads;
    uint32_t units = view->units - own->units;
    uint64_t start = pkn_ticks();
    own->worked += start - own->since;
    do {
        if (pkn_loop_reported(owner->slices, threads, view->epoch) == units) {
            return 1;
        }
        pkn_cpu_relax();
        own->since = pkn_ticks();
    } while (own->since - start < ticks);
    return 0;
}

/* The owner's work on its own loop. The units that it didn't run are claimed by helpers by then. */
PKN_INTERNAL void pkn_loop_work_as_owner(const pkn_loop_view *view, pkn_member *owner, pkn_loop_own *own) {
    uint32_t threads = (uint32_t)owner->pool->num_threads;
    uint64_t take_ticks = (uint64_t)(PKN_LOOP_TAKE_NS * owner->pool->ticks_per_ns);
    uint64_t start = own->since;
    /* where one claim is enough, it was made before the board was published, see pkn_loop_publish */
    uint32_t first = 0, last = view->owner_units <= view->grain ? view->owner_units : 0;
    for (;;) {
        if (first != last) {
            pkn_loop_run_units(view, first, last);
            own->units += last - first;
            first = last;
        }
        own->units += pkn_loop_run_slice(view, owner->slices, 0, threads);
        if (pkn_loop_take_half(view, owner->slices, 0, threads, PKN_LOOP_FROM_ABSENT, &first, &last)) {
            continue;
        }
        if (pkn_loop_await(owner, view, own, take_ticks)) {
            return;
        }
        uint32_t least = pkn_loop_worth_taking(own->units, own->since - start, take_ticks);
        if (!pkn_loop_take_half(view, owner->slices, 0, threads, least, &first, &last) &&
            (pkn_loop_await(owner, view, own, take_ticks) ||
             !pkn_loop_take_half(view, owner->slices, 0, threads, 1, &first, &last))) {
            return;
        }
    }
}

PKN_INTERNAL int pkn_loop_run_shared(const pkn_loop *loop, pkn_loop_view *view, int wake, pkn_loop_own *own) {
    pkn_member *owner = loop->member;
    int lost = 0;
    view->epoch = ++owner->loop_epoch;
    view->owner_units = pkn_loop_owner_units(loop, view);
    view->failure = &owner->failure;
    owner->loop_active = 1;
    pkn_loop_publish(owner, view);
    if (wake != 0) {
        pkn_work_posted(owner->pool, pkn_root(owner), (uint32_t)wake);
    }
    own->since = pkn_ticks();
    pkn_loop_work_as_owner(view, owner, own);
    pkn_wait wait = {PKN_WAIT_LOOP, 0, 0, 0, 0, 0, 0};
    wait.epoch = view->epoch;
    wait.units = view->units - own->units;
    if (!pkn_wait_is_over(owner, &wait)) {
        lost = pkn_work_until(owner, &wait);
    }
    owner->loop_active = 0;
    return pkn_loop_status(view, lost);
}

/* 1 where the board can be used. */
PKN_INTERNAL int pkn_loop_board_is_free(pkn_member *member) {
    if (member->slices == 0 && !member->loop_active) {
        size_t bytes = (size_t)member->pool->num_threads * sizeof(pkn_loop_slice);
        member->slices = (pkn_loop_slice *)pkn_allocate(member->pool->allocator, bytes, PKN_CACHE_LINE);
        if (member->slices != 0) {
            memset((void *)member->slices, 0, bytes);
        }
    }
    return member->slices != 0 && !member->loop_active;
}

PKN_INTERNAL int pkn_loop_share(const pkn_loop *loop, int wake, pkn_loop_cost *cost) {
    pkn_loop_view view;
    pkn_loop_view_of(loop, &view);
    if (view.units < 2) {
        return pkn_loop_run_alone(loop, loop->begin, loop->end);
    }
    if (pkn_loop_board_is_free(loop->member)) {
        pkn_prefetch_to_write(&loop->member->board); /* spinning helpers have it */
        pkn_loop_own own = {0, 0, 0};
        pkn_member *owner = loop->member;
        int outer_mode = owner->tally.mode;
        uint64_t start = pkn_ticks();
        pkn_tally_become(&owner->tally, PKN_TALLY_BUSY, start);
        int status = pkn_loop_run_shared(loop, &view, wake, &own);
        uint64_t end = pkn_ticks();
        pkn_tally_become(&owner->tally, outer_mode, end);
        pkn_tally_add(&owner->tally, PKN_TALLY_LOOPS_SHARED, 1);
        if (PKN_UNLIKELY(owner->lane != 0)) {
            pkn_trace_record(owner, PKN_TRACE_LOOP, start, end, view.units, 0);
        }
        if (cost != 0 && status == 0) {
            pkn_loop_learn(cost, (double)own.worked / owner->pool->ticks_per_ns, own.units * view.unit);
        }
        return status;
    }
    pkn_failure failure = {{0}, {0}, 0};
    uint64_t start = cost != 0 ? pkn_ticks() : 0;
    view.epoch = 1;
    view.failure = &failure;
    uint32_t pieces = 8u * (uint32_t)loop->member->pool->num_threads;
    uint32_t grain = loop->item_ns > 0 || view.units <= pieces ? 1 : view.units / pieces;
    pkn_loop_split(&loop->member->fork, &view, 0, view.units, grain);
    int status = pkn_loop_status(&view, 0);
    if (cost != 0 && status == 0) {
        pkn_loop_learn(cost, (double)(pkn_ticks() - start) / loop->member->pool->ticks_per_ns, loop->end - loop->begin);
    }
    return status;
}

/* The length of the next piece of a loop that runs alone: whole pieces of max_len, so that none is short but the last. */
PKN_INLINE size_t pkn_loop_piece(const pkn_loop *loop, size_t wanted) {
    size_t left = loop->end - loop->begin;
    size_t piece = pkn_max_size(wanted, pkn_max_size(loop->min_len, 1));
    if (loop->max_len != 0 && piece > loop->max_len) {
        piece -= piece % loop->max_len;
    }
    return pkn_min_size(piece, left);
}

/* A body that was cheap when it last ran: alone, in growing pieces, as long as that stays true. */
PKN_INTERNAL int pkn_loop_run_watched(pkn_loop *loop, pkn_loop_cost *cost, int counted) {
    pkn_member *member = loop->member;
    size_t begin = loop->begin;
    size_t items = loop->end - begin;
    double unchecked = PKN_UNCHECKED_NS / (double)cost->item_ns;
    size_t wanted = unchecked >= (double)items ? items : (size_t)unchecked;
    uint64_t start = pkn_ticks();
    for (;;) {
        size_t piece = pkn_loop_piece(loop, wanted);
        int status = pkn_loop_run_alone(loop, loop->begin, loop->begin + piece);
        loop->begin += piece;
        uint64_t now = pkn_ticks();
        double passed_ns = (double)(now - start) / member->pool->ticks_per_ns;
        if (status != 0) {
            return status;
        }
        if (loop->begin == loop->end) {
            pkn_loop_learn(cost, passed_ns, items);
            loop->short_item_ns = (double)cost->item_ns;
            if (PKN_UNLIKELY(member->lane != 0)) {
                pkn_trace_record(member, PKN_TRACE_ALONE, start, now, 0, 0);
            }
            return PKERN_OK;
        }
        /* what the first lines cost that have left the caches says nothing about the rest */
        loop->item_ns = (passed_ns > PKN_WARM_UP_NS ? passed_ns - PKN_WARM_UP_NS : 0.0) / (double)(loop->begin - begin);
        double left_ns = loop->item_ns * (double)(loop->end - loop->begin);
        if (left_ns >= PKN_SHARE_NS) {
            if (passed_ns < PKN_SURPRISE_NS && left_ns >= PKN_WAKE_WORTH_NS) {
                left_ns = 0.99 * PKN_WAKE_WORTH_NS;
            }
            int wake = pkn_loop_verdict(member, left_ns, !counted);
            counted = 1;
            if (wake != PKN_LOOP_ALONE) {
                return pkn_loop_share(loop, wake, cost);
            }
        }
        wanted = piece > items / 4 ? items : 4 * piece;
    }
}

PKN_INTERNAL int pkn_loop_run_on(pkn_loop *loop, size_t key) {
    pkn_member *member = loop->member;
    if (member == 0 || member->pool->num_threads == 1) {
        return pkn_loop_run_alone(loop, loop->begin, loop->end);
    }
    pkn_loop_cost *cost = 0;
    if (!(loop->item_ns > 0)) {
        cost = pkn_loop_cost_of(member, key);
        loop->item_ns = (double)cost->item_ns;
    }
    double items = (double)(loop->end - loop->begin);
    double work_ns = loop->item_ns > 0 ? loop->item_ns * items : PKN_WAKE_WORTH_NS * items;
    int wake = items > 1 ? pkn_loop_verdict(member, work_ns, 1) : PKN_LOOP_ALONE;
    if (wake != PKN_LOOP_ALONE) {
        return pkn_loop_share(loop, wake, cost);
    }
    return cost != 0 ? pkn_loop_run_watched(loop, cost, work_ns >= PKN_SHARE_NS)
                     : pkn_loop_run_alone(loop, loop->begin, loop->end);
}

/* ---- the call ---- */

PKN_INTERNAL pkern_status pkn_loop_run_with_options(pkn_loop *loop, const pkern_par_options *options, size_t key) {
    pkn_loop_extras extras;
    memset(&extras, 0, sizeof extras);
    extras.max_len = options->max_len != 0 ? options->max_len : SIZE_MAX;
    extras.cancel = options->cancel;
    extras.progress = options->progress;
    extras.progress_user = options->progress_user;
    extras.total = loop->end - loop->begin;
    extras.reported_ns = options->progress != 0 ? pkn_now_ns() : 0;
    loop->extras = &extras;
    int status = pkn_loop_run_on(loop, key);
    if (status == 0 && pkn_atomic_load_relaxed_u32(&extras.stopped) != 0) {
        return PKERN_ECANCELED;
    }
    if (status == 0 && extras.progress != 0) {
        (void)extras.progress(extras.total, extras.total, extras.progress_user);
    }
    return status;
}

PKN_INTERNAL PKN_NOINLINE pkern_status pkn_loop_run_in_pool(pkern_pool *pool, size_t begin, size_t end,
                                                            const pkern_par_options *options, pkern_range_fn body, void *ctx,
                                                            size_t key) {
    pkn_loop loop = {0, body, ctx, begin, end, 0, 0, 0, 0, 0};
    int plain = 1;
    if (body == 0 || begin > end) {
        return PKERN_EINVAL;
    }
    if (options != 0) {
        if (options->max_len != 0 && options->min_len > options->max_len) {
            return PKERN_EINVAL;
        }
        loop.min_len = options->min_len;
        loop.max_len = options->max_len;
        loop.item_ns = options->item_cost_ns > 0 ? options->item_cost_ns : 0;
        plain = options->cancel == 0 && options->progress == 0 && options->max_len == 0;
    }
    if (begin == end) {
        return PKERN_OK;
    }
    pkn_entry entry;
    loop.member = pkn_enter(pool, &entry);
    int status;
    if (options == 0) {
        status = pkn_loop_run_on(&loop, key);
        if (loop.short_item_ns > 0 && entry.outer == 0) {
            pkn_loop_remember_short(pool, key, loop.short_item_ns, loop.member->pool->ticks_per_ns);
        }
    } else {
        status = plain ? pkn_loop_run_on(&loop, key) : pkn_loop_run_with_options(&loop, options, key);
    }
    pkn_leave(&entry);
    return status;
}

/* body over [begin, end) in pieces; see pkern_par_for. key names the user's code for what is remembered of its cost. Inline with a known body: a short
   call is then a few lines of code in a row. */
PKN_ALWAYS_INLINE pkern_status pkn_loop_run_keyed(pkern_pool *pool, size_t begin, size_t end, const pkern_par_options *options,
                                                  pkern_range_fn body, void *ctx, size_t key) {
    if (options == 0 && PKN_LIKELY(pkn_loop_is_short(&pkn_this_thread, pool, end - begin, key))) {
        return pkn_loop_run_short(&pkn_this_thread, pool, begin, end, body, ctx);
    }
    return pkn_loop_run_in_pool(pool, begin, end, options, body, ctx, key);
}

PKN_INTERNAL pkern_status pkn_loop_run(pkern_pool *pool, size_t begin, size_t end, const pkern_par_options *options,
                                       pkern_range_fn body, void *ctx) {
    return pkn_loop_run_keyed(pool, begin, end, options, body, ctx, (size_t)body);
}

#endif
