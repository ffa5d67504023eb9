/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Join: the owner's long ways, and the generic join of two callbacks. */
#ifndef PKN_POOL_JOIN_C
#define PKN_POOL_JOIN_C

#include "pool/guest.h"

/* Others have asked for work: all that is private, since the next push may be a while away. A request that is answered by nothing stays: who sleeps
   can't ask again. */
PKN_INTERNAL void pkn_join_share(pkn_member *owner, uint32_t end) {
    uint32_t exposed = pkn_join_expose(owner, end);
    if (exposed != 0) {
        pkn_atomic_store_relaxed_u32(&owner->fork.request, 0);
        pkn_work_posted(owner->pool, pkn_root(owner), exposed);
    }
}

/* The same; slot is the newest record. */
PKERN_API PKN_COLD void pkern_internal_share(pkn_slot *slot) {
    pkn_member *owner = (pkn_member *)(void *)slot->owner;
    pkn_join_share(owner, pkn_join_index(owner, slot) + 1u);
}

/* 1 where this join is likely short: the last one of the same function at this index that could be began a short time ago, and its first path down, if no
   more, was over since. Short is what a theft costs, four times that where there is something else to take; where there is nothing, outside of what runs in
   line, no join is short, and the clock is not looked at. */
PKN_INTERNAL int pkn_join_is_short(pkn_member *owner, uint32_t index, uintptr_t what) {
    uint32_t top = pkn_join_top(pkn_atomic_load_relaxed_u64(&owner->join_range));
    uint64_t limit = index > top ? 4 * owner->pool->theft_ticks : owner->pool->theft_ticks;
    if (index == top && owner->fork.in_line_depth == 0) {
        return 0;
    }
    uint64_t now = pkn_ticks();
    pkn_join_time *last = &owner->join_times[(what / 16u + index) % PKN_JOIN_TIMES];
    int is_known = last->what == what && last->index == index;
    uint64_t passed = now - last->ticks;
    last->what = what;
    last->index = index;
    last->ticks = now;
    return is_known && passed < limit;
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
    if (pkn_atomic_load_relaxed_u32(&owner->fork.request) != 0) {
        pkn_join_share(owner, index);
    }
    return 0;
}

/* Returns the hunger that what runs in line from here on began at. Who sleeps can't count it up: the outermost then behaves as if somebody had, so that
   its second sides look again whether they are short. */
PKERN_API uint32_t pkern_internal_in_line_begin(void) {
    pkn_fork_state *self = pkern_internal_self;
    uint32_t hunger = pkn_atomic_load_relaxed_u32(&self->hunger);
    int is_outermost = self->pool != 0 && self->in_line_depth++ == 0;
    return is_outermost && pkn_sleeping_workers(self->pool) != 0 ? hunger - PKN_HUNGER_STEP : hunger;
}

PKERN_API void pkern_internal_in_line_end(void) {
    pkn_fork_state *self = pkern_internal_self;
    self->in_line_depth -= self->pool != 0;
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
PKN_INTERNAL PKN_COLD int pkn_join_end_public(pkn_slot *slot) {
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
    if (member == 0) {
        int a_status = a(a_ctx), b_status = b(b_ctx);
        pkn_leave(&entry);
        return a_status != 0 ? a_status : b_status;
    }
    pkn_fork_state *self = &member->fork;
    uint32_t outer_at = self->in_line_at;
    pkn_trace_call(member);
    pkn_slot *slot = pkn_join_fill(pkern_internal_room(pkn_end(self), (uintptr_t)b), b, b_ctx);
    self->in_line_at = slot != 0 ? (uint32_t)PKN_NOT_IN_LINE : pkern_internal_in_line_begin();
    int a_status = a(a_ctx);
    int b_status = slot != 0 && pkn_pop_is_special(slot) ? pkn_join_end_public(slot) : b(b_ctx);
    if (slot == 0) {
        pkern_internal_in_line_end();
    }
    self->in_line_at = outer_at;
    pkn_leave(&entry);
    return a_status != 0 ? a_status : b_status;
}

#endif
