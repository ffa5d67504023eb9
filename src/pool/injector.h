/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The pool's queues, first in, first out: the injector, of jobs from outside, the urgent jobs, and the tasks of regions. Each is a ring
   under the pool's lock; a count beside it lets everybody who only looks stay off the lock. */
#ifndef PKN_POOL_INJECTOR_H
#define PKN_POOL_INJECTOR_H

#include "pool/spawn_deque.h"

/* 0, or 1 where there is no memory. */
PKN_INTERNAL int pkn_queue_push(pkern_pool *pool, pkn_job_queue *queue, const pkn_job *job) {
    int failed = 0;
    pkn_mutex_lock(&pool->lock);
    size_t count = pkn_atomic_load_relaxed_size(&queue->count);
    if (count == queue->capacity) {
        size_t capacity = count == 0 ? 32 : 2 * count;
        pkn_job *larger = (pkn_job *)pkn_allocate(pool->allocator, capacity * sizeof(pkn_job), sizeof(void *));
        if (larger == 0) {
            failed = 1;
        } else {
            for (size_t i = 0; i < count; i++) {
                larger[i] = queue->jobs[(queue->head + i) % count];
            }
            /* what is freed is not in the pool any more: a child that another thread forks here frees what is in it */
            pkn_job *smaller = queue->jobs;
            queue->jobs = larger;
            queue->capacity = capacity;
            queue->head = 0;
            pkn_release(pool->allocator, smaller, count * sizeof(pkn_job));
        }
    }
    if (!failed) {
        queue->jobs[(queue->head + count) % queue->capacity] = *job;
        pkn_atomic_store_relaxed_size(&queue->count, count + 1); /* who sees it takes the lock */
    }
    pkn_mutex_unlock(&pool->lock);
    return failed;
}

/* As pkn_filter_takes_job; regions' jobs are in these queues alone. */
PKN_INLINE int pkn_filter_takes_from(const pkern_pool *pool, const pkn_filter *filter, const pkn_job *job) {
    return (!filter->by_root || pkn_root_descends(pool, job->root, filter->root)) &&
           (filter->scope == 0 || job->scope == filter->scope);
}

/* 1 and the oldest job that the filter takes, 0 where there is none. With peek it stays. */
PKN_INTERNAL int pkn_queue_take(pkern_pool *pool, pkn_job_queue *queue, const pkn_filter *filter, int peek, pkn_job *job) {
    if (pkn_atomic_load_relaxed_size(&queue->count) == 0) {
        return 0;
    }
    pkn_mutex_lock(&pool->lock);
    size_t count = pkn_atomic_load_relaxed_size(&queue->count);
    size_t found = 0;
    while (found < count && !pkn_filter_takes_from(pool, filter, &queue->jobs[(queue->head + found) % queue->capacity])) {
        found++;
    }
    if (found < count && !peek) {
        *job = queue->jobs[(queue->head + found) % queue->capacity];
        for (size_t i = found; i != 0; i--) {
            queue->jobs[(queue->head + i) % queue->capacity] = queue->jobs[(queue->head + i - 1) % queue->capacity];
        }
        queue->head = (queue->head + 1) % queue->capacity;
        pkn_atomic_store_relaxed_size(&queue->count, count - 1);
    }
    pkn_mutex_unlock(&pool->lock);
    return found < count;
}

/* For who ends: under the lock, or to look once more under it. */
PKN_INLINE int pkn_queues_are_empty(const pkern_pool *pool) {
    return pkn_atomic_load_relaxed_size(&pool->injected.count) == 0 && pkn_atomic_load_relaxed_size(&pool->urgent.count) == 0 &&
           pkn_atomic_load_relaxed_size(&pool->of_regions.count) == 0;
}

PKN_INLINE int pkn_inject(pkern_pool *pool, const pkn_job *job) {
    return pkn_queue_push(pool, &pool->injected, job);
}

PKN_INLINE int pkn_take_injected(pkern_pool *pool, pkn_job *job) {
    pkn_filter anything = {0, 0, 0};
    return pkn_queue_take(pool, &pool->injected, &anything, 0, job);
}

#endif
