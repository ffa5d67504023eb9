/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Long random work for the scheduler: stress_pool JOBS POOLS [SEED]

   Rounds of joins, scopes, detached spawns, loops and broadcasts, from one to four outside threads at once, on pools of
   2 to 8 threads, until JOBS jobs have run and POOLS pools have been made and destroyed. Every round counts what ran and
   compares. A watchdog looks for progress; without any for 30 s it prints the round and the seed and aborts, so that
   a core file shows the threads. */
#define PKERN_IMPLEMENTATION
#include "pkern_pool.in.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_CALLERS = 4, WATCHDOG_SECONDS = 30 };
enum { KIND_JOIN, KIND_SCOPE, KIND_SPAWN, KIND_LOOP, KIND_BROADCAST, KIND_CHURN, N_KINDS };
static const char *const kind_names[] = {"join", "scope", "spawn", "loop", "broadcast", "churn"};

/* What the watchdog prints; the main thread alone writes it. */
static struct {
    uint64_t seed, round, jobs, pools;
    int      kind, n_threads, n_callers;
} state;
static uint64_t heartbeat; /* any thread, relaxed */

typedef struct {
    pkern_pool *pool;
    uint64_t    random;   /* the caller's own stream */
    uint64_t    expected; /* jobs that had to run */
    uint64_t    ran;      /* jobs that ran, counted atomically */
    int         kind, depth;
} caller;

typedef struct {
    caller      *of;
    pkern_scope *scope;
    int          depth;
} node;

static uint64_t next_random(uint64_t *random) {
    uint64_t x = *random += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void fail(const char *what) {
    fprintf(stderr, "stress: %s: round %" PRIu64 ", %s, %d threads, %d callers, seed %" PRIu64 "\n", what, state.round,
            kind_names[state.kind], state.n_threads, state.n_callers, state.seed);
    abort();
}

static void count_jobs(caller *c, uint64_t jobs) {
    __atomic_fetch_add(&c->ran, jobs, __ATOMIC_RELAXED);
    __atomic_fetch_add(&heartbeat, jobs, __ATOMIC_RELAXED);
}

/* A binary tree of joins; the leaves count themselves and the nodes above them. */
static int join_node(void *ctx) {
    const node *n = (const node *)ctx;
    if (n->depth == 0) {
        count_jobs(n->of, 1);
        return 0;
    }
    node left = *n, right = *n;
    left.depth = right.depth = n->depth - 1;
    if (n->depth > 3 && n->of->random % 3 == 0) right.depth--; /* lopsided trees too */
    return pkern_join(0, join_node, &left, join_node, &right);
}

static uint64_t join_leaves(const caller *c, int depth) {
    if (depth == 0) return 1;
    return join_leaves(c, depth - 1) + join_leaves(c, depth - 1 - (depth > 3 && c->random % 3 == 0));
}

/* Tasks that spawn tasks into the same scope: 4 children each, down to depth 0. The nodes outlive the scope. */
static int scope_node(void *ctx) {
    const node *n = (const node *)ctx;
    count_jobs(n->of, 1);
    if (n->depth == 0) return 0;
    for (int i = 0; i < 4; i++)
        if (pkern_scope_spawn(n->scope, scope_node, (void *)(n + 1))) fail("scope_spawn");
    return 0;
}

static int detached(void *ctx) {
    count_jobs((caller *)ctx, 1);
    return 0;
}

static int loop_body(size_t begin, size_t end, void *ctx) {
    caller *c = (caller *)ctx;
    count_jobs(c, end - begin);
    return 0;
}

static int broadcast_body(int index, int count, void *ctx) {
    if (index < 0 || index >= count) fail("broadcast index");
    count_jobs((caller *)ctx, 1);
    return 0;
}

static int install_body(void *ctx) {
    caller *c = (caller *)ctx;
    node    top = {c, 0, c->depth};
    return join_node(&top);
}

/* One round of one outside thread: calls of one kind, and what they had to count. */
static void *run_caller(void *ctx) {
    caller  *c = (caller *)ctx;
    uint64_t size = 1 + next_random(&c->random) % 400;
    for (uint64_t repeat = 0; repeat < 8; repeat++) {
        switch (c->kind) {
        case KIND_JOIN:
            c->depth = (int)(next_random(&c->random) % 12);
            c->expected += join_leaves(c, c->depth);
            if (pkern_pool_install(c->pool, install_body, c)) fail("join");
            break;
        case KIND_SCOPE: {
            pkern_scope scope;
            node        levels[6];
            uint64_t    in_level = 1;
            for (int i = 0; i < 6; i++) {
                levels[i].of = c;
                levels[i].scope = &scope;
                levels[i].depth = 5 - i;
                c->expected += in_level;
                in_level *= 4;
            }
            if (pkern_scope_begin(&scope, c->pool) || pkern_scope_spawn(&scope, scope_node, levels)) fail("scope");
            if (pkern_scope_wait(&scope)) fail("scope_wait");
            break;
        }
        case KIND_SPAWN:
            c->expected += size;
            for (uint64_t i = 0; i < size; i++)
                if (pkern_spawn(c->pool, detached, c)) fail("spawn");
            break;
        case KIND_LOOP: {
            pkern_par_options options = {0};
            options.max_len = 1 + (size_t)(next_random(&c->random) % 16);
            if (next_random(&c->random) % 2) options.item_cost_ns = (double)(next_random(&c->random) % 2000);
            c->expected += size * 64;
            if (pkn_loop_run(c->pool, 0, (size_t)size * 64, &options, loop_body, c)) fail("loop");
            break;
        }
        case KIND_BROADCAST:
            c->expected += (uint64_t)pkern_pool_num_threads(c->pool);
            if (pkern_broadcast(c->pool, broadcast_body, c)) fail("broadcast");
            break;
        default: /* KIND_CHURN: the pool itself is the test */
            c->expected += 1;
            if (pkern_spawn(c->pool, detached, c)) fail("spawn");
            return 0;
        }
    }
    return 0;
}

static void run_round(uint64_t *random) {
    pkern_pool_config config = {0};
    pkern_pool       *pool = 0;
    caller            callers[MAX_CALLERS] = {{0}};
    pthread_t         threads[MAX_CALLERS];
    state.kind = (int)(next_random(random) % N_KINDS);
    state.n_threads = config.num_threads = 2 + (int)(next_random(random) % 7);
    state.n_callers = state.kind == KIND_CHURN ? 1 : 1 + (int)(next_random(random) % MAX_CALLERS);
    config.spin_ns = next_random(random) % 3 == 0 ? -1 : 0;
    if (pkern_pool_create(&config, &pool)) fail("pool_create");
    for (int i = 0; i < state.n_callers; i++) {
        callers[i].pool = pool;
        callers[i].kind = state.kind;
        callers[i].random = next_random(random);
        if (i > 0 && pthread_create(&threads[i], 0, run_caller, &callers[i])) fail("pthread_create");
    }
    run_caller(&callers[0]);
    for (int i = 1; i < state.n_callers; i++) pthread_join(threads[i], 0);
    if (pkern_pool_destroy(pool)) fail("pool_destroy");
    for (int i = 0; i < state.n_callers; i++) { /* destroy has waited for the detached ones */
        if (callers[i].ran != callers[i].expected) fail("jobs were lost or ran twice");
        state.jobs += callers[i].ran;
    }
    state.pools++;
    state.round++;
}

static void *watchdog(void *ctx) {
    uint64_t last_beat = 0, last_pools = 0;
    (void)ctx;
    for (;;) {
        sleep(WATCHDOG_SECONDS);
        uint64_t beat = __atomic_load_n(&heartbeat, __ATOMIC_RELAXED);
        uint64_t pools = __atomic_load_n(&state.pools, __ATOMIC_RELAXED);
        if (beat == last_beat && pools == last_pools) fail("no progress");
        last_beat = beat;
        last_pools = pools;
    }
    return 0;
}

int main(int argc, char **argv) {
    pthread_t dog;
    uint64_t  random;
    if (argc < 3) return fprintf(stderr, "usage: %s JOBS POOLS [SEED]\n", argv[0]), 2;
    const uint64_t jobs = strtoull(argv[1], 0, 10), pools = strtoull(argv[2], 0, 10);
    random = state.seed = argc > 3 ? strtoull(argv[3], 0, 10) : 1;
    setvbuf(stdout, 0, _IOLBF, 0);
    printf("stress: seed %" PRIu64 "\n", state.seed);
    if (pthread_create(&dog, 0, watchdog, 0)) return 1;
    while (state.jobs < jobs || state.pools < pools) run_round(&random);
    printf("stress: %" PRIu64 " jobs, %" PRIu64 " pools, all counted\n", state.jobs, state.pools);
    return 0;
}
