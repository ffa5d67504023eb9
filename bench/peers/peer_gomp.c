/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * Peer: OpenMP as gcc ships it (libgomp), static schedule, its own waiting policy: OMP_WAIT_POLICY and
 * GOMP_SPINCOUNT are left as they are, which means that its threads spin for some milliseconds after a region.
 * One call of the body for each thread's share is the cheapest form that `parallel for` can take.
 */
#include "peer.h"

#include <omp.h>

static int peer_threads = 1;

int peer_open(int threads) {
    peer_threads = threads;
    omp_set_dynamic(0);
    omp_set_num_threads(threads);
    return 0;
}

const char *peer_name(void) {
    return "libgomp";
}

const char *peer_version(void) {
    return "libgomp of gcc " __VERSION__ ", schedule(static), waiting policy not set";
}

void peer_loop(size_t n, peer_range_fn body, void *ctx) {
    const size_t parts = (size_t)peer_threads;
#pragma omp parallel for schedule(static) num_threads(peer_threads)
    for (size_t part = 0; part < parts; part++) {
        size_t begin = n * part / parts, end = n * (part + 1) / parts;
        if (begin < end) {
            body(begin, end, ctx);
        }
    }
}

void peer_items(size_t n, peer_range_fn body, void *ctx) {
#pragma omp parallel for schedule(guided) num_threads(peer_threads)
    for (size_t i = 0; i < n; i++) {
        body(i, i + 1, ctx);
    }
}

double peer_sum(size_t n, peer_fold_fn fold, void *ctx) {
    const size_t parts = (size_t)peer_threads;
    double sum = 0.0;
#pragma omp parallel for schedule(static) num_threads(peer_threads) reduction(+ : sum)
    for (size_t part = 0; part < parts; part++) {
        sum += fold(n * part / parts, n * (part + 1) / parts, ctx);
    }
    return sum;
}

void peer_join(peer_task_fn a, void *a_ctx, peer_task_fn b, void *b_ctx) {
#pragma omp parallel sections num_threads(peer_threads)
    {
#pragma omp section
        a(a_ctx);
#pragma omp section
        b(b_ctx);
    }
}

void peer_broadcast(peer_index_fn fn, void *ctx) {
#pragma omp parallel num_threads(peer_threads)
    fn(omp_get_thread_num(), ctx);
}

void peer_inside(peer_task_fn fn, void *ctx) {
#pragma omp parallel num_threads(peer_threads)
#pragma omp single
    fn(ctx);
}

void peer_fork(peer_task_fn a, void *a_ctx, peer_task_fn b, void *b_ctx) {
#pragma omp task
    b(b_ctx);
    a(a_ctx);
#pragma omp taskwait
}

static uint64_t fib_task(unsigned n) {
    uint64_t a, b;
    if (n < 2) {
        return n;
    }
#pragma omp task shared(a)
    a = fib_task(n - 1);
    b = fib_task(n - 2);
#pragma omp taskwait
    return a + b;
}

uint64_t peer_fib(unsigned n) {
    uint64_t result = 0;
#pragma omp parallel num_threads(peer_threads)
#pragma omp single
    result = fib_task(n);
    return result;
}

static uint64_t tree_task(const peer_node *node) {
    uint64_t left, right;
    if (node->left == NULL) {
        return node->value;
    }
#pragma omp task shared(left)
    left = tree_task(node->left);
    right = tree_task(node->right);
#pragma omp taskwait
    return node->value + left + right;
}

uint64_t peer_tree(const peer_node *root) {
    uint64_t result = 0;
#pragma omp parallel num_threads(peer_threads)
#pragma omp single
    result = tree_task(root);
    return result;
}
