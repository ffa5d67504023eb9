/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Scopes. */
#ifndef PKN_POOL_SCOPE_C
#define PKN_POOL_SCOPE_C

#include "pool/guest.h"

PKN_INTERNAL pkern_status pkn_scope_begin(pkern_scope *scope, pkern_pool *pool, int is_fifo, int wait_mode) {
    pkn_entry entry;
    if (scope == 0 || wait_mode < PKERN_WAIT_STEAL || wait_mode > PKERN_WAIT_BLOCK) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    pkn_scope_init(scope, is_fifo, PKN_SCOPE_OPEN);
    if (member != 0) {
        pkn_trace_call(member);
    }
    scope->member = member;
    scope->pool = member != 0 ? member->pool : 0;
    scope->thread = &pkn_this_thread;
    scope->wait_mode = wait_mode;
    scope->root = member == 0 ? PKN_ROOT_NONE : wait_mode == PKERN_WAIT_STEAL ? pkn_root(member) : pkn_region_begin(member);
    /* a scope is no task: calls between begin and wait that name no pool go where they went before */
    pkn_set_current(entry.outer);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_scope_begin(pkern_scope *scope, pkern_pool *pool) {
    return pkn_scope_begin(scope, pool, 0, PKERN_WAIT_STEAL);
}

PKERN_API pkern_status pkern_scope_begin_fifo(pkern_scope *scope, pkern_pool *pool) {
    return pkn_scope_begin(scope, pool, 1, PKERN_WAIT_STEAL);
}

PKERN_API pkern_status pkern_scope_begin_with(pkern_scope *scope, pkern_pool *pool, int wait_mode) {
    return pkn_scope_begin(scope, pool, 0, wait_mode);
}

PKERN_API pkern_status pkern_scope_set_cancel(pkern_scope *scope, const pkern_cancel *cancel) {
    if (scope == 0 || scope->state != PKN_SCOPE_OPEN) {
        return PKERN_EINVAL;
    }
    scope->cancel = cancel;
    return PKERN_OK;
}

/* Queues a task of the scope. 0, or 1 without memory. */
PKN_INTERNAL int pkn_scope_post(pkern_scope *scope, pkn_member *member, const pkn_job *job, int is_urgent) {
    int failed;
    if (is_urgent && !pkn_is_isolated(member->pool, job->root)) {
        return pkn_post_urgent(member, job);
    }
    if (pkn_is_isolated(member->pool, job->root)) {
        failed = pkn_queue_push(member->pool, &member->pool->of_regions, job); /* first in, first out, in any case */
    } else if (scope->is_fifo) {
        pkn_job_deque *fifo = pkn_scope_fifo_of(scope, member);
        failed = fifo == 0 || pkn_fifo_push(member, fifo, job);
    } else {
        failed = pkn_spawn_push(member, job);
    }
    if (!failed) {
        pkn_work_posted(member->pool, job->root, 1);
    }
    return failed;
}

PKN_INTERNAL pkern_status pkn_scope_spawn(pkern_scope *scope, pkern_task_fn fn, void *ctx, int is_urgent) {
    if (scope == 0 || fn == 0 || scope->state != PKN_SCOPE_OPEN) {
        return PKERN_EINVAL;
    }
    uint32_t number = pkn_atomic_fetch_add_relaxed_u32(&scope->spawned, 1);
    pkn_member *member = pkn_scope_member(scope);
    if (member != 0) {
        pkn_job job = {fn, ctx, scope, number, scope->root};
        pkn_atomic_fetch_add_relaxed_size(&scope->pending, 1);
        if (pkn_scope_post(scope, member, &job, is_urgent) != 0) {
            pkn_join_place place = pkn_join_close(member); /* the scope may be of another root than the task that spawns */
            pkn_run_job(member, &job);
            pkn_join_reopen(member, place);
        }
        return PKERN_OK;
    }
    int code = pkern_cancel_requested(scope->cancel) ? PKERN_ECANCELED : fn(ctx);
    if (code != 0) {
        pkn_keep_lowest_failure(&scope->failure, number, code);
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_scope_spawn(pkern_scope *scope, pkern_task_fn fn, void *ctx) {
    return pkn_scope_spawn(scope, fn, ctx, 0);
}

PKERN_API pkern_status pkern_scope_spawn_urgent(pkern_scope *scope, pkern_task_fn fn, void *ctx) {
    return pkn_scope_spawn(scope, fn, ctx, 1);
}

PKERN_API pkern_status pkern_scope_wait(pkern_scope *scope) {
    if (scope == 0 || scope->state != PKN_SCOPE_OPEN || scope->thread != &pkn_this_thread) {
        return PKERN_EINVAL;
    }
    int lost = 0;
    pkn_member *member = (pkn_member *)scope->member;
    if (member != 0) {
        pkn_entry entry;
        pkn_wait wait = {PKN_WAIT_SCOPE, 0, 0, 0, 0, 0, 0};
        wait.scope = scope;
        entry.member = member;
        entry.outer = pkn_current();
        if (!pkn_wait_is_over(member, &wait)) {
            uint32_t outer_root = pkn_root(member);
            pkn_set_current(member);
            pkn_join_expose_all(member);
            if (scope->wait_mode != PKERN_WAIT_STEAL) {
                pkn_set_root(member, scope->root);
                pkn_block_begin(member, scope->wait_mode);
            }
            lost = pkn_work_until(member, &wait);
            pkn_block_end(member);
            pkn_set_root(member, outer_root);
        }
        if (scope->wait_mode != PKERN_WAIT_STEAL) {
            pkn_region_end(member, scope->root);
        }
        pkn_scope_free_fifos(scope, member->pool->allocator);
        pkn_leave(&entry);
        scope->member = 0;
    }
    scope->state = PKN_SCOPE_WAITED;
    int code = pkn_failure_code(pkn_atomic_load_relaxed_u64(&scope->failure));
    return code != 0 ? code : lost ? PKERN_ECANCELED : PKERN_OK;
}

#endif
