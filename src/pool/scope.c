/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Scopes and detached spawns. */
#ifndef PKN_POOL_SCOPE_C
#define PKN_POOL_SCOPE_C

#include "pool/guest.h"

/* Queues a job in the calling member's deque. 0, or 1 without memory. */
PKN_INTERNAL int pkn_post_job(pkn_member *member, const pkn_job *job) {
    int failed = pkn_spawn_push(member, job);
    if (!failed) {
        pkn_work_posted(member->pool, job->root, 1);
    }
    return failed;
}

PKERN_API pkern_status pkern_scope_begin(pkern_scope *scope, pkern_pool *pool) {
    pkn_entry entry;
    if (scope == 0) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    scope->member = member;
    scope->pool = member != 0 ? member->pool : 0;
    pkn_atomic_store_relaxed_size(&scope->pending, 0);
    pkn_atomic_store_relaxed_u32(&scope->spawned, 0);
    pkn_atomic_store_relaxed_u64(&scope->failure, PKN_NO_FAILURE);
    /* a scope is no task: calls between begin and wait that name no pool go where they went before */
    pkn_set_current(entry.outer);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_scope_spawn(pkern_scope *scope, pkern_task_fn fn, void *ctx) {
    if (scope == 0 || fn == 0) {
        return PKERN_EINVAL;
    }
    uint32_t number = pkn_atomic_fetch_add_relaxed_u32(&scope->spawned, 1);
    pkn_member *member = scope->member != 0 ? pkn_membership(&pkn_this_thread, scope->pool) : 0;
    if (member != 0 && !pkn_is_orphan(scope->pool)) {
        pkn_job job = {fn, ctx, scope, number, pkn_root(member)};
        pkn_atomic_fetch_add_relaxed_size(&scope->pending, 1);
        if (pkn_post_job(member, &job) == 0) {
            return PKERN_OK;
        }
        /* not the last one: the scope's owner is between begin and wait, or a task of the scope calls us */
        pkn_atomic_fetch_sub_relaxed_size(&scope->pending, 1);
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
        PKN_ASSERT(pkn_membership(&pkn_this_thread, member->pool) == member); /* begun on this thread */
        wait.scope = scope;
        entry.member = member;
        entry.outer = pkn_current();
        if (!pkn_wait_is_over(member, &wait)) {
            pkn_set_current(member);
            pkn_join_expose_all(member);
            lost = pkn_work_until(member, &wait);
        }
        pkn_leave(&entry);
        scope->member = 0;
    }
    int code = pkn_failure_code(pkn_atomic_load_relaxed_u64(&scope->failure));
    return code != 0 ? code : lost ? PKERN_ECANCELED : PKERN_OK;
}

PKERN_API pkern_status pkern_spawn(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    pkn_entry entry;
    pkn_job job = {fn, ctx, 0, 0, PKN_ROOT_NONE};
    if (fn == 0) {
        return PKERN_EINVAL;
    }
    pkern_status status = PKERN_OK;
    pkn_member *member = pkn_enter(pool, &entry);
    if (member == 0) {
        (void)fn(ctx);
    } else if (member->is_worker || member->pool->num_threads == 1) {
        /* alone, a guest runs its jobs before it leaves */
        status = pkn_post_job(member, &job) == 0 ? PKERN_OK : PKERN_ENOMEM;
    } else if (pkn_inject(member->pool, &job) == 0) {
        /* a guest's jobs go to the pool's threads, so that it can leave */
        pkn_work_posted(member->pool, PKN_ROOT_INJECTED, 1);
    } else {
        status = PKERN_ENOMEM;
    }
    pkn_leave(&entry);
    return status;
}

#endif
