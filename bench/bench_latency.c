/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * What the scheduler itself costs: joins, empty loops, broadcasts, and two tasks of 1 us each, which show the cost of
 * handing one over. "pkern inside" and "Rayon inside" run the whole block on a thread that is in the pool already.
 */
#include "bench.h"

#include "spin.h"

enum { FIB_N = 22, FIB_FORKS = 28656 };

typedef struct work {
    pkern_pool *pool;
    const bench_peer *peer;
    size_t n, steps;
    double item_cost_ns;
    char padding[64];
    uint64_t sink[2][8]; /* one cache line a side */
    uint64_t out;
} work;

typedef struct side {
    work *w;
    int index;
} side;

static void inside_pkern(peer_task_fn fn, void *ctx);

/* ---- two tasks ---- */

static void task(void *ctx) {
    side *s = (side *)ctx;
    if (s->w->steps > 0) {
        s->w->sink[s->index][0] = spin_steps(s->w->sink[s->index][0], s->w->steps);
    }
}

static int task_pkern(void *ctx) {
    task(ctx);
    return 0;
}

static void join_sequential(void *ctx) {
    side a = {(work *)ctx, 0}, b = {(work *)ctx, 1};
    peer_task_fn fn = task;
    __asm__ volatile("" : "+r"(fn) : : "memory");
    fn(&a);
    fn(&b);
}

static void join_pkern(void *ctx) {
    side a = {(work *)ctx, 0}, b = {(work *)ctx, 1};
    bench_must(pkern_join(a.w->pool, task_pkern, &a, task_pkern, &b));
}

static void join_peer(void *ctx) {
    side a = {(work *)ctx, 0}, b = {(work *)ctx, 1};
    a.w->peer->join(task, &a, task, &b);
}

/* ---- Fibonacci: a tree of forks with nothing in them ---- */

/* The empty asm keeps the compiler from making a loop of the second call: forks can not be folded away either. */
__attribute__((noinline)) static uint64_t fib_function(unsigned n) {
    uint64_t a, b;
    if (n < 2) {
        return n;
    }
    a = fib_function(n - 1);
    b = fib_function(n - 2);
    __asm__ volatile("" : "+r"(b));
    return a + b;
}

static void fib_sequential(void *ctx) {
    ((work *)ctx)->out = fib_function(FIB_N);
}

static void fib_peer(void *ctx) {
    work *w = (work *)ctx;
    w->out = w->peer->fib(FIB_N);
}

typedef struct fib_call {
    unsigned n;
    uint64_t result;
} fib_call;

static int fib_join(void *ctx) {
    fib_call *call = (fib_call *)ctx, a, b;
    if (call->n < 2) {
        call->result = call->n;
        return 0;
    }
    a.n = call->n - 1;
    b.n = call->n - 2;
    bench_must(pkern_join(NULL, fib_join, &a, fib_join, &b));
    call->result = a.result + b.result;
    return 0;
}

static void fib_pkern(void *ctx) {
    work *w = (work *)ctx;
    fib_call call = {FIB_N, 0};
    bench_must(pkern_pool_install(w->pool, fib_join, &call));
    w->out = call.result;
}

PKERN_DEFINE_JOIN_TASK_1(uint64_t, fib_typed, unsigned, n) {
    uint64_t a, b;
    if (n < 2) {
        return n;
    }
    PKERN_JOIN(a = PKERN_CALL(fib_typed, n - 1), b, fib_typed, n - 2);
    return a + b;
}

static void fib_pkern_typed(void *ctx) {
    work *w = (work *)ctx;
    w->out = fib_typed(w->pool, FIB_N);
}

/* ---- loops over one item a thread ---- */

static void loop_body(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    for (size_t i = begin; i < end && w->steps > 0; i++) {
        w->sink[i % 2][0] = spin_steps(w->sink[i % 2][0], w->steps);
    }
}

static int loop_body_pkern(size_t begin, size_t end, void *ctx) {
    loop_body(begin, end, ctx);
    return 0;
}

static void loop_sequential(void *ctx) {
    work *w = (work *)ctx;
    peer_range_fn body = loop_body;
    __asm__ volatile("" : "+r"(body) : : "memory");
    body(0, w->n, w);
}

static void loop_pkern(void *ctx) {
    work *w = (work *)ctx;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.item_cost_ns = w->item_cost_ns;
    bench_must(pkern_par_for(w->pool, 0, w->n, &options, loop_body_pkern, w));
}

static void loop_peer(void *ctx) {
    work *w = (work *)ctx;
    w->peer->loop(w->n, loop_body, w);
}

/* ---- broadcast ---- */

static void nothing(int index, void *ctx) {
    (void)index;
    (void)ctx;
}

static int nothing_pkern(int index, int count, void *ctx) {
    (void)index;
    (void)count;
    (void)ctx;
    return 0;
}

static void broadcast_sequential(void *ctx) {
    work *w = (work *)ctx;
    peer_index_fn fn = nothing;
    __asm__ volatile("" : "+r"(fn) : : "memory");
    for (size_t i = 0; i < w->n; i++) {
        fn((int)i, NULL);
    }
}

static void broadcast_pkern(void *ctx) {
    bench_must(pkern_broadcast(((work *)ctx)->pool, nothing_pkern, NULL));
}

static void broadcast_peer(void *ctx) {
    ((work *)ctx)->peer->broadcast(nothing, NULL);
}

/* ---- a scope of n tasks ---- */

static void scope_pkern(void *ctx) {
    work *w = (work *)ctx;
    pkern_scope scope;
    side s = {w, 0};
    bench_must(pkern_scope_begin(&scope, w->pool));
    for (size_t i = 0; i < w->n; i++) {
        bench_must(pkern_scope_spawn(&scope, task_pkern, &s));
    }
    bench_must(pkern_scope_wait(&scope));
}

/* ---- cases ---- */

typedef struct inside_call {
    peer_task_fn fn;
    void *ctx;
} inside_call;

static int inside_task(void *ctx) {
    inside_call *call = (inside_call *)ctx;
    call->fn(call->ctx);
    return 0;
}

static void inside_pkern(peer_task_fn fn, void *ctx) {
    inside_call call = {fn, ctx};
    bench_must(pkern_pool_install(bench.pool_all, inside_task, &call));
}

typedef struct scheduler_case {
    const char *name;
    size_t n;         /* items of a call; 0 = one for each thread */
    double work_ns;   /* of each item */
    double item_cost; /* the hint that pkern gets */
    void (*sequential)(void *ctx), (*pkern)(void *ctx), (*typed)(void *ctx), (*peer)(void *ctx);
    size_t peer_function; /* offset in bench_peer of what the case needs */
} scheduler_case;

static int peer_has(const bench_peer *peer, size_t function) {
    void *pointer;
    memcpy(&pointer, (const char *)peer + function, sizeof pointer);
    return pointer != NULL;
}

static void run(const scheduler_case *c) {
    static work works[BENCH_MAX_IMPLS];
    bench_impl impls[BENCH_MAX_IMPLS];
    int count = 0;
    size_t n = c->n > 0 ? c->n : (size_t)bench.threads;
    memset(works, 0, sizeof works);
    for (int i = 0; i < BENCH_MAX_IMPLS; i++) {
        works[i].n = n;
        works[i].steps = (size_t)(c->work_ns * spin_steps_per_ns);
        works[i].item_cost_ns = c->item_cost;
        works[i].pool = bench.pool_all;
    }
    bench_add(impls, &count, "sequential", 1, c->sequential, &works[count], NULL, 0);
    bench_add(impls, &count, "sequential again", 1, c->sequential, &works[count], NULL, 0);
    works[count].pool = bench.pool_one;
    bench_add(impls, &count, "pkern 1 thread", 1, c->pkern, &works[count], NULL, 0);
    bench_add(impls, &count, "pkern", bench.threads, c->pkern, &works[count], NULL, 0);
    bench_add(impls, &count, "pkern inside", bench.threads, c->pkern, &works[count], NULL, 0);
    impls[count - 1].inside = inside_pkern;
    if (c->typed != NULL) {
        bench_add(impls, &count, "pkern typed", bench.threads, c->typed, &works[count], NULL, 0);
    }
    for (int i = 0; c->peer != NULL && i < bench.peers.n_schedulers; i++) {
        const bench_peer *peer = &bench.peers.schedulers[i];
        if (!peer_has(peer, c->peer_function)) {
            continue;
        }
        works[count].peer = peer;
        bench_add(impls, &count, peer->name, bench.threads, c->peer, &works[count], NULL, 0);
        if (peer->inside != NULL && strcmp(peer->name, "Rayon") == 0) {
            works[count].peer = peer;
            bench_add(impls, &count, "Rayon inside", bench.threads, c->peer, &works[count], NULL,
                      0);
            impls[count - 1].inside = peer->inside;
        }
    }
    if (!bench_case("latency", c->name, n, (double)n, impls, count)) {
        return;
    }
    for (int i = 1; i < count; i++) {
        if (works[i].out != works[0].out) {
            fprintf(stderr, "%s: WRONG: %s\n", c->name, impls[i].name);
            bench.n_wrong++;
        }
    }
}

int main(int argc, char **argv) {
    static const scheduler_case cases[] = {
        {"join_empty", 2, 0.0, 0.0, join_sequential, join_pkern, NULL, join_peer,
         offsetof(bench_peer, join)},
        {"join_1us", 2, 1000.0, 0.0, join_sequential, join_pkern, NULL, join_peer,
         offsetof(bench_peer, join)},
        {"join_20us", 2, 20000.0, 0.0, join_sequential, join_pkern, NULL, join_peer,
         offsetof(bench_peer, join)},
        {"fib_22", FIB_FORKS, 0.0, 0.0, fib_sequential, fib_pkern, fib_pkern_typed, fib_peer,
         offsetof(bench_peer, fib)},
        {"loop_empty", 0, 0.0, 0.0, loop_sequential, loop_pkern, NULL, loop_peer,
         offsetof(bench_peer, loop)},
        {"loop_empty_cost_known", 0, 0.0, 1.0, loop_sequential, loop_pkern, NULL, loop_peer,
         offsetof(bench_peer, loop)},
        {"loop_1us", 0, 1000.0, 0.0, loop_sequential, loop_pkern, NULL, loop_peer,
         offsetof(bench_peer, loop)},
        {"loop_1us_cost_known", 0, 1000.0, 1000.0, loop_sequential, loop_pkern, NULL, loop_peer,
         offsetof(bench_peer, loop)},
        {"loop_20us_cost_known", 0, 20000.0, 20000.0, loop_sequential, loop_pkern, NULL, loop_peer,
         offsetof(bench_peer, loop)},
        {"broadcast", 0, 0.0, 0.0, broadcast_sequential, broadcast_pkern, NULL, broadcast_peer,
         offsetof(bench_peer, broadcast)},
        {"scope_100", 100, 0.0, 0.0, broadcast_sequential, scope_pkern, NULL, NULL, 0},
    };
    bench_begin(argc, argv);
    spin_init();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(&cases[i]);
    }
    return bench_end();
}
