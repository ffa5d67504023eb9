/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A worker thread's life. */
#ifndef PKN_POOL_WORKER_H
#define PKN_POOL_WORKER_H

#include "pool/guest.h"
#include "pool/topology.h"

#if PKN_THREADS

/* prefix-index, at most 15 characters, the index kept whole */
PKN_INTERNAL void pkn_name_this_thread(const char *prefix, int index) {
    char digits[12];
    char name[16];
    size_t count = 0;
    size_t length = 0;
    do {
        digits[count++] = (char)('0' + index % 10);
        index /= 10;
    } while (index != 0);
    while (prefix[length] != 0 && length + count + 1 < sizeof name - 1) {
        name[length] = prefix[length];
        length++;
    }
    name[length++] = '-';
    while (count != 0) {
        name[length++] = digits[--count];
    }
    name[length] = 0;
    pkn_thread_set_name(name);
}

/* 1 where this worker may end: no broadcast waits for it, and later ones will know that it is gone; and no job came from outside between
   its last search and its look at stopping. */
PKN_INTERNAL int pkn_worker_ends(pkn_member *self) {
    pkern_pool *pool = self->pool;
    pkn_mutex_lock(&pool->lock);
    self->ended = self->seen_broadcast == pkn_atomic_load_relaxed_u32(&pool->board.number) &&
                  pkn_atomic_load_relaxed_size(&pool->injected.count) == 0 &&
                  pkn_atomic_load_relaxed_size(&pool->urgent.count) == 0;
    pkn_mutex_unlock(&pool->lock);
    return self->ended;
}

PKN_INTERNAL void *pkn_worker_main(void *argument) {
    pkn_member *self = (pkn_member *)argument;
    pkern_pool *pool = self->pool;
    pkn_wait wait = {PKN_WAIT_WORK, 0, 0, 0, 0, 0, 0};
    (void)pkn_hold_cancellation();
    pkn_set_current(self);
    pkn_this_thread.memberships = self;
    pkn_this_thread.worker = self;
    pkn_name_this_thread(pool->name, self->index);
    if ((pool->flags & PKERN_POOL_PIN) != 0) {
        pkn_pin_this_thread(self->index + 1);
    }
    /* the creator holds this lock until the pool is complete */
    pkn_mutex_lock(&pool->starting);
    pkn_mutex_unlock(&pool->starting);
    if (pool->on_thread_start != 0) {
        pool->on_thread_start(self->index, pool->user);
    }
    while (pkn_work_until(self, &wait) == 0 && !pkn_worker_ends(self)) {
    }
    if (pool->on_thread_exit != 0) {
        pool->on_thread_exit(self->index, pool->user);
    }
    return 0;
}

#endif

#endif
