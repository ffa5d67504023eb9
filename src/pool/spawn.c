/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Detached spawns, futures, and waiting until none is left. A future is a scope of one task whose owner is whoever waits for it: so it
   has no member that its end could wake, and members that wait say by address for what (see pkn_wake_waiters_for). */
#ifndef PKN_POOL_SPAWN_C
#define PKN_POOL_SPAWN_C

#include "pool/guest.h"

enum { PKN_SPAWN_PLAIN, PKN_SPAWN_FIFO, PKN_SPAWN_URGENT };

/* Queues a detached job or a future's task. 0, or 1 without memory. */
PKN_INTERNAL int pkn_post_detached(pkn_member *member, const pkn_job *given, int how) {
    pkern_pool *pool = member->pool;
    pkn_job job = *given;
    int failed;
    job.root = PKN_ROOT_NONE;
    pkn_atomic_fetch_add_relaxed_size(&pool->detached, 1);
    if (how == PKN_SPAWN_URGENT) {
        failed = pkn_post_urgent(member, &job);
    } else if (member->is_worker || pool->num_threads == 1) {
        /* alone, a guest runs its jobs before it leaves */
        failed = how == PKN_SPAWN_FIFO ? pkn_fifo_push(member, &member->fifo, &job) : pkn_spawn_push(member, &job);
        if (!failed) {
            pkn_work_posted(pool, PKN_ROOT_NONE, 1);
        }
    } else {
        /* a guest's jobs go to the pool's threads, so that it can leave; first in, first out, in any case */
        failed = pkn_inject(pool, &job);
        if (!failed) {
            pkn_tally_add(&member->tally, PKN_TALLY_SPAWNS, 1);
            pkn_work_posted(pool, PKN_ROOT_INJECTED, 1);
        }
    }
    if (failed) {
        pkn_detached_ended(pool);
    }
    return failed;
}

PKN_INTERNAL pkern_status pkn_spawn_detached(pkern_pool *pool, pkern_task_fn fn, void *ctx, int how) {
    pkn_entry entry;
    pkn_job job = {fn, ctx, 0, 0, PKN_ROOT_NONE};
    if (fn == 0) {
        return PKERN_EINVAL;
    }
    int failed = 0;
    if (pkn_enter(pool, &entry) == 0) {
        pkn_report_error(pkn_pool_of_call(pool), fn(ctx), ctx);
    } else {
        pkn_member *member = entry.member;
        failed = pkn_post_detached(member, &job, how);
        if (member->stays == PKN_STAYS && member->pool->num_threads == 1) {
            member->stays = PKN_STAYS_AND_RUNS; /* so that jobs that spawn don't nest */
            pkn_run_own_jobs(member);
            member->stays = PKN_STAYS;
        }
    }
    pkn_leave(&entry);
    return failed ? PKERN_ENOMEM : PKERN_OK;
}

PKERN_API pkern_status pkern_spawn(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    return pkn_spawn_detached(pool, fn, ctx, PKN_SPAWN_PLAIN);
}

PKERN_API pkern_status pkern_spawn_fifo(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    return pkn_spawn_detached(pool, fn, ctx, PKN_SPAWN_FIFO);
}

PKERN_API pkern_status pkern_spawn_urgent(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    return pkn_spawn_detached(pool, fn, ctx, PKN_SPAWN_URGENT);
}

/* ---- waiting for what has no owner ---- */

/* Works until the wait for what is at this address is over. 0, or 1 where it can never be. */
PKN_INTERNAL int pkn_wait_for(pkn_member *member, const pkn_wait *wait, void *what) {
    void *outer = pkn_atomic_load_relaxed_ptr(&member->waits_for);
    pkn_atomic_store_relaxed_ptr(&member->waits_for, what); /* before the fence in pkn_sleep */
    int lost = pkn_work_until(member, wait);
    pkn_atomic_store_relaxed_ptr(&member->waits_for, outer);
    return lost;
}

/* The same by a thread that has no place in the pool: none is free, or memory is out. */
PKN_INTERNAL PKN_COLD int pkn_wait_outside(pkern_pool *pool, const pkn_wait *wait) {
    while (!pkn_wait_without_place_is_over(pool, wait)) {
        if (pkn_is_orphan(pool)) {
            pkn_member *member = pkn_membership(&pkn_this_thread, pool);
            return member == 0 || pkn_finish_alone(member, wait);
        }
#if PKN_THREADS
        pkn_nap();
#endif
    }
    return 0;
}

/* ---- futures ---- */

PKERN_API pkern_status pkern_future_spawn(pkern_future *future, pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    pkn_entry entry;
    if (future == 0 || fn == 0) {
        return PKERN_EINVAL;
    }
    pkern_scope *task = &future->task;
    pkn_job job = {fn, ctx, task, 0, PKN_ROOT_NONE};
    pkn_member *member = pkn_enter(pool, &entry);
    pkn_scope_init(task, 0, PKN_SCOPE_FUTURE);
    if (member != 0) {
        task->pool = member->pool;
        pkn_atomic_store_relaxed_size(&task->pending, 1);
    }
    if (member == 0 || pkn_post_detached(member, &job, PKN_SPAWN_PLAIN) != 0) {
        int code = fn(ctx);
        if (code != 0) {
            pkn_keep_lowest_failure(&task->failure, 0, code);
        }
        pkn_atomic_store_relaxed_size(&task->pending, 0); /* nobody else knows the future yet */
    }
    pkn_leave(&entry);
    return PKERN_OK;
}

PKERN_API int pkern_future_is_done(const pkern_future *future) {
    return future != 0 && future->task.state == PKN_SCOPE_FUTURE &&
           pkn_atomic_load_acquire_size(&future->task.pending) == 0;
}

PKERN_API pkern_status pkern_future_wait_for(pkern_future *future, int64_t timeout_ns) {
    pkn_entry entry;
    pkn_job job;
    if (future == 0 || future->task.state != PKN_SCOPE_FUTURE) {
        return PKERN_EINVAL;
    }
    if (!pkern_future_is_done(future)) {
        pkern_scope *task = &future->task;
        pkern_pool *pool = task->pool;
        pkn_wait wait = {PKN_WAIT_SCOPE, 0, 0, 0, 0, 0, 0};
        pkn_filter it = {0, 0, 0};
        it.scope = wait.scope = task;
        wait.deadline_ns = pkn_deadline_in(timeout_ns);
        pkn_member *member = pkn_enter(pool, &entry);
        if (timeout_ns >= 0 && entry.outer == 0 && member != 0 && !member->is_worker && member->entries == 1) {
            /* from outside it sleeps, so that it is in time. From inside a task that others may wait for it can't leave the future to them */
            wait.kind = PKN_WAIT_FUTURE;
        } else if (timeout_ns != 0 && member != 0 && !member->is_worker && pkn_queue_take(pool, &pool->injected, &it, 0, &job)) {
            /* nobody has begun it, and a guest has nothing better to do */
            job.root = pkn_root(member);
            pkn_run_job(member, &job);
        }
        int lost = member != 0 ? pkn_wait_for(member, &wait, task) : pkn_wait_outside(pool, &wait);
        pkn_leave(&entry);
        if (!pkern_future_is_done(future)) {
            return lost ? PKERN_ECANCELED : PKERN_ETIMEDOUT;
        }
    }
    return pkn_failure_code(pkn_atomic_load_relaxed_u64(&future->task.failure));
}

PKERN_API pkern_status pkern_future_wait(pkern_future *future) {
    return pkern_future_wait_for(future, -1);
}

/* ---- until none is left ---- */

PKERN_API pkern_status pkern_pool_wait_idle(pkern_pool *pool, int64_t timeout_ns) {
    pkn_entry entry;
    pkn_wait wait = {PKN_WAIT_IDLE, 0, 0, 0, 0, 0, 0};
    wait.deadline_ns = pkn_deadline_in(timeout_ns);
    pkn_member *member = pkn_enter(pool, &entry);
    pool = member != 0 ? member->pool : pkn_called_pool(pool);
    pkern_status status = PKERN_OK;
    if (member != 0 && (pkn_is_own_thread(member) || member->in_detached != 0 || member->depth != 0)) {
        status = PKERN_EDEADLK;
    } else {
        int lost = member != 0 ? pkn_wait_for(member, &wait, &pool->detached) : pkn_wait_outside(pool, &wait);
        /* in a forked child nothing of it will ever run: that is idle */
        int is_late = !lost && pkn_deadline_has_passed(wait.deadline_ns) && pkn_atomic_load_acquire_size(&pool->detached) != 0;
        status = is_late ? PKERN_ETIMEDOUT : PKERN_OK;
    }
    pkn_leave(&entry);
    return status;
}

#endif
