/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What all random calls of a sequence share: the pools, a stream of random numbers for each place in the tree of calls,
   an allocator that counts and fails, checks that tell how to replay. */
#ifndef PKN_TESTS_API_WORLD_H
#define PKN_TESTS_API_WORLD_H

#define PKERN_IMPLEMENTATION
#include "pkern.in.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_POOLS = 3, MAX_CALLERS = 4 };

typedef struct world {
    pkern_pool     *pools[MAX_POOLS]; /* may be fewer where memory failed: 0 */
    int             n_pools;
    int             memory_fails; /* allocations of the pools fail now and then */
    pkern_allocator allocator;
    uint64_t        allocations, fails_below; /* of 256 */
    int64_t         live;
    size_t          spawned, spawned_ran; /* detached jobs, atomic */
    size_t          visitors;             /* detached jobs that call pkern and have not ended, atomic */
    size_t          own_pools;            /* made by a call, alive */
    /* calls in mode OWN and BLOCK, and then no broadcasts that are waited for: a thread that waits that way serves none */
    int             has_regions;
    pthread_mutex_t lock;                 /* held over waits of mode OWN and BLOCK */
    size_t          locked;               /* plain, under the lock */
} world;

/* A place in the tree of calls: everything below it depends on path alone. */
typedef struct place {
    world      *of;
    pkern_pool *own; /* a pool that lives for this part of the tree alone, or 0 */
    uint64_t    path;
    int         depth; /* levels of calls that may still hang below */
} place;

typedef struct stream {
    uint64_t seed, index;
} stream;

static uint64_t api_seed, api_sequence;
static int      api_verbose;

static void api_fail(const char *file, int line, const char *what) {
    fprintf(stderr,
            "%s:%d: failed: %s\nreplay: api_sequences --seed %" PRIu64 " --sequence %" PRIu64 " (schedules differ: it repeats)\n",
            file, line, what, api_seed, api_sequence);
    abort();
}

#define CHECK(condition) ((condition) ? (void)0 : api_fail(__FILE__, __LINE__, #condition))

static uint64_t draw(stream *s, uint64_t below) {
    return pkn_random_at(s->seed, s->index++) % below;
}

static int chance(stream *s, uint64_t of) {
    return draw(s, of) == 0;
}

static place place_below(const place *at, uint64_t branch) {
    place below = *at;
    below.path = pkn_mix_u64(at->path * 0x9e3779b97f4a7c15u + branch + 1);
    below.depth--;
    return below;
}

/* One of the pools, or 0: the current or global one. */
static pkern_pool *draw_pool(stream *s, const place *at) {
    uint64_t i = draw(s, (uint64_t)at->of->n_pools + 2);
    if (i < (uint64_t)at->of->n_pools) return at->of->pools[i];
    return i == (uint64_t)at->of->n_pools ? 0 : at->own;
}

/* Sizes around the borders that matter, and any other. */
static size_t draw_size(stream *s, size_t below) {
    switch (draw(s, 6)) {
    case 0:
        return (size_t)draw(s, 3);
    case 1:
        return (size_t)draw(s, pkn_min_size(below, 40));
    case 2:
        return (size_t)draw(s, pkn_min_size(below, 300));
    default:
        return (size_t)draw(s, below);
    }
}

static void *get_memory(size_t bytes) {
    void *memory = calloc(1, bytes + 1);
    CHECK(memory != 0);
    return memory;
}

/* ---- the pools' allocator ---- */

static void *world_allocate(size_t bytes, size_t alignment, void *user) {
    world   *w = (world *)user;
    uint64_t call = __atomic_fetch_add(&w->allocations, 1, __ATOMIC_RELAXED);
    CHECK(bytes > 0 && alignment <= 64 && (alignment & (alignment - 1)) == 0);
    if (pkn_random_at(api_seed ^ api_sequence, call) % 256 < w->fails_below) return 0;
    size_t *block = (size_t *)pkn_allocate(0, bytes + 64, 64);
    CHECK(block != 0);
    *block = bytes;
    memset((char *)block + 64, 0xa5, bytes);
    __atomic_fetch_add(&w->live, 1, __ATOMIC_RELAXED);
    return (char *)block + 64;
}

static void world_release(void *memory, size_t bytes, void *user) {
    world  *w = (world *)user;
    size_t *block = (size_t *)(void *)((char *)memory - 64);
    CHECK(*block == bytes);
    *block = 0;
    __atomic_fetch_sub(&w->live, 1, __ATOMIC_RELAXED);
    pkn_release(0, block, bytes + 64);
}

static int memory_ran_out(const place *at, pkern_status status) {
    return at->of->memory_fails && status == PKERN_ENOMEM;
}

static int api_run(void *ctx); /* any call at this place; api_calls.h */

#endif
