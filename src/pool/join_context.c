/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Joins with more to say: callbacks that are told where they run, waits that take only what is theirs. And the hint whether anybody has
   taken what was offered. */
#ifndef PKN_POOL_JOIN_CONTEXT_C
#define PKN_POOL_JOIN_CONTEXT_C

#include "pool/guest.h"

typedef struct PKN_MAY_ALIAS pkn_context_frame {
    pkern_context_fn fn;
    void *ctx;
    int status;
} pkn_context_frame;

/* Only a thief runs a record by its function. */
PKN_INTERNAL void pkn_context_migrated(pkn_fork_state *self, pkn_slot *slot) {
    pkn_context_frame *frame = (pkn_context_frame *)(void *)slot->payload;
    PKN_UNUSED(self);
    frame->status = frame->fn(frame->ctx, 1);
}

PKERN_API pkern_status pkern_join_context(pkern_pool *pool, pkern_context_fn a, void *a_ctx, pkern_context_fn b, void *b_ctx) {
    pkn_entry entry;
    if (a == 0 || b == 0) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    pkn_slot *slot = 0;
    if (member != 0) {
        pkn_trace_call(member);
        slot = pkn_room(pkn_end(&member->fork));
    }
    if (slot != 0) {
        pkn_context_frame *frame = (pkn_context_frame *)(void *)slot->payload;
        frame->fn = b;
        frame->ctx = b_ctx;
        slot->run = pkn_context_migrated;
        pkn_push(slot);
    }
    int a_status = a(a_ctx, 0);
    int taken = slot != 0 ? pkn_pop(slot) : 1;
    int b_status = taken > 0 ? b(b_ctx, 0) : taken < 0 ? PKERN_ECANCELED : ((pkn_context_frame *)(void *)slot->payload)->status;
    pkn_leave(&entry);
    return a_status != 0 ? a_status : b_status;
}

PKERN_API pkern_status pkern_join_with(pkern_pool *pool, pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx, int wait_mode) {
    pkn_entry entry;
    if (wait_mode == PKERN_WAIT_STEAL) {
        return pkern_join(pool, a, a_ctx, b, b_ctx);
    }
    if (a == 0 || b == 0 || (wait_mode != PKERN_WAIT_OWN && wait_mode != PKERN_WAIT_BLOCK)) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    uint32_t outer_root = 0, root = 0;
    pkn_join_place place = {0, 0, 0};
    pkn_slot *slot = 0;
    if (member != 0) {
        pkn_trace_call(member);
        outer_root = pkn_root(member);
        place = pkn_join_close(member);
        root = pkn_region_begin(member);
        pkn_set_root(member, root);
        slot = pkn_join_fill(pkn_room(pkn_end(&member->fork)), b, b_ctx);
    }
    int a_status = a(a_ctx);
    int b_status;
    if (slot != 0 && pkn_pop_is_special(slot)) {
        pkn_block_begin(member, wait_mode);
        int taken = pkern_internal_take_back(slot);
        pkn_block_end(member);
        b_status = taken > 0 ? b(b_ctx) : taken == 0 ? ((pkn_join_frame *)(void *)slot->payload)->status : PKERN_ECANCELED;
    } else {
        b_status = b(b_ctx);
    }
    if (member != 0) {
        pkn_set_root(member, outer_root);
        pkn_region_end(member, root);
        pkn_join_reopen(member, place);
    }
    pkn_leave(&entry);
    return a_status != 0 ? a_status : b_status;
}

PKERN_API int pkern_worker_has_pending_tasks(const pkern_pool *pool) {
    const pkn_thread_state *thread = pkn_settled_thread();
    const pkn_member *member = thread->memberships == 0 ? 0 : pkn_membership(thread, pkn_pool_of_call(pool));
    if (member == 0) {
        return -1;
    }
    size_t spawned = pkn_atomic_load_relaxed_size(&member->spawns.bottom) - pkn_atomic_load_relaxed_size(&member->spawns.top);
    return (ptrdiff_t)spawned > 0 || pkn_join_end(member) > pkn_join_top(pkn_atomic_load_relaxed_u64(&member->join_range));
}

#endif
