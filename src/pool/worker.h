/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A worker thread's life. */
#ifndef PKN_POOL_WORKER_H
#define PKN_POOL_WORKER_H

#include "pool/guest.h"
#include "pool/distance.h"

#if PKN_THREADS

/* prefix-index, at most 15 characters, the index kept whole */
PKN_INTERNAL void pkn_worker_name(const char *prefix, int index, char name[16]) {
    char digits[12];
    size_t count = 0;
    size_t length = 0;
    do {
        digits[count++] = (char)('0' + index % 10);
        index /= 10;
    } while (index != 0);
    while (prefix[length] != 0 && length + count + 1 < 15) {
        name[length] = prefix[length];
        length++;
    }
    name[length++] = '-';
    while (count != 0) {
        name[length++] = digits[--count];
    }
    name[length] = 0;
}

/* 1 where this worker may end: no broadcast waits for it, and later ones will know that it is gone; and no job came from outside between
   its last search and its look at stopping. */
PKN_INTERNAL int pkn_worker_ends(pkn_member *self) {
    pkern_pool *pool = self->pool;
    pkn_mutex_lock(&pool->lock);
    self->ended = self->seen_broadcast == pkn_atomic_load_relaxed_u32(&pool->board.number) && pkn_queues_are_empty(pool);
    pkn_mutex_unlock(&pool->lock);
    return self->ended;
}

PKN_INTERNAL int pkn_spare_ends(pkn_member *self);

PKN_INTERNAL void pkn_worker_run(void *argument) {
    pkn_member *self = (pkn_member *)argument;
    pkern_pool *pool = self->pool;
    pkn_wait wait = {PKN_WAIT_WORK, 0, 0, 0, 0, 0, 0};
    /* a thread that the user made may have been in another pool before, and be again */
    pkn_member *outer = pkn_current();
    pkn_member *outer_worker = pkn_this_thread.worker;
    self->next_membership = pkn_this_thread.memberships;
    int cancellation = pkn_hold_cancellation();
    pkn_this_thread.memberships = self;
    pkn_this_thread.worker = self;
    pkn_set_current(self);
    if ((pool->flags & PKERN_POOL_PIN) != 0 && self->is_worker) {
        pkn_pin_this_thread(self->index + 1);
    }
    /* the creator holds this lock until the pool is complete */
    pkn_mutex_lock(&pool->starting);
    pkn_mutex_unlock(&pool->starting);
    if (pool->on_thread_start != 0) {
        pool->on_thread_start(self->index, pool->user);
    }
    while (pkn_work_until(self, &wait) == 0 && !(self->is_spare ? pkn_spare_ends(self) : pkn_worker_ends(self))) {
    }
    if (pool->on_thread_exit != 0) {
        pool->on_thread_exit(self->index, pool->user);
    }
    pkn_this_thread.memberships = self->next_membership;
    pkn_this_thread.worker = outer_worker;
    pkn_set_current(outer);
    pkn_allow_cancellation(cancellation);
}

PKN_INTERNAL void *pkn_worker_main(void *argument) {
    const pkn_member *self = (const pkn_member *)argument;
    char name[16];
    pkn_worker_name(self->pool->name, self->index, name);
    pkn_thread_set_name(name);
    pkn_worker_run(argument);
    return 0;
}

/* 0, or nonzero where there is no further thread. */
PKN_INTERNAL int pkn_start_worker(pkn_member *worker) {
    pkern_pool *pool = worker->pool;
    if (pool->start_thread == 0) {
        return pkn_thread_create(&worker->thread, pool->stack_size, pkn_worker_main, worker);
    }
    char name[16];
    pkn_worker_name(pool->name, worker->index, name);
    pkern_thread_start start = {pkn_worker_run, 0, 0, 0, 0};
    start.argument = worker;
    start.name = name;
    start.stack_size = pool->stack_size;
    start.index = worker->index;
    return pool->start_thread(&start, pool->user);
}

PKN_INTERNAL void pkn_join_worker(const pkn_member *worker) {
    pkern_pool *pool = worker->pool;
    if (pool->join_thread == 0) {
        pkn_thread_join(worker->thread);
    } else {
        pool->join_thread(worker->index, pool->user);
    }
}

#endif

#endif
