/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* States that tasks borrow: one a slot of the pool, and spare ones for a thread that is in a second
   task on top of a first. Only the thread that has a slot looks for its state, so the way in is a
   load and a store; a state may be given back by any thread. */
#ifndef PKN_PAR_LOCALS_C
#define PKN_PAR_LOCALS_C

#include "base/alloc.h"
#include "base/bits.h"
#include "base/thread.h"
#include "par/flow.h"
#include "pool/guest.h"

/* Stands in front of each state, one cache line long. */
typedef struct pkn_local {
    struct pkn_local *next_made;  /* of all */
    struct pkn_local *next_spare; /* of those that are free */
    pkn_atomic_u32 *borrowed;     /* the slot's mark, 0 for a spare one */
} pkn_local;

typedef struct pkn_local_slot {
    pkn_local *local;
    pkn_atomic_u32 borrowed;
} PKN_ALIGNED(PKN_CACHE_LINE) pkn_local_slot;

struct pkern_locals {
    pkern_pool *pool;
    pkern_allocator allocator;
    size_t bytes; /* of a state and what is in front of it */
    int (*init)(void *state, void *ctx);
    void (*fini)(void *state, void *ctx);
    void *ctx;
    pkn_mutex lock; /* of the lists */
    pkn_local *made;
    pkn_local *spare;
    size_t n_spare_borrowed;
    size_t n_slots; /* their array stands behind this */
} PKN_ALIGNED(PKN_CACHE_LINE);

PKN_INLINE pkn_local_slot *pkn_local_slots(pkern_locals *locals) {
    return (pkn_local_slot *)(void *)(locals + 1);
}

PKN_INLINE void *pkn_local_state(pkn_local *local) {
    return (unsigned char *)local + PKN_CACHE_LINE;
}

PKERN_API pkern_status pkern_locals_create(pkern_pool *pool, size_t size,
                                           int (*init)(void *state, void *ctx),
                                           void (*fini)(void *state, void *ctx), void *ctx,
                                           pkern_locals **locals) {
    if (locals == 0) {
        return PKERN_EINVAL;
    }
    *locals = 0;
    if (size == 0) {
        return PKERN_EINVAL;
    }
    if (size > SIZE_MAX / 2) {
        return PKERN_EOVERFLOW;
    }
    const pkern_pool *used = pkn_pool_of_call(pool);
    size_t n_slots = (size_t)pkern_pool_num_slots(used);
    size_t bytes = sizeof(pkern_locals) + n_slots * sizeof(pkn_local_slot);
    pkern_locals *made = (pkern_locals *)pkn_allocate(used->allocator, bytes, PKN_CACHE_LINE);
    if (made == 0) {
        return PKERN_ENOMEM;
    }
    memset((void *)made, 0, bytes);
    if (pkn_mutex_init(&made->lock) != 0) {
        pkn_release(used->allocator, made, bytes);
        return PKERN_ENOMEM;
    }
    made->pool = pool != 0 ? pool : (pkern_pool *)(uintptr_t)used;
    if (used->allocator != 0) {
        made->allocator = *used->allocator;
    }
    made->bytes = PKN_CACHE_LINE + size;
    made->init = init;
    made->fini = fini;
    made->ctx = ctx;
    made->n_slots = n_slots;
    *locals = made;
    return PKERN_OK;
}

/* A new state, in the list of all; 0 without memory or where init fails. */
PKN_INTERNAL pkn_local *pkn_local_make(pkern_locals *locals, pkn_atomic_u32 *borrowed) {
    pkn_local *local =
        (pkn_local *)pkn_allocate(&locals->allocator, locals->bytes, PKN_CACHE_LINE);
    if (local == 0) {
        return 0;
    }
    memset((void *)local, 0, locals->bytes);
    local->borrowed = borrowed;
    if (locals->init != 0 && locals->init(pkn_local_state(local), locals->ctx) != 0) {
        pkn_release(&locals->allocator, local, locals->bytes);
        return 0;
    }
    pkn_mutex_lock(&locals->lock);
    local->next_made = locals->made;
    locals->made = local;
    pkn_mutex_unlock(&locals->lock);
    return local;
}

PKN_INTERNAL pkn_local *pkn_local_acquire_spare(pkern_locals *locals) {
    pkn_mutex_lock(&locals->lock);
    pkn_local *local = locals->spare;
    if (local != 0) {
        locals->spare = local->next_spare;
    }
    locals->n_spare_borrowed++;
    pkn_mutex_unlock(&locals->lock);
    if (local == 0) {
        local = pkn_local_make(locals, 0);
        if (local == 0) {
            pkn_mutex_lock(&locals->lock);
            locals->n_spare_borrowed--;
            pkn_mutex_unlock(&locals->lock);
        }
    }
    return local;
}

PKERN_API void *pkern_locals_acquire(pkern_locals *locals) {
    int index = pkern_worker_index(locals->pool);
    pkn_local_slot *slot = index >= 0 ? pkn_local_slots(locals) + index : 0;
    /* acquire: whoever gave the state back may have been another thread */
    if (slot == 0 || pkn_atomic_load_acquire_u32(&slot->borrowed) != 0) {
        pkn_local *local = pkn_local_acquire_spare(locals);
        return local != 0 ? pkn_local_state(local) : 0;
    }
    pkn_atomic_store_relaxed_u32(&slot->borrowed, 1); /* before init, which may acquire, too */
    if (slot->local == 0) {
        slot->local = pkn_local_make(locals, &slot->borrowed);
        if (slot->local == 0) {
            pkn_atomic_store_release_u32(&slot->borrowed, 0);
            return 0;
        }
    }
    return pkn_local_state(slot->local);
}

PKERN_API void pkern_locals_release(pkern_locals *locals, void *state) {
    if (state == 0) {
        return;
    }
    pkn_local *local = (pkn_local *)(void *)((unsigned char *)state - PKN_CACHE_LINE);
    if (local->borrowed != 0) {
        /* release: the slot's next borrower sees the state as it is now */
        pkn_atomic_store_release_u32(local->borrowed, 0);
        return;
    }
    pkn_mutex_lock(&locals->lock);
    local->next_spare = locals->spare;
    locals->spare = local;
    locals->n_spare_borrowed--;
    pkn_mutex_unlock(&locals->lock);
}

PKN_INTERNAL int pkn_locals_borrowed(pkern_locals *locals) {
    pkn_mutex_lock(&locals->lock);
    int borrowed = locals->n_spare_borrowed != 0;
    pkn_mutex_unlock(&locals->lock);
    for (size_t i = 0; i < locals->n_slots; i++) {
        borrowed |= pkn_atomic_load_acquire_u32(&pkn_local_slots(locals)[i].borrowed) != 0;
    }
    return borrowed;
}

PKERN_API pkern_status pkern_locals_each(pkern_locals *locals, int (*fn)(void *state, void *ctx),
                                         void *ctx) {
    if (locals == 0 || fn == 0) {
        return PKERN_EINVAL;
    }
    if (pkn_locals_borrowed(locals)) {
        return PKERN_EDEADLK;
    }
    for (pkn_local *local = locals->made; local != 0; local = local->next_made) {
        int status = fn(pkn_local_state(local), ctx);
        if (status != 0) {
            return status;
        }
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_locals_destroy(pkern_locals *locals) {
    if (locals == 0) {
        return PKERN_OK;
    }
    if (pkn_locals_borrowed(locals)) {
        return PKERN_EDEADLK;
    }
    pkern_allocator allocator = locals->allocator;
    for (pkn_local *local = locals->made; local != 0;) {
        pkn_local *next = local->next_made;
        if (locals->fini != 0) {
            locals->fini(pkn_local_state(local), locals->ctx);
        }
        pkn_release(&allocator, local, locals->bytes);
        local = next;
    }
    pkn_mutex_destroy(&locals->lock);
    pkn_release(&allocator, locals,
                sizeof *locals + locals->n_slots * sizeof(pkn_local_slot));
    return PKERN_OK;
}

#endif
