/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Join: the owner's long ways, and the generic join of two callbacks. */
#ifndef PKN_POOL_JOIN_C
#define PKN_POOL_JOIN_C

#include "pool/guest.h"

/* Others have asked for work: all that is private, since the next push may be a while away. A request that lasts is answered until what runs in line
   has ended. */
PKN_INTERNAL void pkn_join_share(pkn_member *owner, uint32_t end) {
    if (pkn_asked(&owner->fork) == PKN_ASKED_ONCE) {
        pkn_atomic_store_relaxed_u32(&owner->fork.request, 0);
    }
    uint32_t exposed = pkn_join_expose(owner, end);
    if (exposed != 0) {
        pkn_work_posted(owner->pool, pkn_root(owner), exposed);
    }
}

/* The same; slot is the newest record. */
PKERN_API PKN_COLD void pkern_internal_share(pkn_slot *slot) {
    pkn_member *owner = (pkn_member *)(void *)slot->owner;
    pkn_join_share(owner, pkn_join_index(owner, slot) + 1u);
}

/* The segment ends here, or a thief has marked the record too late. */
PKERN_API PKN_COLD pkn_slot *pkern_internal_make_room(pkn_slot *slot) {
    uint32_t flags = pkn_atomic_load_relaxed_u32(&slot->flags);
    if ((flags & PKN_SLOT_OVERFLOW) != 0) {
        return 0;
    }
    pkn_member *owner = (pkn_member *)(void *)slot->owner;
    if ((flags & PKN_SLOT_BEHIND) != 0) {
        uint32_t index = pkn_join_index(owner, slot);
        if (index == pkn_join_segment_first(owner->join_segments) && pkn_join_add_segment(owner) != 0) {
            return 0;
        }
        slot = pkn_join_slot(owner, index);
        flags = pkn_atomic_load_relaxed_u32(&slot->flags);
    }
    if ((flags & PKN_SLOT_PUBLIC) != 0) {
        pkn_join_refuse_mark(owner, slot);
    }
    return slot;
}

/* 1 where the last join of this function at this index began so short a time ago, and was over since, that a theft of one of its sides would have cost
   as much; four times that where there is something else to take. */
PKN_INTERNAL int pkn_join_is_short(pkn_member *owner, uint32_t index, uintptr_t what) {
    uint32_t top = pkn_join_top(pkn_atomic_load_relaxed_u64(&owner->join_range));
    uint64_t now = pkn_ticks();
    pkn_join_time *last = &owner->join_times[(what / 16u + index) % PKN_JOIN_TIMES];
    int is_known = last->what == what && last->index == index;
    uint64_t passed = now - last->ticks;
    last->what = what;
    last->index = index;
    last->ticks = now;
    return is_known && (index > top ? passed / 4 : passed) < owner->pool->short_join_ticks;
}

/* Room for a second side; 0 where both run in line. */
PKERN_API pkn_slot *pkern_internal_room(pkn_slot *slot, uintptr_t what) {
    if ((pkn_atomic_load_relaxed_u32(&slot->flags) & PKN_SLOT_OVERFLOW) != 0) {
        return 0;
    }
    pkn_member *owner = (pkn_member *)(void *)slot->owner;
    uint32_t index = pkn_join_index(owner, slot);
    if (!pkn_join_is_short(owner, index, what)) {
        return pkn_room(slot);
    }
    /* a request that nothing answers stays: who sleeps can't ask again */
    if (pkn_asked(&owner->fork) != 0 && index > pkn_join_split(pkn_atomic_load_relaxed_u64(&owner->join_range))) {
        pkn_join_share(owner, index);
    }
    return 0;
}

/* What begins to run in line now: it listens to requests from this number on. */
PKERN_API uint32_t pkern_internal_in_line_begin(void) {
    uint32_t asked = pkn_asked(pkern_internal_self);
    return (asked > PKN_ASKED_ONCE ? asked : PKN_ASKED_ONCE) + 1u;
}

/* The outermost of what runs in line ends, and with it a request that lasted. */
PKERN_API void pkern_internal_in_line_end(uint32_t in_line) {
    pkn_fork_state *self = pkern_internal_self;
    if (in_line == PKN_ASKED_ONCE + 1u && PKN_UNLIKELY(pkn_asked(self) > PKN_ASKED_ONCE)) {
        pkn_atomic_store_relaxed_u32(&self->request, PKN_ASKED_ONCE);
    }
}

/* The newest record is public. Nonzero: the caller runs it (1), or it is lost in a fork (-1). 0: a thief has run it. */
PKERN_API PKN_COLD int pkern_internal_take_back(pkn_slot *slot) {
    pkn_fork_state *self = slot->owner;
    pkn_member *owner = (pkn_member *)(void *)self;
    uint32_t index = pkn_join_index(owner, slot);
    if (pkn_join_try_take_back(owner, index)) {
        uint64_t range = pkn_atomic_load_relaxed_u64(&owner->join_range);
        if (pkn_join_top(range) == pkn_join_split(range) && pkn_sleeping_workers(owner->pool) != 0) {
            pkn_atomic_store_relaxed_u32(&self->request, 1); /* who sleeps can't ask */
        }
        return 1;
    }
    pkn_wait wait = {PKN_WAIT_JOIN, 0, 0, 0, 0, 0, 0};
    wait.slot = slot;
    /* the thief still uses the record: what we run meanwhile pushes behind it */
    pkn_set_end(self, slot + 1);
    int lost = pkn_work_until(owner, &wait);
    pkn_set_end(self, slot);
    pkn_join_forget_stolen(owner, slot, index);
    return lost ? -1 : 0;
}

PKERN_API pkn_fork_state *pkern_internal_fork_enter(pkern_pool *pool, pkn_fork_call *call) {
    pkn_member *member = pkn_enter(pool, &call->entry);
    if (member != 0) {
        pkn_trace_call(member);
        return &member->fork;
    }
    memset((void *)&call->slot, 0, sizeof call->slot);
    call->slot.owner = &call->serial;
    pkn_atomic_store_relaxed_u32(&call->slot.flags, PKN_SLOT_OVERFLOW);
    pkn_set_end(&call->serial, &call->slot);
    pkn_atomic_store_relaxed_u32(&call->serial.request, 0);
    return &call->serial;
}

PKERN_API void pkern_internal_fork_leave(pkn_fork_call *call) {
    pkn_leave(&call->entry);
}

/* The status of a side that was made public: run here, or by the thief that has it. */
PKERN_API PKN_COLD int pkern_internal_join_end(pkn_slot *slot) {
    pkn_join_frame *frame = (pkn_join_frame *)(void *)slot->payload;
    int taken = pkern_internal_take_back(slot);
    return taken > 0 ? frame->fn(frame->ctx) : taken == 0 ? frame->status : PKERN_ECANCELED;
}

PKERN_API pkern_status pkern_internal_join(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx) {
    pkn_entry entry;
    if (a == 0 || b == 0) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    pkn_slot *slot = 0;
    uint32_t outer = 0, in_line = 0;
    if (member != 0) {
        pkn_trace_call(member);
        slot = pkn_join_fill(pkern_internal_room(pkn_end(&member->fork), (uintptr_t)b), b, b_ctx);
        outer = member->fork.in_line;
        in_line = slot != 0 ? 0 : pkern_internal_in_line_begin();
        member->fork.in_line = in_line;
    }
    int a_status = a(a_ctx);
    int b_status = slot != 0 && pkn_pop_is_special(slot) ? pkern_internal_join_end(slot) : b(b_ctx);
    if (member != 0) {
        member->fork.in_line = outer;
        pkern_internal_in_line_end(in_line);
    }
    pkn_leave(&entry);
    return a_status != 0 ? a_status : b_status;
}

#endif
