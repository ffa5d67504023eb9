/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * Work that no fixed split shares evenly: loops whose items cost very different times, and recursions over trees of
 * unknown shape, sorted arrays, matrices and a branch and bound. All schedulers run the same C code (uneven_tree.h)
 * by their generic join; "pkern typed" runs it as typed tasks; "sequential" is that code with calls for forks.
 * The amount of work in the knapsack depends on which branch finds a good value first.
 */
#include "bench.h"

#include "spin.h"
#include "uneven_leaf.h"

enum { QUEENS_MAX = 16, HEAVY = 1000 };

typedef struct uts_range {
    const uts_tree *tree;
    const uts_node *parent;
    int first, last; /* children */
} uts_range;

typedef struct queens_range {
    const unsigned char *board,
        *fitting;            /* columns of the rows so far; columns that this row may take */
    int n, row, first, last; /* of fitting */
} queens_range;

typedef struct sort_part {
    const int32_t *in;
    int32_t *out, *scratch;
    size_t n;
} sort_part;

typedef struct merge_part {
    const int32_t *x, *y;
    size_t n_x, n_y;
    int32_t *out;
} merge_part;

typedef struct strassen_range {
    const product *products;
    size_t n; /* of their rows and columns */
    int first, last;
} strassen_range;

typedef struct knapsack_state {
    int n_items, item;
    uint32_t capacity, value;
} knapsack_state;

typedef struct work {
    pkern_pool *pool;
    const bench_peer *peer;
    size_t n, heavy; /* heavy: which item costs more */
    const uts_tree *tree;
    uint32_t capacity;
    void *array; /* the result, where it is not a number */
    uint64_t out;
} work;

static int32_t *data_ints, *data_scratch;
static double *data_a, *data_b;
static double *data_x, *data_y; /* of the triangular loops */

/* ---- the recursions, in four ways ---- */

typedef struct uneven_call {
    const void *argument;
    uint64_t result;
} uneven_call;

static const bench_peer *uneven_peer; /* whose forks the fourth way takes */

static uint64_t enter_join(const work *w, pkern_task_fn run, const void *argument) {
    uneven_call call = {argument, 0};
    bench_must(pkern_pool_install(w->pool, run, &call));
    return call.result;
}

static uint64_t enter_peer(const work *w, peer_task_fn run, const void *argument) {
    uneven_call call = {argument, 0};
    uneven_peer = w->peer;
    w->peer->inside(run, &call);
    return call.result;
}

#define W(name) name##_sequential
#define TASK(name, type, p) static uint64_t name(type p)
#define CALL(name, argument) name(argument)
#define FORK(name, left, a, right, b) \
    do { \
        left = name(a); \
        right = name(b); \
    } while (0)
#define ENTER(w, name, argument) name(argument)
#include "uneven_tree.h"

#define W(name) name##_typed
#define TASK(name, type, p) PKERN_DEFINE_JOIN_TASK_1(uint64_t, name, type, p)
#define CALL(name, argument) PKERN_CALL(name, argument)
#define FORK(name, left, a, right, b) PKERN_JOIN(left = PKERN_CALL(name, a), right, name, b)
#define ENTER(w, name, argument) name((w)->pool, argument)
#include "uneven_tree.h"

#define TASK_BY_POINTER(name, type, p, R, RETURN) \
    static uint64_t name(type p); \
    static R name##_run(void *ctx) { \
        uneven_call *call = (uneven_call *)ctx; \
        call->result = name((type)call->argument); \
        RETURN; \
    } \
    static uint64_t name(type p)
#define FORK_BY_POINTER(name, left, a, right, b, join) \
    do { \
        uneven_call left_call = {a, 0}, right_call = {b, 0}; \
        join(name##_run, &left_call, name##_run, &right_call); \
        left = left_call.result; \
        right = right_call.result; \
    } while (0)
#define JOIN_PKERN(a, a_ctx, b, b_ctx) bench_must(pkern_join(NULL, a, a_ctx, b, b_ctx))

#define W(name) name##_join
#define TASK(name, type, p) TASK_BY_POINTER(name, type, p, int, return 0)
#define CALL(name, argument) name(argument)
#define FORK(name, left, a, right, b) FORK_BY_POINTER(name, left, a, right, b, JOIN_PKERN)
#define ENTER_JOIN(w, name, argument) enter_join(w, name##_run, argument)
#define ENTER(w, name, argument) ENTER_JOIN(w, name, argument)
#include "uneven_tree.h"

#define W(name) name##_peer
#define TASK(name, type, p) TASK_BY_POINTER(name, type, p, void, return )
#define CALL(name, argument) name(argument)
#define FORK(name, left, a, right, b) FORK_BY_POINTER(name, left, a, right, b, uneven_peer->fork)
#define ENTER_PEER(w, name, argument) enter_peer(w, name##_run, argument)
#define ENTER(w, name, argument) ENTER_PEER(w, name, argument)
#include "uneven_tree.h"

/* ---- loops ---- */

/* Items of 1 us, but one that costs as much as all others. */
static void body_heavy(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    uint64_t *out = (uint64_t *)w->array;
    for (size_t i = begin; i < end; i++) {
        double ns = i == w->heavy ? 1000.0 * HEAVY : 1000.0;
        out[i] = spin_steps(i, (size_t)(ns * spin_steps_per_ns));
    }
}

/* Coefficient i of a product of two series: i + 1 terms. */
static double series(size_t i) {
    double sum = 0.0;
    for (size_t j = 0; j <= i; j++) {
        sum += data_x[j] * data_y[i - j];
    }
    return sum;
}

static void body_rising(size_t begin, size_t end, void *ctx) {
    double *out = (double *)((work *)ctx)->array;
    for (size_t i = begin; i < end; i++) {
        out[i] = series(i);
    }
}

static void body_falling(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    double *out = (double *)w->array;
    for (size_t i = begin; i < end; i++) {
        out[i] = series(w->n - 1 - i);
    }
}

#define LOOP(name) \
    static void call_##name##_sequential(void *ctx) { \
        peer_range_fn body = body_##name; \
        __asm__ volatile("" : "+r"(body) : : "memory"); \
        body(0, ((work *)ctx)->n, ctx); \
    } \
    static int body_##name##_pkern(size_t begin, size_t end, void *ctx) { \
        body_##name(begin, end, ctx); \
        return 0; \
    } \
    static void call_##name##_join(void *ctx) { \
        work *w = (work *)ctx; \
        bench_must(pkern_par_for(w->pool, 0, w->n, NULL, body_##name##_pkern, w)); \
    } \
    static void call_##name##_peer(void *ctx) { \
        work *w = (work *)ctx; \
        w->peer->items(w->n, body_##name, w); \
    }

LOOP(heavy)
LOOP(rising)
LOOP(falling)

/* ---- cases ---- */

typedef struct uneven_case {
    const char *name;
    size_t n;
    uint64_t result;   /* what is known of it; 0 = only compared with the sequential one */
    size_t item_bytes; /* of the array that it makes, for one of n_items */
    size_t n_items;
    void (*sequential)(void *ctx), (*pkern)(void *ctx), (*typed)(void *ctx), (*peer)(void *ctx);
} uneven_case;

#define TREE_CALLS(name) \
    call_##name##_sequential, call_##name##_join, call_##name##_typed, call_##name##_peer
#define LOOP_CALLS(name) call_##name##_sequential, call_##name##_join, NULL, call_##name##_peer

static void add(bench_impl *impls, int *count, const char *name, void (*call)(void *),
                const uneven_case *c, work *w) {
    size_t bytes = c->item_bytes * c->n_items;
    if (call != NULL) {
        w->array = bytes > 0 ? bench_allocate(bytes) : NULL;
        bench_add(impls, count, name, w->pool == bench.pool_one ? 1 : bench.threads, call, w,
                  bytes > 0 ? w->array : (void *)&w->out, bytes > 0 ? bytes : sizeof w->out);
    }
}

static void run(const uneven_case *c, const work *problem) {
    static work works[BENCH_MAX_IMPLS];
    bench_impl impls[BENCH_MAX_IMPLS];
    int count = 0;
    if (!bench_wanted("uneven", c->name)) {
        return;
    }
    for (int i = 0; i < BENCH_MAX_IMPLS; i++) {
        works[i] = *problem;
        works[i].n = c->n;
        works[i].pool = i < 4 ? bench.pool_one : bench.pool_all;
    }
    add(impls, &count, "sequential", c->sequential, c, &works[0]);
    add(impls, &count, "sequential again", c->sequential, c, &works[1]);
    add(impls, &count, "pkern 1 thread", c->pkern, c, &works[2]);
    add(impls, &count, "pkern typed 1 thread", c->typed, c, &works[3]);
    add(impls, &count, "pkern", c->pkern, c, &works[4]);
    add(impls, &count, "pkern typed", c->typed, c, &works[5]);
    for (int i = 0; i < bench.peers.n_schedulers; i++) {
        works[6 + i].peer = &bench.peers.schedulers[i];
        add(impls, &count, bench.peers.schedulers[i].name, c->peer, c, &works[6 + i]);
    }
    if (bench_case("uneven", c->name, c->n, 1.0, impls, count) && c->result != 0 &&
        works[0].out != c->result) {
        fprintf(stderr, "%s: WRONG: %" PRIu64 " instead of %" PRIu64 "\n", c->name, works[0].out,
                c->result);
        bench.n_wrong++;
    }
    for (int i = 0; i < count; i++) {
        free(((work *)impls[i].ctx)->array);
    }
}

static void fill(double *x, size_t n) {
    uint64_t state = n;
    for (size_t i = 0; i < n; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        x[i] = (double)(state >> 11) * 0x1p-53;
    }
}

/* Strassen's product of the sequential code against the definition, once. */
static void check_product(size_t n) {
    work w = {0};
    product whole = {{data_a, n}, {data_b, n}, (double *)bench_allocate(n * n * sizeof(double))};
    double worst = 0.0;
    w.n = n;
    w.array = bench_allocate(n * n * sizeof(double));
    call_strassen_sequential(&w);
    product_leaf(&whole, n);
    for (size_t i = 0; i < n * n; i++) {
        worst = fmax(worst, fabs(whole.out[i] - ((double *)w.array)[i]));
    }
    if (!(worst < 1e-10 * (double)n)) {
        fprintf(stderr, "strassen: WRONG: off by %g\n", worst);
        bench.n_wrong++;
    }
    free(whole.out);
    free(w.array);
}

static void check_sorted(size_t n) {
    work w = {0};
    int32_t *x = (int32_t *)bench_allocate(n * sizeof *x);
    w.n = n;
    w.array = x;
    call_sort_sequential(&w);
    for (size_t i = 1; i < n; i++) {
        if (x[i - 1] > x[i]) {
            fprintf(stderr, "cilksort: WRONG: not sorted at %zu\n", i);
            bench.n_wrong++;
            break;
        }
    }
    free(x);
}

static void run_loops(void) {
    const size_t n = bench.options.quick ? 1000 : 4000;
    const uneven_case triangles[] = {
        {"triangle_rising", n, 0, sizeof(double), n, LOOP_CALLS(rising)},
        {"triangle_falling", n, 0, sizeof(double), n, LOOP_CALLS(falling)},
    };
    static const char *const names[] = {"heavy_first", "heavy_middle", "heavy_last"};
    work w = {0};
    data_x = (double *)bench_allocate(n * sizeof(double));
    data_y = (double *)bench_allocate(n * sizeof(double));
    fill(data_x, n);
    fill(data_y, n);
    for (size_t i = 0; i < 3; i++) {
        uneven_case c = {names[i], HEAVY, 0, sizeof(uint64_t), HEAVY, LOOP_CALLS(heavy)};
        w.heavy = i * (HEAVY - 1) / 2;
        run(&c, &w);
    }
    run(&triangles[0], &w);
    run(&triangles[1], &w);
    free(data_x);
    free(data_y);
}

/* The sample trees T1 and T3 of UTS; a quick run has smaller ones of the same kinds. */
static void run_trees(void) {
    static const uts_tree t1 = {1, 4.0, 10, 0.0, 0, 19}, t3 = {0, 2000.0, 0, 0.124875, 8, 42};
    static const uts_tree small_1 = {1, 4.0, 7, 0.0, 0, 19}, small_3 = {0, 100.0, 0, 0.12, 8, 42};
    const uneven_case full[] = {{"uts_t1", 1, 4130071, 0, 0, TREE_CALLS(uts)},
                                {"uts_t3", 3, 4112897, 0, 0, TREE_CALLS(uts)}};
    const uneven_case small[] = {{"uts_geometric", 1, 0, 0, 0, TREE_CALLS(uts)},
                                 {"uts_binomial", 3, 0, 0, 0, TREE_CALLS(uts)}};
    work w = {0};
    w.tree = bench.options.quick ? &small_1 : &t1;
    run(bench.options.quick ? &small[0] : &full[0], &w);
    w.tree = bench.options.quick ? &small_3 : &t3;
    run(bench.options.quick ? &small[1] : &full[1], &w);
}

static void run_sort(void) {
    const size_t n = bench.options.quick ? 200000 : 4000000;
    const uneven_case c = {"cilksort", n, 0, sizeof(int32_t), n, TREE_CALLS(sort)};
    uint64_t *random = (uint64_t *)bench_allocate(n * sizeof(int32_t));
    work w = {0};
    pkern_hdc_random(3, random, n / 2);
    data_ints = (int32_t *)(void *)random;
    data_scratch = (int32_t *)bench_allocate(n * sizeof(int32_t));
    check_sorted(n);
    run(&c, &w);
    free(random);
    free(data_scratch);
}

static void run_strassen(void) {
    const size_t n = bench.options.quick ? 256 : 512;
    const uneven_case c = {"strassen", n, 0, sizeof(double), n * n, TREE_CALLS(strassen)};
    work w = {0};
    data_a = (double *)bench_allocate(n * n * sizeof(double));
    data_b = (double *)bench_allocate(n * n * sizeof(double));
    fill(data_a, n * n);
    fill(data_b, n * n - 1);
    check_product(n);
    run(&c, &w);
    free(data_a);
    free(data_b);
}

int main(int argc, char **argv) {
    work w = {0};
    uneven_case queens = {"queens", 12, 14200, 0, 0, TREE_CALLS(queens)};
    uneven_case knapsack = {"knapsack", 52, 0, 0, 0, TREE_CALLS(knapsack)};
    bench_begin(argc, argv);
    spin_init();
    if (bench.options.quick) {
        queens.n = 8;
        queens.result = 92;
        knapsack.n = 40;
    }
    run_loops();
    run_trees();
    run(&queens, &w);
    run_sort();
    run_strassen();
    w.capacity = knapsack_make((int)knapsack.n);
    knapsack.result = knapsack_by_table((int)knapsack.n, w.capacity);
    run(&knapsack, &w);
    return bench_end();
}
