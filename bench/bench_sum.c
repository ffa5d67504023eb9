/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * The sum of x * x over 10^6 doubles. "sequential" is one call of pkern_simd_dot_f64; peers call it on their pieces.
 * pkern's reduction gives the same bits at any number of threads, which none of the others promises.
 */
#include "bench.h"

PKERN_DEFINE_REDUCE(sum_typed, double, double, 0.0, x *x, a + b)

typedef struct work {
    pkern_pool *pool;
    const bench_peer *peer;
    const double *x;
    size_t n;
    double out;
} work;

static double fold_simd(size_t begin, size_t end, void *ctx) {
    work *w = (work *)ctx;
    return pkern_simd_dot_f64(w->x + begin, w->x + begin, end - begin);
}

static void call_sequential(void *ctx) {
    work *w = (work *)ctx;
    w->out = fold_simd(0, w->n, w);
}

static void call_plain(void *ctx) {
    work *w = (work *)ctx;
    w->out = bench.peers.plain.sum_squares(w->x, w->n);
}

static void call_peer(void *ctx) {
    work *w = (work *)ctx;
    w->out = w->peer->sum(w->n, fold_simd, w);
}

static void reduce_identity(void *acc, void *ctx) {
    (void)ctx;
    *(double *)acc = 0.0;
}

static int reduce_fold(void *acc, size_t begin, size_t end, void *ctx) {
    *(double *)acc += fold_simd(begin, end, ctx);
    return 0;
}

static void reduce_combine(void *acc, const void *right, void *ctx) {
    (void)ctx;
    *(double *)acc += *(const double *)right;
}

static void call_reduce(void *ctx) {
    work *w = (work *)ctx;
    pkern_reducer reducer = {sizeof(double), reduce_identity, reduce_fold, reduce_combine, w};
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.min_len = 1024;
    bench_must(pkern_par_reduce(w->pool, 0, w->n, &options, &reducer, &w->out));
}

static void call_typed(void *ctx) {
    work *w = (work *)ctx;
    bench_must(sum_typed(w->pool, w->x, w->n, NULL, &w->out));
}

static void run(const double *x, size_t n) {
    work works[BENCH_MAX_IMPLS] = {0};
    bench_impl impls[BENCH_MAX_IMPLS];
    int count = 0;
    for (int i = 0; i < BENCH_MAX_IMPLS; i++) {
        works[i].x = x;
        works[i].n = n;
    }
    bench_add(impls, &count, "sequential", 1, call_sequential, &works[count], NULL, 0);
    bench_add(impls, &count, "sequential again", 1, call_sequential, &works[count], NULL, 0);
    if (bench.peers.plain.sum_squares != NULL) {
        bench_add(impls, &count, "plain C", 1, call_plain, &works[count], NULL, 0);
    }
    for (int all = 0; all < 2; all++) {
        static const char *const names[2][2] = {{"pkern 1 thread", "pkern typed 1 thread"},
                                                {"pkern", "pkern typed"}};
        int threads = all ? bench.threads : 1;
        works[count].pool = works[count + 1].pool = all ? bench.pool_all : bench.pool_one;
        bench_add(impls, &count, names[all][0], threads, call_reduce, &works[count], NULL, 0);
        bench_add(impls, &count, names[all][1], threads, call_typed, &works[count], NULL, 0);
    }
    for (int i = 0; i < bench.peers.n_schedulers; i++) {
        const bench_peer *peer = &bench.peers.schedulers[i];
        works[count].peer = peer;
        bench_add(impls, &count, peer->name, bench.threads, call_peer, &works[count], NULL, 0);
        if (peer->inside != NULL && strcmp(peer->name, "Rayon") == 0) {
            works[count].peer = peer;
            bench_add(impls, &count, "Rayon inside", bench.threads, call_peer, &works[count], NULL,
                      0);
            impls[count - 1].inside = peer->inside;
        }
    }
    if (!bench_case("sum", "sum_squares", n, (double)n, impls, count)) {
        return;
    }
    for (int i = 1; i < count; i++) {
        if (fabs(works[i].out - works[0].out) > 1e-9 * works[0].out) {
            fprintf(stderr, "WRONG: %s's sum is %.17g, not %.17g\n", impls[i].name, works[i].out,
                    works[0].out);
            bench.n_wrong++;
        }
    }
}

int main(int argc, char **argv) {
    const size_t n = 1000000;
    double *x;
    bench_begin(argc, argv);
    x = (double *)bench_allocate(n * sizeof(double));
    for (size_t i = 0; i < n; i++) {
        x[i] = (double)(i % 1000) * 1e-3;
    }
    run(x, n);
    free(x);
    return bench_end();
}
