/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * What a fork costs: Fibonacci by the generic join while every helper is busy with something else, Fibonacci by typed
 * join tasks of gcc and clang, the sum over a tree, and an empty broadcast. pkern's implementation is another
 * translation unit here (pkern.c), as in a program that links it as a library.
 */
#include "bench.h"

#include "fork_typed.h"

typedef struct work {
    pkern_pool *pool;
    const bench_peer *peer;
    const fork_typed *typed;
    const fork_tree *tree;
    unsigned n;
    const peer_node *root;
    uint64_t out;
} work;

static work works[BENCH_MAX_IMPLS];
static bench_impl impls[BENCH_MAX_IMPLS];
static bench_stat stats[BENCH_MAX_IMPLS];
static int count;

static void add(const char *name, int threads, void (*call)(void *), const work *w) {
    works[count] = *w;
    bench_add(impls, &count, name, threads, call, &works[count], &works[count].out,
              sizeof works[count].out);
}

static int run(const char *name, size_t size) {
    return bench_case_stats("fork", name, size, (double)size, impls, count, stats);
}

/* ---- a helper that is busy: it waits in a task until it may go ---- */

typedef struct busy {
    int n_inside, end;
} busy;

static void pause_10ms(void) {
    struct timespec pause = {0, 10000000};
    nanosleep(&pause, NULL);
}

static void busy_task(void *ctx) {
    busy *b = (busy *)ctx;
    __atomic_fetch_add(&b->n_inside, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&b->end, __ATOMIC_SEQ_CST) == 0) {
        pause_10ms();
    }
    __atomic_fetch_sub(&b->n_inside, 1, __ATOMIC_SEQ_CST);
}

static int busy_task_pkern(void *ctx) {
    busy_task(ctx);
    return 0;
}

/* All threads of pkern (peer 0) or a peer but the one that will do the work. */
static void busy_begin(busy *b, const bench_peer *peer) {
    memset(b, 0, sizeof *b);
    for (int i = 1; i < bench.threads; i++) {
        if (peer != NULL) {
            peer->spawn(busy_task, b);
        } else {
            bench_must(pkern_spawn(bench.pool_all, busy_task_pkern, b));
        }
    }
    while (__atomic_load_n(&b->n_inside, __ATOMIC_SEQ_CST) != bench.threads - 1) {
        pause_10ms();
    }
}

static void busy_end(busy *b) {
    __atomic_store_n(&b->end, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&b->n_inside, __ATOMIC_SEQ_CST) != 0) {
        pause_10ms();
    }
}

/* ---- Fibonacci by function pointers ---- */

typedef struct fib_call {
    unsigned n;
    uint64_t result;
} fib_call;

static int fib_by_pointer(void *ctx);
static int fib_by_function(void *ctx);
static int fib_by_join(void *ctx);

/* Not static, so the compiler has to load them for each call. */
extern pkern_task_fn fork_fib_pointer;
extern int (*fork_call_both)(pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx);
pkern_task_fn fork_fib_pointer = fib_by_pointer;
int (*fork_call_both)(pkern_task_fn a, void *a_ctx, pkern_task_fn b, void *b_ctx);

static int fib_by_pointer(void *ctx) {
    fib_call *call = (fib_call *)ctx, a, b;
    if (call->n < 2) {
        call->result = call->n;
        return 0;
    }
    a.n = call->n - 1;
    b.n = call->n - 2;
    bench_must(fork_fib_pointer(&a));
    bench_must(fork_fib_pointer(&b));
    call->result = a.result + b.result;
    return 0;
}

static int fib_by_function(void *ctx) {
    fib_call *call = (fib_call *)ctx, a, b;
    if (call->n < 2) {
        call->result = call->n;
        return 0;
    }
    a.n = call->n - 1;
    b.n = call->n - 2;
    bench_must(fork_call_both(fib_by_function, &a, fib_by_function, &b));
    call->result = a.result + b.result;
    return 0;
}

static int fib_by_join(void *ctx) {
    fib_call *call = (fib_call *)ctx, a, b;
    if (call->n < 2) {
        call->result = call->n;
        return 0;
    }
    a.n = call->n - 1;
    b.n = call->n - 2;
    bench_must(pkern_join(NULL, fib_by_join, &a, fib_by_join, &b));
    call->result = a.result + b.result;
    return 0;
}

static void fib_pointer(void *ctx) {
    fib_call call = {((work *)ctx)->n, 0};
    fork_fib_pointer(&call);
    ((work *)ctx)->out = call.result;
}

static void fib_function(void *ctx) {
    fib_call call = {((work *)ctx)->n, 0};
    fib_by_function(&call);
    ((work *)ctx)->out = call.result;
}

static void fib_join(void *ctx) {
    work *w = (work *)ctx;
    fib_call call = {w->n, 0};
    bench_must(pkern_pool_install(w->pool, fib_by_join, &call));
    w->out = call.result;
}

static void fib_peer(void *ctx) {
    work *w = (work *)ctx;
    w->out = w->peer->fib(w->n);
}

/* Forks of fib(n): one less than the Fibonacci number after it. */
static size_t fib_forks(unsigned n) {
    size_t a = 0, b = 1;
    for (unsigned i = 0; i < n; i++) {
        size_t next = a + b;
        a = b;
        b = next;
    }
    return b - 1;
}

static void run_generic(void) {
    const char *name = bench.options.quick ? "fib_25_generic" : "fib_35_generic";
    const fork_typed *typed = &fork_typed_gcc != NULL ? &fork_typed_gcc : &fork_typed_clang;
    static busy busies[1 + BENCH_MAX_PEERS];
    int n_busy = 0;
    work w = {bench.pool_all, NULL, NULL, NULL, bench.options.quick ? 25u : 35u, NULL, 0};
    double forks = (double)fib_forks(w.n);
    if (!bench_wanted("fork", name)) {
        return;
    }
    fork_call_both = typed->call_both;
    count = 0;
    add("sequential", 1, fib_pointer, &w);
    add("sequential again", 1, fib_pointer, &w);
    add("function for join", 1, fib_function, &w);
    busy_begin(&busies[n_busy++], NULL);
    add("pkern", bench.threads, fib_join, &w);
    for (int i = 0; i < bench.peers.n_schedulers; i++) {
        w.peer = &bench.peers.schedulers[i];
        if (w.peer->spawn != NULL) {
            busy_begin(&busies[n_busy++], w.peer);
            add(w.peer->name, bench.threads, fib_peer, &w);
        }
    }
    if (run(name, (size_t)forks)) {
        for (int i = 2; i < count; i++) {
            bench_note("  %-30s %.2f ns a fork above the calls alone\n", impls[i].name,
                       (stats[i].median_ns - stats[0].median_ns) / forks);
        }
    }
    while (n_busy > 0) {
        busy_end(&busies[--n_busy]);
    }
}

/* ---- Fibonacci by typed tasks ---- */

static void fib_plain(void *ctx) {
    work *w = (work *)ctx;
    w->out = w->typed->fib_plain(w->n);
}

static void fib_typed(void *ctx) {
    work *w = (work *)ctx;
    w->out = w->typed->fib(w->pool, w->n);
}

static void run_typed(const fork_typed *typed) {
    work w = {bench.pool_one, NULL, typed, NULL, bench.options.quick ? 25u : 35u, NULL, 0};
    if (typed == NULL) {
        return;
    }
    count = 0;
    add("sequential", 1, fib_plain, &w);
    add("sequential again", 1, fib_plain, &w);
    add("pkern 1 thread", 1, fib_typed, &w);
    w.pool = bench.pool_all;
    add("pkern", bench.threads, fib_typed, &w);
    run(bench.options.quick ? typed->fib_case_quick : typed->fib_case, fib_forks(w.n));
}

/* ---- the sum over a complete binary tree, its nodes allocated one by one ---- */

static peer_node *tree_make(int levels, uint64_t *value) {
    peer_node *left = NULL, *right = NULL, *node;
    if (levels > 1) {
        left = tree_make(levels - 1, value);
        right = tree_make(levels - 1, value);
    }
    node = (peer_node *)malloc(sizeof *node);
    if (node == NULL) {
        fprintf(stderr, "no memory for a tree\n");
        exit(1);
    }
    node->value = ++*value;
    node->left = left;
    node->right = right;
    return node;
}

static void tree_free(peer_node *node) {
    if (node != NULL) {
        tree_free(node->left);
        tree_free(node->right);
        free(node);
    }
}

typedef struct tree_call {
    const peer_node *node;
    uint64_t sum;
} tree_call;

static int tree_by_join(void *ctx) {
    tree_call *call = (tree_call *)ctx;
    tree_call left = {call->node->left, 0}, right = {call->node->right, 0};
    if (left.node != NULL) {
        bench_must(pkern_join(NULL, tree_by_join, &left, tree_by_join, &right));
    }
    call->sum = call->node->value + left.sum + right.sum;
    return 0;
}

static void tree_sequential(void *ctx) {
    work *w = (work *)ctx;
    w->out = w->tree->sum(w->root);
}

static void tree_calls(void *ctx) {
    work *w = (work *)ctx;
    w->out = w->tree->sum_by_calls(w->root);
}

static void tree_join(void *ctx) {
    work *w = (work *)ctx;
    tree_call call = {w->root, 0};
    bench_must(pkern_pool_install(w->pool, tree_by_join, &call));
    w->out = call.sum;
}

static void tree_task(void *ctx) {
    work *w = (work *)ctx;
    w->out = w->tree->typed(w->pool, w->root);
}

static void tree_peer(void *ctx) {
    work *w = (work *)ctx;
    w->out = w->peer->tree(w->root);
}

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

/* Peers stand beside what the compiler that they are built by makes of it. */
static void run_tree(int levels, const fork_tree *tree, const char *suffix) {
    char name[32];
    uint64_t value = 0;
    peer_node *root;
    work w = {bench.pool_one, NULL, NULL, tree, 0, NULL, 0};
    snprintf(name, sizeof name, "tree_%d%s", levels, suffix);
    if (tree == NULL || !bench_wanted("fork", name) || bench_late()) {
        return;
    }
    root = tree_make(levels, &value);
    w.root = root;
    count = 0;
    add("sequential", 1, tree_sequential, &w);
    add("sequential again", 1, tree_sequential, &w);
    add("sequential by calls", 1, tree_calls, &w);
    add("pkern 1 thread", 1, tree_join, &w);
    add("pkern typed 1 thread", 1, tree_task, &w);
    w.pool = bench.pool_all;
    add("pkern", bench.threads, tree_join, &w);
    add("pkern typed", bench.threads, tree_task, &w);
    add("pkern typed inside", bench.threads, tree_task, &w);
    impls[count - 1].inside = inside_pkern;
    for (int i = 0; i < bench.peers.n_schedulers && suffix[0] == 0; i++) {
        w.peer = &bench.peers.schedulers[i];
        if (strcmp(w.peer->name, "libgomp") == 0 && levels > 20) {
            continue; /* some ten seconds a call */
        }
        add(w.peer->name, bench.threads, tree_peer, &w);
        if (strcmp(w.peer->name, "Rayon") == 0) {
            add("Rayon inside", bench.threads, tree_peer, &w);
            impls[count - 1].inside = w.peer->inside;
        }
    }
    run(name, ((size_t)1 << levels) - 1);
    tree_free(root);
}

/* ---- an empty broadcast ---- */

typedef struct tally {
    size_t n; /* runs of one index; only its thread writes here */
    char fill[120];
} tally;

static tally tallies[BENCH_MAX_IMPLS][BENCH_MAX_THREADS];
static size_t calls[BENCH_MAX_IMPLS];

static void tally_index(int index, void *ctx) {
    ((tally *)ctx)[index].n++;
}

static int tally_index_pkern(int index, int threads, void *ctx) {
    tally_index(index, ctx);
    return threads == bench.threads ? 0 : 1;
}

static void broadcast_sequential(void *ctx) {
    size_t i = (size_t)((work *)ctx - works);
    peer_index_fn fn = tally_index;
    __asm__ volatile("" : "+r"(fn) : : "memory");
    calls[i]++;
    for (int index = 0; index < bench.threads; index++) {
        fn(index, tallies[i]);
    }
}

static void broadcast_pkern(void *ctx) {
    size_t i = (size_t)((work *)ctx - works);
    calls[i]++;
    bench_must(pkern_broadcast(bench.pool_all, tally_index_pkern, tallies[i]));
}

static void broadcast_peer(void *ctx) {
    size_t i = (size_t)((work *)ctx - works);
    calls[i]++;
    works[i].peer->broadcast(tally_index, tallies[i]);
}

static void run_broadcast(void) {
    work w = {bench.pool_all, NULL, NULL, NULL, 0, NULL, 0};
    count = 0;
    add("sequential", 1, broadcast_sequential, &w);
    add("sequential again", 1, broadcast_sequential, &w);
    add("pkern", bench.threads, broadcast_pkern, &w);
    for (int i = 0; i < bench.peers.n_schedulers; i++) {
        w.peer = &bench.peers.schedulers[i];
        if (w.peer->broadcast != NULL) {
            add(w.peer->name, bench.threads, broadcast_peer, &w);
        }
    }
    if (!run("broadcast", (size_t)bench.threads)) {
        return;
    }
    for (int i = 0; i < count; i++) {
        for (int index = 0; index < bench.threads; index++) {
            if (tallies[i][index].n != calls[i]) {
                fprintf(stderr, "broadcast: WRONG: %s ran index %d %zu times in %zu calls\n",
                        impls[i].name, index, tallies[i][index].n, calls[i]);
                bench.n_wrong++;
            }
        }
    }
}

int main(int argc, char **argv) {
    const fork_tree *tree = &fork_tree_gcc != NULL ? &fork_tree_gcc : &fork_tree_clang;
    bench_begin(argc, argv);
    run_generic();
    run_typed(&fork_typed_gcc);
    run_typed(&fork_typed_clang);
    run_broadcast();
    run_tree(10, tree, "");
    if (tree != &fork_tree_clang) {
        run_tree(10, &fork_tree_clang, "_clang");
    }
    run_tree(bench.options.quick ? 16 : 20, tree, "");
    if (!bench.options.quick) {
        run_tree(24, tree, "");
    }
    return bench_end();
}
