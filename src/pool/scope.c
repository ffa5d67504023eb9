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
    scope->member = member;
    scope->pool = member != 0 ? member->pool : 0;
    pkn_atomic_store_relaxed_size(&scope->pending, 0);
    pkn_atomic_store_relaxed_u32(&scope->spawned, 0);
    pkn_atomic_store_relaxed_u64(&scope->failure, PKN_NO_FAILURE);
    pkn_atomic_store_relaxed_ptr(&scope->fifos, 0);
    scope->is_fifo = (uint32_t)is_fifo;
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

/* Queues a task of the scope. 0, or 1 without memory. */
PKN_INTERNAL int pkn_scope_post(pkern_scope *scope, pkn_member *member, const pkn_job *job) {
    int failed;
    if (pkn_is_isolated(member->pool, job->root)) {
        failed = pkn_region_push(member->pool, job); /* first in, first out, in any case */
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

PKERN_API pkern_status pkern_scope_spawn(pkern_scope *scope, pkern_task_fn fn, void *ctx) {
    if (scope == 0 || fn == 0) {
        return PKERN_EINVAL;
    }
    uint32_t number = pkn_atomic_fetch_add_relaxed_u32(&scope->spawned, 1);
    pkn_member *member = scope->member != 0 ? pkn_membership(&pkn_this_thread, scope->pool) : 0;
    if (member != 0 && !pkn_is_orphan(scope->pool)) {
        pkn_job job = {fn, ctx, scope, number, scope->root};
        pkn_atomic_fetch_add_relaxed_size(&scope->pending, 1);
        if (pkn_scope_post(scope, member, &job) != 0) {
            pkn_run_job(member, &job);
        }
        return PKERN_OK;
    }
    int code = fn(ctx);
    if (code != 0) {
        pkn_keep_lowest_failure(&scope->failure, number, code);
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_scope_wait(pkern_scope *scope) {
    if (scope == 0) {
        return PKERN_EINVAL;
    }
    int lost = 0;
    pkn_member *member = (pkn_member *)scope->member;
    if (member != 0) {
        pkn_entry entry;
        pkn_wait wait = {PKN_WAIT_SCOPE, 0, 0, 0, 0, 0};
        wait.scope = scope;
        entry.member = member;
        entry.outer = pkn_current();
        if (!pkn_wait_is_over(member, &wait)) {
            uint32_t outer_root = pkn_root(member);
            pkn_set_current(member);
            pkn_join_expose_all(member);
            if (scope->wait_mode != PKERN_WAIT_STEAL) {
                pkn_set_root(member, scope->root);
                member->blocks = scope->wait_mode == PKERN_WAIT_BLOCK && member->pool->helpers != 0;
            }
            lost = pkn_work_until(member, &wait);
            member->blocks = 0;
            pkn_set_root(member, outer_root);
        }
        if (scope->wait_mode != PKERN_WAIT_STEAL) {
            pkn_region_end(member, scope->root);
        }
        pkn_scope_free_fifos(scope, member->pool->allocator);
        pkn_leave(&entry);
        scope->member = 0;
    }
    int code = pkn_failure_code(pkn_atomic_load_relaxed_u64(&scope->failure));
    return code != 0 ? code : lost ? PKERN_ECANCELED : PKERN_OK;
}

#endif
