/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Jobs that start in the order of their spawns: those of one thread in one FIFO scope, or those that one thread spawns detached.

   The jobs lie in a deque of their own that is only pushed to and taken from at the top. For each a marker, a job without a function,
   goes into the spawn deque, where the latest scope's work is found first, as ever. Whoever gets a marker, as owner or thief, runs
   the oldest job of the deque that it names. A job is pushed before its marker, so there are never more markers than jobs, and who
   holds one finds a job for it.
   A scope's deques, one for each thread that spawned, live until its wait is over: then each marker has been taken and its job run.
   Source: Rayon's ScopeFifo. */
#ifndef PKN_POOL_FIFO_H
#define PKN_POOL_FIFO_H

#include "pool/spawn_deque.h"

/* One thread's jobs of one scope. */
typedef struct pkn_scope_fifo {
    pkn_job_deque jobs;
    struct pkn_scope_fifo *next;
    const pkn_member *owner;
} pkn_scope_fifo;

/* By the holder of a marker. */
PKN_INTERNAL void pkn_fifo_take(pkn_job_deque *jobs, pkn_job *job) {
    pkn_filter anything = {0, 0, 0};
    while (!pkn_job_steal(jobs, &anything, 0, job)) {
        pkn_cpu_relax(); /* another holder was faster, and has moved on */
    }
}

/* Owner only. Queues a job and its marker. 0, or 1 where there is no memory: nothing was queued. */
PKN_INTERNAL int pkn_fifo_push(pkn_member *owner, pkn_job_deque *jobs, const pkn_job *job) {
    pkn_job marker = {0, jobs, job->scope, job->number, job->root};
    if (pkn_job_room(&owner->spawns, owner->pool->allocator) == 0 || pkn_job_push(jobs, owner->pool->allocator, job) != 0) {
        return 1;
    }
    return pkn_spawn_push(owner, &marker); /* there is room */
}

/* The calling member's deque in a FIFO scope; 0 without memory. */
PKN_INTERNAL pkn_job_deque *pkn_scope_fifo_of(pkern_scope *scope, const pkn_member *member) {
    /* acquire: pairs with the release below, so that the other threads' entries can be read */
    void *first = pkn_atomic_load_acquire_ptr(&scope->fifos);
    for (pkn_scope_fifo *fifo = (pkn_scope_fifo *)first; fifo != 0; fifo = fifo->next) {
        if (fifo->owner == member) {
            return &fifo->jobs;
        }
    }
    pkn_scope_fifo *made = (pkn_scope_fifo *)pkn_allocate(member->pool->allocator, sizeof *made, PKN_CACHE_LINE);
    if (made == 0) {
        return 0;
    }
    memset((void *)made, 0, sizeof *made);
    made->owner = member;
    do {
        made->next = (pkn_scope_fifo *)first;
        /* release: who finds the entry can read it */
    } while (!pkn_atomic_cas_acq_rel_ptr(&scope->fifos, &first, made));
    return &made->jobs;
}

/* All tasks of the scope have ended. */
PKN_INTERNAL void pkn_scope_free_fifos(pkern_scope *scope, const pkern_allocator *allocator) {
    /* relaxed: who waited for the tasks has seen what they did */
    pkn_scope_fifo *fifo = (pkn_scope_fifo *)pkn_atomic_load_relaxed_ptr(&scope->fifos);
    while (fifo != 0) {
        pkn_scope_fifo *next = fifo->next;
        pkn_job_deque_free(&fifo->jobs, allocator);
        pkn_release(allocator, fifo, sizeof *fifo);
        fifo = next;
    }
}

#endif
