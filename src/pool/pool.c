/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Making and ending pools, the global pool, and what a pool tells of itself. */
#ifndef PKN_POOL_POOL_C
#define PKN_POOL_POOL_C

#include "pool/spare.h"

#define PKN_DEFAULT_SPIN_NS 50000
#define PKN_STACK_PER_DEPTH 16384u
#define PKN_MAX_DEPTH 64u
#define PKN_MAX_SPARES 256

/* ---- create ---- */

PKN_INTERNAL int pkn_threads_wanted(const pkern_pool_config *config, int usable_cpus) {
    int threads = config->num_threads;
    threads = threads != 0 ? threads : pkn_threads_of_text(getenv("PKERN_NUM_THREADS"));
    threads = threads != 0 ? threads : PKERN_NUM_THREADS;
    return threads > 0 ? threads : usable_cpus;
}

PKN_INTERNAL int pkn_config_is_valid(const pkern_pool_config *config) {
    return config->num_threads >= 0 && config->num_threads <= PKERN_MAX_THREADS &&
           !pkn_allocator_is_half(config->allocator) && config->max_spares >= 0 && config->max_spares <= PKN_MAX_SPARES &&
           (config->start_thread != 0) == (config->join_thread != 0) &&
           (config->flags & ~(unsigned)(PKERN_POOL_ALL_THREADS | PKERN_POOL_PIN | PKERN_POOL_USE_CURRENT_THREAD)) == 0;
}

/* Frees everything but running threads. */
PKN_INTERNAL void pkn_pool_free(pkern_pool *pool) {
    pkn_trace_close(pool);
    pkern_allocator storage = pool->allocator_storage;
    const pkern_allocator *allocator = pool->allocator != 0 ? &storage : 0;
    uint32_t count = pkn_atomic_load_relaxed_u32(&pool->num_members);
    for (uint32_t i = 0; i < count; i++) {
        pkn_member_destroy(pkn_member_at(pool, i));
    }
    while (pool->spawned_broadcasts != 0) { /* in a forked child */
        pkn_broadcast *broadcast = pool->spawned_broadcasts;
        pool->spawned_broadcasts = broadcast->next_spawned;
        pkn_release(allocator, broadcast, sizeof *broadcast);
    }
    pkn_release(allocator, pool->injected.jobs, pool->injected.capacity * sizeof(pkn_job));
    pkn_release(allocator, pool->urgent.jobs, pool->urgent.capacity * sizeof(pkn_job));
    pkn_release(allocator, pool->of_regions.jobs, pool->of_regions.capacity * sizeof(pkn_job));
    if (!pkn_is_orphan(pool)) {
        pkn_mutex_destroy(&pool->lock);
        pkn_mutex_destroy(&pool->starting);
    }
    pkn_release(allocator, pool, pool->bytes);
}

/* Workers 0, 1, ... until one can't be had. Returns their number. */
PKN_INTERNAL int pkn_start_workers(pkern_pool *pool, int wanted) {
    int started = 0;
#if PKN_THREADS
    while (started < wanted) {
        pkn_member *member = pkn_member_create(pool, started, 1);
        if (member == 0) {
            break;
        }
        member->entries = 1;
        pkn_atomic_store_relaxed_ptr(&pool->members[started], member);
        if (pkn_start_worker(member) != 0) {
            pkn_member_destroy(member);
            break;
        }
        started++;
    }
#else
    PKN_UNUSED(pool);
    PKN_UNUSED(wanted);
#endif
    return started;
}

#if PKN_THREADS
PKN_INTERNAL void pkn_stop_workers(pkern_pool *pool) {
    pkn_atomic_store_relaxed_u32(&pool->stopping, 1);
    pkn_fence_seq_cst(); /* orders stopping before the look at parked; pairs with the fence in pkn_sleep */
    for (uint32_t i = 0; i + 1 < (uint32_t)pool->num_threads; i++) {
        pkn_wake_member(pkn_member_at(pool, i));
    }
}
#endif

PKN_INTERNAL void pkn_end_workers(pkern_pool *pool) {
#if PKN_THREADS
    pkn_stop_workers(pool);
    for (uint32_t i = 0; i + 1 < (uint32_t)pool->num_threads; i++) {
        pkn_join_worker(pkn_member_at(pool, i));
    }
    pkn_end_spares(pool);
#else
    PKN_UNUSED(pool);
#endif
}

/* The memory of a pool for `threads`, with its fields set; 0 without memory. */
PKN_INTERNAL pkern_pool *pkn_pool_allocate(const pkern_pool_config *config, int threads, int usable_cpus) {
    size_t slots = (size_t)threads - 1 + PKERN_MAX_GUESTS + (size_t)config->max_spares;
    size_t bytes = sizeof(pkern_pool) + slots * sizeof(pkn_atomic_ptr);
    pkern_pool *pool = (pkern_pool *)pkn_allocate(config->allocator, bytes, PKN_CACHE_LINE);
    if (pool == 0) {
        return 0;
    }
    memset((void *)pool, 0, bytes);
    pool->bytes = bytes;
    pool->members = (pkn_atomic_ptr *)(void *)(pool + 1);
    pool->num_slots = (int)slots;
    pool->flags = config->flags;
    pool->fork_generation = pkn_atomic_load_relaxed_u32(&pkn_fork_generation);
    if (config->allocator != 0 && config->allocator->allocate != 0) {
        pool->allocator_storage = *config->allocator;
        pool->allocator = &pool->allocator_storage;
    }
    pool->on_thread_start = config->on_thread_start;
    pool->on_thread_exit = config->on_thread_exit;
    pool->start_thread = config->start_thread;
    pool->join_thread = config->join_thread;
    pool->on_task_error = config->on_task_error;
    pool->user = config->user;
    pool->stack_size = config->stack_size;
    size_t stack = config->stack_size == 0 ? (size_t)PKN_STACK_PER_DEPTH * PKN_MAX_DEPTH : config->stack_size;
    pool->depth_limit = (uint32_t)pkn_max_size(2, pkn_min_size(stack / PKN_STACK_PER_DEPTH, PKN_MAX_DEPTH));
    const char *name = config->name != 0 ? config->name : "pkern";
    for (size_t i = 0; i + 1 < sizeof pool->name && name[i] != 0; i++) {
        pool->name[i] = name[i];
    }
    /* a spinning thread beyond the CPUs would take time from one that works */
    int64_t spin_ns = config->spin_ns != 0 ? config->spin_ns : PKN_DEFAULT_SPIN_NS;
    pool->spin_ticks = spin_ns < 0 || threads > usable_cpus ? 0 : (uint64_t)spin_ns;
    if (pkn_mutex_init(&pool->lock) != 0) {
        pkn_release(config->allocator, pool, bytes);
        return 0;
    }
    if (pkn_mutex_init(&pool->starting) != 0) {
        pkn_mutex_destroy(&pool->lock);
        pkn_release(config->allocator, pool, bytes);
        return 0;
    }
    return pool;
}

PKERN_API pkern_status pkern_pool_create(const pkern_pool_config *config, pkern_pool **pool) {
    pkern_pool_config defaults;
    memset(&defaults, 0, sizeof defaults);
    config = config != 0 ? config : &defaults;
    if (pool == 0) {
        return PKERN_EINVAL;
    }
    *pool = 0;
    int stays = (config->flags & PKERN_POOL_USE_CURRENT_THREAD) != 0;
    if (!pkn_config_is_valid(config) || (stays && pkn_settled_thread()->memberships != 0)) {
        return PKERN_EINVAL;
    }
    pkn_watch_fork();
    uint64_t start_ns = pkn_now_ns();
    uint64_t start_ticks = pkn_ticks();
    int kept_errno = errno;
    int usable_cpus = pkn_usable_cpus();
    errno = kept_errno;
    int threads = pkn_threads_wanted(config, usable_cpus);
    pkern_pool *made = pkn_pool_allocate(config, threads, usable_cpus);
    if (made == 0) {
        return PKERN_ENOMEM;
    }
    made->id = made->stats_since_ns = start_ns;
    made->created_ticks = start_ticks;
    made->trace_status = pkn_trace_open(made, config->trace);
    made->has_membarrier = threads > 1 && pkn_membarrier_init();
    pkn_mutex_lock(&made->starting);
    int started = pkn_start_workers(made, threads - 1);
    made->num_threads = started + 1;
    made->helpers = (uint32_t)started;
    made->max_spares = started != 0 ? (uint32_t)config->max_spares : 0;
    pkn_atomic_store_relaxed_u32(&made->num_members, (uint32_t)started); /* the workers wait for the lock */
    if ((config->flags & PKERN_POOL_PIN) != 0) {
        pkn_place_workers(made, started, PKN_SYSTEM_DEVICES);
        errno = kept_errno;
    }
    /* the start of the threads took long enough to compare the clocks; a pool without threads has no use for ticks */
    uint64_t passed_ns = pkn_now_ns() - start_ns;
    made->ticks_per_ns = passed_ns > 1000 ? (double)(pkn_ticks() - start_ticks) / (double)passed_ns : 1.0;
    made->spin_ticks = (uint64_t)((double)made->spin_ticks * made->ticks_per_ns);
    made->theft_ticks = (uint64_t)(PKN_THEFT_NS * made->ticks_per_ns);
    pkn_mutex_unlock(&made->starting);
    int misses = started + 1 < threads && (config->flags & PKERN_POOL_ALL_THREADS) != 0;
    if (misses || (stays && pkn_stay(made) != 0)) {
        pkn_end_workers(made);
        pkn_pool_free(made);
        return misses ? PKERN_ETHREAD : PKERN_ENOMEM;
    }
    *pool = made;
    return PKERN_OK;
}

/* ---- destroy ---- */

/* Closes every guest slot. 0, or 1 where one is in use: then all are as before. */
PKN_INTERNAL int pkn_close_guest_slots(pkern_pool *pool) {
    uint32_t first = (uint32_t)pool->num_threads - 1u;
    /* acquire: a spare may be made at this moment */
    uint32_t count = pkn_atomic_load_acquire_u32(&pool->num_members);
    for (uint32_t i = first; i < count; i++) {
        uint32_t free = PKN_GUEST_FREE;
        if (pkn_member_at(pool, i)->is_spare) {
            continue;
        }
        /* pairs with the release of a guest that leaves: the slot is freed after the fence in pkn_end_workers */
        if (pkn_atomic_load_fenced_u32(&pkn_member_at(pool, i)->guest_state) == PKN_GUEST_KEPT) {
            continue;
        }
        if (!pkn_atomic_cas_relaxed_u32(&pkn_member_at(pool, i)->guest_state, &free, PKN_GUEST_CLOSED)) {
            while (i-- > first) {
                uint32_t closed = PKN_GUEST_CLOSED;
                (void)pkn_atomic_cas_relaxed_u32(&pkn_member_at(pool, i)->guest_state, &closed, PKN_GUEST_FREE);
            }
            return 1;
        }
    }
    return 0;
}

#if PKN_THREADS
/* 1 where nothing of the pool runs. */
PKN_INTERNAL int pkn_all_have_ended(pkern_pool *pool) {
    int ended = 1;
    pkn_mutex_lock(&pool->lock);
    for (uint32_t i = 0; i < pool->helpers && ended; i++) {
        ended = pkn_member_at(pool, i)->ended;
    }
    pkn_mutex_unlock(&pool->lock);
    return ended && pkn_spares_rest(pool);
}

/* The calling thread is inside another pool, which jobs that this one still has may wait for: so it works there until they are done. By
   naps, since this is rare. */
PKN_INTERNAL PKN_COLD void pkn_work_elsewhere_until_ended(pkern_pool *pool) {
    pkn_member *outer = pkn_current();
    pkn_wait wait = {PKN_WAIT_END, 0, 0, 0, 0, 0, 0};
    pkn_stop_workers(pool);
    /* what runs here may fork */
    while (!pkn_is_orphan(outer->pool) && !pkn_is_orphan(pool) && !pkn_all_have_ended(pool)) {
        pkn_join_place place = pkn_join_close(outer);
        if (!pkn_search(outer, &wait, PKN_SEARCH_HIDDEN)) {
            pkn_nap();
        }
        pkn_join_reopen(outer, place);
    }
}
#endif

/* serves: see above. */
PKN_INTERNAL pkern_status pkn_pool_end(pkern_pool *pool, int serves) {
    if (pool == 0 || pool->num_slots == 0) {
        return PKERN_OK;
    }
    pkn_member *own = pkn_membership(pkn_settled_thread(), pool);
    int stayed = own != 0 && own->stays && own->entries == 1 && own == pkn_current() && pkn_join_end(own) == 0;
    if (stayed) {
        pkn_leave_for_good(own);
        pkn_set_current(0);
    }
    if (!pkn_is_orphan(pool)) {
        if ((own != 0 && !stayed) || pkn_close_guest_slots(pool) != 0) {
            if (stayed) {
                (void)pkn_stay(pool); /* in the slot that it keeps */
            }
            return PKERN_EDEADLK;
        }
#if PKN_THREADS
        if (serves && pkn_current() != 0) {
            pkn_work_elsewhere_until_ended(pool);
        }
#else
        PKN_UNUSED(serves);
#endif
    }
    if (!pkn_is_orphan(pool)) {
        pkn_end_workers(pool);
    }
    pkn_pool_free(pool);
    return PKERN_OK;
}

PKERN_API pkern_status pkern_pool_destroy(pkern_pool *pool) {
    return pkn_pool_end(pool, 1);
}

/* ---- the global pool ---- */

static pkn_atomic_ptr pkn_global_pool;

PKN_INTERNAL const pkern_allocator *pkn_pool_allocator(const pkern_pool *pool) {
    if (pool == 0) {
        /* acquire: pairs with the release in pkn_global_make */
        pool = pkn_current() != 0 ? pkn_current()->pool : (pkern_pool *)pkn_atomic_load_acquire_ptr(&pkn_global_pool);
    }
    return pool != 0 ? pool->allocator : 0;
}

/* Where no pool can be made: no slots, so that every call runs serially. */
static pkern_pool pkn_serial_pool;

PKN_INTERNAL pkern_status pkn_global_make(const pkern_pool_config *config, int is_init) {
    pkern_status status = PKERN_OK;
    pkern_pool *made = 0;
    pkn_watch_fork();
    pkn_mutex_lock(&pkn_global_lock);
    if (pkn_atomic_load_relaxed_ptr(&pkn_global_pool) != 0) {
        status = is_init ? PKERN_EINVAL : PKERN_OK;
    } else {
        status = pkern_pool_create(config, &made);
        if (status == PKERN_OK) {
            /* release: who reads the pointer sees the pool */
            pkn_atomic_store_release_ptr(&pkn_global_pool, made);
        }
    }
    pkn_mutex_unlock(&pkn_global_lock);
    return status;
}

PKERN_API pkern_pool *pkern_pool_global(void) {
    pkern_pool *pool = (pkern_pool *)pkn_atomic_load_acquire_ptr(&pkn_global_pool);
    if (PKN_UNLIKELY(pool == 0)) {
        (void)pkn_global_make(0, 0);
        pool = (pkern_pool *)pkn_atomic_load_relaxed_ptr(&pkn_global_pool); /* the lock has shown it */
    }
    return pool != 0 ? pool : &pkn_serial_pool;
}

PKERN_API pkern_status pkern_pool_global_init(const pkern_pool_config *config) {
    return pkn_global_make(config, 1);
}

PKERN_API pkern_status pkern_pool_global_shutdown(void) {
    pkn_mutex_lock(&pkn_global_lock);
    pkern_pool *pool = (pkern_pool *)pkn_atomic_load_relaxed_ptr(&pkn_global_pool);
    pkern_status status = pkn_pool_end(pool, 0); /* what else ran here might want the lock */
    if (status == PKERN_OK) {
        pkn_atomic_store_relaxed_ptr(&pkn_global_pool, 0);
    }
    pkn_mutex_unlock(&pkn_global_lock);
    return status;
}

/* ---- what a pool tells ---- */

PKERN_API int pkern_pool_num_threads(const pkern_pool *pool) {
    const pkern_pool *known = pkn_pool_of_call(pool);
    return known->num_slots == 0 ? 1 : known->num_threads;
}

PKERN_API int pkern_pool_num_slots(const pkern_pool *pool) {
    const pkern_pool *known = pkn_pool_of_call(pool);
    return known->num_slots == 0 ? 1 : known->num_slots;
}

PKERN_API int pkern_worker_index(const pkern_pool *pool) {
    const pkn_thread_state *thread = pkn_settled_thread();
    pkn_member *member = thread->memberships == 0 ? 0 : pkn_membership(thread, pkn_pool_of_call(pool));
    return member == 0 ? -1 : member->index;
}

PKERN_API pkern_status pkern_pool_install(pkern_pool *pool, pkern_task_fn fn, void *ctx) {
    pkn_entry entry;
    if (fn == 0) {
        return PKERN_EINVAL;
    }
    pkn_member *member = pkn_enter(pool, &entry);
    if (member != 0) {
        pkn_trace_call(member);
    }
    int status = fn(ctx);
    pkn_leave(&entry);
    return status;
}

#endif
