/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Parallel work on the items of a serial source. Up to T runners take turns: one reads an item while
   nobody else reads, then works on it, while another reads the next.

   No callback runs under the lock, and no runner waits for another. A runner that finds the source
   in use or no room leaves; whoever it would have waited for (the one that reads, or one that has an
   item) comes back to the source later, and each item that is read brings a further runner where
   there is room for one. So a callback may itself call pkern, and what its thread runs meanwhile,
   another runner of the same call too, can't block it.

   A runner on top of a callback of the same call does one item at a time, so that the callback
   gets its thread back, and two on top of each other bring no others, so that the stack stays small
   where the pool has no memory and runs a new runner at once. */
#ifndef PKN_PAR_FROM_C
#define PKN_PAR_FROM_C

#include "base/alloc.h"
#include "base/bits.h"
#include "base/thread.h"
#include "par/flow.h"
#include "pool/guest.h"

#define PKN_FROM_NO_FAILURE UINT64_MAX

typedef struct pkn_from {
    const pkern_source *source;
    pkern_pool *pool;
    pkern_cancel *cancel;
    pkern_scope scope;
    size_t window;
    size_t stride;        /* bytes from item to item */
    unsigned char *items; /* [window] */
    size_t *free_places;  /* [window] a stack, without emit */
    unsigned char *done;  /* [window] item waits for its turn to be emitted */
    int *depth;           /* [1 + slots] runners on top of each other, for each thread in the pool */
    pkn_mutex lock;       /* of all below */
    size_t n_free;
    uint64_t n_read;
    uint64_t n_emitted; /* and dropped */
    int is_reading;
    int is_emitting;
    int is_over; /* nothing more is read */
    int is_canceled;
    int runners;
    int most_runners;
    uint64_t failed_item; /* the lowest */
    int status;
} pkn_from;

typedef struct pkn_from_item {
    uint64_t number;
    size_t place;
} pkn_from_item;

PKN_INLINE void *pkn_from_memory(const pkn_from *from, size_t place) {
    return from->items + place * from->stride;
}

/* ---- under the lock ---- */

PKN_INTERNAL int pkn_from_has_room(const pkn_from *from) {
    return from->source->emit != 0 ? from->n_read - from->n_emitted < from->window
                                   : from->n_free != 0;
}

PKN_INTERNAL void pkn_from_fail(pkn_from *from, uint64_t item, int status) {
    if (item < from->failed_item) {
        from->failed_item = item;
        from->status = status;
    }
    from->is_over = 1;
}

/* Emits what is next in order, if no other thread is at it. Lets go of the lock meanwhile. */
PKN_INTERNAL void pkn_from_emit(pkn_from *from) {
    if (from->is_emitting) {
        return;
    }
    from->is_emitting = 1;
    while (from->n_emitted < from->n_read) {
        uint64_t number = from->n_emitted;
        size_t place = (size_t)(number % from->window);
        if (!from->done[place]) {
            break;
        }
        if (number < from->failed_item) {
            pkn_mutex_unlock(&from->lock);
            int status = from->source->emit(pkn_from_memory(from, place), from->source->ctx);
            pkn_mutex_lock(&from->lock);
            if (status != 0) {
                pkn_from_fail(from, number, status);
            }
        }
        from->done[place] = 0;
        from->n_emitted++;
    }
    from->is_emitting = 0;
}

/* 1 where the calling runner may read. */
PKN_INTERNAL int pkn_from_may_read(pkn_from *from) {
    if (from->is_over || from->is_reading || !pkn_from_has_room(from)) {
        return 0;
    }
    if (pkern_cancel_requested(from->cancel)) {
        from->is_over = 1;
        from->is_canceled = 1;
        return 0;
    }
    return 1;
}

/* ---- runners ---- */

/* Reads an item. 0: there is none for this runner, which is counted off. *more: in, whether the
   runner may bring another; out, whether another was counted in. */
PKN_INTERNAL int pkn_from_read(pkn_from *from, pkn_from_item *item, int *more) {
    const pkern_source *source = from->source;
    int status = PKERN_EEMPTY;
    pkn_mutex_lock(&from->lock);
    if (pkn_from_may_read(from)) {
        from->is_reading = 1;
        item->number = from->n_read;
        item->place = source->emit != 0 ? (size_t)(item->number % from->window)
                                        : from->free_places[--from->n_free];
        pkn_mutex_unlock(&from->lock);
        status = source->next(pkn_from_memory(from, item->place), source->ctx);
        pkn_mutex_lock(&from->lock);
        from->is_reading = 0;
        if (status == PKERN_EEMPTY) {
            from->is_over = 1;
        } else if (status != 0) {
            pkn_from_fail(from, item->number, status);
        } else {
            from->n_read++;
        }
    }
    if (status != 0) {
        from->runners--;
    }
    *more = *more && status == 0 && !from->is_over && from->runners < from->most_runners &&
            pkn_from_has_room(from);
    from->runners += *more;
    pkn_mutex_unlock(&from->lock);
    return status == 0;
}

/* Works on an item. leaves: the runner is counted off. */
PKN_INTERNAL void pkn_from_work(pkn_from *from, const pkn_from_item *item, int leaves) {
    const pkern_source *source = from->source;
    int status = source->body(pkn_from_memory(from, item->place), source->ctx);
    pkn_mutex_lock(&from->lock);
    if (status != 0) {
        pkn_from_fail(from, item->number, status);
    }
    if (source->emit != 0) {
        from->done[item->place] = 1;
        pkn_from_emit(from);
    } else {
        from->free_places[from->n_free++] = item->place;
    }
    from->runners -= leaves;
    pkn_mutex_unlock(&from->lock);
}

PKN_INTERNAL int pkn_from_run(void *context) {
    pkn_from *from = (pkn_from *)context;
    int *depth = &from->depth[pkern_worker_index(from->pool) + 1];
    int is_nested = *depth > 0;
    int brings_more = *depth < 2;
    pkn_from_item item = {0, 0};
    int goes_on = 1;
    ++*depth;
    while (goes_on) {
        int more = brings_more;
        goes_on = pkn_from_read(from, &item, &more);
        if (more) {
            (void)pkern_scope_spawn(&from->scope, pkn_from_run, from);
        }
        if (goes_on) {
            pkn_from_work(from, &item, is_nested);
            goes_on = !is_nested;
        }
    }
    --*depth;
    return 0;
}

/* ---- the call ---- */

PKN_INTERNAL int pkn_from_main(void *context) {
    pkn_from *from = (pkn_from *)context;
    /* a call that got no place in the pool runs alone */
    from->most_runners =
        pkern_worker_index(from->pool) >= 0 ? pkern_pool_num_threads(from->pool) : 1;
    from->runners = 1;
    (void)pkern_scope_begin(&from->scope, from->pool);
    (void)pkn_from_run(from);
    return pkern_scope_wait(&from->scope);
}

PKERN_API pkern_status pkern_par_from(pkern_pool *pool, const pkern_source *source,
                                      const pkern_par_options *options) {
    pkn_from from;
    size_t bytes;
    if (source == 0 || source->next == 0 || source->body == 0 || source->item_size == 0) {
        return PKERN_EINVAL;
    }
    memset((void *)&from, 0, sizeof from);
    from.source = source;
    from.pool = pool;
    from.cancel = options != 0 ? options->cancel : 0;
    from.failed_item = PKN_FROM_NO_FAILURE;
    from.window =
        source->window != 0 ? source->window : 4 * (size_t)pkern_pool_num_threads(pool);
    if (source->emit == 0) {
        /* a runner has one item at a time */
        from.window = pkn_min_size(from.window, (size_t)pkern_pool_num_threads(pool));
    }
    if (source->item_size > SIZE_MAX / 4) {
        return PKERN_EOVERFLOW;
    }
    from.stride = (source->item_size + PKN_CACHE_LINE - 1) / PKN_CACHE_LINE * PKN_CACHE_LINE;
    size_t n_depths = (size_t)pkern_pool_num_slots(pool) + 1;
    if (pkn_mul_overflows_size(from.window, from.stride + sizeof(size_t) + 1, &bytes) ||
        bytes > SIZE_MAX / 2) {
        return PKERN_EOVERFLOW;
    }
    bytes += n_depths * sizeof(int);
    const pkern_allocator *allocator = pkn_pool_allocator(pool);
    from.items = (unsigned char *)pkn_allocate(allocator, bytes, PKN_CACHE_LINE);
    if (from.items == 0 || pkn_mutex_init(&from.lock) != 0) {
        pkn_release(allocator, from.items, bytes);
        return PKERN_ENOMEM;
    }
    from.free_places = (size_t *)(void *)(from.items + from.window * from.stride);
    from.depth = (int *)(void *)(from.free_places + from.window);
    from.done = (unsigned char *)(from.depth + n_depths);
    for (from.n_free = 0; from.n_free < from.window; from.n_free++) {
        from.free_places[from.n_free] = from.n_free;
        from.done[from.n_free] = 0;
    }
    memset(from.depth, 0, n_depths * sizeof *from.depth);
    pkern_status status = pkern_pool_install(pool, pkn_from_main, &from);
    pkn_mutex_destroy(&from.lock);
    pkn_release(allocator, from.items, bytes);
    return from.failed_item != PKN_FROM_NO_FAILURE ? from.status
           : from.is_canceled                      ? PKERN_ECANCELED
                                                   : status;
}

#endif
