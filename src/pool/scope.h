/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Running jobs, and the bookkeeping of the scopes they belong to. */
#ifndef PKN_POOL_SCOPE_H
#define PKN_POOL_SCOPE_H

#include "pool/sleep.h"
#include "pool/fifo.h"

#define PKN_NO_FAILURE UINT64_MAX

/* What a scope is; no values that memory holds by chance, so that most misuse is seen. */
enum { PKN_SCOPE_OPEN = 0x5c09e01, PKN_SCOPE_WAITED = 0x5c09e02, PKN_SCOPE_FUTURE = 0x5c09e03 };

PKN_INTERNAL void pkn_scope_init(pkern_scope *scope, int is_fifo, uint32_t state) {
    scope->pool = 0;
    scope->member = 0;
    scope->is_fifo = is_fifo;
    scope->state = state;
    scope->thread = 0;
    scope->cancel = 0;
    scope->wait_mode = PKERN_WAIT_STEAL;
    scope->root = PKN_ROOT_NONE;
    pkn_atomic_store_relaxed_size(&scope->pending, 0);
    pkn_atomic_store_relaxed_u32(&scope->spawned, 0);
    pkn_atomic_store_relaxed_u64(&scope->failure, PKN_NO_FAILURE);
    pkn_atomic_store_relaxed_ptr(&scope->fifos, 0);
}

/* Keeps the failure with the lowest number in a word of number 32, code 32. */
PKN_INTERNAL void pkn_keep_lowest_failure(pkn_atomic_u64 *failure, uint32_t number, int code) {
    uint64_t mine = (uint64_t)number << 32 | (uint32_t)code;
    uint64_t lowest = pkn_atomic_load_relaxed_u64(failure);
    while ((lowest == PKN_NO_FAILURE || number < (uint32_t)(lowest >> 32)) &&
           !pkn_atomic_cas_relaxed_u64(failure, &lowest, mine)) {
    }
}

PKN_INLINE int pkn_failure_code(uint64_t failure) {
    return failure == PKN_NO_FAILURE ? PKERN_OK : (int)(uint32_t)failure;
}

/* One task of the scope has ended. The decrement is the last access to the scope: its frame may be gone right after. */
PKN_INTERNAL void pkn_scope_task_ended(pkern_scope *scope, uint32_t number, int code) {
    pkn_member *waiter = (pkn_member *)scope->member;
    pkern_pool *pool = scope->pool;
    if (PKN_UNLIKELY(code != 0)) {
        pkn_keep_lowest_failure(&scope->failure, number, code);
    }
    /* acq_rel: the waiter that reads 0 sees what every task did */
    if (pkn_atomic_fetch_sub_acq_rel_size(&scope->pending, 1) == 1) {
        if (waiter != 0) {
            pkn_completed(waiter);
        } else {
            pkn_wake_waiters_for(pool, scope);
        }
    }
}

/* ---- detached jobs ---- */

PKN_INTERNAL void pkn_report_error(const pkern_pool *pool, int code, void *ctx) {
    if (code != 0 && pool->on_task_error != 0) {
        pool->on_task_error(code, ctx, pool->user);
    }
}

PKN_INTERNAL void pkn_detached_ended(pkern_pool *pool) {
    /* acq_rel: who reads 0 sees what every job did */
    if (pkn_atomic_fetch_sub_acq_rel_size(&pool->detached, 1) == 1) {
        pkn_wake_waiters_for(pool, &pool->detached);
    }
}

/* ---- */

PKN_INTERNAL void pkn_run_job(pkn_member *self, const pkn_job *job) {
    pkn_job oldest;
    if (job->fn == 0) {
        pkn_fifo_take((pkn_job_deque *)job->ctx, &oldest);
        job = &oldest;
    }
    pkern_scope *scope = job->scope;
    uint32_t is_detached = scope == 0 || scope->member == 0; /* a future */
    uint32_t outer_root = pkn_root(self);
    uint32_t from = self->tally.from;
    pkn_work work = pkn_work_begins(self, PKN_TALLY_JOBS);
    self->tally.from = 0;
    pkn_set_root(self, job->root);
    self->in_detached += is_detached;
    int code = scope != 0 && pkern_cancel_requested(scope->cancel) ? PKERN_ECANCELED : job->fn(job->ctx);
    self->in_detached -= is_detached;
    pkn_set_root(self, outer_root);
    pkn_work_ends(self, &work, PKN_TRACE_JOB, from == 0 ? (uint32_t)self->index : from - 1u);
    if (scope != 0) {
        pkn_scope_task_ended(scope, job->number, code);
    } else {
        pkn_report_error(self->pool, code, job->ctx);
    }
    if (is_detached) {
        pkn_detached_ended(self->pool);
    }
}

#endif
