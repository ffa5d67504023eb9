/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Random sequences of calls of the whole interface, each call with what it has to give:

       api_sequences [--seed N] [--count N] [--sequence K] [--repeat N] [--verbose]

   A sequence makes one to three pools of 1 to 16 threads and one to four calling threads, each of which makes a few calls whose
   callbacks make calls on any of the pools, up to three deep; then everything is ended and counted. What a sequence does follows
   from the seed and its number; how threads interleave does not, so --sequence K runs it --repeat times (default 1000). A watchdog
   ends a sequence that takes 10 s. R28 of docs/reliability.md. */
#include "api_world.h"
#include "api_tasks.h"
#include "api_loops.h"
#include "api_orders.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { WATCHDOG_SECONDS = 60, SMALL_STACK = 262144 };
#else
enum { WATCHDOG_SECONDS = 10, SMALL_STACK = 65536 };
#endif

typedef void (*call_fn)(stream *s, place *at);
static const struct {
    const char *name;
    call_fn     run;
} calls[] = {
    {"join", call_join},           {"join tree", call_join_tree}, {"typed join", call_typed_join}, {"scope", call_scope},
    {"spawn", call_spawn},         {"broadcast", call_broadcast}, {"install", call_install},       {"own pool", call_own_pool},
    {"bad arguments", call_badly}, {"for", call_for},             {"chunks", call_chunks},         {"split", call_split},
    {"from", call_from},           {"map", call_map},             {"reduce", call_reduce},         {"walk", call_walk},
    {"locals", call_locals},       {"select", call_select},       {"top k", call_top_k},           {"future", call_future},
    {"wait idle", call_wait_idle}, {"to each", call_spawn_broadcast}, {"locked", call_locked},            {"blocking", call_blocking},
};
enum { N_CALLS = sizeof calls / sizeof calls[0] };

static uint64_t calls_made[N_CALLS]; /* atomic */
static uint64_t sequences_run;       /* atomic */

static int api_run(void *ctx) {
    place *at = (place *)ctx;
    stream s = {at->path, 0};
    size_t kind = (size_t)draw(&s, N_CALLS);
    __atomic_fetch_add(&calls_made[kind], 1, __ATOMIC_RELAXED);
    if (api_verbose) fprintf(stderr, "%*s%s (%016" PRIx64 ")\n", 2 * (4 - at->depth), "", calls[kind].name, at->path);
    calls[kind].run(&s, at);
    return 0;
}

typedef struct caller {
    place at;
    int   n_calls;
} caller;

static void *caller_run(void *ctx) {
    caller *c = (caller *)ctx;
    for (int i = 0; i < c->n_calls; i++) {
        place at = place_below(&c->at, (uint64_t)i);
        api_run(&at);
        CHECK(pkern_worker_index(0) == -1);
    }
    return 0;
}

static void wait_for(const size_t *counter, size_t value) {
    while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) != value) pkn_nap();
}

static void make_pools(world *w, stream *s) {
    static const int threads[] = {1, 1, 2, 2, 2, 3, 4, 8};
    w->n_pools = 1 + (int)draw(s, MAX_POOLS);
    w->memory_fails = chance(s, 8);
    w->allocator.allocate = world_allocate;
    w->allocator.release = world_release;
    w->allocator.user = w;
    w->fails_below = w->memory_fails ? 1 + draw(s, 128) : 0;
    for (int i = 0; i < w->n_pools; i++) {
        pkern_pool_config config;
        memset(&config, 0, sizeof config);
        config.num_threads = chance(s, 12) ? 1 + (int)draw(s, 16) : threads[draw(s, 8)];
        config.spin_ns = chance(s, 3) ? -1 : chance(s, 3) ? 1000000 : 0;
        config.stack_size = chance(s, 4) ? SMALL_STACK : 0;
        config.max_spares = chance(s, 2) ? (int)draw(s, 4) : 0;
        config.flags = chance(s, 6) ? PKERN_POOL_PIN : 0;
        config.allocator = w->memory_fails || chance(s, 2) ? &w->allocator : 0;
        pkern_status status = pkern_pool_create(&config, &w->pools[i]);
        CHECK(status == PKERN_OK || (w->memory_fails && status == PKERN_ENOMEM && w->pools[i] == 0));
        CHECK(w->pools[i] == 0 || w->memory_fails || pkern_pool_num_threads(w->pools[i]) == config.num_threads);
    }
}

static void run_sequence(uint64_t sequence) {
    world    *w = (world *)get_memory(sizeof *w);
    stream    s = {pkn_mix_u64(api_seed) ^ pkn_mix_u64(~sequence), 0};
    caller    callers[MAX_CALLERS];
    pthread_t threads[MAX_CALLERS];
    int       n_callers = chance(&s, 2) ? 1 : 1 + (int)draw(&s, MAX_CALLERS);
    __atomic_store_n(&api_sequence, sequence, __ATOMIC_RELAXED);
    CHECK(pthread_mutex_init(&w->lock, 0) == 0);
    w->has_regions = chance(&s, 2);
    make_pools(w, &s);
    for (int i = 0; i < n_callers; i++) {
        callers[i].at.of = w;
        callers[i].at.own = 0;
        callers[i].at.path = pkn_random_at(s.seed, 1000 + (uint64_t)i);
        callers[i].at.depth = 4;
        callers[i].n_calls = 1 + (int)draw(&s, 10);
        if (i) CHECK(pthread_create(&threads[i], 0, caller_run, &callers[i]) == 0);
    }
    caller_run(&callers[0]);
    for (int i = 1; i < n_callers; i++) pthread_join(threads[i], 0);
    wait_for(&w->visitors, 0); /* who visits a pool must have left it before its end */
    for (int i = 0; i < w->n_pools; i++) CHECK(pkern_pool_destroy(w->pools[i]) == PKERN_OK);
    if (chance(&s, 4)) CHECK(pkern_pool_global_shutdown() == PKERN_OK);
    else wait_for(&w->spawned_ran, w->spawned);
    CHECK(w->spawned_ran == w->spawned);
    CHECK(w->live == 0 && w->own_pools == 0);
    pthread_mutex_destroy(&w->lock);
    free(w);
    __atomic_fetch_add(&sequences_run, 1, __ATOMIC_RELAXED);
}

static void *watchdog(void *ctx) {
    uint64_t seen = 0;
    (void)ctx;
    for (;;) {
        sleep(WATCHDOG_SECONDS);
        uint64_t now = __atomic_load_n(&sequences_run, __ATOMIC_RELAXED);
        if (now == seen) api_fail(__FILE__, __LINE__, "a sequence ends in time");
        seen = now;
    }
    return 0;
}

int main(int argc, char **argv) {
    uint64_t  count = 1000, repeat = 1000, only = UINT64_MAX;
    pthread_t dog;
    api_seed = 1;
    for (int i = 1; i < argc; i++) {
        uint64_t value = i + 1 < argc ? strtoull(argv[i + 1], 0, 0) : 0;
        if (!strcmp(argv[i], "--verbose")) api_verbose = 1;
        else if (i + 1 == argc) return fprintf(stderr, "usage: %s [--seed N] [--count N] [--sequence K] [--repeat N] [--verbose]\n", argv[0]), 2;
        else if (!strcmp(argv[i], "--seed")) api_seed = value, i++;
        else if (!strcmp(argv[i], "--count")) count = value, i++;
        else if (!strcmp(argv[i], "--sequence")) only = value, i++;
        else if (!strcmp(argv[i], "--repeat")) repeat = value, i++;
        else return fprintf(stderr, "%s: what is %s?\n", argv[0], argv[i]), 2;
    }
    printf("api_sequences: seed %" PRIu64 ", %d usable CPUs\n", api_seed, pkn_usable_cpus());
    fflush(stdout);
    if (pthread_create(&dog, 0, watchdog, 0)) return 1;
    if (only != UINT64_MAX) {
        for (uint64_t i = 0; i < repeat; i++) run_sequence(only);
    } else {
        for (uint64_t i = 0; i < count; i++) run_sequence(i);
    }
    CHECK(pkern_pool_global_shutdown() == PKERN_OK);
    for (int i = 0; i < (int)N_CALLS; i++) printf("  %-14s %10" PRIu64 " calls\n", calls[i].name, calls_made[i]);
    printf("api_sequences: %" PRIu64 " sequences, each as expected\n", sequences_run);
    return 0;
}
