/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The injector: jobs from outside the pool, first in, first out. A ring under the pool's lock; a count beside it lets everybody
   who only looks stay off the lock. */
#ifndef PKN_POOL_INJECTOR_H
#define PKN_POOL_INJECTOR_H

#include "pool/member.h"
#include "base/alloc.h"

/* 0, or 1 where there is no memory. */
PKN_INTERNAL int pkn_inject(pkern_pool *pool, const pkn_job *job) {
    int failed = 0;
    pkn_mutex_lock(&pool->lock);
    size_t count = pkn_atomic_load_relaxed_size(&pool->injected);
    if (count == pool->injector_capacity) {
        size_t capacity = count == 0 ? 32 : 2 * count;
        pkn_job *larger = (pkn_job *)pkn_allocate(pool->allocator, capacity * sizeof(pkn_job), sizeof(void *));
        if (larger == 0) {
            failed = 1;
        } else {
            for (size_t i = 0; i < count; i++) {
                larger[i] = pool->injector[(pool->injector_head + i) % count];
            }
            pkn_release(pool->allocator, pool->injector, pool->injector_capacity * sizeof(pkn_job));
            pool->injector = larger;
            pool->injector_capacity = capacity;
            pool->injector_head = 0;
        }
    }
    if (!failed) {
        pool->injector[(pool->injector_head + count) % pool->injector_capacity] = *job;
        pkn_atomic_store_relaxed_size(&pool->injected, count + 1); /* who sees it takes the lock */
    }
    pkn_mutex_unlock(&pool->lock);
    return failed;
}

/* 1 and the oldest job, 0 where there is none. */
PKN_INTERNAL int pkn_take_injected(pkern_pool *pool, pkn_job *job) {
    if (pkn_atomic_load_relaxed_size(&pool->injected) == 0) {
        return 0;
    }
    pkn_mutex_lock(&pool->lock);
    size_t count = pkn_atomic_load_relaxed_size(&pool->injected);
    if (count != 0) {
        *job = pool->injector[pool->injector_head];
        pool->injector_head = (pool->injector_head + 1) % pool->injector_capacity;
        pkn_atomic_store_relaxed_size(&pool->injected, count - 1);
    }
    pkn_mutex_unlock(&pool->lock);
    return count != 0;
}

#endif
