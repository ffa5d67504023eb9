/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Running jobs, and the bookkeeping of the scopes they belong to. */
#ifndef PKN_POOL_SCOPE_H
#define PKN_POOL_SCOPE_H

#include "pool/sleep.h"
#include "pool/fifo.h"

#define PKN_NO_FAILURE UINT64_MAX

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
    if (PKN_UNLIKELY(code != 0)) {
        pkn_keep_lowest_failure(&scope->failure, number, code);
    }
    /* acq_rel: the waiter that reads 0 sees what every task did */
    if (pkn_atomic_fetch_sub_acq_rel_size(&scope->pending, 1) == 1) {
        pkn_completed(waiter);
    }
}

PKN_INTERNAL void pkn_run_job(pkn_member *self, const pkn_job *job) {
    pkn_job oldest;
    if (job->fn == 0) {
        pkn_fifo_take((pkn_job_deque *)job->ctx, &oldest);
        job = &oldest;
    }
    uint32_t outer_root = pkn_root(self);
    pkn_set_root(self, job->root);
    int code = job->fn(job->ctx);
    pkn_set_root(self, outer_root);
    if (job->scope != 0) {
        pkn_scope_task_ended(job->scope, job->number, code);
    }
}

#endif
