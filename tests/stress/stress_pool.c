/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Long random work for the scheduler: stress_pool JOBS POOLS [SEED]

   Rounds of joins (typed and generic), scopes, spawns of each kind, futures, loops, broadcasts and mixtures of them, from one to four outside
   threads at once, on pools of 2 to 8 threads, until JOBS jobs have run and POOLS pools have been made and destroyed.
   Every round counts what ran and compares. A watchdog looks for progress; without any for 10 s it prints the round, the
   seed and what every member of the pool is at, and aborts, so that a core file shows the threads. */
#define PKERN_IMPLEMENTATION
#include "pkern_pool.in.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_CALLERS = 4, WATCHDOG_SECONDS = 10 };
enum { KIND_JOIN, KIND_TYPED, KIND_SCOPE, KIND_SPAWN, KIND_LOOP, KIND_BROADCAST, KIND_MIX, KIND_CHURN, KIND_FUTURE, KIND_DETACHED, N_KINDS };
static const char *const kind_names[] = {"join", "typed join", "scope", "spawn", "loop", "broadcast", "mix", "churn", "future", "detached"};

/* What the watchdog prints; the main thread alone writes it. */
static struct {
    uint64_t seed, round, jobs, pools;
    int      kind, n_threads, n_callers;
    pkern_pool *pool; /* atomic, 0 between rounds */
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

/* The members as they are seen from outside. The reads race on purpose: the program is about to abort. */
static void print_members(const pkern_pool *pool) {
    uint32_t n_members = pkn_atomic_load_acquire_u32(&pool->num_members);
    fprintf(stderr, "pool: %d threads, sleepers %x, injected %zu, broadcast %u, stopping %u\n", pool->num_threads,
            pkn_atomic_load_relaxed_u32(&pool->sleepers), pkn_atomic_load_relaxed_size(&pool->injected.count),
            pkn_atomic_load_relaxed_u32(&pool->board.number), pkn_atomic_load_relaxed_u32(&pool->stopping));
    for (uint32_t i = 0; i < n_members; i++) {
        pkn_member *m = pkn_member_at(pool, i);
        uint64_t joins = pkn_atomic_load_relaxed_u64(&m->join_range), ticket = pkn_atomic_load_relaxed_u64(&m->board.ticket);
        fprintf(stderr,
                "%s %u: parked %u, entries %u, depth %u, root %u, joins top %u split %u end %u, spawns %zu to %zu, loop %u units %u "
                "active %d, broadcast %u\n",
                m->is_worker ? "worker" : "guest", i, pkn_atomic_load_relaxed_u32(&m->parked), m->entries, m->depth, pkn_root(m),
                pkn_join_top(joins), pkn_join_split(joins), pkn_join_end(m), pkn_atomic_load_relaxed_size(&m->spawns.top),
                pkn_atomic_load_relaxed_size(&m->spawns.bottom), (unsigned)(ticket >> 32), (unsigned)(ticket >> 16) & 0xffffu,
                m->loop_active, m->seen_broadcast);
        for (int k = 0; m->slices && k < pool->num_threads; k++) {
            uint64_t range = pkn_atomic_load_relaxed_u64(&m->slices[k].range), done = pkn_atomic_load_relaxed_u64(&m->slices[k].done);
            fprintf(stderr, "    slice %d: loop %u units %u to %u, done %u of loop %u\n", k, (unsigned)(range >> 32),
                    pkn_range_next(range), pkn_range_end(range), (unsigned)done, (unsigned)(done >> 32));
        }
    }
}

static void fail(const char *what) {
    const pkern_pool *pool = __atomic_load_n(&state.pool, __ATOMIC_ACQUIRE);
    if (pool) print_members(pool);
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

PKERN_DEFINE_JOIN_TASK_2(uint64_t, typed_tree, caller *, c, int, depth) {
    uint64_t a, b;
    if (depth <= 0) {
        count_jobs(c, 1);
        return 1;
    }
    PKERN_JOIN(a = PKERN_CALL(typed_tree, c, depth - 1), b, typed_tree, c, depth - 2);
    return a + b;
}

static uint64_t typed_leaves(int depth) {
    return depth <= 0 ? 1 : typed_leaves(depth - 1) + typed_leaves(depth - 2);
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

static int broadcast_nothing(int index, int count, void *ctx) {
    (void)ctx;
    return index >= 0 && index < count ? 0 : 1;
}

static int broadcast_body(int index, int count, void *ctx) {
    if (index < 0 || index >= count) fail("broadcast index");
    count_jobs((caller *)ctx, 1);
    return 0;
}

/* Everything inside everything: a random tree that depends on (caller's stream, path) alone. */
typedef struct {
    caller  *of;
    uint64_t path;
    int      depth;
} mix_node;

static int mix_run(void *ctx);

static mix_node mix_child(const mix_node *n, uint64_t i) {
    mix_node child = {n->of, pkn_mix_u64(n->path * 31 + i + 1), n->depth - 1};
    return child;
}

static int mix_loop(size_t begin, size_t end, void *ctx) {
    for (size_t i = begin; i < end; i++) {
        mix_node child = mix_child((const mix_node *)ctx, i);
        mix_run(&child);
    }
    return 0;
}

static int mix_run(void *ctx) {
    mix_node *n = (mix_node *)ctx;
    count_jobs(n->of, 1);
    if (n->depth == 0) return 0;
    mix_node          children[3] = {mix_child(n, 0), mix_child(n, 1), mix_child(n, 2)};
    pkern_scope       scope;
    pkern_par_options options = {0};
    switch (n->path % 4) {
    case 0:
        return pkern_join(0, mix_run, &children[0], mix_run, &children[1]);
    case 1:
        if (pkern_scope_begin(&scope, 0)) fail("mix scope");
        for (int i = 0; i < 3; i++)
            if (pkern_scope_spawn(&scope, mix_run, &children[i])) fail("mix spawn");
        return pkern_scope_wait(&scope);
    case 2:
        options.item_cost_ns = n->path % 3 ? 1e4 : 0;
        return pkn_loop_run(0, 0, 3, &options, mix_loop, n);
    default:
        return n->path % 64 == 3 ? pkern_broadcast(0, broadcast_nothing, 0) : mix_run(&children[0]);
    }
}

/* What mix_run counts. */
static uint64_t mix_nodes(const mix_node *n) {
    uint64_t nodes = 1, n_children = n->path % 4 == 0 ? 2 : n->path % 4 == 3 ? n->path % 64 != 3 : 3;
    for (uint64_t i = 0; n->depth && i < n_children; i++) {
        mix_node child = mix_child(n, i);
        nodes += mix_nodes(&child);
    }
    return nodes;
}

static int install_body(void *ctx) {
    caller *c = (caller *)ctx;
    node    top = {c, 0, c->depth};
    return join_node(&top);
}

/* A tree of futures; the waits are of each kind. Counts its nodes. */
static int future_node(void *ctx) {
    const node  *n = (const node *)ctx;
    pkern_future futures[3];
    node         child = {n->of, 0, n->depth - 1};
    count_jobs(n->of, 1);
    for (int i = 0; n->depth > 0 && i < 3; i++)
        if (pkern_future_spawn(&futures[i], 0, future_node, &child)) fail("future_spawn");
    if (n->depth > 0 && n->depth % 2) (void)pkern_yield_now(0);
    for (int i = 0; n->depth > 0 && i < 3; i++) {
        int status = PKERN_ETIMEDOUT;
        while (i == 1 && (status = pkern_future_wait_for(&futures[1], 20000)) == PKERN_ETIMEDOUT) {}
        if (i == 1 ? status : pkern_future_wait(&futures[i])) fail("future_wait");
    }
    return 0;
}

static uint64_t future_nodes(int depth) {
    return depth <= 0 ? 1 : 1 + 3 * future_nodes(depth - 1);
}

/* Detached jobs of each kind, and a FIFO scope with urgent tasks. */
static int detached_and_more(void *ctx) {
    caller *c = (caller *)ctx;
    count_jobs(c, 1);
    for (int i = 0; i < 3; i++)
        if (pkern_spawn_urgent(0, detached, c) || pkern_spawn_fifo(0, detached, c) || pkern_spawn(0, detached, c)) fail("spawn");
    return 0;
}

static void run_detached(caller *c, uint64_t size) {
    pkern_scope    scope;
    const uint64_t threads = (uint64_t)pkern_pool_num_threads(c->pool) - 1;
    if (pkern_scope_begin_fifo(&scope, c->pool)) fail("scope_begin_fifo");
    for (uint64_t i = 0; i < size % 50; i++) {
        if (pkern_spawn(c->pool, detached_and_more, c) || pkern_spawn_urgent(c->pool, detached_and_more, c)) fail("spawn");
        if (pkern_scope_spawn(&scope, detached, c) || pkern_scope_spawn_urgent(&scope, detached, c)) fail("scope_spawn");
        if (pkern_scope_spawn(&scope, detached_and_more, c)) fail("scope_spawn");
        c->expected += 32;
        if (i % 8 == 0) {
            if (pkern_spawn_broadcast(c->pool, broadcast_body, c)) fail("spawn_broadcast");
            if (pkern_scope_spawn_broadcast(&scope, broadcast_body, c)) fail("scope_spawn_broadcast");
            c->expected += 2 * threads;
        }
    }
    if (pkern_scope_wait(&scope)) fail("scope_wait");
    if (size % 3 == 0 && pkern_pool_wait_idle(c->pool, -1)) fail("wait_idle");
    if (size % 3 == 1) {
        int status = pkern_pool_wait_idle(c->pool, 20000);
        if (status && status != PKERN_ETIMEDOUT) fail("wait_idle");
    }
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
        case KIND_TYPED:
            c->depth = (int)(next_random(&c->random) % 16);
            c->expected += typed_leaves(c->depth);
            if (typed_tree(c->pool, c, c->depth) != typed_leaves(c->depth)) fail("typed join");
            break;
        case KIND_MIX: {
            mix_node top = {c, next_random(&c->random), (int)(next_random(&c->random) % 9)};
            c->expected += mix_nodes(&top);
            if (pkern_pool_install(c->pool, mix_run, &top)) fail("mix");
            break;
        }
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
        case KIND_FUTURE: {
            node         top = {c, 0, (int)(next_random(&c->random) % 6)};
            pkern_future future;
            c->expected += future_nodes(top.depth);
            if (pkern_future_spawn(&future, c->pool, future_node, &top)) fail("future_spawn");
            if (pkern_future_wait(&future)) fail("future_wait");
            break;
        }
        case KIND_DETACHED: run_detached(c, size); break;
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
    config.stack_size = next_random(random) % 4 == 0 ? 65536 : 0;
    if (pkern_pool_create(&config, &pool)) fail("pool_create");
    __atomic_store_n(&state.pool, pool, __ATOMIC_RELEASE);
    for (int i = 0; i < state.n_callers; i++) {
        callers[i].pool = pool;
        callers[i].kind = state.kind;
        callers[i].random = next_random(random);
        if (i > 0 && pthread_create(&threads[i], 0, run_caller, &callers[i])) fail("pthread_create");
    }
    run_caller(&callers[0]);
    for (int i = 1; i < state.n_callers; i++) pthread_join(threads[i], 0);
    if (pkern_pool_destroy(pool)) fail("pool_destroy");
    __atomic_store_n(&state.pool, 0, __ATOMIC_RELEASE);
    for (int i = 0; i < state.n_callers; i++) { /* destroy has waited for the detached ones */
        if (callers[i].ran != callers[i].expected) fail("jobs were lost or ran twice");
        state.jobs += callers[i].ran;
    }
    __atomic_fetch_add(&state.pools, 1, __ATOMIC_RELAXED);
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
