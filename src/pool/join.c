/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Join: the owner's long ways, and the generic join of two callbacks. */
#ifndef PKN_POOL_JOIN_C
#define PKN_POOL_JOIN_C

#include "pool/guest.h"

/* A thief has asked for work; slot is the newest record. */
PKERN_API PKN_COLD void pkern_internal_share(pkn_slot *slot) {
    pkn_fork_state *self = slot->owner;
    pkn_member *owner = (pkn_member *)(void *)self;
    pkn_atomic_store_relaxed_u32(&self->request, 0);
    /* the oldest records are the largest pieces; one for each other thread */
    uint32_t split = pkn_join_split(pkn_atomic_load_relaxed_u64(&owner->join_range));
    uint32_t end = pkn_join_index(owner, slot) + 1u;
    uint32_t others = owner->pool->helpers;
    uint32_t exposed = pkn_join_expose(owner, end - split < others ? end : split + others);
    if (exposed != 0) {
        pkn_work_posted(owner->pool, pkn_root(owner), exposed);
    }
}

/* A push that can't go on in a straight line: the segment ends here, or a thief may have the record before. */
PKERN_API PKN_COLD pkn_slot *pkern_internal_push_slow(pkn_slot *slot) {
    pkn_fork_state *self = slot->owner;
    uint32_t flags = pkn_atomic_load_relaxed_u32(&slot->flags);
    if ((flags & PKN_SLOT_OVERFLOW) != 0) {
        return 0;
    }
    pkn_member *owner = (pkn_member *)(void *)self;
    pkn_slot *next = slot + 1;
    if ((flags & PKN_SLOT_LAST) != 0) {
        uint32_t index = pkn_join_index(owner, slot) + 1;
        if (index == ((1u << owner->join_segments) - 1u) * PKN_JOIN_SEGMENT_0 && pkn_join_add_segment(owner) != 0) {
            return 0;
        }
        next = pkn_join_slot(owner, index);
    }
    if ((flags & PKN_SLOT_PUBLIC) != 0) {
        pkn_join_refuse_mark(owner, slot);
    }
    pkn_set_end(self, next);
    pkn_fence_compiler(); /* see pkn_offer */
    if (pkn_atomic_load_relaxed_u32(&self->request) != 0) {
        pkern_internal_share(slot);
    }
    return next;
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
    pkn_set_end(self, pkn_join_slot(owner, index + 1));
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

/* A join from outside, or one that has to make room or to make work public first. */
PKERN_API PKN_COLD pkern_status pkern_internal_join_slow(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx) {
    pkn_entry entry;
    if (a == 0 || b == 0) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    pkn_slot *slot = 0;
    if (member != 0) {
        pkn_trace_call(member);
        slot = pkn_join_push_callback(member, b, b_ctx);
    }
    int a_status = a(a_ctx);
    int b_status;
    if (slot != 0) {
        b_status = pkn_pop_is_special(slot) ? pkern_internal_join_end(slot) : b(b_ctx);
    } else {
        b_status = b(b_ctx);
    }
    pkn_leave(&entry);
    return a_status != 0 ? a_status : b_status;
}

#endif
